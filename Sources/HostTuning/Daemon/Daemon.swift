package import HostConfiguration
package import HostModel

/// What `run` does, pass by pass: the reconciler with a memory. A value without threads, timers or sockets, so that
/// every story can be told in a test.
///
/// In the mode apply it writes at start, when told to, and what appears; in enforce also what drifts. Time comes as
/// `uptime`, seconds of a clock that nobody sets.
package struct Daemon: Sendable {
    var reconciler: Reconciler
    var configuration = ConfigurationState(files: [], generation: 0)
    /// What is in force; nil as long as there never was a valid configuration.
    var rules: Rules?
    var record: ConfigurationRecord?
    /// Warnings and errors of the newest files.
    var problems = Problems()
    /// Of the whole host, as the last pass had it.
    private var policy = Policy()
    /// As it is on the disk; nil where it can't be read, and nothing may be written.
    var ledger: Ledger?
    var inventory: Inventory?
    private var isBoot = false
    private var assessed: [SettingID: Assessed] = [:]
    private var patience: [SettingID: Patience] = [:]
    /// What the last pass could not write for want of a ledger: it is due until there is one again.
    private var unwritten: Set<SettingID> = []
    /// As last told to the outside.
    private var told: [SettingID: SettingReport] = [:]

    package init(_ reconciler: Reconciler) { self.reconciler = reconciler }

    package enum Reason: Sendable {
        /// The slow pass: everything is read again.
        case schedule
        /// What these may have touched is read again.
        case events(Set<HostEvent>)
        /// The first pass: with the newest configuration, or the last good one where that is broken.
        case start
        /// The configuration is read again, and what is asked is written.
        case reload
        case apply(Order)
        case revert(Order)

        fileprivate var isStart: Bool { if case .start = self { true } else { false } }
    }

    /// What a command asks for beside the configuration.
    package struct Order: Sendable {
        package var allowing: Set<Disruption>
        package var mode: Mode?
        package var isSelected: @Sendable (SettingID) -> Bool
        package var isPartial: Bool
        package var progress: @Sendable (Assessed, Attempt) -> Void

        package init(
            allowing: Set<Disruption> = [], mode: Mode? = nil, isPartial: Bool = false,
            isSelected: @escaping @Sendable (SettingID) -> Bool = { _ in true },
            progress: @escaping @Sendable (Assessed, Attempt) -> Void = { _, _ in }
        ) {
            self.allowing = allowing
            self.mode = mode
            self.isPartial = isPartial
            self.progress = progress
            self.isSelected = isSelected
        }
    }

    /// What came of one pass.
    package struct Round: Sendable {
        /// Every setting of this host as it stands now, sorted by id.
        package var settings: [SettingReport] = []
        package var changes: [Change] = []
        /// What was written, or tried.
        package var attempts: [Attempt] = []
        package var configuration: ConfigurationState
        package var rules: Rules?
        /// Those whose value not everybody may read, as `sysctl/net.ipv4.tcp_fastopen_key`.
        package var hiddenRules: Set<String>
        package var policy: Policy
        package var hostname: String
        /// The configuration's warnings, where it was read again.
        package var warnings: [String] = []
        /// What went wrong beside the settings themselves.
        package var errors: [String] = []
        /// Whether the host was looked at: where not, the settings are as they were told before.
        package var isComplete = true
        /// What a command is told, only of what it asked about; nil for passes that nobody asked for.
        package var answer: Result<Reconciler.Pass, any Error>?
    }

    /// One pass. It always ends in a round: what went wrong is told there.
    package mutating func pass(_ reason: Reason, at uptime: Double) -> Round {
        switch reason {
        case .schedule: return round(among: nil, at: uptime)
        case .events(let events): return round(among: events, at: uptime)
        case .start, .reload:
            if reason.isStart { isBoot = noteBoot() }
            // Where this pass fails, the next one may come hours later.
            defer { isBoot = false }
            load()
            var round = round(among: nil, isDue: configuration.error == nil || reason.isStart, at: uptime)
            round.warnings = problems.list.filter { $0.severity == .warning }.map(secrets.text) + round.warnings
            return round
        case .apply(let order):
            load()
            return answer(at: uptime) { daemon throws in
                if daemon.configuration.error != nil { throw InvalidConfiguration(daemon.problems) }
                return try daemon.apply(order, at: uptime)
            }
        case .revert(let order): return answer(at: uptime) { daemon throws in try daemon.revert(order, at: uptime) }
        }
    }

    /// Whether this is the first start since the host has booted, and soon after that. A restart is no boot; nor is the
    /// first start ever, on a host that has long been at work.
    private func noteBoot() -> Bool {
        let files = reconciler.host.files
        let path = "\(reconciler.ledgerFile.folder)/boot-id"
        guard let boot = try? files.read("/proc/sys/kernel/random/boot_id") else { return false }
        let last = try? files.read(path)
        if last == boot { return false }
        // Where it can't be noted, the next start must not take itself for the first.
        guard (try? files.replace(path, with: boot, permissions: 0o644)) != nil, last != nil else { return false }
        let uptime = (try? files.read("/proc/uptime")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return Double(uptime.prefix { $0 != " " }).map { $0 < Self.boot } ?? false
    }

    /// Seconds after which a host is at work.
    private static let boot = 600.0

    // MARK: Passes

    /// Reads what is stale, writes what is due, and tells what has changed. `isDue`: everything that is asked, not only
    /// what appeared or is enforced.
    private mutating func round(among events: Set<HostEvent>?, isDue: Bool = false, at uptime: Double) -> Round {
        configuration.hasChanged = record.map { !$0.isCurrent(in: reconciler.host.files) } ?? false
        do {
            let saved = try readLedger()
            configuration.held = saved.isHeld
            guard let rules else {
                inventory = try HostTuning.takeInventory(of: reconciler.host, needing: [])
                return tell([])
            }
            var (pass, wanted) = try reconciler.observe(memory(rules, saved, stale: events))
            var ledger = saved
            var found = pass.settings
            if !ledger.isHeld {
                let blocked = block(&pass.settings, isDue: isDue, at: uptime)
                found = pass.settings
                do {
                    try reconciler.write(&pass, wanted, ledger: &ledger, saved: saved) { !blocked.contains($0) }
                } catch {
                    ledger = saved
                    pass.fail(error) { !blocked.contains($0) }
                }
                if isDue { for domain in allDomains { reconciler.warn(of: domain, in: &pass) } }
            }
            self.ledger = pass.isLedgerSaved ? ledger : nil
            return finish(pass, found: found, at: uptime)
        } catch {
            var round = tell(told.values.sorted { $0.id < $1.id })
            round.errors.append(text(error))
            round.isComplete = false
            return round
        }
    }

    /// Of an error, without what is secret.
    func text(_ error: any Error) -> String {
        guard let invalid = error as? InvalidConfiguration else { return "\(error)" }
        return invalid.problems.list.map(secrets.text).joined(separator: "\n")
    }

    /// Reads it where that failed before.
    private mutating func readLedger() throws(KernelError) -> Ledger {
        if let ledger { return ledger }
        let read = try reconciler.ledgerFile.load(from: reconciler.host.files)
        ledger = read
        return read
    }

    /// What a command is told, also where it can't be carried out.
    private mutating func answer(at uptime: Double, _ body: (inout Self) throws -> Round) -> Round {
        do { return try body(&self) } catch {
            var round = tell(told.values.sorted { $0.id < $1.id })
            round.isComplete = false
            round.answer = .failure(error)
            return round
        }
    }

    private mutating func apply(_ order: Order, at uptime: Double) throws -> Round {
        let saved = try readLedger()
        guard let rules else { throw InvalidConfiguration(problems) }
        var reconciler = ordered(order)
        reconciler.overrulingMode = order.mode
        var (pass, wanted) = try reconciler.observe(memory(rules, saved, stale: nil))
        let found = pass.settings
        var ledger = saved
        if pass.inventory.observeOnly == nil, !order.isPartial { ledger.isHeld = false }
        do {
            try reconciler.write(&pass, wanted, ledger: &ledger, saved: saved, isSelected: order.isSelected)
        } catch {
            ledger = saved
            pass.fail(error, order.isSelected)
        }
        // Where that failed, what is on the disk counts from now on, as after a restart.
        self.ledger = pass.isLedgerSaved ? ledger : nil
        for id in patience.keys where order.isSelected(id) { patience[id] = nil }
        for domain in allDomains { reconciler.warn(of: domain, in: &pass) }
        for problem in problems.list { pass.problems.add(problem) }
        configuration.hasChanged = false
        var round = finish(pass, found: found, at: uptime)
        round.answer = .success(pass.without(\.isGone).selected(by: order.isSelected))
        return round
    }

    private mutating func revert(_ order: Order, at uptime: Double) throws -> Round {
        // It goes by what is on the disk, and so does all that comes after it, whatever came of it.
        ledger = nil
        let answer = try ordered(order).revert(previous: inventory)
        var round = round(among: nil, at: uptime)
        round.answer = .success(answer)
        round.attempts = answer.attempts + round.attempts
        return round
    }

    private func ordered(_ order: Order) -> Reconciler {
        var reconciler = reconciler
        reconciler.allowing = order.allowing
        reconciler.isSelected = order.isSelected
        reconciler.isPartial = order.isPartial
        reconciler.progress = order.progress
        return reconciler
    }

    private func memory(_ rules: Rules, _ ledger: Ledger, stale events: Set<HostEvent>?) -> Reconciler.Memory {
        var memory = Reconciler.Memory(rules: rules, ledger: ledger)
        memory.inventory = inventory
        memory.assessed = assessed
        if let inventory {
            // What has just appeared carries nothing yet. A host has one link at least, if they were looked at.
            // By its number: one that was renamed carries on under its new name.
            let known = Set(inventory.links.map(\.target.sequence))
            // Another port of its bond did not carry when it was its turn.
            let waiting = Set(assessed.values.filter(\.isBusy).compactMap(\.setting.target))
            memory.isIdle = { waiting.contains($0) || !known.isEmpty && !known.contains($0.sequence) }
        } else if isBoot {
            memory.isIdle = { _ in true }
        }
        guard let events, !events.contains(.everything) else { return memory }
        memory.isStale = { assessed in events.contains { assessed.isStale(after: $0) } }
        return memory
    }

    /// Which of the settings that differ are left as they are in this pass; for what is left alone on purpose their
    /// outcome says so.
    private mutating func block(_ settings: inout [Assessed], isDue: Bool, at uptime: Double) -> Set<SettingID> {
        var blocked: Set<SettingID> = []
        for index in settings.indices where settings[index].isToWrite {
            let id = settings[index].setting.id
            guard !isDue, !unwritten.contains(id), !settings[index].hasAppeared(since: assessed[id]) else {
                patience[id] = nil
                continue
            }
            if let outcome = patience[id, default: Patience()].decide(
                settings[index], before: assessed[id], at: uptime, interval: policy.interval)
            {
                settings[index].outcome = outcome
                blocked.insert(id)
            }
        }
        return blocked
    }

    /// Remembers the pass, and tells what it changed. `found` is how the settings stood before the writing.
    private mutating func finish(_ pass: Reconciler.Pass, found: [Assessed], at uptime: Double) -> Round {
        inventory = pass.inventory
        policy = pass.policy
        configuration.held = pass.isHeld
        configuration.observing = pass.inventory.observeOnly ?? (policy.mode == .observe ? "the mode is observe" : nil)
        let now = pass.settings.filter { !$0.isGone }
        assessed = Dictionary(now.map { ($0.setting.id, $0) }) { first, _ in first }
        patience = patience.filter { assessed[$0.key] != nil }
        unwritten = pass.unwritten
        for result in now where !unwritten.contains(result.setting.id) { patience.note(result, at: uptime) }
        let between = Dictionary(found.map { ($0.setting.id, $0) }) { first, _ in first }
        var round = tell(now.map { secrets.report($0) }, between: between)
        round.attempts = pass.attempts
        round.warnings = pass.problems.list.map(secrets.text)
        round.errors = pass.errors.map(\.description)
        return round
    }

    /// What was drifted and is right again has changed twice (`between`): nobody must miss that.
    private mutating func tell(_ settings: [SettingReport], between: [SettingID: Assessed] = [:]) -> Round {
        let time = reconciler.host.now()
        var changes: [Change] = []
        var now: [SettingReport] = []
        for var setting in settings {
            let before = told[setting.id]
            var from = before?.state
            let wasRight = from.map { [.inSync, .adjusted].contains($0) } ?? true
            if let found = between[setting.id], wasRight, found.outcome.state != from,
                found.outcome.state != setting.state
            {
                var halfway = secrets.report(found)
                halfway.since = time
                changes.append(Change(time: time, from: from, to: halfway.state, setting: halfway))
                from = halfway.state
            }
            setting.since = from == setting.state ? before?.since : time
            if from != setting.state {
                changes.append(Change(time: time, from: from, to: setting.state, setting: setting))
            }
            now.append(setting)
        }
        let ids = Set(now.map(\.id))
        for (id, setting) in told.sorted(by: { $0.key < $1.key }) where !ids.contains(id) {
            changes.append(Change(time: time, from: setting.state, to: nil, setting: setting))
        }
        told = Dictionary(now.map { ($0.id, $0) }) { first, _ in first }
        let asked = (rules?.rules ?? []).filter { secrets.contain(domain: $0.domain, attribute: $0.attribute) }
        return Round(
            settings: now, changes: changes, configuration: configuration, rules: rules,
            hiddenRules: Set(asked.map { "\($0.domain)/\($0.attribute)" }), policy: policy,
            hostname: inventory?.hostname ?? "")
    }
}

extension Assessed {
    func isStale(after event: HostEvent) -> Bool {
        switch event {
        case .everything: true
        case .answered(let target): setting.target?.path == target
        default: allDomains.first { $0.name == setting.id.domain }?.isStale(self, after: event) ?? false
        }
    }

    fileprivate var isBusy: Bool {
        if case .failed(_, let error) = outcome { error.errno == .busy } else { false }
    }

    /// Whether this is the first time that it could be written.
    fileprivate func hasAppeared(since before: Assessed?) -> Bool {
        guard let before, before.setting.target == setting.target else { return true }
        // Nobody was allowed to write it before.
        if before.setting.mode == .observe { return true }
        return switch before.outcome {
        case .pending(let pending, _, _): pending.isAbsence
        case .unsupported, .unknown: true
        // One that did not answer a write is tried again as one that refused: each try may hang as long as the first.
        case .failed(let held, let error): error.errno == .timedOut && held == nil
        case .inSync, .adjusted, .drifted, .contested: false
        }
    }
}
