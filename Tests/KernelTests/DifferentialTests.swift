import Testing

extension WholeProgram {
    @Suite("The same as other tools read")
    struct Differential {
        let sandbox: Sandbox

        init() throws { sandbox = try Sandbox() }

        private static let keys = [
            "fs.aio-max-nr", "fs.file-max", "fs.inotify.max_user_instances", "fs.inotify.max_user_watches",
            "fs.nr_open",
            "kernel.core_pattern", "kernel.hostname", "kernel.ostype", "kernel.panic", "kernel.pid_max",
            "kernel.printk", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.threads-max",
            "net.core.default_qdisc", "net.core.netdev_max_backlog", "net.core.optmem_max", "net.core.rmem_max",
            "net.core.somaxconn", "net.core.wmem_max", "net.ipv4.conf.all.rp_filter", "net.ipv4.ip_forward",
            "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.ping_group_range",
            "net.ipv4.tcp_allowed_congestion_control", "net.ipv4.tcp_available_congestion_control",
            "net.ipv4.tcp_congestion_control", "net.ipv4.tcp_fastopen", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_mem",
            "net.ipv4.tcp_mtu_probing", "net.ipv4.tcp_rmem", "net.ipv4.tcp_slow_start_after_idle",
            "net.ipv4.tcp_timestamps", "net.ipv4.tcp_wmem", "net.ipv4.udp_mem", "net.ipv6.conf.all.disable_ipv6",
            "vm.dirty_background_bytes", "vm.dirty_background_ratio", "vm.dirty_bytes", "vm.dirty_ratio",
            "vm.max_map_count", "vm.min_free_kbytes", "vm.overcommit_memory", "vm.swappiness", "vm.vfs_cache_pressure",
            "vm.lowmem_reserve_ratio", "net.ipv4.conf.lo.forwarding", "net.netfilter.nf_conntrack_max",
        ]

        @Test("sysctl(8) says the same of every key")
        func sysctl() throws {
            let values = Dictionary(
                uniqueKeysWithValues: try sandbox.shell("sysctl --ignore \(Self.keys.joined(separator: " "))").lines.map
                {
                    let parts = $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    return (
                        parts[0].trimmingSuffix(" "),
                        parts.last?.split(whereSeparator: \.isWhitespace).joined(separator: " ") ?? ""
                    )
                })
            // What is asked matters not; numbers, so that any kind of key takes part, and texts where it knows them.
            let asked = Self.keys.map { key in
                // Of those that have no copy in a namespace only the shape counts.
                let value = values[key] ?? (key.hasSuffix("_mem") ? "1 1 1" : "1")
                return "  \(key): \"\(value)\""
            }
            let report = try sandbox.report(
                by: try sandbox.configuration("mode: observe\nsysctl:\n" + asked.joined(separator: "\n")))
            #expect(report.settings.count == Self.keys.count)
            var compared = 0
            for key in Self.keys {
                let setting = report["sysctl/\(key)"]
                guard let value = values[key] else {
                    #expect(["pending", "unsupported"].contains(setting?.state), "\(key)")
                    continue
                }
                compared += 1
                #expect(setting?.observed?.sortedWords == value.sortedWords, "\(key)")
                if !value.isEmpty { #expect(setting?.state == "inSync", "\(key): \(String(describing: setting))") }
            }
            #expect(compared >= 35)
        }

        @Test("lsblk(8) says the same of loop disks")
        func lsblk() throws {
            struct Listing: Decodable {
                struct Device: Decodable {
                    let name: String
                    let sched: String
                    let ra: Int
                    let rota: Bool
                    let size: Int
                    enum CodingKeys: String, CodingKey { case name, sched, ra, rota, size = "rq-size" }
                }
                let blockdevices: [Device]
            }
            let disks = [try sandbox.disk("one"), try sandbox.disk("two")]
            try sandbox.poke("/sys/block/\(disks[0])/queue/scheduler", "kyber")
            try sandbox.poke("/sys/block/\(disks[1])/queue/read_ahead_kb", "512")
            let rules = disks.map {
                "  - {match: {name: \($0)}, scheduler: none, read_ahead_kb: 64, nr_requests: 5}"
            }
            let report = try sandbox.report(
                by: try sandbox.configuration("block:\n\(rules.joined(separator: "\n"))"))
            let columns = "NAME,SCHED,RA,ROTA,RQ-SIZE"
            let listed = try sandbox.run(["lsblk", "-J", "-o", columns] + disks.map { "/dev/\($0)" })
            let listing: Listing = try decoded(listed)
            #expect(listing.blockdevices.count == 2)
            for device in listing.blockdevices {
                #expect(report["block/\(device.name)/scheduler"]?.observed == device.sched)
                #expect(report["block/\(device.name)/read_ahead_kb"]?.observed == "\(device.ra)")
                #expect(report["block/\(device.name)/nr_requests"]?.observed == "\(device.size)")
                let rotational = try sandbox.report(
                    by: try sandbox.configuration(
                        "block: [{match: {name: \(device.name), rotational: \(device.rota)}, nomerges: 0}]",
                        name: "rota.yaml"))
                #expect(rotational.settings.first?.id == "block/\(device.name)/nomerges")
            }
        }
    }
}
