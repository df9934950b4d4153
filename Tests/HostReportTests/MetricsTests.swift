import Foundation
import HostModel
import HostReport
import Testing

private let promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"]
    .first(where: FileManager.default.isExecutableFile)
private let isCI = ProcessInfo.processInfo.environment["CI"] == "true"

@Suite("the metrics")
struct MetricsTests {
    private static let hostile = [
        SettingReport(
            id: SettingID(domain: "block", object: "model=a\"b\\c\nd", attribute: "scheduler"), state: .pending,
            desired: "none", source: line(own, 1)),
        SettingReport(
            id: SettingID(domain: "li\"nk\\\n", object: "ü", attribute: "mtu"), state: .failed, desired: "9000",
            source: line(own, 1)),
    ]

    private static var counters: Counters {
        var counters = Counters(version: "0.1.0")
        counters.drifts = ["block": 3]
        counters.writes = [
            Counters.Write(domain: "block", isDone: true): 7, Counters.Write(domain: "cpu", isDone: false): 1,
        ]
        for seconds in [0.0005, 0.001, 0.25, 3, 61] { counters.passes.observe(seconds) }
        counters.lastPass = Date(timeIntervalSince1970: 1_795_456_991.12)
        return counters
    }

    private static let process = ProcessMetrics(
        cpuSeconds: 1.25, residentBytes: 12_000_000, virtualBytes: 200_000_000, openDescriptors: 14,
        maxDescriptors: 1024, startTime: 1_795_450_000)

    private static var texts: [String] {
        var hostileReport = report(badDay, held: true)
        hostileReport.settings += hostile + hostile
        return [
            metricsText(report: report(badDay), counters: counters, process: process),
            metricsText(report: hostileReport, counters: counters, process: process),
            metricsText(report: nil, counters: Counters(version: "0.1.0"), process: nil), upMetric(true),
            upMetric(false),
        ]
    }

    @Test("have the contract's names, every state of each domain, and buckets that add up")
    func golden() throws {
        try expectGolden(Self.texts[0], "metrics.txt")
        try expectGolden(Self.texts[1], "metrics-hostile.txt")
        try expectGolden(Self.texts[2] + Self.texts[3], "metrics-before-the-first-pass.txt")
    }

    @Test(
        "please promtool", .enabled(if: promtool != nil || isCI, "takes promtool: scripts/deps.sh test installs it"),
        arguments: texts)
    func pleases(text: String) throws {
        let path = try #require(promtool)
        let checker = Process()
        checker.executableURL = URL(filePath: path)
        checker.arguments = ["check", "metrics"]
        let (input, output) = (Pipe(), Pipe())
        checker.standardInput = input
        checker.standardOutput = output
        checker.standardError = output
        try checker.run()
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        try input.fileHandleForWriting.close()
        let said = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        checker.waitUntilExit()
        #expect(checker.terminationStatus == 0 && said.isEmpty, "\(said)\n\(text)")
    }
}
