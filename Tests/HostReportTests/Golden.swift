import FoundationEssentials
import Testing

/// Compares with `Tests/Golden/NAME`. `GOLDEN=record swift test --filter HostReportTests` writes the files anew, and
/// fails, so that nobody records in CI.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Golden/\(name)")
    if ProcessInfo.processInfo.environment["GOLDEN"] == "record" {
        try Data(text.utf8).write(to: file)
        Issue.record("recorded \(name)", sourceLocation: sourceLocation)
        return
    }
    let golden = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    #expect(text == golden, "\(name) differs; look at it, then GOLDEN=record", sourceLocation: sourceLocation)
}
