import Testing

extension WholeProgram {
    /// The kernel answers "success" and does something else. Each of these first writes by hand and looks what this
    /// kernel makes of it, then expects ais-hostd to call that by its name.
    @Suite("Polite lies")
    struct Lies {
        let sandbox: Sandbox
        let disk: String

        init() throws {
            sandbox = try Sandbox()
            disk = try sandbox.disk()
        }

        /// What the file holds after a write by hand, and whether that was answered with success.
        private func probe(_ path: String, from start: String, _ value: String) throws -> (said: Bool, holds: String) {
            #expect(try sandbox.poke(path, start))
            let said = try sandbox.poke(path, value)
            let words = try sandbox.shell("cat \(path)").out.split(whereSeparator: \.isWhitespace)
            let chosen = words.first { $0.hasPrefix("[") }.map { [$0.dropFirst().dropLast()] } ?? words
            try sandbox.poke(path, start)
            return (said, chosen.joined(separator: " "))
        }

        @Test(
            "a sysctl's text that the kernel takes and mangles is refused before anything is written",
            arguments: [
                ("net.core.somaxconn", "4096", "010", "8"), ("net.core.somaxconn", "4096", "0x10", "16"),
                ("net.core.somaxconn", "4096", "128 junk", "128"),
                ("net.ipv4.tcp_rmem", "4096 131072 6291456", "8192", "8192 131072 6291456"),
                ("net.ipv4.ip_local_reserved_ports", "1", "7-7", "7"),
            ])
        func mangled(key: String, start: String, text: String, holds: String) throws {
            let path = "/proc/sys/\(key.replacing(".", with: "/"))"
            let lie = try probe(path, from: start, text)
            #expect(lie.said && lie.holds == holds, "this kernel answers otherwise: \(lie)")
            let file = try sandbox.configuration("sysctl: {\(key): \"\(text)\"}")
            let applied = try sandbox.hostd("apply", "--config", file)
            guard text != "7-7" else {
                // The same set written otherwise: no lie, and no drift for ever.
                #expect(applied.code == 0)
                #expect(try sandbox.report(by: file).summary.state == "inSync")
                return
            }
            #expect(applied.code == 1 && applied.err.hasPrefix("\(file):2:"), "\(applied)")
            #expect(try sandbox.sysctl(key) == start, "nothing was written")
        }

        @Test(
            "a queue's value that the kernel rounds or clamps is adjusted, with what it holds",
            arguments: [
                ("read_ahead_kb", "128", "4097"), ("read_ahead_kb", "128", "1"), ("nr_requests", "64", "2"),
                ("max_sectors_kb", "128", "4000000"), ("nr_requests", "64", "1000000"),
            ])
        func rounded(attribute: String, start: String, asked: String) throws {
            let lie = try probe("/sys/block/\(disk)/queue/\(attribute)", from: start, asked)
            let file = try sandbox.configuration("block: [{match: {name: \(disk)}, \(attribute): \(asked)}]")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            let setting = try #require(try sandbox.report(by: file).settings.first)
            #expect(setting.state == "adjusted" && setting.observed != asked && setting.detail != nil)
            #expect(setting.desired == asked)
            if lie.said { #expect(setting.observed == lie.holds, "\(setting)") }
        }

        @Test("what the kernel masks is refused", arguments: [("nomerges", "3"), ("rq_affinity", "3")])
        func masked(attribute: String, asked: String) throws {
            let start = try sandbox.queue(disk, attribute)
            let lie = try probe("/sys/block/\(disk)/queue/\(attribute)", from: start, asked)
            #expect(lie.holds != asked)
            let file = try sandbox.configuration("block: [{match: {name: \(disk)}, \(attribute): \(asked)}]")
            let applied = try sandbox.hostd("apply", "--config", file)
            #expect(applied.code == 1 && applied.err.contains("expected a whole number from 0 to 2"))
            #expect(try sandbox.queue(disk, attribute) == start)
        }

        @Test(
            "an old scheduler's name is refused with its successor, taken for another by the kernel or not",
            arguments: [("deadline", "mq-deadline"), ("noop", "none"), ("cfq", "bfq")])
        func oldSchedulers(name: String, successor: String) throws {
            let lie = try probe("/sys/block/\(disk)/queue/scheduler", from: "none", name)
            #expect(lie.holds != name)
            let file = try sandbox.configuration("block: [{match: {name: \(disk)}, scheduler: \(name)}]")
            let applied = try sandbox.hostd("apply", "--config", file)
            #expect(applied.code == 1 && applied.err.hasSuffix("expected \(successor)\n"), "\(applied.err)")
            #expect(try sandbox.queue(disk, "scheduler") == "none")
        }

        @Test(
            "a value beyond what a sysctl takes has failed, with the path, both values and the errno",
            arguments: [
                ("net.ipv4.tcp_retries1", "256"), ("net.ipv4.ip_default_ttl", "256"),
                ("net.ipv4.tcp_congestion_control", "nosuch"), ("net.ipv4.ip_local_port_range", "[65000, 2048]"),
                ("net.core.somaxconn", "2147483648"), ("net.ipv4.tcp_fin_timeout", "-18446744073709551615"),
            ])
        func refused(key: String, asked: String) throws {
            let before = try sandbox.sysctl(key)
            let file = try sandbox.configuration("sysctl: {\(key): \(asked), net.ipv4.tcp_keepalive_intvl: 33}")
            let applied = try sandbox.hostd("apply", "--config", file, "--output", "json")
            if applied.code == 1 {
                // Refused by us already.
                #expect(applied.err.hasPrefix("\(file):2:"))
                return
            }
            let setting = try #require(try PrintedReport(applied)["sysctl/\(key)"])
            #expect(applied.code == 2 && setting.state == "failed" && setting.observed == before, "\(setting)")
            let path = "/proc/sys/\(key.replacing(".", with: "/"))"
            let numbers = asked.filter { !"[],".contains($0) }
            let start = "write \(path): wanted \(numbers), kernel holds \(before) (E"
            #expect(setting.detail?.hasPrefix(start) == true, "\(setting.detail ?? "")")
            #expect(try sandbox.sysctl("net.ipv4.tcp_keepalive_intvl") == "33", "one refusal does not lose the rest")
            let persisted = try sandbox.read("/etc/sysctl.d/99-zz-ais-hostd.conf")
            #expect(!persisted.contains(path.dropFirst(10)) && persisted.contains("tcp_keepalive_intvl"))
        }

        @Test(
            "a write that is answered with success: adjusted where the value moved or is near, failed where it is neither",
            arguments: [
                // Rounded to the kernel's ticks.
                ("net.ipv4.icmp_ratelimit", "1000", "1001", "adjusted"),
                ("net.ipv4.icmp_ratelimit", "1004", "1001", "adjusted"),
                // Taken for a flag: whatever is not 0 becomes 1. Only where br_netfilter is loaded.
                ("net.bridge.bridge-nf-call-iptables", "0", "3", "adjusted"),
                ("net.bridge.bridge-nf-call-iptables", "1", "2", "failed"),
            ])
        func answeredWithSuccess(key: String, start: String, asked: String, state: String) throws {
            let path = "/proc/sys/\(key.replacing(".", with: "/"))"
            guard try sandbox.shell("test -e \(path)").code == 0 else { return }
            let lie = try probe(path, from: start, asked)
            guard lie.said, lie.holds != asked else { return }
            let file = try sandbox.configuration("sysctl: {\(key): \(asked)}")
            for round in 1...2 {
                let applied = try sandbox.hostd("apply", "--config", file, "--output", "json")
                let setting = try #require(try PrintedReport(applied).settings.first)
                #expect(setting.state == state && setting.observed == lie.holds && setting.desired == asked)
                #expect(applied.code == (state == "failed" ? 2 : 0), "round \(round)")
                let detail =
                    state == "failed"
                    ? "write \(path): wanted \(asked), kernel holds \(lie.holds), the write was answered with success"
                    : "the kernel makes \(lie.holds) of \(asked)"
                #expect(setting.detail == detail, "round \(round)")
            }
        }

        @Test("a key that the kernel shows read-only has failed, and is not in sync")
        func readOnly() throws {
            let before = try sandbox.sysctl("net.core.rmem_max")
            let file = try sandbox.configuration("sysctl: {net.core.rmem_max: \(before)1}")
            let applied = try sandbox.hostd("apply", "--config", file, "--output", "json")
            let setting = try #require(try PrintedReport(applied).settings.first)
            // Root may open it all the same; the kernel's own answer differs by version.
            #expect(setting.state == "failed" && setting.observed == before, "\(setting)")
            #expect(try sandbox.sysctl("net.core.rmem_max") == before)
        }

        @Test(
            "keys that have no effect any more say so",
            arguments: [("net.ipv4.tcp_adv_win_scale", "6.6"), ("net.ipv4.tcp_low_latency", "4.14")])
        func dead(key: String, since: String) throws {
            let file = try sandbox.configuration("sysctl: {\(key): 1}")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            let setting = try #require(try sandbox.report(by: file).settings.first)
            switch setting.state {
            case "inSync": #expect(setting.detail == "no effect since Linux \(since)")
            case "unsupported": #expect(setting.detail?.hasPrefix("no such key here") == true)
            default: Issue.record("\(setting)")
            }
        }

        @Test("a key that is not there is unsupported, with the nearest name; one of a missing module is awaited")
        func absent() throws {
            let file = try sandbox.configuration(
                "sysctl: {net.ipv4.tcp_rmen: [1, 2, 3], net.sctp.sctp_rmem: [1, 2, 3], net.nosuch.thing: 1}")
            let check = try sandbox.hostd("check", "--config", file)
            #expect(check.code == 0)
            let report = try sandbox.report(by: file)
            #expect(report["sysctl/net.ipv4.tcp_rmen"]?.state == "unsupported")
            #expect(
                report["sysctl/net.ipv4.tcp_rmen"]?.detail == "no such key here, did you mean net.ipv4.tcp_rmem?")
            #expect(report["sysctl/net.nosuch.thing"]?.state == "unsupported")
            let sctp = report["sysctl/net.sctp.sctp_rmem"]
            if !sandbox.exists("/proc/sys/net/sctp"), !sandbox.exists("/sys/module/sctp") {
                #expect(sctp?.state == "pending" && sctp?.pendingOn == "module", "\(String(describing: sctp))")
            }
        }
    }
}
