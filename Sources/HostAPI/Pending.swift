import HostModel
import HostReport

// Stand-ins until HostReport prints these: delete this file then, nothing else.

func json(settings: [SettingReport]) -> String {
    "[" + settings.map { brief($0) }.joined(separator: ",") + "]\n"
}

func json(_ setting: SettingReport) -> String { brief(setting) + "\n" }

func json(rules: [RuleReport], generation: Int) -> String {
    let rules = rules.map { "{\"attribute\":\(quoted($0.attribute)),\"value\":\(quoted($0.value))}" }
    return "{\"generation\":\(generation),\"rules\":[\(rules.joined(separator: ","))]}\n"
}

func jsonLine(_ change: Change) -> String {
    let from = change.from.map { quoted($0.rawValue) } ?? "null"
    let to = change.to.map { quoted($0.rawValue) } ?? "null"
    return "{\"id\":\(quoted(change.setting.id.description)),\"from\":\(from),\"to\":\(to)}"
}

func jsonLine(_ change: PlannedChange) -> String {
    "{\"id\":\(quoted(change.id.description)),\"from\":\(quoted(change.from)),\"to\":\(quoted(change.to))}"
}

func jsonLine(_ result: PassResult) -> String {
    "{\"changes\":[\(result.changes.map { jsonLine($0) }.joined(separator: ","))]}"
}

/// What the process takes of the host.
package struct ProcessMetrics: Sendable {
    package init() {}
}

func metricsText(report: Report?, counters: Counters, process: ProcessMetrics?) -> String {
    "ais_hostd_build_info{version=\(quoted(counters.version))} 1\n"
}

private func brief(_ setting: SettingReport) -> String {
    "{\"id\":\(quoted(setting.id.description)),\"state\":\(quoted(setting.state.rawValue))}"
}
