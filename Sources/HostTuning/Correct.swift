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
    let toWrite = assessed.filter { $0.isToWrite && isSelected($0.setting.id) }
    var correction = Correction(settings: assessed.map(\.decided), attempts: [])
    if !toWrite.isEmpty {
        let known = Set(assessed.compactMap { Ledger.Key($0.setting) })
        for domain in domains {
            ledger.record(
                toWrite.filter { $0.setting.id.domain == domain.name }, among: known, by: domain, on: host,
                kernel: kernel)
        }
        try file.save(ledger, to: host.files)
        let parts = Dictionary(grouping: assessed.indices) { Part(assessed[$0].setting) }
        var seen: Set<Part> = []
        for part in toWrite.map({ Part($0.setting) }) where seen.insert(part).inserted {
            guard let target = part.target, let domain = domains.first(where: { $0.name == part.domain }) else {
                continue
            }
            correct(
                target, of: domain, parts[part] ?? [], in: &correction, desire, isSelected: isSelected, on: host,
                kernel: kernel, ledger: &ledger)
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
    isSelected: (SettingID) -> Bool, on host: Host, kernel: String, ledger: inout Ledger
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
        made.merge(attempts.map { ($0.id, $0) }) { $1 }
        for index in own {
            let setting = correction.settings[index].setting
            let reading = domain.read(setting, on: host)
            guard
                var result = judge(
                    setting, reading, allowing: desire.policy.allow, entry: ledger[setting], kernel: kernel)
            else { continue }
            if let attempt = made[setting.id] {
                result = conclude(attempt, result)
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
        decided.setting.requirement = .original(original, written: nil)
        return decided
    }
}

/// Calls the difference between what was written and what is held by its name.
private func conclude(_ attempt: Attempt, _ result: Assessed) -> Assessed {
    guard case .drifted(let held) = result.outcome else { return result }
    var concluded = result
    var error = attempt.error
    if error == nil {
        guard !isNearby(held, wanted: attempt.wanted, before: attempt.before) else {
            concluded.outcome = .adjusted(held: held, "the kernel makes \(held) of \(attempt.wanted)")
            return concluded
        }
        error = KernelError(
            "write", attempt.subject, wanted: attempt.wanted.description, message: "the write was answered with success"
        )
    }
    error?.got = held.description
    if let error { concluded.outcome = .failed(held: held, error) }
    return concluded
}

/// Whether the kernel took the wish and rounded it, rather than ignored it: the value moved, or lies within an eighth
/// of the wish.
private func isNearby(_ held: SettingValue, wanted: SettingValue, before: SettingValue) -> Bool {
    guard case .integer(let held) = held, case .integer(let wanted) = wanted else { return false }
    if case .integer(let before) = before, held != before { return true }
    return (held - wanted).magnitude <= wanted.magnitude / 8
}
