import FoundationEssentials
import HostConfiguration
import HostTestSupport
import Testing

@testable import HostTuning

@Suite("Configurations in the documents")
struct DocumentedConfigurationTests {
    /// A configuration that a page shows.
    struct Example: Sendable, CustomTestStringConvertible {
        let page: String
        /// Of `apiVersion` in the page.
        let line: Int
        let text: String

        var testDescription: String { "\(page):\(line)" }
    }

    private static let root = "/\(#filePath.split(separator: "/").dropLast(3).joined(separator: "/"))"

    /// In any fenced block, what begins with `apiVersion`, to the next prompt or the end of the block.
    static let examples = ["docs/configuration.md", "README.md"].flatMap { page -> [Example] in
        let lines = text(of: page).split(separator: "\n", omittingEmptySubsequences: false)
        let starts = lines.indices.filter { lines[$0].hasPrefix("apiVersion:") }
        return starts.map { start in
            let shown = lines[start...].prefix { !$0.hasPrefix("```") && !$0.hasPrefix("$ ") }
            return Example(page: page, line: start + 1, text: shown.joined(separator: "\n") + "\n")
        }
    }

    private static func text(of file: String) -> String {
        (try? Data(contentsOf: URL(filePath: "\(root)/\(file)"))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    @Test("each is valid as it stands, with the shipped profiles", arguments: examples)
    func valid(example: Example) throws {
        let kernel = FakeKernel()
        let profiles = try FileManager.default.subpathsOfDirectory(atPath: "\(Self.root)/etc/profiles")
        for profile in profiles where profile.hasSuffix(".yaml") {
            kernel.set("/usr/lib/ais-hostd/profiles/\(profile)", Self.text(of: "etc/profiles/\(profile)"))
        }
        // Empty lines before it, so that a problem has its line in the page.
        let padding = String(repeating: "\n", count: example.line - 1)
        kernel.set("/\(example.page)", padding + example.text)
        var problems = Problems()
        let configuration = loadConfiguration(
            .files(["/\(example.page)"]), domains: allDomains.map(\.name), plannedDomains: plannedDomains,
            files: kernel, problems: &problems)
        let rules = Rules(of: configuration, problems: &problems)
        #expect(problems.list.map(\.description) == [])
        #expect(!rules.rules.isEmpty)
    }

    @Test("both pages show some")
    func some() {
        #expect(Self.examples.count { $0.page == "docs/configuration.md" } >= 6)
        #expect(Self.examples.contains { $0.page == "README.md" })
    }
}
