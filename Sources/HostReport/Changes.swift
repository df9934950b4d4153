package import HostModel

/// A write that is about to be made, or was.
package struct PlannedChange: Hashable, Sendable {
    package var id: SettingID
    package var from: String
    package var to: String
    package var disruption: Disruption
    package var source: Origin
    /// Whether nobody asks for it any more, so that it goes back.
    package var isRestoration: Bool
    /// What came of it, nil where nothing was written yet.
    package var result: String?

    package init(
        id: SettingID, from: String, to: String, disruption: Disruption, source: Origin, isRestoration: Bool = false,
        result: String? = nil
    ) {
        self.id = id
        self.from = from
        self.to = to
        self.disruption = disruption
        self.source = source
        self.isRestoration = isRestoration
        self.result = result
    }
}

/// The changes for people, one a line: `block/sda/scheduler  none -> mq-deadline  io-stall  ais-hdd/v1:9`.
package func changeList(_ changes: [PlannedChange], style: TableStyle) -> String {
    if changes.isEmpty { return "nothing to change\n" }
    let entries = changes.map { change in
        Entry(
            ids: [change.id],
            row: Row(
                cells: [
                    "\(visible(change.from)) \(style.arrow) \(visible(change.to))", change.disruption.rawValue,
                    visible(source(change.source, isRestoration: change.isRestoration)),
                    change.result.map(visible) ?? "",
                ]))
    }
    let rows = folded(entries).map { entry in
        var row = entry.row
        row.cells.insert(name(entry), at: 0)
        return row
    }
    return layout(rows, head: 1, style: style)
}
