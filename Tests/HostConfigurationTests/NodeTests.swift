import HostConfiguration
import HostModel
import Testing

struct NodeTests {
    @Test(
        "a number is what a person and the kernel both read",
        arguments: [
            ("0", 0), ("-0", 0), ("65535", 65535), ("-1", -1), ("18446744073709551615", (1 << 64) - 1),
            ("-9223372036854775808", -(1 << 63)),
        ] as [(String, Int128)])
    func integers(_ text: String, _ number: Int128) {
        #expect(parseInteger(text) == .success(number))
    }

    @Test(
        "what the kernel would read otherwise is refused, and says how",
        arguments: [
            ("010", "010 would be read as octal 8 by the kernel"),
            ("-010", "-010 would be read as octal -8 by the kernel"),
            ("089", "089 would be refused as octal by the kernel"),
            ("0x10", "0x10 would be read as hexadecimal 16 by the kernel"),
            ("-0X1f", "-0X1f would be read as hexadecimal -31 by the kernel"),
            ("1_000", "1_000 would be read as 1 or refused by the kernel"),
            ("+5", "+5 would be read as 5 or refused by the kernel"),
            ("1e3", "1e3 would be read as 1 or refused by the kernel"),
            ("1.0", "1.0 would be read as 1 or refused by the kernel"),
            ("128 junk", "\"128 junk\" would be read as 128 or refused by the kernel"),
            ("5\n", "\"5\\n\" would be read as 5 or refused by the kernel"),
            (" 5", "\" 5\" is no number"), ("", "nothing here"), ("-", "\"-\" is no number"),
            ("max", "\"max\" is no number"), ("٣", "\"٣\" is no number"), ("--5", "\"--5\" is no number"),
            ("18446744073709551616", "18446744073709551616 is beyond what the kernel holds (-2^63 to 2^64-1)"),
            ("-9223372036854775809", "-9223372036854775809 is beyond what the kernel holds (-2^63 to 2^64-1)"),
            (
                String(repeating: "9", count: 99),
                "\"\(String(repeating: "9", count: 60))…\" is beyond what the kernel holds (-2^63 to 2^64-1)"
            ),
        ])
    func mangled(_ text: String, _ reason: String) {
        #expect(parseInteger(text) == .failure(Refusal(reason)))
    }

    @Test(
        "a scalar is read as what it should be, or refused",
        arguments: [
            ("true", "", "f:1:4: k: found \"true\", expected a list"),
            ("'true'", "f:1:4: k: found \"true\", expected true or false", "f:1:4: k: found \"true\", expected a list"),
            ("yes", "f:1:4: k: found \"yes\", expected true or false", "f:1:4: k: found \"yes\", expected a list"),
            ("null", "f:1:4: k: nothing here, expected true or false", "f:1:4: k: nothing here, expected a list"),
            ("{}", "f:1:4: k: found a mapping, expected true or false", "f:1:4: k: found a mapping, expected a list"),
            ("[]", "f:1:4: k: found a list, expected true or false", ""),
        ])
    func types(_ text: String, _ boolean: String, _ list: String) throws {
        let node = try #require(value("k", of: "k: " + text))
        #expect(problem { node.boolean("k", &$0) } == boolean)
        #expect(problem { node.items("k", &$0) } == list)
    }

    @Test(
        "a number's range is part of what was expected",
        arguments: [
            ("2", ""), ("3", #"f:1:4: k: found "3", expected a whole number from 0 to 2"#),
            ("010", "f:1:4: k: 010 would be read as octal 8 by the kernel, expected a whole number from 0 to 2"),
            ("~", "f:1:4: k: nothing here, expected a whole number from 0 to 2"),
            ("''", "f:1:4: k: nothing here, expected a whole number from 0 to 2"),
            ("[1]", "f:1:4: k: found a list, expected a whole number from 0 to 2"),
        ])
    func range(_ text: String, _ expected: String) throws {
        let node = try #require(value("k", of: "k: " + text))
        #expect(problem { node.integer("k", &$0, in: 0...2) } == expected)
    }

    @Test("what is right comes back")
    func values() throws {
        var problems = Problems()
        #expect(value("k", of: "k: true")?.boolean("k", &problems) == true)
        #expect(value("k", of: "k: '-12'")?.integer("k", &problems) == -12)
        #expect(value("k", of: "k: ''")?.text("k", &problems) == "")
        #expect(value("k", of: "k: 'null'")?.text("k", &problems) == "null")
        #expect(value("k", of: "k: link-flap")?.choice("k", of: Disruption.self, &problems) == .linkFlap)
        #expect(value("k", of: "k: {a: 1}")?.entries("k", &problems)?.map(\.name) == ["a"])
        #expect(problems.list.isEmpty)
    }

    private func problem(_ read: (inout Problems) -> Any?) -> String {
        var problems = Problems()
        let value = read(&problems)
        #expect((value == nil) == problems.hasErrors)
        return problems.list.map(\.description).joined(separator: "\n")
    }
}

struct ProblemsTests {
    @Test("problems are in the order of the files read, then of lines and columns, each once")
    func order() {
        var problems = Problems()
        problems.reading("z")
        problems.error("third", at: Origin(file: "a", line: 1), key: "k")
        problems.warn("second", at: Origin(file: "z", line: 10, column: 2))
        problems.error("first", at: Origin(file: "z", line: 9, column: 30))
        problems.error("first", at: Origin(file: "z", line: 9, column: 30))
        problems.error("nowhere", at: nil)
        let text = "nowhere\nz:9:30: first\nz:10:2: warning: second\na:1:1: k: third"
        #expect(InvalidConfiguration(problems).description == text)
    }

    @Test("a warning is no error")
    func warning() {
        var problems = Problems()
        problems.warn("careful", at: nil, key: "k")
        #expect(!problems.hasErrors)
        #expect(problems.list.map(\.description) == ["warning: k: careful"])
    }

    @Test(
        "the nearest name is suggested, if it is near",
        arguments: [
            ("schedulr", "scheduler"), ("shceduler", "scheduler"), ("SCHEDULER", "scheduler"),
            ("nr_request", "nr_requests"), ("queue", nil), ("", nil), ("x", nil), ("rx", "tx"), ("Mtu", "mtu"),
            ("mut", "mtu"),
            ("read_ahead_kib", "read_ahead_kb"), ("read_behind_gib", nil),
        ] as [(String, String?)])
    func suggestion(_ text: String, _ name: String?) {
        let names = ["scheduler", "nr_requests", "read_ahead_kb", "tx", "MTU", "mtu"]
        #expect(nearest(to: text, among: names) == name)
        #expect(nearest(to: text, among: names.reversed()) == name)
    }
}
