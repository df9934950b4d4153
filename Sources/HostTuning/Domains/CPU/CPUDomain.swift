package import HostConfiguration
package import HostModel

/// What sets the clock of the CPUs: /sys/devices/system/cpu/cpufreq. (Documentation/admin-guide/pm/cpufreq.rst)
///
/// Nothing reads a governor at early boot but the kernel's own command line, so nothing is persisted: the daemon writes
/// it in its first pass.
package struct CPUDomain: TuningDomain {
    package let name = "cpu"
    package let needs: Set<Inventory.Part> = [.frequencyPolicies]

    private static let fields: [String: Match.Field] = ["name": .glob, "driver": .glob]

    package init() {}

    /// One rule for all policies, or a list of rules.
    package func rules(of section: Section, conditions: [Condition], problems: inout Problems) -> [Rule] {
        var nodes = [section.node]
        if case .sequence(let items) = section.node.content {
            nodes = items
            if items.isEmpty {
                problems.error(
                    "an empty list, expected for example {governor: performance}", at: section.node.origin, key: name)
            }
        }
        return nodes.flatMap { rules(of: $0, conditions: conditions, problems: &problems) }
    }

    private func rules(of node: Node, conditions: [Condition], problems: inout Problems) -> [Rule] {
        let expected = "attributes such as {governor: performance}, or a list of rules"
        guard let entries = node.entries(name, &problems, expected: expected) else { return [] }
        var options = RuleOptions(conditions: conditions)
        var match: Match?
        var isMatchGood = true
        var attributes: [(attribute: CPUAttribute, entry: Node.Entry)] = []
        for entry in entries where !options.take(entry, key: name, problems: &problems) {
            if entry.name == "match" {
                match = Match.decode(entry.value, key: "cpu.match", fields: Self.fields, problems: &problems)
                isMatchGood = match != nil
            } else if let attribute = CPUAttribute(rawValue: entry.name) {
                attributes.append((attribute, entry))
            } else {
                let expected = CPUAttribute.allCases.map(\.rawValue) + ["match"] + RuleOptions.keys
                problems.unknownKey(entry, key: "cpu.\(entry.name)", expected: expected)
            }
        }
        if attributes.isEmpty, entries.allSatisfy({ (["match"] + RuleOptions.keys).contains($0.name) }) {
            problems.error("no attribute, expected for example governor: performance", at: node.origin, key: name)
        }
        return attributes.compactMap { attribute, entry in
            let key = "cpu.\(attribute.rawValue)"
            let wish = Wish.decode(
                entry.value, key: key, options: options, problems: &problems,
                value: { attribute.decode($0, key: key, problems: &$1) }, members: nil)
            guard let wish, isMatchGood else { return nil }
            return Rule(
                domain: name, attribute: attribute.rawValue, match: match, demand: wish.demand, options: wish.options,
                origin: entry.origin)
        }
    }

    package func targets(in inventory: Inventory) -> [Target] { inventory.frequencyPolicies.map(\.target) }

    package func select(_ rule: Rule, in inventory: Inventory) -> Selection {
        guard inventory.frequencyPolicies.isEmpty else {
            let taken = inventory.frequencyPolicies.filter { rule.match?.accepts($0.fact) ?? true }
            return Selection(targets: taken.map(\.target))
        }
        let name = rule.match?.description ?? "policy*"
        // Of one that did not answer the error tells; it is not absent.
        guard !inventory.problems.contains(where: { $0.subject.hasPrefix(cpufreqFolder) }) else {
            return Selection(targets: [], name: name)
        }
        let reason =
            inventory.isGuest == true
            ? "a virtual machine: its host decides"
            : "no cpufreq driver: the firmware's choice, or no driver for this processor"
        return Selection(targets: [], name: name, absence: reason)
    }

    package func disruption(of attribute: String) -> Disruption { .none }

    /// A CPU that comes back brings its policy. A module may be a driver, or a governor that was missing.
    package func isStale(_ assessed: Assessed, after event: HostEvent) -> Bool {
        switch event {
        case .cpu: true
        case .module: assessed.outcome.held == nil
        default: false
        }
    }

    package func value(_ text: String, of attribute: String) -> SettingValue { .word(text.trimmed) }

    package func read(_ setting: Setting, on host: Host) -> Reading {
        guard let target = setting.target, let attribute = CPUAttribute(rawValue: setting.id.attribute) else {
            return .awaited(.device, setting.awaiting ?? "")
        }
        return ScalingPolicy(target: target, host: host).read(attribute, for: setting.requirement)
    }

    package func checkIsSame(_ target: Target, on host: Host) throws(KernelError) {
        try ScalingPolicy(target: target, host: host).checkIsSame()
    }

    /// Some drivers change the preference along with the governor.
    package func companions(of setting: Setting, on host: Host) throws(KernelError) -> [String] {
        guard setting.id.attribute == CPUAttribute.governor.rawValue, let target = setting.target,
            try ScalingPolicy(target: target, host: host).driver().hasOwnGovernors
        else { return [] }
        return [CPUAttribute.preference.rawValue]
    }

    /// The governor first: it decides which preferences can be written.
    package func apply(_ settings: [Setting], to target: Target, on host: Host) -> [Attempt] {
        let policy = ScalingPolicy(target: target, host: host)
        return CPUAttribute.allCases.flatMap { attribute in
            settings.filter { $0.id.attribute == attribute.rawValue }.compactMap { setting in
                attempt(
                    setting, file: policy.file(attribute), reading: policy.read(attribute, for: setting.requirement),
                    on: host
                ) { () throws(KernelError) in try policy.checkIsSame() }
            }
        }
    }
}

extension FrequencyPolicy {
    /// What a match may ask of it.
    fileprivate func fact(_ field: String) -> String? {
        switch field {
        case "name": name
        case "driver": driver
        default: nil
        }
    }
}
