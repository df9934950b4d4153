import Glibc
import Testing

extension WholeProgram {
    @Suite("Killed while it writes")
    struct Crashes {
        let sandbox: Sandbox
        let disk: String

        init() throws {
            sandbox = try Sandbox()
            disk = try sandbox.disk()
        }

        private static let keys = [
            "net.core.somaxconn", "net.ipv4.tcp_rmem", "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding",
            "net.ipv4.conf.lo.forwarding", "net.ipv4.conf.all.accept_redirects", "net.ipv4.tcp_retries2",
        ]

        private func held() throws -> [String] {
            let files =
                Self.keys.map { "/proc/sys/\($0.replacing(".", with: "/"))" }
                + ["scheduler", "nr_requests", "read_ahead_kb", "wbt_lat_usec"].map { "/sys/block/\(disk)/queue/\($0)" }
            return try sandbox.shell("cat \(files.joined(separator: " "))").lines
        }

        private func configuration() throws -> String {
            try sandbox.configuration(
                """
                sysctl:
                  net.core.somaxconn: 1234
                  net.ipv4.tcp_rmem: [4096, 262144, 134217728]
                  net.ipv4.ip_forward: 1
                  net.ipv4.tcp_retries2: 9
                block: [{match: {name: \(disk)}, scheduler: mq-deadline, nr_requests: 512, read_ahead_kb: 4096}]
                """)
        }

        /// Whatever was done, apply and revert lead back to what was found.
        private func expectOriginals(_ found: [String], _ file: String, _ moment: String) throws {
            let leftovers = sandbox.names(in: "/etc/sysctl.d") + sandbox.names(in: "/var/lib/ais-hostd")
            let torn = leftovers.filter {
                !["99-zz-ais-hostd.conf", "ledger.json", "lock"].contains($0) && !$0.hasSuffix(".tmp")
            }
            #expect(torn.isEmpty, "\(moment)")
            let applied = try sandbox.hostd("apply", "--config", file)
            #expect(applied.code == 0, "\(moment): \(applied)")
            #expect(try sandbox.report(by: file).summary.state == "inSync", "\(moment)")
            let reverted = try sandbox.hostd("revert")
            #expect(reverted.code == 0, "\(moment): \(reverted)")
            #expect(sandbox.names(in: "/var/lib/ais-hostd") == ["ledger.json", "lock"], "\(moment)")
            #expect(try held() == found, "\(moment)")
            #expect(!sandbox.exists("/etc/sysctl.d/99-zz-ais-hostd.conf"))
        }

        @Test("before each of its writes, renames and fsyncs: apply again and revert give the originals")
        func everyCall() throws {
            let file = try configuration()
            let found = try held()
            let calls = "write,renameat,fsync,unlinkat,mkdir"
            let log = "/var/lib/trace"
            let counted = try sandbox.run(
                ["strace", "-f", "-o", log, "-e", "trace=\(calls)", Layer.program ?? "", "apply", "--config", file])
            #expect(counted.code == 0)
            let names = try sandbox.read(log).split(separator: "\n").compactMap { line in
                line.drop { $0.isNumber || $0 == " " }.split(separator: "(").first.map(String.init)
            }
            #expect(try sandbox.hostd("revert").code == 0)
            #expect(try held() == found)
            var seen: [String: Int] = [:]
            var missed = 0
            for call in names where calls.contains(call) {
                let number = seen[call, default: 0] + 1
                seen[call] = number
                _ = try sandbox.shell("rm -rf /var/lib/ais-hostd")
                // The call itself is not made: a signal that comes with its entry keeps it from being made.
                let killed = try sandbox.run([
                    "strace", "-f", "-o", "/dev/null", "-e", "inject=\(call):signal=KILL:when=\(number)",
                    Layer.program ?? "", "apply", "--config", file,
                ])
                // The run that was counted may have had a write more.
                if killed.code == 0, call == "write" {
                    missed += 1
                } else {
                    #expect(killed.code != 0, "\(call) \(number)")
                }
                try expectOriginals(found, file, "\(call) \(number)")
            }
            #expect(seen.values.reduce(0, +) - missed >= 20, "\(seen), \(missed) missed of \(names)")
        }

        @Test("at thirty moments of the clock")
        func anyMoment() throws {
            let file = try configuration()
            let found = try held()
            for round in 0..<30 {
                let child = try sandbox.start([Layer.program ?? "", "apply", "--quiet", "--config", file])
                usleep(UInt32(round * 1000))
                kill(child.processID, SIGKILL)
                _ = child.wait()
                if round % 3 == 2 { try expectOriginals(found, file, "after \(round) ms") }
            }
        }
    }
}
