package import HostModel

/// For a person who reads the journal: `block/sda/scheduler: inSync -> drifted: holds none, wants mq-deadline
/// (ais-hdd/v1:9)`, on one line; `block/sda/scheduler: set to mq-deadline (ais-hdd/v1:9)` where we did it: `deed` is what
/// we did then, `set` or `put back`.
package func journalText(_ change: Change, deed: String? = nil) -> String {
    let setting = change.setting
    let step =
        deed ?? [change.from?.rawValue, change.to?.rawValue ?? "gone"].compactMap(\.self).joined(separator: " -> ")
    let isOurs = deed != nil
    var values = setting.observed.map { ["\(isOurs ? "to" : "holds") \(visible($0))"] } ?? []
    if change.to != .inSync { values.append("wants \(visible(setting.desired))") }
    let asked = visible(source(setting.source, isRestoration: setting.isRestoration))
    let told =
        "\(visible(setting.id.description)): \(step)\(isOurs ? " " : ": ")\(values.joined(separator: ", ")) (\(asked))"
    return [told, explanation(setting)].compactMap(\.self).joined(separator: ": ")
}

/// For a program that reads the journal; what is not known is left out.
package func journalFields(_ change: Change) -> [(String, String)] {
    let setting = change.setting
    let fields = [
        ("AIS_SETTING", setting.id.description),
        ("AIS_WANTED", setting.desired),
        ("AIS_GOT", setting.observed),
        ("AIS_STATE", change.to?.rawValue),
        ("AIS_SOURCE", setting.source.description),
        ("AIS_DETAIL", setting.detail),
    ]
    return fields.compactMap { name, value in value.map { (name, $0) } }
}

/// How much somebody should care, as a level of syslog(3): 3 error, 4 warning, 5 notice, 6 information.
package func journalPriority(_ change: Change) -> Int {
    guard let state = change.to else { return 6 }
    if state == .failed { return 3 }
    if change.setting.isFault { return 4 }
    return change.from.map { $0 >= .drifted } == true ? 5 : 6
}
