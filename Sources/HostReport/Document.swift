package import FoundationEssentials
import HostModel

/// A report as nested values, so that JSON and YAML can't differ in what they say. Fields keep the contract's order.
enum Document {
    case null
    case flag(Bool)
    case integer(Int)
    case text(String)
    case list([Document])
    case fields([(String, Document)])

    /// What is not known is said as null, never left out.
    static func text(orNull text: String?) -> Document { text.map(Document.text) ?? .null }
}

extension Document {
    init(_ report: Report) {
        let fingerprints = Document.fields([
            ("configuration", .text(report.fingerprints.configuration)),
            ("state", .text(report.fingerprints.state)),
        ])
        self = .fields([
            ("apiVersion", .text("ais-hostd/v1")),
            ("node", .text(report.node)),
            ("time", .text(timestamp(report.time))),
            ("revision", .integer(report.revision)),
            ("summary", Self.summary(report)),
            ("fingerprints", fingerprints),
            ("configuration", Self.configuration(report.configuration)),
            ("settings", .list(report.settings.map { Document($0) })),
        ])
    }

    private static func summary(_ report: Report) -> Document {
        let counts = counts(report.settings)
        let fields = State.allCases.map { ($0.rawValue, Document.integer(counts[$0, default: 0])) }
        return .fields([("state", .text(report.state.rawValue))] + fields)
    }

    private static func configuration(_ configuration: ConfigurationState) -> Document {
        .fields([
            ("files", .list(configuration.files.map(Document.text))),
            ("generation", .integer(configuration.generation)),
            ("error", text(orNull: configuration.error)),
            ("held", .flag(configuration.held)),
            ("changed", .flag(configuration.hasChanged)),
            ("observing", text(orNull: configuration.observing)),
        ])
    }

    init(_ setting: SettingReport) {
        self = .fields([
            ("id", .text(setting.id.description)),
            ("state", .text(setting.state.rawValue)),
            ("pendingOn", .text(orNull: setting.pendingOn?.rawValue)),
            ("desired", .text(setting.desired)),
            ("observed", .text(orNull: setting.observed)),
            ("original", .text(orNull: setting.original)),
            ("mode", .text(setting.mode.rawValue)),
            ("disruption", .text(setting.disruption.rawValue)),
            ("required", .flag(setting.required)),
            ("source", .text(setting.source.description)),
            ("restoration", .flag(setting.isRestoration)),
            ("since", .text(orNull: setting.since.map(timestamp))),
            ("detail", .text(orNull: setting.detail)),
            // Nobody watches yet who writes.
            ("writer", .null),
        ])
    }
}

/// How many settings are in each state.
func counts(_ settings: [SettingReport]) -> [State: Int] {
    settings.reduce(into: [:]) { $0[$1.state, default: 0] += 1 }
}

/// RFC 3339 in UTC with milliseconds: `2026-11-23T18:03:11.120Z`.
package func timestamp(_ time: Date) -> String {
    // The formatter cuts: 11.120 s, which no Double holds exactly, would print as .119. Half a millisecond more rounds.
    time.addingTimeInterval(0.0005).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
}
