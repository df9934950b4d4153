import Foundation
import Testing

extension WholeProgram {
    @Suite("Commands and their options")
    struct Commands {
        let sandbox: Sandbox

        init() throws { sandbox = try Sandbox() }

        @Test("exit codes: 0 as asked, 2 something differs, 1 an error, 64 wrong usage")
        func exitCodes() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            #expect(try sandbox.hostd("check", "--config", file).code == 2)
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            #expect(try sandbox.hostd("check", "--config", file).code == 0)
            #expect(try sandbox.hostd("check", "--config", file + "x").code == 1)
            for wrong in [
                ["chekc"], ["check", "--outptu", "json"], ["check", "--output", "xml"], ["check", "--only", "[a"],
                ["apply", "--mode", "force"], ["apply", "--allow", "none"], ["explain"], ["check", "extra"],
                ["preflight"], ["disks"], ["status", "extra"], ["run", "--listen", "127.0.0.1:1"],
                ["apply", "--config"],
            ] {
                let output = try sandbox.program(wrong)
                #expect(output.code == 64 && output.out.isEmpty && !output.err.isEmpty, "\(wrong): \(output)")
            }
            for right in [["--help"], ["--version"], ["help", "apply"], ["check", "--help"]] {
                #expect(try sandbox.program(right).code == 0)
            }
        }

        @Test(
            "help of each command has an example",
            arguments: ["check", "apply", "revert", "validate", "explain", "capture", "status", "run", "serve"])
        func help(command: String) throws {
            let output = try sandbox.hostd(command, "--help")
            #expect(output.code == 0 && output.out.contains("Example:\n") && output.err.isEmpty)
        }

        @Test("the report has the contract's keys and no others")
        func keys() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234, net.nosuch.key: 1}")
            let output = try sandbox.hostd("check", "--config", file, "--output", "json")
            let report = try #require(
                try JSONSerialization.jsonObject(with: Data(output.out.utf8)) as? [String: Any])
            #expect(
                report.keys.sorted() == [
                    "apiVersion", "configuration", "fingerprints", "node", "revision", "settings", "summary", "time",
                ])
            func names(_ key: String) -> [String] { (report[key] as? [String: Any])?.keys.sorted() ?? [] }
            let states = ["adjusted", "contested", "drifted", "failed", "inSync", "pending", "unknown", "unsupported"]
            #expect(names("summary") == (states + ["state"]).sorted())
            #expect(names("fingerprints") == ["configuration", "state"])
            #expect(names("configuration") == ["changed", "error", "files", "generation", "held", "observing"])
            let settings = try #require(report["settings"] as? [[String: Any]])
            #expect(settings.count == 2)
            for setting in settings {
                #expect(
                    setting.keys.sorted() == [
                        "desired", "detail", "disruption", "id", "mode", "observed", "original", "pendingOn",
                        "required", "restoration", "since", "source", "state", "writer",
                    ])
            }
            #expect(report["apiVersion"] as? String == "ais-hostd/v1")
            #expect(report["node"] as? String == (try sandbox.sysctl("kernel.hostname")))
            let yaml = try sandbox.hostd("check", "--config", file, "--output", "yaml")
            #expect(yaml.out.hasPrefix("apiVersion: ais-hostd/v1\nnode: "))
        }

        @Test("--only takes globs, several add up, and the others are neither shown, written nor persisted")
        func only() throws {
            let file = try sandbox.configuration(
                "sysctl: {net.core.somaxconn: 1234, net.ipv4.tcp_fin_timeout: 33, net.ipv4.tcp_retries2: 9}")
            let report = try sandbox.report("--only", "sysctl/net.core.*", "--only", "*_retries2", by: file)
            #expect(report.settings.map(\.id) == ["sysctl/net.core.somaxconn", "sysctl/net.ipv4.tcp_retries2"])
            #expect(try sandbox.hostd("apply", "--config", file, "--only", "*retries2").code == 0)
            #expect(try sandbox.sysctl("net.ipv4.tcp_retries2") == "9")
            #expect(try sandbox.sysctl("net.core.somaxconn") != "1234")
            let persisted = try sandbox.read("/etc/sysctl.d/99-zz-ais-hostd.conf")
            #expect(persisted.contains("tcp_retries2 = 9") && !persisted.contains("somaxconn"))
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            #expect(try sandbox.hostd("revert", "--only", "*somaxconn").code == 0)
            #expect(try sandbox.sysctl("net.ipv4.tcp_retries2") == "9")
            #expect(try sandbox.sysctl("net.core.somaxconn") != "1234")
            #expect(!(try sandbox.read("/etc/sysctl.d/99-zz-ais-hostd.conf")).contains("somaxconn"))
        }

        @Test("observe never writes, apply says why it did not, and --mode apply overrules the file-wide mode")
        func modes() throws {
            let file = try sandbox.configuration(
                """
                mode: observe
                sysctl:
                  net.core.somaxconn: 1234
                  net.ipv4.tcp_fin_timeout: {value: 33, mode: observe}
                """)
            let observed = try sandbox.hostd("apply", "--config", file)
            #expect(observed.code == 2)
            #expect(
                observed.out.contains(
                    "2 settings that differ are only observed: the mode is observe; "
                        + "--mode apply overrules the file-wide mode once."))
            #expect(sandbox.names(in: "/etc/sysctl.d").isEmpty)
            #expect(try sandbox.hostd("apply", "--config", file, "--mode", "apply").code == 2)
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234")
            #expect(try sandbox.sysctl("net.ipv4.tcp_fin_timeout") == "60", "a rule's own word is nearer")
        }

        @Test("the file `disable` forces observe on everything, also on --mode apply, and revert says so")
        func disabled() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            try sandbox.write("", to: "/etc/ais-hostd/disable")
            for arguments in [["apply"], ["apply", "--mode", "apply"]] {
                let output = try sandbox.program(arguments + ["--config", file])
                #expect(output.code == 2 && output.out.contains("only observed: /etc/ais-hostd/disable exists."))
            }
            #expect(try sandbox.sysctl("net.core.somaxconn") != "1234")
            let revert = try sandbox.hostd("revert")
            #expect(revert.code == 1 && revert.err.contains("/etc/ais-hostd/disable exists"), "\(revert)")
        }

        @Test("what is not allowed waits for permission, and --allow gives it")
        func permission() throws {
            let disk = try sandbox.disk()
            let file = try sandbox.configuration(
                "allow: []\nsysctl: {net.core.somaxconn: 1234}\nblock: [{match: {name: \(disk)}, nomerges: 2}]")
            let applied = try sandbox.hostd("apply", "--config", file, "--output", "json")
            let setting = try #require(try PrintedReport(applied)["block/\(disk)/nomerges"])
            #expect(applied.code == 2 && setting.state == "pending" && setting.pendingOn == "permission")
            #expect(
                setting.detail == "takes io-stall, which `allow:` or --allow io-stall permits"
                    && setting.observed == "0")
            #expect(try sandbox.queue(disk, "nomerges") == "0")
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234", "what disturbs nothing needs no word")
            #expect(try sandbox.hostd("apply", "--config", file, "--allow", "io-stall").code == 0)
            #expect(try sandbox.queue(disk, "nomerges") == "2")
        }

        @Test("a second writer is refused and told who is the first; those who only look are not")
        func lock() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            // Its first fsync, of the ledger, takes two seconds.
            #expect(try sandbox.shell("mkdir /var/lib/ais-hostd").code == 0)
            let log = "/var/lib/trace"
            let first = try sandbox.start([
                "strace", "-f", "-o", log, "-e", "trace=flock,fsync", "-e", "inject=fsync:delay_enter=2000000:when=1",
                Layer.program ?? "", "apply", "--config", file,
            ])
            for _ in 0..<5000 where !((try? sandbox.read(log))?.contains("fsync(") ?? false) { usleep(1000) }
            for arguments in [["apply", "--config", file], ["revert"]] {
                let second = try sandbox.program(arguments)
                #expect(second.code == 1 && second.out.isEmpty)
                let message =
                    /ais-hostd: error: lock \/var\/lib\/ais-hostd: held by process [0-9]+ \(ais-hostd\) \(EAGAIN\)\n/
                #expect(second.err.wholeMatch(of: message) != nil, "\(second)")
            }
            #expect(try sandbox.hostd("check", "--config", file).code == 2)
            #expect(try sandbox.hostd("apply", "--dry-run", "--config", file).code == 2)
            #expect(first.wait().code == 0)
            #expect(try sandbox.hostd("apply", "--config", file).code == 0, "the lock went with its process")
        }

        @Test("--quiet prints nothing and tells by its code; --verbose shows what is in sync too")
        func quietAndVerbose() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234, net.ipv4.tcp_retries2: 15}")
            let quiet = try sandbox.hostd("check", "--quiet", "--config", file)
            #expect(quiet.code == 2 && quiet.out.isEmpty && quiet.err.isEmpty)
            #expect(!(try sandbox.hostd("check", "--config", file).out.contains("tcp_retries2")))
            #expect(try sandbox.hostd("check", "--verbose", "--config", file).out.contains("tcp_retries2"))
        }
    }
}
