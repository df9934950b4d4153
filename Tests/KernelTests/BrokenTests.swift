import Foundation
import Testing

extension WholeProgram {
    /// `Tests/Golden/broken`: a configuration each, and beside it what the program prints to standard error about it.
    /// `GOLDEN=record swift test --filter KernelTests` writes the texts anew, and fails.
    @Suite("Broken configurations")
    struct Broken {
        private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Golden/broken").path

        static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
            .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()

        /// One for all of them, since none of them changes anything; the keeper ends with the tests. Running a command in
        /// it changes nothing of the object.
        nonisolated(unsafe) private static let shared = Result { try Sandbox() }

        private func hostd(_ arguments: [String], witness: [String] = []) throws -> Output {
            let program = witness + [Layer.program ?? ""] + arguments
            return try Self.shared.get().run(["sh", "-c", "cd \"$0\" && exec \"$@\"", Self.folder] + program)
        }

        @Test("each is refused with its place, its key, what was wrong and what was expected", arguments: names)
        func refused(name: String) throws {
            let validated = try hostd(["validate", "--config", "\(name).yaml"])
            #expect(validated.code == 1 && validated.out.isEmpty)
            let file = "\(Self.folder)/\(name).txt"
            if ProcessInfo.processInfo.environment["GOLDEN"] == "record" {
                try Data(validated.err.utf8).write(to: URL(filePath: file))
                Issue.record("recorded broken/\(name).txt")
                return
            }
            let golden = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
            #expect(validated.err == golden, "look at it, then GOLDEN=record")
        }

        @Test("and nothing is opened for writing before it is", arguments: names)
        func nothingIsWritten(name: String) throws {
            let sandbox = try Self.shared.get()
            let before = try sandbox.sysctl("net.core.somaxconn")
            let log = "/var/lib/trace-\(name)"
            let applied = try hostd(
                ["apply", "--config", "\(name).yaml", "--state-dir", "/var/lib/\(name)"],
                witness: ["strace", "-f", "-o", log, "-e", Trace.calls])
            let golden = try String(contentsOfFile: "\(Self.folder)/\(name).txt", encoding: .utf8)
            #expect(applied.code == 1 && applied.err == golden, "apply says the same as validate")
            // The lock and its folder are made before the configuration is read; no value and no file of ours is touched.
            let writes = Trace(try sandbox.read(log)).writes
            #expect(
                writes.allSatisfy {
                    $0.contains("(\"/var/lib/\(name)\"") || $0.contains(", \"lock\", ")
                }, "\(writes)")
            #expect(sandbox.names(in: "/var/lib/\(name)") == ["lock"] && sandbox.names(in: "/etc/sysctl.d").isEmpty)
            #expect(try sandbox.sysctl("net.core.somaxconn") == before)
        }

        @Test("there are many of them, and each has its text")
        func complete() {
            #expect(Self.names.count >= 40)
            let texts = ((try? FileManager.default.contentsOfDirectory(atPath: Self.folder)) ?? [])
                .filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }.sorted()
            #expect(texts == Self.names)
        }

        @Test("a file that is not there, that is a folder, or that is no text, is an error and no empty configuration")
        func unreadable() throws {
            for (file, message) in [
                ("nosuch.yaml", "ais-hostd: error: open nosuch.yaml (ENOENT)\n"),
                (".", "ais-hostd: error: read . (EISDIR)\n"),
                ("/dev/zero", "ais-hostd: error: read /dev/zero: larger than 16 MiB (EFBIG)\n"),
            ] {
                for command in ["validate", "check", "apply"] {
                    let output = try hostd([command, "--config", file])
                    #expect(output.code == 1 && output.err == message && output.out.isEmpty, "\(command): \(output)")
                }
            }
        }

        @Test("`unset` after a value and an empty section are no faults")
        func valid() throws {
            let sandbox = try Sandbox()
            let first = try sandbox.configuration("sysctl: {net.core.somaxconn: 4097, net.ipv4.tcp_fin_timeout: 30}")
            let second = try sandbox.configuration(
                "# nothing else\nsysctl: {net.core.somaxconn: unset}\nblock: []", name: "second.yaml")
            let output = try sandbox.hostd("validate", "--config", first, "--config", second)
            #expect(output.code == 0 && output.err.isEmpty && output.out == "valid: 3 rules in 2 files\n")
            let report = try PrintedReport(
                try sandbox.hostd("check", "--output", "json", "--config", first, "--config", second))
            #expect(report.settings.map(\.id) == ["sysctl/net.ipv4.tcp_fin_timeout"])
        }
    }

    @Suite("Guard-rails")
    struct GuardRails {
        let sandbox: Sandbox

        init() throws { sandbox = try Sandbox() }

        /// KiB.
        private func memory() throws -> Int {
            let line = try sandbox.read("/proc/meminfo").split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
            return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
        }

        @Test("more than 5 % of memory kept free is refused in this host's numbers, before anything is written")
        func minFree() throws {
            let total = try memory()
            let file = try sandbox.configuration(
                "sysctl:\n  net.core.somaxconn: 4097\n  vm.min_free_kbytes: 6% of memory", name: "much.yaml")
            let asked = total * 6 / 100
            let message =
                "\(file):4:3: sysctl.vm.min_free_kbytes: \(asked) KiB is more than 5 % of this host's memory "
                + "(\(total) KiB, of which 5 % are \(total / 20)), expected less (force: true overrules this)\n"
            for command in ["check", "apply"] {
                let output = try sandbox.hostd(command, "--config", file)
                #expect(output.code == 1 && output.err == message && output.out.isEmpty, "\(output)")
            }
            #expect(try sandbox.sysctl("net.core.somaxconn") != "4097")
            #expect(try sandbox.hostd("validate", "--config", file).code == 0, "it knows no host")
            let forced = try sandbox.configuration("sysctl: {vm.min_free_kbytes: {value: 6% of memory, force: true}}")
            // Only looked at: this key has no copy in the namespace.
            let check = try sandbox.hostd("check", "--config", forced)
            #expect(
                check.code == 2 && check.err.contains("warning: sysctl.vm.min_free_kbytes")
                    && check.err.hasSuffix("; forced\n"))
        }

        @Test("tcp_mem beyond this host's memory is refused")
        func tcpMem() throws {
            let pages = try memory() * 1024 / Int(getpagesize())
            let file = try sandbox.configuration("sysctl: {net.ipv4.tcp_mem: [1, 2, \(pages + 1)]}")
            let output = try sandbox.hostd("apply", "--config", file)
            #expect(output.code == 1)
            #expect(
                output.err
                    == "\(file):2:10: sysctl.net.ipv4.tcp_mem: \(pages + 1) pages are more than this host's memory "
                    + "(\(pages) pages of \(getpagesize()) bytes), expected less (force: true overrules this)\n")
        }

        @Test("ephemeral ports over AIS's own are warned of, until those are reserved")
        func ports() throws {
            let open = try sandbox.configuration("sysctl: {net.ipv4.ip_local_port_range: [2048, 65000]}")
            let warned = try sandbox.hostd("apply", "--config", open)
            #expect(
                warned.code == 0
                    && warned.err.contains(":2:10: warning: sysctl.net.ipv4.ip_local_port_range: 2048 to 65000"))
            let closed = try sandbox.configuration(
                """
                sysctl:
                  net.ipv4.ip_local_port_range: [2048, 65000]
                  net.ipv4.ip_local_reserved_ports: {include: [51080-51083, 52001]}
                """)
            #expect(try sandbox.hostd("apply", "--config", closed).err.isEmpty)
        }
    }
}
