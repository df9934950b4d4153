import Testing

extension WholeProgram {
    @Suite("Files of the host")
    struct HostFiles {
        let sandbox: Sandbox

        init() throws { sandbox = try Sandbox() }

        private static let version = "apiVersion: ais-hostd/v1\n"
        private static let persistent = "/etc/sysctl.d/99-zz-ais-hostd.conf"

        @Test("the standard places: profiles, config.yaml, config.d in name order; the later wins and is named")
        func standardPlaces() throws {
            try sandbox.write(
                Self.version + "sysctl:\n  net.core.somaxconn: 100\n  net.ipv4.tcp_retries2: 8\n",
                to: "/usr/lib/ais-hostd/profiles/ais-test/v1.yaml")
            try sandbox.write(
                Self.version + "profiles: [ais-test/v1]\nsysctl:\n  net.core.somaxconn: 200\n",
                to: "/etc/ais-hostd/config.yaml")
            try sandbox.write(
                Self.version + "sysctl: {net.core.somaxconn: 400}\n", to: "/etc/ais-hostd/config.d/20-b.yaml")
            try sandbox.write(
                Self.version + "sysctl: {net.core.somaxconn: 300}\n", to: "/etc/ais-hostd/config.d/10-a.yaml")
            try sandbox.write("nothing: [", to: "/etc/ais-hostd/config.d/.#10-a.yaml")
            try sandbox.write("nothing: [", to: "/etc/ais-hostd/config.d/10-a.yaml~")
            let report = try PrintedReport(try sandbox.hostd("check", "--output", "json"))
            #expect(
                report.configuration.files == [
                    "/usr/lib/ais-hostd/profiles/ais-test/v1.yaml", "/etc/ais-hostd/config.yaml",
                    "/etc/ais-hostd/config.d/10-a.yaml", "/etc/ais-hostd/config.d/20-b.yaml",
                ])
            let setting = report["sysctl/net.core.somaxconn"]
            #expect(setting?.desired == "400" && setting?.source == "/etc/ais-hostd/config.d/20-b.yaml:2")
            #expect(report["sysctl/net.ipv4.tcp_retries2"]?.desired == "8")
            let explained = try sandbox.hostd("explain", "sysctl/net.core.somaxconn")
            #expect(explained.code == 0)
            let overridden = explained.lines.filter { $0.hasPrefix("over ") }.map {
                $0.split(separator: " ").last ?? ""
            }
            #expect(
                overridden == [
                    "/etc/ais-hostd/config.d/10-a.yaml:2", "/etc/ais-hostd/config.yaml:4",
                    "/usr/lib/ais-hostd/profiles/ais-test/v1.yaml:3",
                ], "\(explained.out)")

            try sandbox.write(
                Self.version + "sysctl: {net.ipv4.tcp_retries2: 7}\n",
                to: "/etc/ais-hostd/profiles/ais-test/v1.yaml")
            let replaced = try PrintedReport(try sandbox.hostd("check", "--output", "json"))
            #expect(replaced["sysctl/net.ipv4.tcp_retries2"]?.desired == "7", "the administrator's replaces it")
        }

        @Test("without a configuration it says where it looked, and exits with 1")
        func noConfiguration() throws {
            for command in ["check", "apply", "validate"] {
                let output = try sandbox.hostd(command)
                #expect(
                    output.code == 1
                        && output.err == "ais-hostd: error: no configuration: /etc/ais-hostd/config.yaml is not there, "
                            + "expected it or a .yaml file in /etc/ais-hostd/config.d\n"
                )
            }
        }

        @Test("the shipped configuration and profiles are valid and change nothing", arguments: ["check", "apply"])
        func shipped(command: String) throws {
            let package = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
            let copy = try sandbox.shell(
                "cp -r /\(package)/etc/profiles/. /usr/lib/ais-hostd/profiles && cp /\(package)/etc/config.yaml /etc/ais-hostd"
            )
            #expect(copy.code == 0, "\(copy.err)")
            let output = try sandbox.hostd(command, "--output", "json")
            let report = try PrintedReport(output)
            #expect([0, 2].contains(output.code) && report.settings.allSatisfy { $0.mode == "observe" })
            #expect(sandbox.names(in: "/etc/sysctl.d").isEmpty)
        }

        @Test("what is persisted is what sysctl(8) makes of it at boot, value by value")
        func persisted() throws {
            let file = try sandbox.configuration(
                """
                sysctl:
                  net.core.somaxconn: 1234
                  net.ipv4.tcp_rmem: [4096, 262144, 134217728]
                  net.ipv4.ip_local_port_range: 3000 60000
                  net.ipv4.ip_local_reserved_ports: {include: [51080-51083, 9847]}
                  net.ipv4.tcp_congestion_control: reno
                  net/ipv4/conf/lo/rp_filter: 2
                  net.ipv4.ip_forward: 1
                """)
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            let tuned = try sandbox.report(by: file).settings.map(\.observed)
            let text = try sandbox.read(Self.persistent)
            #expect(try sandbox.hostd("revert").code == 0)
            #expect(try sandbox.report(by: file).settings.map(\.observed) != tuned)
            try sandbox.write(text, to: Self.persistent)
            let loaded = try sandbox.run(["sysctl", "-p", Self.persistent])
            #expect(loaded.code == 0 && loaded.err.isEmpty, "\(loaded)")
            let report = try sandbox.report(by: file)
            #expect(report.settings.map(\.observed) == tuned && report.summary.state == "inSync")
            let mode = try sandbox.shell("stat -c '%a %U' \(Self.persistent) /var/lib/ais-hostd/ledger.json")
            #expect(mode.lines == ["644 root", "644 root"])
        }

        @Test("explain names other files that set the same key, and which of them boot reads after ours")
        func otherFiles() throws {
            try sandbox.write("net.core.somaxconn = 11\n", to: "/etc/sysctl.d/10-first.conf")
            try sandbox.write("# a comment\nnet/core/somaxconn=22\n", to: "/etc/sysctl.d/99-zzz-last.conf")
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            let explained = try sandbox.hostd("explain", "sysctl/net.core.somaxconn", "--config", file)
            let mentions = explained.lines.filter { $0.hasPrefix("also set by") }
            #expect(mentions.count == 2, "\(explained.out)")
            #expect(mentions.first?.hasSuffix("/etc/sysctl.d/10-first.conf:1: 11") == true)
            #expect(mentions.last?.hasSuffix("/etc/sysctl.d/99-zzz-last.conf:2: 22 (read after ours)") == true)
            #expect(explained.out.contains("written") && explained.out.contains("1234, first at "))
            let unknown = try sandbox.hostd("explain", "sysctl/net.core.somaxcon", "--config", file)
            #expect(
                unknown.code == 1
                    && unknown.err == "ais-hostd: error: nothing here asks for sysctl/net.core.somaxcon, did you mean "
                        + "sysctl/net.core.somaxconn?\n"
            )
        }
    }
}
