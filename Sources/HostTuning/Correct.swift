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
/// Throws only where the ledger can't be written; nothing has been changed then, or everything that has been is in the
/// ledger.
package func correct(
    _ assessed: [Assessed], _ desire: Desire, isSelected: (SettingID) -> Bool, on host: Host, kernel: String,
    ledger: inout Ledger, file: LedgerFile, domains: [any TuningDomain] = allDomains
) throws(KernelError) -> Correction {
    let toWrite = assessed.filter { $0.isToWrite && isSelected($0.setting.id) }
    var correction = Correction(settings: assessed, attempts: [])
    if !toWrite.isEmpty {
        for domain in domains {
            ledger.record(toWrite.filter { $0.setting.id.domain == domain.name }, by: domain, on: host, kernel: kernel)
        }
        try file.save(ledger, to: host.files)
        for domain in domains {
            let own = assessed.indices.filter { assessed[$0].setting.id.domain == domain.name }
            let byTarget = Dictionary(grouping: own) { assessed[$0].setting.target }
            for target in targets(of: toWrite, in: domain) {
                correct(
                    target, byTarget[target] ?? [], of: domain, in: &correction, desire, isSelected: isSelected,
                    on: host, kernel: kernel,
                    ledger: &ledger)
            }
        }
    }
    for result in correction.settings where isSelected(result.setting.id) { ledger.conclude(result) }
    ledger.concludeCompanions(of: correction, by: domains, on: host)
    try file.save(ledger, to: host.files)
    return correction
}

/// The targets of these settings, in the order of their names.
private func targets(of settings: [Assessed], in domain: any TuningDomain) -> [Target] {
    var seen: Set<Target> = []
    return settings.compactMap { $0.setting.id.domain == domain.name ? $0.setting.target : nil }
        .filter { seen.insert($0).inserted }
}

/// `own` are the places of the target's settings. Two rounds at most: a write may disturb a setting that held (a new
/// scheduler resets nr_requests), and that is then written too.
private func correct(
    _ target: Target, _ own: [Int], of domain: any TuningDomain, in correction: inout Correction, _ desire: Desire,
    isSelected: (SettingID) -> Bool, on host: Host, kernel: String, ledger: inout Ledger
) {
    var attempted: Set<SettingID> = []
    var byID: [SettingID: Attempt] = [:]
    for _ in 1...2 {
        let drifted = own.map { correction.settings[$0] }
            .filter { $0.isToWrite && isSelected($0.setting.id) && !attempted.contains($0.setting.id) }
        guard !drifted.isEmpty else { return }
        attempted.formUnion(drifted.map(\.setting.id))
        let attempts = domain.apply(drifted.map(\.setting), to: target, on: host)
        correction.attempts += attempts
        for attempt in attempts { byID[attempt.id] = attempt }
        for index in own {
            let setting = correction.settings[index].setting
            let reading = domain.read(setting, on: host)
            guard
                var result = judge(
                    setting, reading, allowing: desire.policy.allow, entry: ledger[setting], kernel: kernel)
            else { continue }
            if let attempt = byID[setting.id] {
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

extension Ledger {
    /// Notes what these settings hold, and what the kernel will change along with them, unless it was noted before.
    fileprivate mutating func record(
        _ settings: [Assessed], by domain: any TuningDomain, on host: Host, kernel: String
    ) {
        func entry(_ setting: Setting, original: SettingValue, written: String?, companionOf: String?) -> Entry? {
            Key(setting).map { key in
                Entry(
                    key: key, name: setting.target?.name, original: original.description, written: written,
                    companionOf: companionOf, keepOnRemoval: setting.keepOnRemoval, source: setting.origin,
                    kernel: kernel,
                    time: host.now())
            }
        }
        for assessed in settings {
            guard let key = Key(assessed.setting), let held = assessed.outcome.held else { continue }
            let new = entry(assessed.setting, original: held, written: nil, companionOf: nil)
            entries[key] = entries[key] ?? new
            entries[key]?.companionOf = nil
            entries[key]?.settled = nil
            // Putting the original back is no write of ours to remember: until it is done, the last one still counts.
            if assessed.desired != entries[key]?.original { entries[key]?.written = assessed.desired }
        }
        for assessed in settings where assessed.desired != self[assessed.setting]?.original {
            for attribute in domain.companions(of: assessed.setting, on: host) {
                let setting = assessed.setting.companion(attribute)
                guard let key = Key(setting), entries[key] == nil,
                    case .value(let held, _) = domain.read(setting, on: host)
                else { continue }
                entries[key] = entry(
                    setting, original: held, written: nil, companionOf: assessed.setting.id.attribute)
            }
        }
    }

    /// Remembers what the kernel makes of a wish, so that it is not asked again and again.
    fileprivate mutating func settle(_ attempt: Attempt, _ result: Assessed, kernel: String) {
        guard let key = Key(result.setting), case .adjusted(let held, _) = result.outcome, held != attempt.wanted else {
            return
        }
        entries[key]?.settled = Settled(
            asked: attempt.wanted.description, held: held.description, kernel: kernel)
    }

    /// Brings an entry up to what its setting has become.
    fileprivate mutating func conclude(_ result: Assessed) {
        guard let key = Key(result.setting), entries[key] != nil, let held = result.outcome.held else { return }
        guard !result.setting.isRestoration else {
            if result.outcome.state == .inSync { entries[key] = nil }
            return
        }
        entries[key]?.companionOf = nil
        entries[key]?.keepOnRemoval = result.setting.keepOnRemoval
        entries[key]?.source = result.setting.origin
        if [.inSync, .adjusted].contains(result.outcome.state) { entries[key]?.written = held.description }
    }

    /// Companions that changed are noted with what they hold now; those that did not are forgotten.
    fileprivate mutating func concludeCompanions(
        of correction: Correction, by domains: [any TuningDomain], on host: Host
    ) {
        let written = Set(correction.attempts.map(\.id))
        for principal in correction.settings.map(\.setting) where written.contains(principal.id) {
            guard let domain = domains.first(where: { $0.name == principal.id.domain }) else { continue }
            for attribute in domain.companions(of: principal, on: host) {
                let setting = principal.companion(attribute)
                guard let key = Key(setting), let entry = entries[key], entry.companionOf == principal.id.attribute,
                    case .value(let held, _) = domain.read(setting, on: host)
                else { continue }
                entries[key] = held.description == entry.original ? nil : entry
                entries[key]?.written = held.description
            }
        }
    }
}

extension Setting {
    /// Another attribute of the same target, as something to read.
    func companion(_ attribute: String) -> Setting {
        Setting(
            id: SettingID(domain: id.domain, object: id.object, attribute: attribute), target: target,
            requirement: .maximum, keepOnRemoval: keepOnRemoval, origin: origin)
    }
}
