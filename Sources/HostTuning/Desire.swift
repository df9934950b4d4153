package import HostConfiguration
package import HostModel

/// A configuration decoded by the domains: what `desire` starts from.
package struct Rules: Sendable {
    package var rules: [Rule]
    package var configuration: Configuration

    /// Decodes every section of every file, all problems at once.
    package init(
        of configuration: Configuration, by domains: [any TuningDomain] = allDomains, problems: inout Problems
    ) {
        self.configuration = configuration
        rules = []
        for layer in configuration.layers {
            for section in layer.sections {
                guard let domain = domains.first(where: { $0.name == section.domain }) else { continue }
                rules += domain.rules(of: section, conditions: layer.conditions, problems: &problems)
            }
        }
    }

    /// Text that is the same wherever the same is asked: names of files, comments and the order of unrelated keys do
    /// not count.
    package var canonicalText: String {
        var texts: [String: [String]] = [:]
        for rule in rules {
            let key = "\(rule.domain)/\(rule.attribute)"
            if rule.overrulesAll { texts[key] = nil }
            if !rule.overrulesAll || rule.demand != .unset { texts[key, default: []].append(rule.canonicalText) }
        }
        return texts.sorted { $0.key < $1.key }.flatMap(\.value).joined(separator: "\n")
    }
}

extension Rule {
    /// Whether nothing that earlier files asked of the same attribute counts on any host.
    fileprivate var overrulesAll: Bool {
        if case .requirement(.including) = demand { return false }
        return match == nil && options.conditions.isEmpty
    }
}

/// What this host should hold, and what may be done about it.
package struct Desire: Sendable {
    /// Sorted by id.
    package var settings: [Setting]
    package var policy: Policy
    /// Targets that carry nothing yet: they may be dropped for a moment though the policy does not say so.
    package var idle: Set<Target> = []

    /// What a change of this setting may disturb.
    package func allowed(for setting: Setting) -> Set<Disruption> {
        guard let target = setting.target, idle.contains(target) else { return policy.allow }
        return policy.allow.union([.linkFlap])
    }
}

/// Works out the settings of this host. Pure: the same configuration, inventory and ledger give the same settings.
///
/// Later rules win per setting and the losers are kept with it; what the ledger says we wrote and nobody asks for any
/// more goes back to its original. A guard-rail that refuses is an error in `problems`: nothing may be written then.
package func desire(
    _ rules: Rules, on inventory: Inventory, ledger: Ledger, overrulingMode: Mode? = nil,
    domains: [any TuningDomain] = allDomains, problems: inout Problems
) -> Desire {
    var policy = rules.configuration.effectivePolicy(on: inventory)
    if let overrulingMode { policy.mode = overrulingMode }
    var merged: [SettingID: Setting] = [:]
    var forced: Set<SettingID> = []
    let byName = Dictionary(uniqueKeysWithValues: domains.map { ($0.name, $0) })
    for rule in rules.rules where rule.options.conditions.allSatisfy({ $0.holds(on: inventory) }) {
        guard let domain = byName[rule.domain] else { continue }
        for setting in settings(of: rule, in: domain, on: inventory, policy: policy) {
            merge(setting, of: rule, into: &merged)
            if rule.options.force { forced.insert(setting.id) } else { forced.remove(setting.id) }
        }
    }
    for domain in domains {
        for setting in restorations(by: domain, ledger: ledger, asked: merged, on: inventory, policy: policy) {
            merged[setting.id] = setting
        }
    }
    // Ids are moved about in no time, settings are large.
    var all = merged.keys.sorted().compactMap { merged[$0] }
    for domain in domains {
        let own = all.filter { $0.id.domain == domain.name }
        domain.review(own, forced: forced, on: inventory, problems: &problems)
    }
    for index in all.indices where inventory.observeOnly != nil { all[index].mode = .observe }
    return Desire(settings: all, policy: policy)
}

/// One setting for each target that the rule takes; one that waits for a device where it takes none.
private func settings(
    of rule: Rule, in domain: any TuningDomain, on inventory: Inventory, policy: Policy
) -> [Setting] {
    let selection = domain.select(rule, in: inventory)
    let targets: [Target?] = selection.targets.isEmpty ? [nil] : selection.targets
    let awaiting = selection.targets.isEmpty ? waitingText(leftOut: selection.leftOut) : nil
    return targets.map { target in
        Setting(
            id: SettingID(
                domain: rule.domain,
                object: target.map(\.name) ?? selection.name ?? rule.match?.description,
                attribute: rule.attribute),
            target: target,
            requirement: rule.demand.requirement(on: inventory) ?? .maximum,
            mode: rule.options.mode ?? policy.domainModes[rule.domain] ?? policy.mode,
            disruption: domain.disruption(of: rule.attribute, on: target, in: inventory),
            required: rule.options.required,
            keepOnRemoval: rule.options.keepOnRemoval,
            origin: rule.origin,
            awaiting: awaiting,
            absence: target == nil ? selection.absence : nil,
            note: domain.note(on: rule.attribute, in: inventory))
    }
}

private func waitingText(leftOut: [String]) -> String {
    leftOut.isEmpty ? "nothing here matches" : "not taken: \(leftOut.joined(separator: "; "))"
}

private func merge(_ new: Setting, of rule: Rule, into merged: inout [SettingID: Setting]) {
    let loser = merged[new.id]
    // A rule that takes no device says nothing of one that another rule takes under the same name.
    guard new.target != nil || loser?.target == nil else { return }
    guard rule.demand != .unset else {
        merged[new.id] = nil
        return
    }
    var winner = new
    if let loser {
        let lost = Overridden(requirement: loser.requirement.description, origin: loser.origin)
        winner.overridden = loser.overridden + [lost]
        winner.requirement = union(loser.requirement, new.requirement)
    }
    merged[new.id] = winner
}

/// A later `include` adds to what an earlier file asked of the same set: a site's ports must not drop AIS's.
private func union(_ earlier: Requirement, _ later: Requirement) -> Requirement {
    guard case .including(let more) = later else { return later }
    switch earlier {
    case .exactly(let set): return .exactly(set.union(more) ?? more)
    case .including(let set): return .including(set.union(more) ?? more)
    case .firstOffered, .maximum, .original: return later
    }
}

/// Settings that put back what we once wrote and no file asks for now.
private func restorations(
    by domain: any TuningDomain, ledger: Ledger, asked: [SettingID: Setting], on inventory: Inventory, policy: Policy
) -> [Setting] {
    let entries = ledger.entries.values.filter { $0.key.domain == domain.name }
    guard !entries.isEmpty else { return [] }
    let targets = Dictionary(
        domain.targets(in: inventory).map { ($0.identity, $0) }, uniquingKeysWith: { first, _ in first })
    return entries.compactMap { entry in
        guard !entry.keepOnRemoval,
            let target = targets[entry.key.identity] ?? domain.target(of: entry.key.identity)
        else { return nil }
        func id(_ attribute: String) -> SettingID {
            SettingID(domain: domain.name, object: target.name, attribute: attribute)
        }
        let standing = [entry.key.attribute, entry.companionOf, domain.rival(of: entry.key.attribute)]
        guard !standing.contains(where: { $0.map { asked[id($0)] != nil } ?? false }) else { return nil }
        return Setting(
            id: id(entry.key.attribute), target: target,
            requirement: .original(
                domain.value(entry.original, of: entry.key.attribute),
                ours: entry.ours.map { $0.map { domain.value($0, of: entry.key.attribute) } }),
            mode: policy.domainModes[domain.name] ?? policy.mode,
            disruption: domain.disruption(of: entry.key.attribute, on: target, in: inventory),
            origin: entry.source,
            note: "no longer asked: goes back to what was found before the first write")
    }
}
