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
        DeviceRules(
            domain: name, fields: Self.fields, roles: Claim.Role.ofDisks, keys: BlockAttribute.allCases.map(\.rawValue),
            example: ("match: {name: \"sd*\"}", "scheduler: mq-deadline"), review: checkNames,
            attributes: { entry, _ in
                BlockAttribute(rawValue: entry.name).map { [.init(name: entry.name, attribute: $0, entry: entry)] }
            },
            decode: { $0.decode($1, key: $2, problems: &$3) }
        ).rules(of: section, conditions: conditions, problems: &problems)
    }

    /// A path can never be a disk's name, and would wait for its disk in silence.
    private func checkNames(_ match: Node, _ problems: inout Problems) {
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
                selection.leaveOut(disk.name, for: claims)
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
