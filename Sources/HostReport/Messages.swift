package import HostModel

// What the daemon's sockets say beside the report: fields, order and nulls follow the same rules.

/// Some settings of a report: `{"apiVersion": …, "settings": […]}`.
package func json(settings: [SettingReport]) -> String {
    json(.fields([("apiVersion", .text("ais-hostd/v1")), ("settings", .list(settings.map { Document($0) }))]))
}

/// One setting, as the report has it.
package func json(_ setting: SettingReport) -> String { json(Document(setting)) }

/// The merged configuration, with the origin of each rule.
package func json(rules: [RuleReport], generation: Int) -> String {
    json(
        .fields([
            ("apiVersion", .text("ais-hostd/v1")),
            ("generation", .integer(generation)),
            ("rules", .list(rules.map { Document($0) })),
        ]))
}

/// A change of state, on one line without its end.
package func jsonLine(_ change: Change) -> String { jsonLine(Document(change)) }

/// A write, on one line without its end.
package func jsonLine(_ change: PlannedChange) -> String { jsonLine(Document(change)) }

/// What a command came to, on one line without its end.
package func jsonLine(_ result: PassResult) -> String { jsonLine(Document(result)) }

extension Document {
    fileprivate init(_ rule: RuleReport) {
        self = .fields([
            ("domain", .text(rule.domain)),
            ("match", .text(orNull: rule.match)),
            ("attribute", .text(rule.attribute)),
            ("value", .text(rule.value)),
            ("mode", .text(orNull: rule.mode?.rawValue)),
            ("source", .text(rule.source.description)),
            ("conditions", .list(rule.conditions.map(Document.text))),
        ])
    }

    fileprivate init(_ change: Change) {
        self = .fields([
            ("time", .text(timestamp(change.time))),
            ("from", .text(orNull: change.from?.rawValue)),
            ("to", .text(orNull: change.to?.rawValue)),
            ("setting", Document(change.setting)),
        ])
    }

    fileprivate init(_ change: PlannedChange) {
        self = .fields([
            ("id", .text(change.id.description)),
            ("from", .text(change.from)),
            ("to", .text(change.to)),
            ("disruption", .text(change.disruption.rawValue)),
            ("source", .text(change.source.description)),
            ("restoration", .flag(change.isRestoration)),
            ("result", .text(orNull: change.result)),
        ])
    }

    fileprivate init(_ result: PassResult) {
        self = .fields([
            ("report", Document(result.report)),
            ("changes", .list(result.changes.map { Document($0) })),
            ("notes", .list(result.notes.map(Document.text))),
            ("verdict", .text(orNull: result.verdict)),
            ("warnings", .list(result.warnings.map(Document.text))),
            ("errors", .list(result.errors.map(Document.text))),
        ])
    }
}
