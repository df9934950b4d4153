import Testing

extension WholeProgram {
    @Suite("For people")
    struct People {
        let sandbox: Sandbox

        init() throws { sandbox = try Sandbox() }

        private func asNobody(_ arguments: String...) throws -> Output {
            try sandbox.run(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", Layer.program ?? ""] + arguments)
        }

        /// What it prints on a terminal of that width. `script(1)` makes one.
        private func onTerminal(
            _ command: String, columns: Int, environment: [String: String] = ["TERM": "xterm"]
        ) throws -> String {
            let line = "stty cols \(columns); \(Layer.program ?? "") \(command)"
            let output = try sandbox.run(
                ["script", "--quiet", "--return", "--command", line, "/dev/null"], environment: environment)
            return output.out.replacing("\r\n", with: "\n")
        }

        @Test("an ordinary user sees what it may read, and what it may not is unknown and no fault")
        func ordinaryUser() throws {
            let disk = try sandbox.disk()
            let file = try sandbox.configuration(
                """
                sysctl: {net.core.somaxconn: 1234, net.ipv4.tcp_fastopen_key: 1-2-3-4, vm.swappiness: unset}
                block: [{match: {name: \(disk)}, nomerges: 0}]
                """)
            let output = try asNobody("check", "--config", file, "--output", "json")
            let report = try PrintedReport(output)
            #expect(output.code == 2 && output.err.isEmpty)
            #expect(report["sysctl/net.core.somaxconn"]?.state == "drifted")
            #expect(report["sysctl/net.ipv4.tcp_fastopen_key"]?.state == "unknown")
            #expect(report["block/\(disk)/nomerges"]?.state == "inSync")
            let unknown = try asNobody("check", "--config", file, "--only", "*key")
            #expect(unknown.code == 0 && unknown.out.contains("open /proc/sys/net/ipv4/tcp_fastopen_key (EACCES)"))
            #expect(try asNobody("apply", "--dry-run", "--config", file).code == 2)
        }

        @Test("a capture is a new file or standard output, also for an ordinary user, and says no address of this host")
        func capture() throws {
            let addresses = try sandbox.shell("cat /sys/class/net/*/address").out.split(separator: "\n")
            let file = "/var/lib/node.txt"
            let made = try sandbox.hostd("capture", "--to", file)
            #expect(made.code == 0 && made.out.isEmpty, "\(made)")
            let again = try sandbox.hostd("capture", "--to", file)
            #expect(again.code == 1 && again.err.contains("create \(file) (EEXIST)"), "\(again)")
            let text = try sandbox.shell("cat \(file)").out
            let ordinary = try asNobody("capture")
            #expect(ordinary.code == 0 && ordinary.out.contains("\nUser: ordinary\n"))
            for output in [text, ordinary.out] {
                #expect(output.hasPrefix("# ais-hostd capture 1\n"))
                for address in addresses where address != "00:00:00:00:00:00" { #expect(!output.contains(address)) }
            }
        }

        @Test("a key that the kernel shows to root alone stays root's in our files, and an ordinary user compares")
        func secret() throws {
            let file = try sandbox.configuration(
                "sysctl: {net.core.somaxconn: 1234, net.ipv4.tcp_fastopen_key: 00000001-00000002-00000003-00000004}")
            let applied = try sandbox.hostd("apply", "--config", file)
            #expect(applied.code == 0, "\(applied)")
            for path in ["/var/lib/ais-hostd/ledger.json", "/etc/sysctl.d/99-zz-ais-hostd.conf"] {
                #expect(try sandbox.shell("stat -c %a \(path)").out == "600\n")
            }
            let output = try asNobody("check", "--config", file, "--output", "json")
            #expect(output.code == 0, "\(output)")
            #expect(try PrintedReport(output)["sysctl/net.core.somaxconn"]?.state == "inSync")
        }

        @Test("an ordinary user who locks the state folder keeps no writer out")
        func lockedByOthers() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
            let reverted = try sandbox.shell(
                "\(nobody) flock /var/lib/ais-hostd sleep 2 & sleep 0.5; \(Layer.program ?? "") revert; echo $?; wait")
            #expect(reverted.lines.last == "0" && reverted.err.isEmpty, "\(reverted)")
            #expect(try sandbox.sysctl("net.core.somaxconn") == "4096")
            #expect(try sandbox.shell("\(nobody) flock /var/lib/ais-hostd/lock true").code != 0)
        }

        @Test("an ordinary user may not write, and is told so in one line", arguments: ["apply", "revert"])
        func ordinaryWriter(command: String) throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            let output = try asNobody(command, "--config", file)
            #expect(output.code == 1 && output.out.isEmpty)
            #expect(
                output.err == "ais-hostd: error: only root may \(command); `ais-hostd check` compares as any user\n")
            #expect(!sandbox.exists("/var/lib/ais-hostd"))
        }

        @Test("colour is for terminals, unless NO_COLOR is set or the terminal is dumb")
        func color() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            let check = "check --config \(file)"
            #expect(try onTerminal(check, columns: 120).contains("\u{1b}[31mdrifted\u{1b}[0m"))
            let plain = try onTerminal(check, columns: 120, environment: ["TERM": "xterm", "NO_COLOR": "1"])
            #expect(plain.contains("drifted") && !plain.contains("\u{1b}"))
            #expect(!(try onTerminal(check, columns: 120, environment: ["TERM": "dumb"])).contains("\u{1b}"))
            #expect(
                try onTerminal(check, columns: 120, environment: ["TERM": "xterm", "NO_COLOR": ""]).contains("\u{1b}["))
            #expect(!(try sandbox.hostd("check", "--config", file).out.contains("\u{1b}")))
        }

        @Test(
            "a listing is as wide as the terminal; a pipe gets a line for each setting", arguments: [40, 60, 100, 200])
        func width(columns: Int) throws {
            let keys = ["net.core.somaxconn", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_slow_start_after_idle"]
            let asked = keys.map { "  \($0): 3" }.joined(separator: "\n")
            let file = try sandbox.configuration("sysctl:\n\(asked)\n  net.ipv4.tcp_rmem: [4099, 262144, 134217728]")
            let plain = ["TERM": "xterm", "NO_COLOR": "1"]
            let lines = try onTerminal("check --config \(file)", columns: columns, environment: plain)
                .split(separator: "\n")
            #expect(lines.count > 4)
            #expect(lines.allSatisfy { $0.count <= columns }, "\(lines.joined(separator: "\n"))")
            let piped = try sandbox.hostd("check", "--config", file)
            for key in keys {
                #expect(piped.lines.contains { $0.contains(key) && $0.contains(" -> 3") }, "\(piped.out)")
            }
            #expect(lines.joined().contains("→") && !piped.out.contains("→"), "a pipe gets ASCII")
        }
    }
}
