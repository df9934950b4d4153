import FoundationEssentials
package import HostModel

/// How a listing for people looks.
package struct TableStyle: Sendable {
    /// Columns; at least 40, since less holds no name.
    package let width: Int
    package let color: Bool
    /// Whether settings that are as asked are shown too.
    package let verbose: Bool
    /// Whether the terminal prints more than ASCII.
    package let unicode: Bool

    package init(width: Int = 80, color: Bool = false, verbose: Bool = false, unicode: Bool = false) {
        self.width = max(40, width)
        self.color = color
        self.verbose = verbose
        self.unicode = unicode
    }

    var arrow: String { unicode ? "→" : "->" }
}

/// The report for people: a summary in words, then what is not as asked, worst first, and which line asked for it;
/// without settings that were listed above it already.
package func table(_ report: Report, style: TableStyle, without listed: Set<SettingID> = []) -> String {
    let unlisted = report.settings.filter { !listed.contains($0.id) }
    let shown = unlisted.filter { style.verbose || $0.state != .inSync || $0.detail != nil }
    var text = summary(report, style: style)
    if shown.isEmpty { return text }

    let isTimed = style.verbose && shown.contains { $0.since != nil }
    let heading = Row(
        cells: ["STATE", "SETTING", "HOLDS \(style.arrow) WANTS", "ASKED BY"] + (isTimed ? ["SINCE"] : []), tint: .dim)
    let rows = folded(entries(shown, style: style)).map { entry in
        var row = entry.row
        row.cells.insert(name(entry), at: 1)
        return row
    }
    text += "\n" + layout([heading] + rows, head: 2, style: style)
    return text
}

/// `cpu01: drifted: 3 drifted, 38 in sync`, and what is to be known of the configuration.
private func summary(_ report: Report, style: TableStyle) -> String {
    let counts = counts(report.settings)
    // A count is not to be parted from its word at a line's end.
    let words = State.allCases.reversed().compactMap { state in counts[state].map { "\($0) \(state.words)" } }
        .map { String($0.map { $0 == " " ? tie : $0 }) }
    let all = report.settings.count
    let verdict =
        switch counts[.inSync] {
        case _ where all == 0: "nothing is asked of this host"
        case all: all == 1 ? "the one setting is in sync" : "all \(all) settings in sync"
        default: words.joined(separator: ", ")
        }
    var rows = [Row(cells: ["\(visible(report.node)): \(verdict)"])]
    if let error = report.configuration.error {
        let generation = report.configuration.generation
        let force = generation > 0 ? "generation \(generation) stays in force" : "and none before it to fall back on"
        rows.append(Row(cells: ["broken configuration, \(force):"], tint: .red))
        rows += error.split(separator: "\n").map { Row(cells: ["  \(visible(String($0)))"], tint: .red) }
    }
    if report.configuration.hasChanged, report.configuration.error == nil {
        rows.append(Row(cells: ["files changed since they were loaded: systemctl reload ais-hostd"], tint: .yellow))
    }
    if let reason = report.configuration.observing {
        rows.append(Row(cells: ["only observing: \(reason)"], tint: .yellow))
    }
    if report.configuration.held {
        rows.append(Row(cells: ["held: nothing is applied until the next `ais-hostd apply`"], tint: .yellow))
    }
    return String(layout(rows, head: 1, style: style).map { $0 == tie ? " " : $0 })
}

/// A space that does not break: U+00A0.
private let tie: Character = "\u{a0}"

private func entries(_ settings: [SettingReport], style: TableStyle) -> [Entry] {
    // What a rule asks of a device that is not here is one thing to know, however many attributes it names.
    let isFolded = { (setting: SettingReport) in setting.pendingOn == .device && !style.verbose }
    let rules = Dictionary(grouping: settings.filter(isFolded), by: Rule.init).values
    return settings.filter { !isFolded($0) }.map { entry($0, style: style) }
        + rules.map { entry(sameRule: $0, style: style) }
}

private struct Rule: Hashable {
    let domain: String
    let object: String?
    let file: String
    let detail: String?
    let isFault: Bool

    init(_ setting: SettingReport) {
        domain = setting.id.domain
        object = setting.id.object
        file = setting.source.file
        detail = setting.detail
        isFault = setting.isFault
    }
}

private func entry(sameRule settings: [SettingReport], style: TableStyle) -> Entry {
    let settings = settings.sorted { $0.source.line < $1.source.line }
    let ids = settings.map(\.id)
    var entry = entry(settings[0], style: style)
    if settings.count == 1 { return entry }
    entry.ids = ids
    entry.label = "\(ids[0].domain)/\(ids[0].object ?? "") (\(ids.count) attributes)"
    entry.row.cells[1] = ""
    return entry
}

private func entry(_ setting: SettingReport, style: TableStyle) -> Entry {
    let held = setting.observed.map(visible)
    let wanted = visible(setting.desired)
    let change =
        switch (held, setting.state) {
        case (let held?, .inSync): held
        case (let held?, _): "\(held) \(style.arrow) \(wanted)"
        case (nil, _): "wants \(wanted)"
        }
    var cells = [
        setting.state.words, change, visible(source(setting.source, isRestoration: setting.isRestoration)),
    ]
    if style.verbose, let since = setting.since { cells.append(since.formatted(.iso8601)) }
    return Entry(
        ids: [setting.id], rank: State.allCases.firstIndex(of: setting.state) ?? 0,
        row: Row(cells: cells, beneath: explanation(setting), tint: tint(setting)))
}

/// The detail, led by what it waits for, or by why this counts as a fault where the state alone doesn't say so.
func explanation(_ setting: SettingReport) -> String? {
    var parts: [String] = []
    if setting.isFault && !setting.state.isFault(pendingOn: setting.pendingOn, required: false) {
        parts.append("required")
    }
    if let pending = setting.pendingOn { parts.append("waits for \(pending)") }
    if let detail = setting.detail { parts.append(visible(detail)) }
    return parts.isEmpty ? nil : parts.joined(separator: ": ")
}

private func tint(_ setting: SettingReport) -> Tint {
    switch setting.state {
    case .failed, .drifted, .contested: .red
    case .pending: .yellow
    case .inSync, .adjusted, .unsupported, .unknown: setting.isFault ? .red : .dim
    }
}

extension State {
    /// As a person would say it.
    fileprivate var words: String { self == .inSync ? "in sync" : rawValue }
}
