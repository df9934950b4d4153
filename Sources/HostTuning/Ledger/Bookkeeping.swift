import HostModel

/// What a pass notes before it writes, and what it makes of that afterwards.
extension Ledger {
    /// Notes what a setting holds that is about to be written, and what the kernel will change along with it, unless it
    /// was noted before. Where that can't be found out nothing is noted, and it must not be written.
    ///
    /// `known` are all settings of the pass. What is in the ledger and not among them (its line was dropped, and
    /// somebody changed it) becomes a companion of what changes it now.
    mutating func record(
        _ assessed: Assessed, among known: Set<Key>, by domain: any TuningDomain, on host: Host, kernel: String
    ) throws(KernelError) {
        let principal = assessed.setting
        guard let key = Key(principal), let held = assessed.configured ?? assessed.outcome.held else { return }
        func entry(_ key: Key, original: SettingValue, companionOf: String? = nil) -> Entry {
            Entry(
                key: key, name: principal.target?.name, original: original.description, companionOf: companionOf,
                keepOnRemoval: principal.keepOnRemoval, source: principal.origin, kernel: kernel, time: host.now())
        }
        var own = entries[key] ?? entry(key, original: held)
        // Putting the original back is no write of ours to remember: until it is done, the last one still counts.
        if !principal.isRestoration {
            own.companionOf = nil
            if ![own.original, own.written].contains(assessed.desired) { own.intended = assessed.desired }
        }
        var noted = [key: own]
        let goesBack = assessed.desired == own.original
        for (key, held) in try companions(of: principal, by: domain, on: host, unless: goesBack) {
            if var old = entries[key] {
                guard !known.contains(key) else { continue }
                (old.companionOf, old.written) = (principal.id.attribute, nil)
                noted[key] = old
            } else if let held {
                noted[key] = entry(key, original: held, companionOf: principal.id.attribute)
            }
        }
        entries.merge(noted) { $1 }
    }

    /// What the kernel changes along with a setting, and what it holds there now, unless that is known; nothing where
    /// the setting `goesBack` to its original. Throws where the target is another device by now.
    private func companions(
        of principal: Setting, by domain: any TuningDomain, on host: Host, unless goesBack: Bool
    ) throws(KernelError) -> [(Key, SettingValue?)] {
        guard let target = principal.target else { return [] }
        let entries = entries
        return try host.perform(on: target) { host throws(KernelError) in
            var found: [(Key, SettingValue?)] = []
            for attribute in goesBack ? [] : try domain.companions(of: principal, on: host) {
                let setting = principal.companion(attribute)
                guard let key = Key(setting) else { continue }
                if entries[key] != nil {
                    found.append((key, nil))
                    continue
                }
                let reading = domain.read(setting, on: host)
                if case .unreadable(let error) = reading { throw error }
                if let held = reading.writable?.held { found.append((key, held)) }
            }
            try domain.checkIsSame(target, on: host)
            return found
        }
    }

    /// Remembers what the kernel makes of a wish, so that it is not asked again and again.
    mutating func settle(_ attempt: Attempt, _ result: Assessed, kernel: String) {
        guard let key = Key(result.setting) else { return }
        entries[key]?.settle(attempt, result, kernel: kernel)
    }

    /// Brings the entries up to what their settings have become: what was put back is forgotten, unless something that
    /// is still in the ledger changes it along.
    mutating func conclude(
        _ correction: Correction, isSelected: (SettingID) -> Bool, by domains: [any TuningDomain], on host: Host
    ) {
        let selected = correction.settings.filter { isSelected($0.setting.id) }
        let before = Dictionary(correction.attempts.map { ($0.id, $0.before) }) { first, _ in first }
        let restored = selected.filter { $0.setting.isRestoration && $0.isSettled }.map(\.setting)
        let principals = concludeCompanions(of: correction, restored: restored, by: domains, on: host)
        for result in selected {
            guard let key = Key(result.setting), entries[key] != nil else { continue }
            if !result.setting.isRestoration {
                entries[key]?.companionOf = nil
                entries[key]?.keepOnRemoval = result.setting.keepOnRemoval
                entries[key]?.source = result.setting.origin
            } else if result.isSettled {
                guard let principal = principals[key] else {
                    entries[key] = nil
                    continue
                }
                entries[key]?.companionOf = principal
            }
            guard let held = result.outcome.held else { continue }
            // A wish that was refused leaves what we wrote before; one that went astray is still our doing.
            if result.isSettled || (before[result.setting.id] ?? held) != held {
                entries[key]?.written = held.description
            }
            if result.isSettled { entries[key]?.intended = nil }
        }
        // What is not there any more after what it belonged to went back.
        for result in selected where result.setting.isRestoration && result.outcome.state == .unsupported {
            guard let key = Key(result.setting), var principal = Key(result.setting),
                let attribute = entries[key]?.companionOf
            else { continue }
            principal.attribute = attribute
            if entries[principal] == nil { entries[key] = nil }
        }
    }

    /// What the companions hold that are in the ledger, nil where that can't be read.
    private func held(
        byCompanionsOf principal: Setting, _ domain: any TuningDomain, on host: Host
    ) throws(KernelError) -> [(Key, SettingValue?)] {
        guard let target = principal.target else { return [] }
        let entries = entries
        return try host.perform(on: target) { host throws(KernelError) in
            try domain.companions(of: principal, on: host).compactMap { attribute in
                let setting = principal.companion(attribute)
                guard let key = Key(setting), entries[key] != nil else { return nil }
                return (key, domain.read(setting, on: host).writable?.held)
            }
        }
    }

    /// Notes what companions hold after a write that changed them, and answers what is a companion of what.
    private mutating func concludeCompanions(
        of correction: Correction, restored: [Setting], by domains: [any TuningDomain], on host: Host
    ) -> [Key: String] {
        let attempted = Set(correction.attempts.map(\.id))
        let isRestored = Set(restored.map(\.id))
        let settings = correction.settings.map(\.setting)
        let touched = Set(settings.filter { attempted.contains($0.id) || isRestored.contains($0.id) }.map(Part.init))
        let byName = Dictionary(uniqueKeysWithValues: domains.map { ($0.name, $0) })
        var principals: [Key: String] = [:]
        for principal in settings where touched.contains(Part(principal)) && !isRestored.contains(principal.id) {
            guard self[principal] != nil, let domain = byName[principal.id.domain] else { continue }
            for (key, held) in (try? held(byCompanionsOf: principal, domain, on: host)) ?? [] {
                guard let entry = entries[key] else { continue }
                principals[key] = principal.id.attribute
                guard entry.companionOf == principal.id.attribute, attempted.contains(principal.id), let held else {
                    continue
                }
                entries[key]?.written = held.description
            }
        }
        return principals
    }
}

extension Ledger.Entry {
    mutating func settle(_ attempt: Attempt, _ result: Assessed, kernel: String) {
        guard case .adjusted(let held, _) = result.outcome, held != attempt.wanted else { return }
        settled = Ledger.Settled(asked: attempt.wanted.description, held: held.description, kernel: kernel)
    }
}

extension Assessed {
    fileprivate var isSettled: Bool { [.inSync, .adjusted].contains(outcome.state) }
}

extension Setting {
    /// Another attribute of the same target, as something to read.
    func companion(_ attribute: String) -> Setting {
        Setting(
            id: SettingID(domain: id.domain, object: id.object, attribute: attribute), target: target,
            requirement: .maximum, keepOnRemoval: keepOnRemoval, origin: origin)
    }
}
