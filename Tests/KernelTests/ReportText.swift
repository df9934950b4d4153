import Foundation
import Testing

/// What `--output json` printed, read by nothing of ours.
struct PrintedReport: Decodable {
    struct Setting: Decodable {
        let id: String
        let state: String
        let pendingOn: String?
        let desired: String
        let observed: String?
        let original: String?
        let mode: String
        let disruption: String
        let source: String
        let detail: String?
    }

    struct Summary: Decodable { let state: String }
    struct Configuration: Decodable {
        let files: [String]
        let held: Bool
    }

    let summary: Summary
    let configuration: Configuration
    let settings: [Setting]

    init(_ output: Output) throws {
        do { self = try JSONDecoder().decode(Self.self, from: Data(output.out.utf8)) } catch {
            throw CannotRun(description: "no report: \(error)\n\(output.code): \(output.out)\n\(output.err)")
        }
    }

    subscript(id: String) -> Setting? { settings.first { $0.id == id } }

    /// Id and state of each.
    var states: [String: String] { Dictionary(settings.map { ($0.id, $0.state) }, uniquingKeysWith: { $1 }) }
}

extension Sandbox {
    /// Checks by the configuration, and what came of it.
    func report(_ arguments: String..., by file: String) throws -> PrintedReport {
        try PrintedReport(try program(["check", "--output", "json", "--config", file] + arguments))
    }

    func program(_ arguments: [String]) throws -> Output { try run([Layer.program ?? ""] + arguments) }
}

func decoded<Value: Decodable>(_ output: Output) throws -> Value {
    do { return try JSONDecoder().decode(Value.self, from: Data(output.out.utf8)) } catch {
        throw CannotRun(description: "\(error)\n\(output.out)\n\(output.err)")
    }
}

extension String {
    /// For sets, of which every tool has its own order.
    var sortedWords: [Substring] { split(separator: " ").sorted() }
}

extension Substring {
    func trimmingSuffix(_ suffix: String) -> String { String(hasSuffix(suffix) ? dropLast(suffix.count) : self) }
}
