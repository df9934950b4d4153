import Testing

extension WholeProgram {
    @Suite("Witnessed by strace")
    struct Oracle {
        let sandbox: Sandbox
        let disk: String

        init() throws {
            sandbox = try Sandbox()
            disk = try sandbox.disk()
        }

        private func configuration() throws -> String {
            try sandbox.configuration(
                """
                sysctl: {net.core.somaxconn: 4097, vm.swappiness: {value: 11, mode: observe}}
                block: [{match: {name: \(disk)}, scheduler: mq-deadline, read_ahead_kb: 4096}]
                """)
        }

        private func trace(_ arguments: String...) throws -> (output: Output, writes: [String]) {
            let log = "/var/lib/trace"
            let output = try sandbox.run(
                ["strace", "-f", "-o", log, "-e", Trace.calls, Layer.program ?? ""] + arguments)
            return (output, Trace(try sandbox.read(log)).writes)
        }

        @Test(
            "commands that only look open nothing for writing",
            arguments: [
                ["check"], ["check", "--output", "json"], ["validate"], ["apply", "--dry-run"],
                ["explain", "sysctl/net.core.somaxconn"],
            ])
        func readers(command: [String]) throws {
            let file = try configuration()
            for isTuned in [false, true] {
                if isTuned { #expect(try sandbox.hostd("apply", "--config", file).code == 2, "swappiness is observed") }
                let log = "/var/lib/trace"
                let output = try sandbox.run(
                    ["strace", "-f", "-o", log, "-e", Trace.calls, Layer.program ?? ""] + command + ["--config", file])
                #expect([0, 2].contains(output.code), "\(output)")
                let writes = Trace(try sandbox.read(log)).writes
                #expect(writes.isEmpty, "\(writes)")
            }
        }

        @Test("without a daemon to ask, apply starts neither threads nor processes")
        func alone() throws {
            let log = "/var/lib/trace"
            let output = try sandbox.run(
                ["strace", "-f", "-o", log, "-e", "trace=fork,vfork,clone,clone3", Layer.program ?? "", "apply"]
                    + ["--config", try configuration()])
            #expect(output.code == 2, "swappiness is observed: \(output)")
            #expect(!(try sandbox.read(log)).contains("clone"))
        }

        @Test("apply writes first the ledger, then the kernel's files without creating any, and nothing else")
        func writer() throws {
            let file = try sandbox.configuration(
                """
                sysctl: {net.core.somaxconn: 4097}
                block: [{match: {name: \(disk)}, scheduler: mq-deadline, read_ahead_kb: 4096}]
                """)
            let (output, writes) = try trace("apply", "--config", file)
            #expect(output.code == 0, "\(output)")
            let kernel = writes.enumerated().filter { $0.element.contains("/proc/") || $0.element.contains("/sys/") }
                .filter { !$0.element.contains("99-zz") }
            #expect(kernel.count == 3, "\(writes)")
            #expect(kernel.allSatisfy { $0.element.contains("O_WRONLY|O_CLOEXEC)") })
            let ledger = writes.firstIndex { $0.contains("rename") && $0.contains("\"ledger.json\"") }
            #expect((ledger ?? .max) < (kernel.first?.offset ?? 0), "the originals are durable before")
            let others = writes.filter { write in
                ![
                    "/proc/sys/net/core/somaxconn", "/sys/block/\(disk)/queue/", "/var/lib/ais-hostd", "\"lock\"",
                    "ledger.json",
                    "/etc/sysctl.d", "99-zz-ais-hostd.conf",
                ].contains(where: write.contains)
            }
            #expect(others.isEmpty, "\(others)")

            let again = try trace("apply", "--config", file)
            #expect(
                again.writes.allSatisfy {
                    $0.contains("(\"/var/lib/ais-hostd\"") || $0.contains(", \"lock\", ")
                }, "\(again.writes)")
        }
    }
}
