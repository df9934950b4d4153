import Testing

extension WholeProgram {
    @Suite("From the first check to the revert")
    struct Life {
        let sandbox: Sandbox

        init() throws { sandbox = try Sandbox() }

        private func configuration(_ disk: String) throws -> String {
            try sandbox.configuration(
                """
                sysctl:
                  net.core.somaxconn: 65535
                  net.ipv4.tcp_rmem: [4096, 262144, 134217728]
                  net.ipv4.ip_local_port_range: "2048 65000"
                  net.ipv4.ip_local_reserved_ports: {include: [51080-51083, 52001, 9847]}
                  net.ipv4.tcp_congestion_control: reno
                block:
                  - match: {name: \(disk)}
                    scheduler: mq-deadline
                    nr_requests: 512
                    read_ahead_kb: 4096
                    nomerges: 2
                    iostats: 0
                """)
        }

        private static let keys = [
            "net.core.somaxconn", "net.ipv4.tcp_rmem", "net.ipv4.ip_local_port_range",
            "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_congestion_control",
        ]
        private static let attributes = [
            "scheduler", "nr_requests", "read_ahead_kb", "nomerges", "iostats", "wbt_lat_usec", "max_sectors_kb",
        ]

        private func held(_ disk: String) throws -> [String] {
            try Self.keys.map { try sandbox.sysctl($0) } + Self.attributes.map { try sandbox.queue(disk, $0) }
        }

        @Test("check, apply, apply again, another hand, check, revert: each says and does what it should")
        func wholeLife() throws {
            let disk = try sandbox.disk()
            let file = try configuration(disk)
            let found = try held(disk)

            let first = try sandbox.hostd("check", "--config", file)
            #expect(first.code == 2)
            #expect(try held(disk) == found, "check writes nothing")
            #expect(sandbox.names(in: "/var/lib").isEmpty)

            let applied = try sandbox.hostd("apply", "--config", file)
            #expect(applied.code == 0, "\(applied)")
            #expect(applied.lines.filter { $0.contains("done") }.count == 10, "\(applied.out)")
            let tuned = try held(disk)
            #expect(
                tuned.prefix(10) == [
                    "65535", "4096 262144 134217728", "2048 65000", "9847,51080-51083,52001", "reno",
                    "mq-deadline", "512", "4096", "2", "0",
                ])
            #expect(try sandbox.report(by: file).summary.state == "inSync")

            let ledger = try sandbox.read("/var/lib/ais-hostd/ledger.json")
            let again = try sandbox.hostd("apply", "--config", file)
            #expect(again.code == 0)
            #expect(!again.out.contains("done") && again.out.contains("all 10 settings in sync"), "\(again.out)")
            #expect(try sandbox.read("/var/lib/ais-hostd/ledger.json") == ledger)

            try sandbox.poke("/proc/sys/net/core/somaxconn", "128")
            try sandbox.poke("/sys/block/\(disk)/queue/scheduler", "kyber")
            let drifted = try sandbox.report(by: file)
            #expect(drifted["sysctl/net.core.somaxconn"]?.state == "drifted")
            #expect(drifted["sysctl/net.core.somaxconn"]?.observed == "128")
            #expect(drifted["sysctl/net.core.somaxconn"]?.original == found[0])
            #expect(drifted["block/\(disk)/scheduler"]?.observed == "kyber")
            #expect(drifted["block/\(disk)/nr_requests"]?.state == "drifted", "kyber resets it")
            #expect(drifted["block/\(disk)/read_ahead_kb"]?.state == "inSync")

            let reverted = try sandbox.hostd("revert")
            #expect(reverted.code == 0, "\(reverted)")
            #expect(try held(disk) == found)
            #expect(!sandbox.exists("/etc/sysctl.d/99-zz-ais-hostd.conf"))
            #expect(try sandbox.report(by: file).configuration.held)
            #expect(try sandbox.hostd("revert").code == 0, "twice is as good as once")
            #expect(try held(disk) == found)
        }

        @Test("a dry run lists what a real one writes, also what a new scheduler resets, and writes nothing")
        func dryRun() throws {
            let disk = try sandbox.disk()
            let file = try configuration(disk)
            let found = try held(disk)
            let dry = try sandbox.hostd("apply", "--dry-run", "--config", file)
            #expect(dry.code == 2)
            #expect(dry.out.contains("Dry run: nothing was written."))
            #expect(try held(disk) == found)
            #expect(sandbox.names(in: "/var/lib").isEmpty && sandbox.names(in: "/etc/sysctl.d").isEmpty)
            let real = try sandbox.hostd("apply", "--config", file)
            for id in try sandbox.report(by: file).settings.map(\.id) {
                let name = id.split(separator: "/").last.map(String.init) ?? id
                #expect(dry.out.contains(name) && real.out.contains(name), "\(id)")
            }
        }

        @Test("a line that is dropped goes back to its original, and one with keepOnRemoval does not")
        func droppedLines() throws {
            let all = try sandbox.configuration(
                """
                sysctl:
                  net.core.somaxconn: 1001
                  net.ipv4.tcp_fin_timeout: 31
                  net.ipv4.tcp_keepalive_time: {value: 601, keepOnRemoval: true}
                """)
            let found = try sandbox.sysctl("net.core.somaxconn")
            #expect(try sandbox.hostd("apply", "--config", all).code == 0)
            let fewer = try sandbox.configuration("sysctl: {net.ipv4.tcp_fin_timeout: 31}", name: "fewer.yaml")
            let dry = try sandbox.report(by: fewer)
            #expect(dry["sysctl/net.core.somaxconn"]?.desired == found)
            #expect(dry["sysctl/net.ipv4.tcp_keepalive_time"] == nil)
            #expect(try sandbox.hostd("apply", "--config", fewer).code == 0)
            #expect(try sandbox.sysctl("net.core.somaxconn") == found)
            #expect(try sandbox.sysctl("net.ipv4.tcp_keepalive_time") == "601")
            #expect(!(try sandbox.read("/etc/sysctl.d/99-zz-ais-hostd.conf")).contains("somaxconn"))
            #expect(try sandbox.report(by: fewer).settings.count == 1, "and is then forgotten")
            #expect(try sandbox.hostd("revert").code == 0)
            #expect(try sandbox.sysctl("net.ipv4.tcp_keepalive_time") == "7200", "revert is asked for: it takes all")
        }

        @Test("what somebody else has changed since is left to them when its line is dropped")
        func somebodyElses() throws {
            let all = try sandbox.configuration("sysctl: {net.core.somaxconn: 1001}")
            #expect(try sandbox.hostd("apply", "--config", all).code == 0)
            try sandbox.poke("/proc/sys/net/core/somaxconn", "77")
            let none = try sandbox.configuration("sysctl: {}", name: "none.yaml")
            #expect(try sandbox.hostd("apply", "--config", none).code == 0)
            #expect(try sandbox.sysctl("net.core.somaxconn") == "77")
        }

        @Test("forwarding takes other keys along, and all of them come back")
        func companions() throws {
            let keys = [
                "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv4.conf.lo.forwarding",
                "net.ipv4.conf.default.forwarding", "net.ipv4.conf.all.accept_redirects",
            ]
            // What a mere write back of the one would not give: the kernel makes 0, 0 and 1 of them with it.
            try sandbox.poke("/proc/sys/net/ipv4/ip_forward", "0")
            try sandbox.poke("/proc/sys/net/ipv4/conf/lo/forwarding", "1")
            try sandbox.poke("/proc/sys/net/ipv4/conf/all/accept_redirects", "0")
            let found = try keys.map { try sandbox.sysctl($0) }
            #expect(found == ["0", "0", "1", "0", "0"])
            let file = try sandbox.configuration("sysctl: {net.ipv4.ip_forward: 1}")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            #expect(try keys.map { try sandbox.sysctl($0) } != found)
            #expect(try sandbox.hostd("revert").code == 0)
            #expect(try keys.map { try sandbox.sysctl($0) } == found)
        }
    }
}
