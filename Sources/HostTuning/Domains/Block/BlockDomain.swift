package import HostConfiguration
package import HostModel

/// The request queues of whole disks: /sys/block/DEV/queue. (Documentation/block, Documentation/ABI/stable/sysfs-block)
package struct BlockDomain: TuningDomain {
    package let name = "block"
    package let needs: Set<Inventory.Part> = [.disks]

    private static let fields: [String: Match.Field] = [
        "name": .glob, "driver": .glob, "model": .glob, "serial": .glob, "transport": .glob, "path": .glob,
        "rotational": .flag,
    ]

    package init() {}

    package func rules(of section: Section, conditions: [Condition], problems: inout Problems) -> [Rule] {
        let items =
            section.node.items(name, &problems, expected: "a list of rules, each with match and attributes") ?? []
        return items.flatMap { rules(of: $0, conditions: conditions, problems: &problems) }
    }

    private func rules(of node: Node, conditions: [Condition], problems: inout Problems) -> [Rule] {
        guard let entries = node.entries(name, &problems, expected: "a rule with match and attributes") else {
            return []
        }
        var options = RuleOptions(conditions: conditions)
        var match: Match?
        var include: Set<Claim.Role> = []
        var attributes: [(attribute: BlockAttribute, entry: Node.Entry)] = []
        for entry in entries where !options.take(entry, key: name, problems: &problems) {
            if entry.name == "match" {
                match = Match.decode(entry.value, key: "block.match", fields: Self.fields, problems: &problems)
                checkNames(entry.value, problems: &problems)
            } else if entry.name == "include" {
                include = roles(entry.value, problems: &problems)
            } else if let attribute = BlockAttribute(rawValue: entry.name) {
                attributes.append((attribute, entry))
            } else {
                let expected = BlockAttribute.allCases.map(\.rawValue) + ["match", "include"] + RuleOptions.keys
                problems.unknownKey(entry, key: "block.\(entry.name)", expected: expected)
            }
        }
        if !entries.contains(where: { $0.name == "match" }) {
            problems.error("no match, expected for example match: {name: \"sd*\"}", at: node.origin, key: name)
        }
        if attributes.isEmpty, entries.allSatisfy({ (["match", "include"] + RuleOptions.keys).contains($0.name) }) {
            problems.error("no attribute, expected for example scheduler: mq-deadline", at: node.origin, key: name)
        }
        return attributes.compactMap { attribute, entry in
            let key = "block.\(attribute.rawValue)"
            let wish = Wish.decode(
                entry.value, key: key, options: options, problems: &problems,
                value: { attribute.decode($0, key: key, problems: &$1) }, members: nil)
            guard let wish, let match else { return nil }
            return Rule(
                domain: name, attribute: attribute.rawValue, match: match, include: include, demand: wish.demand,
                options: wish.options, origin: entry.origin)
        }
    }

    /// A path can never be a disk's name, and would wait for its disk in silence.
    private func checkNames(_ match: Node, problems: inout Problems) {
        guard case .mapping(let entries) = match.content, let name = entries.first(where: { $0.name == "name" }) else {
            return
        }
        var nodes = [name.value]
        if case .sequence(let items) = name.value.content { nodes = items }
        for node in nodes {
            guard case .scalar(let text, _) = node.content, text.contains("/") else { continue }
            problems.error(
                "\(quoted(text)) is a path, expected a name such as sda", at: node.origin, key: "block.match.name")
        }
    }

    private func roles(_ node: Node, problems: inout Problems) -> Set<Claim.Role> {
        let items = node.items("block.include", &problems, expected: "a list such as [virtual, member]") ?? []
        let words = Claim.Role.ofDisks.map(\.rawValue)
        return Set(items.compactMap { $0.word("block.include", among: words, &problems).flatMap(Claim.Role.init) })
    }

    package func targets(in inventory: Inventory) -> [Target] { inventory.disks.map(\.target) }

    package func select(_ rule: Rule, in inventory: Inventory) -> Selection {
        guard let match = rule.match else { return Selection(targets: []) }
        var selection = Selection(targets: [])
        for disk in inventory.disks where match.accepts(disk.fact) {
            let isNamed = match.names(exactly: disk.name)
            let claims = disk.claims.filter { !rule.include.contains($0.role) && !(isNamed && $0.role.isTakenByName) }
            if claims.isEmpty {
                selection.targets.append(disk.target)
            } else {
                let reasons = claims.map(\.reason).joined(separator: " and ")
                let roles = Claim.Role.allCases.filter { role in claims.contains { $0.role == role } }.map(\.rawValue)
                selection.leftOut.append(
                    "\(disk.name) \(reasons), which takes `include: [\(roles.joined(separator: ", "))]`")
            }
        }
        return selection
    }

    /// Since Linux 6.11 the kernel freezes the queue for a write to any of them; before, for some.
    package func disruption(of attribute: String) -> Disruption { .ioStall }

    package func isStale(_ assessed: Assessed, after event: HostEvent) -> Bool {
        if case .disk(let name) = event { assessed.setting.id.object == name } else { false }
    }

    package func value(_ text: String, of attribute: String) -> SettingValue {
        if attribute == BlockAttribute.scheduler.rawValue { return .word(KernelText.choice(text).current) }
        return KernelText.integer(text.trimmed).map { .integer($0) } ?? .word(text.trimmed)
    }

    package func read(_ setting: Setting, on host: Host) -> Reading {
        guard let target = setting.target else { return .awaited(.device, setting.awaiting ?? "") }
        return BlockQueue(target: target, host: host).read(setting)
    }

    package func checkIsSame(_ target: Target, on host: Host) throws(KernelError) {
        try BlockQueue(target: target, host: host).checkIsSameDevice()
    }

    /// A new scheduler resets the depth, and bfq the writeback throttling; its own parameters go with the old one.
    package func companions(of setting: Setting, on host: Host) throws(KernelError) -> [String] {
        guard setting.id.attribute == BlockAttribute.scheduler.rawValue, let target = setting.target else { return [] }
        let own = try present { () throws(KernelError) in try host.files.list("\(target.path)/queue/iosched") } ?? []
        return [BlockAttribute.nrRequests.rawValue, BlockAttribute.writebackLatency.rawValue]
            + own.map { "iosched/\($0)" }
    }

    package func apply(_ settings: [Setting], to target: Target, on host: Host) -> [Attempt] {
        let queue = BlockQueue(target: target, host: host)
        return settings.sorted { Self.order(of: $0) < Self.order(of: $1) }.compactMap { setting in
            attempt(setting, file: queue.file(setting.id.attribute), reading: queue.read(setting), on: host) {
                () throws(KernelError) in try queue.checkIsSameDevice()
            }
        }
    }

    private static func order(of setting: Setting) -> (Int, String) {
        (setting.id.attribute == BlockAttribute.scheduler.rawValue ? 0 : 1, setting.id.attribute)
    }
}

extension Disk {
    /// What a match may ask of it.
    fileprivate func fact(_ field: String) -> String? {
        switch field {
        case "name": name
        case "driver": driver
        case "model": model
        case "serial": serial
        case "transport": transport
        case "path": path
        case "rotational": String(rotational)
        default: nil
        }
    }
}
