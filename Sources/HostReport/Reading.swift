import FoundationEssentials
package import HostModel

// What `json(_:)` and `jsonLine(_:)` print, read back. Fields that are not known yet are passed over, so that an older
// client understands a newer daemon.

extension Report {
    package init(json: [UInt8]) throws { self = try read(ReportFields.self, "a report", json).value }
}

extension PassResult {
    package init(json: [UInt8]) throws { self = try read(ResultFields.self, "a command's result", json).value }
}

extension PlannedChange {
    package init(json: [UInt8]) throws { self = try read(WriteFields.self, "a write", json).value }
}

extension Change {
    package init(json: [UInt8]) throws { self = try read(ChangeFields.self, "a change", json).value }
}

/// What came is not what was awaited: `read a report: settings.3.state: …`.
private struct UnreadableError: Error, CustomStringConvertible {
    let description: String

    init(_ what: String, _ error: DecodingError) {
        let (context, problem): (DecodingError.Context?, String?) =
            switch error {
            case .keyNotFound(let key, let context): (context, "no \(key.stringValue)")
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                (context, context.debugDescription)
            @unknown default: (nil, nil)
            }
        let path = context?.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        description = ["read \(what)", path ?? "", problem ?? "\(error)"].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}

private func read<Fields: Decodable>(_ fields: Fields.Type, _ what: String, _ json: [UInt8]) throws -> Fields {
    do { return try JSONDecoder().decode(fields, from: Data(json)) } catch let error as DecodingError {
        throw UnreadableError(what, error)
    }
}

extension State: Decodable {}
extension Pending: Decodable {}

private struct ReportFields: Decodable {
    struct Prints: Decodable { let configuration, state: String }

    struct Configuration: Decodable {
        let files: [String]
        let generation: Int
        let error: String?
        let held, changed: Bool
        let observing: String?
    }

    let node: String
    let time: PrintedTime
    let revision: Int
    let fingerprints: Prints
    let configuration: Configuration
    let settings: [SettingFields]

    var value: Report {
        Report(
            node: node, time: time.value, revision: revision,
            configuration: ConfigurationState(
                files: configuration.files, generation: configuration.generation, error: configuration.error,
                held: configuration.held, hasChanged: configuration.changed,
                observing: configuration.observing),
            settings: settings.map(\.value),
            fingerprints: Fingerprints(configuration: fingerprints.configuration, state: fingerprints.state))
    }
}

private struct SettingFields: Decodable {
    let id: PrintedID
    let state: State
    let pendingOn: Pending?
    let desired: String
    let observed, original: String?
    let mode: Mode
    let disruption: Disruption
    let required, restoration: Bool
    let source: PrintedOrigin
    let since: PrintedTime?
    let detail: String?

    var value: SettingReport {
        SettingReport(
            id: id.value, state: state, pendingOn: pendingOn, desired: desired, observed: observed, original: original,
            mode: mode, disruption: disruption, required: required, source: source.value, isRestoration: restoration,
            since: since?.value, detail: detail)
    }
}

private struct ChangeFields: Decodable {
    let time: PrintedTime
    let from, to: State?
    let setting: SettingFields

    var value: Change { Change(time: time.value, from: from, to: to, setting: setting.value) }
}

private struct WriteFields: Decodable {
    let id: PrintedID
    let from, to: String
    let disruption: Disruption
    let source: PrintedOrigin
    let restoration: Bool
    let result: String?

    var value: PlannedChange {
        PlannedChange(
            id: id.value, from: from, to: to, disruption: disruption, source: source.value, isRestoration: restoration,
            result: result)
    }
}

private struct ResultFields: Decodable {
    let report: ReportFields
    let changes: [WriteFields]
    let notes: [String]
    let verdict: String?
    let warnings, errors: [String]

    var value: PassResult {
        PassResult(
            report: report.value, changes: changes.map(\.value), notes: notes, verdict: verdict, warnings: warnings,
            errors: errors)
    }
}
