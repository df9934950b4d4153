package import HostModel

/// One setting and all that bears on it, as JSON.
package func json(_ explanation: Explanation) -> String { json(Document(explanation)) }

/// The same as YAML.
package func yaml(_ explanation: Explanation) throws -> String { try yaml(Document(explanation)) }

/// The same for people: a line for each thing to know.
package func table(_ explanation: Explanation, style: TableStyle) -> String {
    let setting = explanation.assessed.setting
    let report = SettingReport(explanation.assessed)
    var rows = [Row(cells: ["state", report.state.rawValue], beneath: report.detail.map(visible))]
    func add(_ label: String, _ text: String?, beneath: String? = nil) {
        if let text { rows.append(Row(cells: [label, text], beneath: beneath)) }
    }
    add("holds", report.observed.map(visible))
    add("wants", visible(report.desired))
    add("asked by", setting.origin.description)
    for loser in setting.overridden.reversed() { add("over", "\(visible(loser.requirement)) of \(loser.origin)") }
    add("found first", report.original.map(visible))
    if let last = explanation.lastWrite {
        add("written", "\(visible(last.value)), first at \(timestamp(last.firstTime)) under Linux \(last.kernel)")
    }
    for mention in explanation.mentions {
        add("also set by", "\(mention.origin): \(visible(mention.value))\(mention.isLater ? " (read after ours)" : "")")
    }
    add("kept over a reboot by", explanation.keeper.map(visible))
    add("mode", setting.mode.rawValue)
    add("disruption", setting.disruption.rawValue)
    if setting.required { add("required", "yes") }
    return "\(setting.id)\n" + layout(rows, head: 1, style: style)
}

extension Document {
    fileprivate init(_ explanation: Explanation) {
        let overridden = explanation.assessed.setting.overridden.map { loser in
            Document.fields([("desired", .text(loser.requirement)), ("source", .text(loser.origin.description))])
        }
        let mentions = explanation.mentions.map { mention in
            Document.fields([
                ("source", .text(mention.origin.description)), ("value", .text(mention.value)),
                ("readAfterOurs", .flag(mention.isLater)),
            ])
        }
        let written = explanation.lastWrite.map { last in
            Document.fields([
                ("value", .text(last.value)), ("firstTime", .text(timestamp(last.firstTime))),
                ("kernel", .text(last.kernel)),
            ])
        }
        self = .fields([
            ("apiVersion", .text("ais-hostd/v1")),
            ("setting", Document(SettingReport(explanation.assessed))),
            ("overridden", .list(overridden)),
            ("alsoSetBy", .list(mentions)),
            ("keptBy", .text(orNull: explanation.keeper)),
            ("lastWrite", written ?? .null),
        ])
    }
}
