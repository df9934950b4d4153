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
    ledger: inout Ledger, file: LedgerFile, domains: [any TuningDomain] = allDomains
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
        var seen: Set<Part> = []
        for domain in domains {
            for part in toWrite where part.domain == domain.name && seen.insert(part).inserted {
                guard let target = part.target else { continue }
                correct(
                    target, of: domain, parts[part] ?? [], in: &correction, desire, refused: refused,
                    isSelected: isSelected, on: host, kernel: kernel, ledger: &ledger)
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

    init(_ setting: Setting) {
        domain = setting.id.domain
        target = setting.target
    }
}

/// Two rounds at most: a write may disturb a setting that held (a new scheduler resets nr_requests), and that is then
/// written too.
private func correct(
    _ target: Target, of domain: any TuningDomain, _ own: [Int], in correction: inout Correction, _ desire: Desire,
    refused: Set<SettingID>, isSelected: (SettingID) -> Bool, on host: Host, kernel: String,
    ledger: inout Ledger
) {
    var made: [SettingID: Attempt] = [:]
    var attempted: Set<SettingID> = []
    for _ in 1...2 {
        // Without an original in the ledger it is not written: what somebody changed just now waits for the next pass.
        let drifted = own.map { correction.settings[$0] }.filter {
            $0.isToWrite && isSelected($0.setting.id) && ledger[$0.setting] != nil && !attempted.contains($0.setting.id)
        }
        guard !drifted.isEmpty else { return }
        attempted.formUnion(drifted.map(\.setting.id))
        let attempts = domain.apply(drifted.map(\.setting), to: target, on: host)
        correction.attempts += attempts
        // What was written in the first round and disturbed in the second is not what the kernel made of the wish.
        made = made.filter { $0.value.error != nil }.merging(attempts.map { ($0.id, $0) }) { $1 }
        for index in own where !refused.contains(correction.settings[index].setting.id) {
            let setting = correction.settings[index].setting
            let reading = domain.read(setting, on: host)
            guard
                var result = judge(
                    setting, reading, allowing: desire.policy.allow, entry: ledger[setting], kernel: kernel)
            else { continue }
            if let attempt = made[setting.id] {
                result = conclude(attempt, result, known: ledger[setting]?.settled)
                ledger.settle(attempt, result, kernel: kernel)
            }
            correction.settings[index] = result
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
private func conclude(_ attempt: Attempt, _ result: Assessed, known: Ledger.Settled?) -> Assessed {
    guard case .drifted(let held) = result.outcome else { return result }
    var concluded = result
    // What was there before can be there again.
    if attempt.error == nil, !result.setting.isRestoration,
        isNearby(held, wanted: attempt.wanted, before: attempt.before) || known?.tells(held, of: attempt.wanted) == true
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
