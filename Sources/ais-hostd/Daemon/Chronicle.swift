import FoundationEssentials
import HostAPI
import HostConfiguration
import HostKernel
import HostModel
import HostReport
import HostTuning

/// Tells the outside what each pass came to: on the board for those who ask, in the journal for those who read it later.
///
/// Of the reconciler's thread, which may wait for the journal.
struct Chronicle {
    private let board: Board
    private let journal = Journal()
    private let now: @Sendable () -> Date
    private var report: Report?
    /// Why the last pass came to nothing, if so.
    private var failure: String?
    private var rules: (generation: Int, hidden: Set<String>, reports: [RuleReport], fingerprint: String)?
    private var counters: Counters
    private var throttle = JournalThrottle()
    /// Of the configuration, as last said.
    private var isBroken = false
    private var generation = 0
    /// Said already, and not again as long as they last.
    private var complaints: Set<String> = []

    init(board: Board, now: @escaping @Sendable () -> Date) {
        self.board = board
        self.now = now
        counters = Counters(version: AisHostd.version)
        board.show(Snapshot(report: nil, rules: [], counters: counters, interval: 60), endsPass: false)
    }

    /// Answers how it stands, in a line for `systemctl status`. Only a pass that read everything counts for whether the
    /// report may still be relied on.
    mutating func record(_ round: Daemon.Round, isFull: Bool, took duration: Double, at uptime: Double) -> String {
        count(round, duration)
        let failure = round.isComplete ? nil : round.errors.first ?? failure
        self.failure = failure
        // As long as nothing was ever looked at there is nothing to report.
        guard round.isComplete || report != nil else {
            board.show(
                Snapshot(
                    report: nil, rules: [], counters: counters, interval: round.policy.interval, failure: failure),
                endsPass: false)
            tell(round, at: uptime)
            return "no pass has succeeded yet: \(failure ?? "")"
        }
        let isFirst = report == nil
        let report = revised(round)
        self.report = report
        board.show(
            Snapshot(
                report: report, rules: rules?.reports ?? [], counters: counters, interval: round.policy.interval,
                failure: failure),
            changes: round.changes, endsPass: isFull && round.isComplete)
        let summary = failure.map { "the last pass failed: \($0)" } ?? summary(of: report)
        if isFirst {
            journal.send(
                .information,
                "watching \(report.settings.count == 1 ? "1 setting" : "\(report.settings.count) settings"): \(summary)"
            )
        }
        tell(round, at: uptime)
        return summary
    }

    private mutating func count(_ round: Daemon.Round, _ duration: Double) {
        counters.passes.observe(duration)
        if round.isComplete { counters.lastPass = now() }
        counters.isConfigurationValid = round.configuration.error == nil
        for change in round.changes where isDrift(change, in: round) {
            counters.drifts[change.setting.id.domain, default: 0] += 1
        }
        for attempt in round.attempts {
            let write = Counters.Write(domain: attempt.id.domain, isDone: attempt.error == nil)
            counters.writes[write, default: 0] += 1
        }
    }

    /// Whether somebody else has changed what was right: neither who asks for another value by now, nor what we wrote
    /// ourselves (a revert).
    private func isDrift(_ change: Change, in round: Daemon.Round) -> Bool {
        guard change.from == .inSync || change.from == .adjusted, change.to == .drifted || change.to == .contested
        else {
            return false
        }
        let setting = change.setting
        if report?.configuration.generation != round.configuration.generation,
            report?.settings.first(where: { $0.id == setting.id })?.desired != setting.desired
        {
            return false
        }
        return !round.attempts.contains { $0.id == setting.id && $0.wanted.description == setting.observed }
    }

    /// The report, of a new revision where it says something else than the last.
    private mutating func revised(_ round: Daemon.Round) -> Report {
        let before = rules?.reports
        if rules?.generation != round.configuration.generation || rules?.hidden != round.hiddenRules {
            let text = round.rules?.canonicalText ?? ""
            rules = (
                round.configuration.generation, round.hiddenRules,
                (round.rules?.rules ?? []).map { RuleReport($0, hidden: round.hiddenRules) }, fingerprint(of: text)
            )
        }
        var new = Report(
            node: round.hostname, time: report?.time ?? now(), revision: report?.revision ?? 1,
            configuration: round.configuration, settings: round.settings,
            fingerprints: Fingerprints(configuration: rules?.fingerprint ?? "", state: report?.fingerprints.state ?? "")
        )
        // What /v1/config says has the same tag.
        if new == report, rules?.reports == before { return new }
        new.fingerprints.state = stateFingerprint(new.settings)
        new.time = now()
        if let report { new.revision = report.revision + 1 }
        return new
    }

    private mutating func tell(_ round: Daemon.Round, at uptime: Double) {
        // At first everything is new: what is as it should be is in the one line above.
        let news = round.changes.filter { $0.from != nil || $0.setting.isFault || $0.to == .drifted }
        // What we wrote is told as such: a value that is right again may be somebody else's doing.
        let written = Dictionary(round.attempts.filter { $0.error == nil }.map { ($0.id, $0) }) { $1 }
        for change in throttle.take(news, at: uptime) {
            let attempt = written[change.setting.id]
            // What a revert puts back differs from what is asked, and nobody else did it.
            let isPutBack = round.configuration.held && attempt?.wanted.description == change.setting.observed
            let isSet = attempt != nil && change.to.map { $0 < .drifted } == true
            let level = Journal.Priority(rawValue: Int32(journalPriority(change))) ?? .notice
            journal.send(
                isPutBack ? .notice : level, journalText(change, deed: isPutBack ? "put back" : isSet ? "set" : nil),
                fields: Dictionary(journalFields(change)) { first, _ in first })
        }
        for summary in throttle.summaries(at: uptime) { journal.send(.notice, summary) }
        let configuration = round.configuration
        if configuration.error == nil, isBroken || generation != configuration.generation, configuration.generation > 0
        {
            let files = configuration.files.count == 1 ? "1 file" : "\(configuration.files.count) files"
            journal.send(.information, "configuration in force: generation \(configuration.generation), \(files)")
        }
        (isBroken, generation) = (configuration.error != nil, configuration.generation)
        var current: Set<String> = []
        func complain(_ priority: Journal.Priority, _ text: String) {
            current.insert(text)
            if !complaints.contains(text) { journal.send(priority, text) }
        }
        for line in (configuration.error ?? "").split(separator: "\n") {
            let force = configuration.generation > 0 ? ", generation \(configuration.generation) stays in force" : ""
            complain(.error, "\(line) (configuration refused\(force))")
        }
        if let reason = configuration.observing { complain(.notice, "only observing: \(reason)") }
        if configuration.held { complain(.notice, "held: nothing is applied until the next `ais-hostd apply`") }
        if configuration.hasChanged, configuration.error == nil {
            complain(.notice, "files of the configuration have changed: `systemctl reload ais-hostd` loads them")
        }
        for warning in round.warnings { complain(.warning, warning) }
        for error in round.errors { complain(.error, error) }
        complaints = current
    }

    private func summary(of report: Report) -> String {
        let counts = Dictionary(grouping: report.settings, by: \.state).mapValues(\.count)
        let words = State.allCases.reversed().compactMap { state in
            counts[state].map { "\($0) \(state == .inSync ? "in sync" : state.rawValue)" }
        }
        let prefix = report.configuration.error != nil ? "broken configuration; " : ""
        return prefix + (words.isEmpty ? "nothing is asked of this host" : words.joined(separator: ", "))
    }
}

extension RuleReport {
    fileprivate init(_ rule: Rule, hidden: Set<String>) {
        let isHidden = hidden.contains("\(rule.domain)/\(rule.attribute)")
        self.init(
            domain: rule.domain, match: rule.match?.description, attribute: rule.attribute,
            value: isHidden ? "(secret)" : rule.demand.description, mode: rule.options.mode, source: rule.origin,
            conditions: rule.options.conditions.map(\.description))
    }
}
