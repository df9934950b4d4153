import Foundation
import Testing

extension WholeProgram {
    /// What people conclude from what is printed.
    @Suite("Every line it prints is true")
    struct Truth {
        let sandbox: Sandbox

        init() throws { sandbox = try Sandbox() }

        @Test("a glob that matches nothing is wrong usage, not a host in sync")
        func nothingSelected() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            let output = try sandbox.hostd("check", "--config", file, "--only", "net.core.*")
            #expect(output.code == 64 && output.out.isEmpty && output.err.contains("no setting matches --only"))
        }

        @Test("explain takes a sysctl's plain name, and tells of rules that do not hold here")
        func explain() throws {
            let file = try sandbox.configuration(
                "sysctl:\n  net.core.somaxconn: 1234\n"
                    + "  net.ipv4.tcp_sack: {value: 0, when: {hostname: elsewhere}}")
            #expect(try sandbox.hostd("explain", "net.core.somaxconn", "--config", file).code == 0)
            let other = try sandbox.hostd("explain", "net.ipv4.tcp_sack", "--config", file)
            #expect(other.code == 1)
            #expect(
                other.err
                    == "ais-hostd: error: nothing on this host asks for net.ipv4.tcp_sack: \(file):4 asks for it, "
                    + "only where hostname elsewhere\n")
        }

        @Test("revert tells beforehand what it would put back, and does just that")
        func planRevert() throws {
            let before = try sandbox.sysctl("net.core.somaxconn")
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            let plan = try sandbox.hostd("revert", "--dry-run")
            #expect(plan.code == 2 && plan.out.contains("1234 -> \(before)") && plan.out.contains(": 1 to put back"))
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234")
            let revert = try sandbox.hostd("revert")
            #expect(revert.code == 0 && revert.out.contains(": 1 put back"))
            #expect(try sandbox.sysctl("net.core.somaxconn") == before)
            #expect(try sandbox.hostd("revert").out.contains(": nothing to put back"))
        }

        @Test("a dropped line that somebody else changed since is left alone, and apply says so")
        func leftAlone() throws {
            let before = try sandbox.sysctl("net.ipv4.tcp_fin_timeout")
            let first = try sandbox.configuration("sysctl: {net.ipv4.tcp_fin_timeout: 30}")
            #expect(try sandbox.hostd("apply", "--config", first).code == 0)
            #expect(try sandbox.poke("/proc/sys/net/ipv4/tcp_fin_timeout", "45"))
            let second = try sandbox.configuration("sysctl: {net.core.somaxconn: 4096}", name: "second.yaml")
            let output = try sandbox.hostd("apply", "--config", second)
            #expect(
                output.out.contains(
                    "sysctl/net.ipv4.tcp_fin_timeout holds something else than our 30, so it is left alone; "
                        + "revert puts back \(before)."), "\(output.out)")
            #expect(try sandbox.sysctl("net.ipv4.tcp_fin_timeout") == "45")
            #expect(try sandbox.hostd("revert").code == 0)
            #expect(try sandbox.sysctl("net.ipv4.tcp_fin_timeout") == before)
        }

        @Test("a file that boot reads after ours is warned of, with its line")
        func laterFile() throws {
            let file = try sandbox.configuration("sysctl: {net.core.somaxconn: 1234}")
            _ = try sandbox.write("# theirs\nnet.core.somaxconn = 7\n", to: "/etc/sysctl.d/99-zzz.conf")
            let output = try sandbox.hostd("apply", "--config", file)
            #expect(output.code == 0)
            #expect(
                output.err.hasPrefix(
                    "/etc/sysctl.d/99-zzz.conf:2:1: warning: sysctl/net.core.somaxconn: 7 here is read after our 1234 at "
                        + "boot"), "\(output.err)")
        }

        @Test(
            "why nothing was written is said by its reason",
            arguments: [
                ("mode: observe\nsysctl: {net.core.somaxconn: 1234}", "--mode apply overrules"),
                ("sysctl: {net.core.somaxconn: {value: 1234, mode: observe}}", "their own mode is observe (/"),
            ])
        func reasons(text: String, reason: String) throws {
            let file = try sandbox.configuration(text)
            let output = try sandbox.hostd("apply", "--config", file)
            #expect(output.code == 2 && output.out.contains(reason), "\(output.out)")
        }

        @Test("the values of a change are those before the run and those asked for, in a dry run and in a real one")
        func sameLists() throws {
            let disk = try sandbox.disk()
            let file = try sandbox.configuration(
                "block: [{match: {name: \(disk)}, scheduler: mq-deadline, nr_requests: 512, read_ahead_kb: 4096}]")
            func changes(_ output: Output) -> [String] {
                output.lines.filter { $0.contains(" -> ") }.map { line in
                    line.split(separator: " ").prefix(4).joined(separator: " ")
                }
            }
            let plan = changes(try sandbox.hostd("apply", "--dry-run", "--config", file))
            let real = changes(try sandbox.hostd("apply", "--config", file))
            #expect(plan == real && plan.count == 3, "\(plan) \(real)")
        }
    }
}
