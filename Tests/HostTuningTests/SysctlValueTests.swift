import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct SysctlValueTests {
    /// The value or what was wrong with it.
    private func decoded(_ text: String, of name: String) -> (demand: Demand?, problem: String) {
        let (rules, problems) = rules(SysctlDomain(), "{\(name): \(text)}")
        return (rules.first?.demand, problems.joined(separator: "; "))
    }

    private func exactly(_ value: SettingValue) -> Demand { .requirement(.exactly(value)) }

    @Test(
        "a number is taken as it is written, with 64 bits of either sign",
        arguments: [
            ("vm.swappiness", "10", 10), ("vm.swappiness", "\"10\"", 10), ("net.core.somaxconn", "0", 0),
            ("kernel.shmmax", "18446744073692774399", 18_446_744_073_692_774_399),
            ("kernel.shmmax", "18446744073709551615", 18_446_744_073_709_551_615),
            ("kernel.sched_rt_runtime_us", "-1", -1), ("x.y", "-9223372036854775808", -9_223_372_036_854_775_808),
        ] as [(String, String, Int128)])
    func integers(name: String, text: String, value: Int128) {
        #expect(decoded(text, of: name).demand == exactly(.integer(value)))
    }

    @Test(
        "numbers in a row, as a list or in one text",
        arguments: [
            ("net.ipv4.tcp_rmem", "[4096, 262144, 134217728]"), ("net.ipv4.tcp_rmem", "4096 262144 134217728"),
            ("net.ipv4.tcp_rmem", "\"4096\\t262144  134217728\""), ("unknown.key", "4096 262144 134217728"),
        ])
    func vectors(name: String, text: String) {
        #expect(decoded(text, of: name).demand == exactly(.integers([4096, 262_144, 134_217_728])))
    }

    @Test(
        "sets",
        arguments: [
            ("net.ipv4.ip_local_reserved_ports", "[51080-51083, 9847]", "9847,51080-51083"),
            ("net.ipv4.ip_local_reserved_ports", "\"51082-51083,51080-51081,9847\"", "9847,51080-51083"),
            ("net.ipv4.ip_local_reserved_ports", "\"\"", ""), ("net.ipv4.ip_local_reserved_ports", "[]", ""),
            ("net.ipv4.tcp_allowed_congestion_control", "[reno, cubic]", "cubic reno"),
            ("net.ipv4.tcp_allowed_congestion_control", "cubic reno", "cubic reno"),
        ])
    func sets(name: String, text: String, value: String) {
        #expect(decoded(text, of: name).demand?.description == value)
        #expect(SysctlKind.value(value, of: name).description == value)
    }

    @Test("texts keep what looks like a number, a share or a list")
    func texts() {
        #expect(decoded("\"010\"", of: "kernel.core_pattern").demand == exactly(.word("010")))
        #expect(decoded("\"|/bin/x  %p 5%\"", of: "kernel.core_pattern").demand == exactly(.word("|/bin/x  %p 5%")))
        #expect(decoded("fq_codel", of: "net.core.default_qdisc").demand == exactly(.word("fq_codel")))
        #expect(decoded("some words here", of: "unknown.key").demand == exactly(.word("some words here")))
    }

    @Test("what is worked out on the host")
    func workedOut() {
        func number(_ text: String, of name: String) -> String? {
            decoded(text, of: name).demand?.requirement(on: .sample(memory: 64 << 30, cores: 16))?.description
        }
        #expect(number("1% of memory", of: "vm.min_free_kbytes") == "671088")
        #expect(number("4.6875% of memory", of: "net.core.rmem_max") == "3221225472")
        #expect(number("100% of memory", of: "kernel.shmall") == "16777216")
        #expect(number("[1% of memory, 2% of memory, 8388608]", of: "net.ipv4.tcp_mem") == "167772 335544 8388608")
        #expect(number("physical-cores", of: "unknown.key") == "16")
    }

    @Test(
        "what the kernel would take and mangle is refused",
        arguments: [
            ("net.core.somaxconn", "010", "010 would be read as octal 8 by the kernel"),
            ("net.core.somaxconn", "128 junk", "\"junk\" is no number"),
            ("net.core.somaxconn", "128 256", "2 numbers, expected one"),
            ("net.core.somaxconn", "1e3", "1e3 would be read as 1 or refused"),
            ("net.core.somaxconn", "0x10", "hexadecimal 16"), ("net.core.somaxconn", "abc", "\"abc\" is no number"),
            ("net.core.somaxconn", "\"\"", "nothing here"), ("net.core.somaxconn", "~", "nothing here"),
            ("net.core.somaxconn", "max", "the kernel tells no maximum"),
            ("net.core.somaxconn", "1% of memory", "not counted in memory"),
            ("net.core.somaxconn", "18446744073709551616", "beyond what the kernel holds"),
            ("net.ipv4.tcp_rmem", "8192", "one number, expected 3"), ("net.ipv4.tcp_rmem", "[]", "an empty list"),
            ("net.ipv4.tcp_rmem", "[4096, 262144 134217728]", "262144 134217728"),
            ("vm.min_free_kbytes", "1 % of memory", "expected for example 1% of memory"),
            ("vm.min_free_kbytes", "0% of memory", "expected for example 1% of memory"),
            ("vm.min_free_kbytes", "101% of memory", "expected for example 1% of memory"),
            ("net.ipv4.ip_local_reserved_ports", "70000", "no list of ranges"),
            ("net.ipv4.ip_local_reserved_ports", "5-3", "no list of ranges"),
            ("net.ipv4.ip_local_reserved_ports", "\"1,,2\"", "no list of ranges"),
            ("net.ipv4.ip_local_reserved_ports", "-5", "no list of ranges"),
            ("unknown.key", "\"5%\\nkernel.modprobe = /tmp/x\"", "a line break, expected one line"),
            ("unknown.key", "\"a\\nb\"", "a line break"), ("kernel.core_pattern", "\"a\\rb\"", "a line break"),
            ("net.ipv4.tcp_rmem", "\"1\\n2 3\"", "a line break"),
            ("net.ipv4.tcp_rmem", "[1, 2, \"3\\n4\"]", "a line break"),
            ("net.ipv4.tcp_allowed_congestion_control", "\"reno\\ncubic\"", "a line break"),
            ("vm.swappiness", "{include: [1]}", "not a set"), ("vm.swappiness", "{mode: apply}", "no value"),
            ("vm.swappiness", "{value: 1, include: 2}", "exclude each other"),
            ("vm.swappiness", "{valu: 1}", "did you mean value?"), ("unknown.key", "max", "tells no maximum"),
        ])
    func refuses(name: String, text: String, reason: String) {
        let problem = decoded(text, of: name).problem
        #expect(problem.contains(reason), "\(problem)")
        #expect(problem.hasPrefix("/f:2:"))
    }

    @Test(
        "the kernel's text is read by the kind of its key",
        arguments: [
            ("net.core.somaxconn", "4096\n", .integer(4096)), ("vm.unknown", "-1", .integer(-1)),
            ("kernel.shmmax", "18446744073692774399\n", .integer(18_446_744_073_692_774_399)),
            ("net.ipv4.tcp_rmem", "4096\t131072\t6291456\n", .integers([4096, 131_072, 6_291_456])),
            ("net.ipv4.ip_local_reserved_ports", "\n", .ranges(IntegerRanges())),
            ("net.ipv4.ip_local_reserved_ports", "1,3-5\n", .ranges(IntegerRanges([1...1, 3...5]))),
            ("net.ipv4.ip_local_reserved_ports", "0-9223372036854775807", .word("0-9223372036854775807")),
            ("net.ipv4.tcp_allowed_congestion_control", "reno cubic\n", .words(["reno", "cubic"])),
            ("kernel.core_pattern", "12\n", .word("12")),
            ("kernel.core_pattern", " |/a  -x\t%p \n", .word(" |/a  -x\t%p ")), ("unknown.key", "", .word("")),
            ("unknown.key", "a\t b\n", .word("a b")), ("net.core.somaxconn", "4096 x", .word("4096 x")),
            ("unknown.key", "99999999999999999999999999999999999999", .word("99999999999999999999999999999999999999")),
        ] as [(String, String, SettingValue)])
    func reads(name: String, text: String, value: SettingValue) {
        #expect(SysctlKind.value(text, of: name) == value)
    }

    @Test("a text is put back byte for byte, and what is no text is left alone")
    func bytes() throws {
        let node = Node("sysctl: {kernel.core_pattern: core}")
        let (path, found) = ("/proc/sys/kernel/core_pattern", "|/bin/a  -x   %p")
        node.kernel.set(path, found)
        try node.apply()
        #expect(node.kernel.text(path) == "core")
        try node.revert()
        #expect(node.kernel.text(path) == found)
        node.kernel.set(path, bytes: [0x61, 0xFF, 0x0A])
        node.kernel.forgetWrites()
        let pass = try node.apply()
        #expect(pass.states == ["sysctl/kernel.core_pattern failed"])
        #expect(pass.details("sysctl/kernel.core_pattern") == "read \(path): not UTF-8, expected a text")
        #expect(node.kernel.writes.isEmpty)
    }

    @Test("one key in two spellings is refused, and a command is no setting")
    func keys() {
        let (rules, problems) = rules(
            SysctlDomain(), "{net.core.somaxconn: 1, net/core/somaxconn: 2, vm.drop_caches: 3, 'a b': 1}")
        #expect(rules.count == 1)
        #expect(problems.count == 3)
        #expect(problems.first?.contains("the same key as on line 2") == true, "\(problems)")
        #expect(problems.contains { $0.contains("sysctl.vm.drop_caches: a command, not a setting") })
    }
}
