import Testing

extension WholeProgram {
    @Suite("A hostile host")
    struct Hostile {
        let sandbox: Sandbox

        init() throws { sandbox = try Sandbox() }

        private static let persistent = "/etc/sysctl.d/99-zz-ais-hostd.conf"

        @Test(
            "a ledger that can't be understood is left as it is, and nothing is written",
            arguments: [
                "", "{", "{\"schema\": 2, \"entries\": [], \"held\": false}",
                "{\"schema\": 1, \"entries\": [{}], \"held\": false}", "[]",
            ])
        func foreignLedger(text: String) throws {
            let path = "/var/lib/ais-hostd/ledger.json"
            try sandbox.write(text, to: path)
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            for arguments in [["apply", "--config", file], ["revert"], ["check", "--config", file]] {
                let output = try sandbox.program(arguments)
                #expect(output.code == 1 && output.err.hasPrefix("ais-hostd: error: read \(path): "), "\(output)")
            }
            #expect(try sandbox.read(path) == text)
            #expect(try sandbox.sysctl("net.core.somaxconn") != "1234")
            #expect(sandbox.names(in: "/etc/sysctl.d").isEmpty)
            #expect(sandbox.names(in: "/var/lib/ais-hostd") == ["ledger.json", "lock"])
        }

        @Test("a ledger that is read and says the same is not written again, whatever the time of its first write")
        func sameLedger() throws {
            let path = "/var/lib/ais-hostd/ledger.json"
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            let first = try sandbox.read(path)
            // Of most a Double is a little more or less.
            for time in ["11.120", "11.057", "11.249", "12.001", "13.333", "14.999", "59.507"] {
                let text = first.replacing(/"time" : "[^"]*"/, with: "\"time\" : \"2026-11-23T18:03:\(time)Z\"")
                #expect(text != first)
                try sandbox.write(text, to: path)
                #expect(try sandbox.hostd("apply", "--config", file).code == 0)
                #expect(try sandbox.read(path) == text)
            }
        }

        @Test(
            "a read-only /etc/sysctl.d is an error with its path and errno, and the kernel is tuned and told all the same"
        )
        func readOnlyFolder() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            #expect(try sandbox.shell("mount -o remount,ro /etc/sysctl.d").code == 0)
            let applied = try sandbox.hostd("apply", "--config", file, "--output", "json")
            #expect(applied.code == 1)
            #expect(applied.err.contains("/etc/sysctl.d") && applied.err.hasSuffix("(EROFS)\n"), "\(applied.err)")
            #expect(try PrintedReport(applied)["sysctl/net.core.somaxconn"]?.observed == "1234")
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234")
            #expect(try sandbox.hostd("revert").code == 0, "there is nothing to remove")
            #expect(try sandbox.sysctl("net.core.somaxconn") != "1234")
        }

        @Test("where the originals can't be kept nothing is written")
        func readOnlyState() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            #expect(try sandbox.shell("mkdir /var/lib/ais-hostd && mount -o remount,ro /var/lib").code == 0)
            let applied = try sandbox.hostd("apply", "--config", file)
            #expect(applied.code == 1 && applied.err.hasSuffix("(EROFS)\n"), "\(applied)")
            #expect(try sandbox.sysctl("net.core.somaxconn") != "1234")
            #expect(sandbox.names(in: "/etc/sysctl.d").isEmpty)
        }

        @Test("a read-only /proc/sys, as containers have it, makes each write a failure with its errno")
        func readOnlyKernel() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            let before = try sandbox.sysctl("net.core.somaxconn")
            #expect(
                try sandbox.shell("mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys").code == 0)
            let applied = try sandbox.hostd("apply", "--config", file, "--output", "json")
            let setting = try #require(try PrintedReport(applied).settings.first)
            #expect(applied.code == 2 && setting.state == "failed" && setting.observed == before)
            #expect(
                setting.detail
                    == "open /proc/sys/net/core/somaxconn: wanted 1234, kernel holds \(before) (EROFS)", "\(setting)")
            #expect(!sandbox.exists(Self.persistent), "what does not hold is not for early boot")
            #expect(try sandbox.hostd("revert").code == 0)
        }

        @Test("a full disk keeps the originals from being noted, so that nothing is written")
        func fullDisk() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            let fill = try sandbox.shell(
                "mkdir /var/lib/ais-hostd && mount -t tmpfs -o size=16k,mode=0755 full /var/lib/ais-hostd "
                    + "&& dd if=/dev/zero of=/var/lib/ais-hostd/other bs=4k; df /var/lib/ais-hostd | grep -q 100%")
            #expect(fill.code == 0)
            let applied = try sandbox.hostd("apply", "--config", file)
            #expect(applied.code == 1 && applied.err.hasSuffix("(ENOSPC)\n"), "\(applied)")
            #expect(try sandbox.sysctl("net.core.somaxconn") != "1234")
            #expect(sandbox.names(in: "/var/lib/ais-hostd") == ["lock", "other"], "no torn file stays")
        }

        @Test("a link in the place of the persistent file is replaced, and what it leads to is left alone")
        func link() throws {
            try sandbox.write("precious\n", to: "/var/lib/precious")
            #expect(try sandbox.shell("ln -s /var/lib/precious \(Self.persistent)").code == 0)
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            #expect(try sandbox.read("/var/lib/precious") == "precious\n")
            #expect(try sandbox.shell("test -L \(Self.persistent)").code == 1)
            #expect(try sandbox.read(Self.persistent).contains("somaxconn = 1234"))
        }

        @Test("a folder in the place of a file of ours is an error that names it, and stays", arguments: [true, false])
        func folder(isLedger: Bool) throws {
            let path = isLedger ? "/var/lib/ais-hostd/ledger.json" : Self.persistent
            #expect(try sandbox.shell("mkdir -p \(path)/inside").code == 0)
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            let applied = try sandbox.hostd("apply", "--config", file)
            #expect(
                applied.code == 1 && applied.err.contains(path) && applied.err.hasSuffix("(EISDIR)\n"), "\(applied)")
            #expect(try sandbox.sysctl("net.core.somaxconn") == (isLedger ? "4096" : "1234"))
            #expect(sandbox.exists("\(path)/inside"))
        }

        @Test("without standard descriptors it writes the same, and no report into a file of its own")
        func closedDescriptors() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            let program = Layer.program ?? ""
            let applied = try sandbox.shell("\(program) apply --verbose --config \(file) <&- >&- 2>&-")
            #expect(applied.code == 0)
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234")
            #expect(try sandbox.read(Self.persistent).hasSuffix("\n-net/core/somaxconn = 1234\n"))
            #expect(try sandbox.hostd("revert").code == 0, "the ledger is whole")
            #expect(try sandbox.sysctl("net.core.somaxconn") == "4096")
        }

        @Test("a reader that goes away early does not keep the work from being done")
        func brokenPipe() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            _ = try sandbox.shell("\(Layer.program ?? "") apply --config \(file) | true")
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234")
            #expect(try sandbox.read(Self.persistent).contains("somaxconn = 1234"))
        }
    }
}
