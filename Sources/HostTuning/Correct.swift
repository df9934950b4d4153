import HostConfiguration
package import HostModel

/// What came of making it so.
package struct Correction: Sendable {
    /// Every setting, as it stands afterwards.
    package var settings: [Assessed]
    package var attempts: [Attempt]
}

/// Writes what drifted and may be written, one target at a time, and assesses again: success is what the kernel holds
/// afterwards.
///
/// Before the first write one durable write to the ledger holds the original of everything that is about to change.
/// Throws only where that can't be written; nothing has been changed then. Afterwards the caller saves the ledger once
/// more.
package func correct(
    _ assessed: [Assessed], _ desire: Desire, isSelected: (SettingID) -> Bool, on host: Host, kernel: String,
    ledger: inout Ledger, file: LedgerFile, domains: [any TuningDomain] = allDomains,
    progress: (Assessed, Attempt) -> Void = { _, _ in }
) throws(KernelError) -> Correction {
    var correction = Correction(settings: assessed.map(\.decided), attempts: [])
    let byName = Dictionary(uniqueKeysWithValues: domains.map { ($0.name, $0) })
    let known = Set(assessed.compactMap { Ledger.Key($0.setting) })
    var toWrite: [Part] = []
    var refused: Set<SettingID> = []
    for (index, result) in assessed.enumerated() where result.isToWrite && isSelected(result.setting.id) {
        guard let domain = byName[result.setting.id.domain] else { continue }
        toWrite.append(Part(result.setting))
        do throws(KernelError) {
            try ledger.record(result, among: known, by: domain, on: host, kernel: kernel)
        } catch {
            refused.insert(result.setting.id)
            correction.settings[index].outcome = .failed(held: result.outcome.held, error)
        }
    }
    if !toWrite.isEmpty {
        try file.save(ledger, to: host.files, evenIfSame: true)
        let parts = Dictionary(grouping: assessed.indices) { Part(assessed[$0].setting) }
        for domain in domains {
            let own = toWrite.filter { $0.domain == domain.name }
            var seen: Set<Target> = []
            let targets = own.compactMap(\.target).filter { seen.insert($0).inserted }
            let settings = own.flatMap { parts[$0] ?? [] }.map { assessed[$0].setting }
            for target in domain.ordered(targets, for: settings, on: host) where !host.isAbandoned() {
                guard let own = parts[Part(domain: domain.name, target: target)] else { continue }
                let settings = own.map { correction.settings[$0] }
                var work = Work(
                    domain: domain, target: target, settings: settings,
                    writable: Set(
                        settings.indices.filter { index in
                            let setting = settings[index].setting
                            return isSelected(setting.id) && ledger[setting] != nil
                        }),
                    refused: Set(settings.indices.filter { refused.contains(settings[$0].setting.id) }),
                    entries: ledger.entries(of: settings.map(\.setting)),
                    allowed: Dictionary(
                        uniqueKeysWithValues: settings.map { ($0.setting.id, desire.allowed(for: $0.setting)) }),
                    kernel: kernel)
                work.perform(on: target, of: host)
                for (index, result) in zip(own, work.settings) { correction.settings[index] = result }
                correction.attempts += work.attempts
                for attempt in work.attempts {
                    if let result = work.settings.first(where: { $0.setting.id == attempt.id }) {
                        progress(result, attempt)
                    }
                }
                for (attempt, result) in work.settled { ledger.settle(attempt, result, kernel: kernel) }
            }
        }
    }
    ledger.conclude(correction, isSelected: isSelected, by: domains, on: host)
    return correction
}

/// What is written in one go.
struct Part: Hashable {
    let domain: String
    let target: Target?

    init(domain: String, target: Target?) {
        self.domain = domain
        self.target = target
    }

    init(_ setting: Setting) { self.init(domain: setting.id.domain, target: setting.target) }
}

/// The work on one target, from its settings as they were found to how they stand afterwards. A value, so that it can
/// be done where nobody waits for it any more.
private struct Work: Sendable {
    let domain: any TuningDomain
    let target: Target
    var settings: [Assessed]
    /// Those of them that may be written, by their place: what the ledger holds no original of may not.
    var writable: Set<Int>
    /// Those that keep their outcome, since noting their original failed.
    let refused: Set<Int>
    /// Of the ledger, as they were before.
    var entries: [SettingID: Ledger.Entry]
    let allowed: [SettingID: Set<Disruption>]
    let kernel: String
    var attempts: [Attempt] = []
    var settled: [(attempt: Attempt, result: Assessed)] = []

    /// Two rounds at most: a write may disturb a setting that held (a new scheduler resets nr_requests), and that is
    /// then written too.
    mutating func perform(on host: Host) {
        var made: [SettingID: Attempt] = [:]
        for _ in 1...2 {
            let drifted = writable.filter { settings[$0].isToWrite }
            guard !drifted.isEmpty else { return }
            writable.subtract(drifted)
            var host = host
            host.allowed = drifted.reduce(into: []) { $0.formUnion(allowed[settings[$1].setting.id] ?? []) }
            let attempts = domain.apply(drifted.sorted().map { settings[$0].setting }, to: target, on: host)
            self.attempts += attempts
            // What was written in the first round and disturbed in the second is not what the kernel made of the wish.
            made = made.filter { $0.value.error != nil }.merging(attempts.map { ($0.id, $0) }) { $1 }
            for index in settings.indices where !refused.contains(index) {
                let setting = settings[index].setting
                let reading = domain.read(setting, on: host)
                var entry = entries[setting.id]
                guard
                    var result = judge(
                        setting, reading, allowing: allowed[setting.id] ?? [], entry: entry, kernel: kernel)
                else {
                    continue
                }
                if let attempt = made[setting.id] {
                    result = conclude(attempt, result, of: domain, known: entry?.settled)
                    entry?.settle(attempt, result, kernel: kernel)
                    entries[setting.id] = entry
                    settled.append((attempt, result))
                }
                settings[index] = result
            }
        }
    }

    /// The same for as long as the target is waited for.
    mutating func perform(on target: Target, of host: Host) {
        let begun = self
        do throws(KernelError) {
            self = try host.perform(on: target, patience: domain.patience) { host throws(KernelError) in
                var work = begun
                work.perform(on: host)
                return work
            }
        } catch {
            fail(error)
        }
    }

    /// What may be written has failed: the target did not answer in time.
    mutating func fail(_ error: KernelError) {
        for index in writable where settings[index].isToWrite {
            var error = error
            error.operation = "write"
            error.wanted = settings[index].desired
            settings[index].outcome = .failed(held: settings[index].outcome.held, error)
        }
    }
}

extension Assessed {
    /// Whether `apply` would write it.
    package var isToWrite: Bool {
        if case .drifted = outcome { setting.mode != .observe } else { false }
    }

    /// What is found to be ours to put back stays so while the kernel changes it along with others.
    fileprivate var decided: Assessed {
        guard case .original(let original, _) = setting.requirement else { return self }
        var decided = self
        decided.setting.requirement = .original(original, ours: nil)
        return decided
    }
}

/// Calls the difference between what was written and what is held by its name.
private func conclude(
    _ attempt: Attempt, _ result: Assessed, of domain: any TuningDomain, known: Ledger.Settled?
) -> Assessed {
    guard case .drifted(let held) = result.outcome else { return result }
    var concluded = result
    // What was there before can be there again.
    if attempt.error == nil, !result.setting.isRestoration,
        isNearby(held, wanted: attempt.wanted, before: attempt.before)
            || domain.mayRound(attempt.wanted, to: held, of: attempt.id.attribute)
            || known?.tells(held, of: attempt.wanted) == true
    {
        concluded.outcome = .adjusted(held: held, "the kernel makes \(held) of \(attempt.wanted)")
        return concluded
    }
    let ignored = KernelError(
        "write", attempt.subject, wanted: attempt.wanted.description, message: "the write was answered with success")
    var error = attempt.error ?? ignored
    if error.got == nil { error.got = held.description }
    concluded.outcome = .failed(held: held, error)
    return concluded
}

/// Whether the kernel took the wish and rounded it, rather than ignored it or lost it to somebody else: the value is
/// nearer to the wish than before, or within an eighth of it.
private func isNearby(_ held: SettingValue, wanted: SettingValue, before: SettingValue) -> Bool {
    guard case .integer(let held) = held, case .integer(let wanted) = wanted else { return false }
    if case .integer(let before) = before, (held - wanted).magnitude < (before - wanted).magnitude { return true }
    return (held - wanted).magnitude <= wanted.magnitude / 8
}
