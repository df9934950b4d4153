import HostConfiguration
import HostModel
import Testing

struct YamlTests {
    @Test("keys and values keep their places, one-based, in characters")
    func places() throws {
        let node = try #require(parse("a: 1\nsysctl:\n  ü: [x,\n      y]\n").node)
        guard case .mapping(let entries) = node.content, case .mapping(let inner) = entries[1].value.content,
            case .sequence(let items) = inner[0].value.content
        else {
            Issue.record("another shape")
            return
        }
        let origins = [entries[0].origin, entries[0].value.origin, inner[0].origin, inner[0].value.origin]
        let places = (origins + items.map(\.origin)).map { "\($0.line):\($0.column)" }
        #expect(places == ["1:1", "1:4", "3:3", "3:6", "3:7", "4:7"])
        #expect(inner[0].name == "ü")
    }

    @Test(
        "a file without a value is empty, not wrong",
        arguments: ["", "\n", "# only this\n", "---\n# this too\n", "\u{FEFF}"])
    func empty(_ text: String) {
        let (node, problems) = parse(text)
        #expect(node == nil)
        #expect(problems.isEmpty)
    }

    @Test("a byte order mark moves no position, and CRLF ends a line")
    func byteOrderMark() {
        #expect(parse("\u{FEFF}a: 1\r\na: 2\r\n").problems == [#"f:2:1: the key "a" is here twice, first in line 1"#])
    }

    @Test(
        "bytes that are no text are refused where they stand",
        arguments: [
            ([0xFF, 0xFE, 0x61, 0x00], "f:1:1: encoded as UTF-16, expected UTF-8 text"),
            ([0xFE, 0xFF, 0x00, 0x61], "f:1:1: encoded as UTF-16, expected UTF-8 text"),
            (Array("a: ü\nb".utf8) + [0xC3, 0x28], "f:2:2: byte 8 of the file is not UTF-8, expected UTF-8 text"),
            (Array("a: ".utf8) + [0xC3], "f:1:4: byte 4 of the file is not UTF-8, expected UTF-8 text"),
            (Array("a: ".utf8) + [0xED, 0xA0, 0x80], "f:1:4: byte 4 of the file is not UTF-8, expected UTF-8 text"),
            (Array("a: \0".utf8), "f:1:4: the control character U+0000, expected text"),
            (Array("# \u{1B}[31m".utf8), "f:1:3: the control character U+001B, expected text"),
            (Array("a: \u{85}".utf8), "f:1:4: the control character U+0085, expected text"),
            (
                Array("a\u{2028}b".utf8),
                "f:1:2: the line separator U+2028, expected lines to end in a line feed"
            ),
            (Array("# x\n%TAG !a! b\n---\n".utf8), "f:2:1: directives are not taken, expected none"),
            (Array("a: \u{FEFF}".utf8), "f:1:4: the invisible character U+FEFF, expected text"),
            (
                Array("a\rb".utf8),
                "f:1:3: a carriage return without a line feed, expected lines to end in a line feed"
            ),
            (
                Array("a\r".utf8),
                "f:1:3: a carriage return without a line feed, expected lines to end in a line feed"
            ),
        ] as [([UInt8], String)])
    func notText(_ bytes: [UInt8], _ problem: String) {
        let parsed = parse(bytes)
        #expect(parsed.problems == [problem])
        #expect(parsed.node == nil)
    }

    @Test("a file may hold 1 MiB and no byte more")
    func size() {
        let text = Array("# ".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: (1 << 20) - 2)
        #expect(parse(text).problems.isEmpty)
        #expect(parse(text + [0x0A]).problems == ["f:1:1: larger than 1 MiB, expected a smaller file"])
    }

    @Test("32 levels are taken and not one more")
    func depth() {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        #expect(parse(nested(32)).problems.isEmpty)
        #expect(parse(nested(33)).problems == ["f:1:33: more than 32 levels of lists and mappings, expected fewer"])
        #expect(parse("a: &a " + nested(31) + "\nb: *a").problems.isEmpty)
        #expect(
            parse("a: &a " + nested(31) + "\nb: [*a]").problems
                == ["f:2:5: more than 32 levels of lists and mappings, expected fewer"])
    }

    @Test("50,000 values are taken and not one more")
    func nodes() {
        let values = { (count: Int) in "[" + String(repeating: "1,", count: count) + "]" }
        #expect(parse(values(49_999)).problems.isEmpty)
        let problem = "more than 50000 values, aliases counted each time, expected fewer"
        #expect(parse(values(50_000)).problems == ["f:1:100000: \(problem)"])
    }

    @Test("an alias is the same value again")
    func alias() throws {
        let node = try #require(value("b", of: "a: &x [1, {c: 2}]\nb: *x"))
        guard case .sequence(let items) = node.content else {
            Issue.record("another shape")
            return
        }
        #expect(items.count == 2)
        #expect(node.origin.line == 2)
        #expect(items[0].origin.line == 1)
    }

    @Test("aliases of aliases of aliases end in an error, at once")
    func bomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...5 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let started = ContinuousClock.now
        #expect(
            parse(text).problems == ["f:5:25: more than 50000 values, aliases counted each time, expected fewer"])
        #expect(ContinuousClock.now - started < .seconds(5))
    }

    @Test("what was noted before the file breaks off is reported too")
    func both() {
        #expect(
            parse("a: !x 1\nb: [").problems == [
                #"f:1:4: the tag "!x" is not taken, expected a value without one"#,
                "f:2:5: did not find expected node content while parsing a flow node",
            ])
    }
}
