import FoundationEssentials
import HostModel
import HostReport
import Testing

@Suite("the report for programs")
struct DocumentTests {
    /// Texts that YAML would read back as something else.
    private static let treacherous = [
        "1", "true", "null", "010", "", "~", "1e3", "0x1F", ".inf", "-", "y", "No", "2026-11-23", "1:30", "a: b",
        "a #b",
        "- a", "{a}", "*", "&x", "!x", "%x", "@x", "`x", " a ", "a\nb", "tab\there", "bell\u{7}", "ü", "/usr/sbin/x",
        "plain",
        "say \"it's\"", "=", "<<",
    ]

    @Test("JSON has every field of the contract, null where nothing is known")
    func jsonGolden() throws {
        try expectGolden(json(report(badDay, error: "config.yaml:7:3: no", held: true)), "report.json")
    }

    @Test("YAML says the same in the contract's order")
    func yamlGolden() throws {
        try expectGolden(try yaml(report(badDay, error: "config.yaml:7:3: no", held: true)), "report.yaml")
    }

    @Test("a report about nothing still has every field")
    func empty() throws {
        try expectGolden(json(report([])), "report-empty.json")
        try expectGolden(try yaml(report([])), "report-empty.yaml")
    }

    @Test("a string that would read back as another type is quoted")
    func quoted() throws {
        let settings = Self.treacherous.enumerated().map { index, text in
            sysctl("key\(index + 100)", text, .inSync(held: .word(text)), line(own, index + 1))
        }
        try expectGolden(try yaml(report(settings)), "report-quoting.yaml")
        try expectGolden(json(report(settings)), "report-quoting.json")
    }

    @Test("time keeps its milliseconds", arguments: [0, 1, 119, 120, 500, 999])
    func milliseconds(_ milliseconds: Int) throws {
        var report = report([])
        report.time = Date(timeIntervalSince1970: 1_795_456_991 + Double(milliseconds) / 1000)
        let digits = String(String(1000 + milliseconds).dropFirst())
        #expect(json(report).contains("\"2026-11-23T18:03:11.\(digits)Z\""))
    }
}
