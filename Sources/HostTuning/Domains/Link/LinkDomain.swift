package import HostConfiguration
package import HostModel

/// Network links: MTU by rtnetlink(7), rings and channels by ethtool's netlink, or its ioctl on older kernels.
/// (Documentation/networking/ethtool-netlink.rst)
package struct LinkDomain: TuningDomain {
    package let name = "link"
    package let needs: Set<Inventory.Part> = [.links]

    private static let fields: [String: Match.Field] = ["name": .glob, "driver": .glob, "mac": .address, "path": .glob]

    package init() {}

    package func rules(of section: Section, conditions: [Condition], problems: inout Problems) -> [Rule] {
        DeviceRules(
            domain: name, fields: Self.fields, roles: Claim.Role.ofLinks, keys: ["mtu", "rings", "channels"],
            example: ("match: {driver: mlx5_core}", "mtu: 9000"), attributes: attributes,
            decode: { $0.decode($1, key: $2, problems: &$3) }
        ).rules(of: section, conditions: conditions, problems: &problems)
    }

    private func attributes(_ entry: Node.Entry, _ problems: inout Problems) -> [DeviceRules<LinkAttribute>.Asked]? {
        switch entry.name {
        case "mtu": [.init(name: LinkAttribute.mtu.name, attribute: .mtu, entry: entry)]
        case "rings": parameters(entry, of: RingParameter.allCases, problems: &problems) { .ring($0) }
        case "channels": parameters(entry, of: ChannelParameter.allCases, problems: &problems) { .channel($0) }
        default: nil
        }
    }

    /// `rings: {rx: 8192}`: an attribute for each of its keys.
    private func parameters<Parameter: RawRepresentable<String>>(
        _ entry: Node.Entry, of parameters: [Parameter], problems: inout Problems,
        _ attribute: (Parameter) -> LinkAttribute
    ) -> [DeviceRules<LinkAttribute>.Asked] {
        let key = "link.\(entry.name)"
        let words = parameters.map(\.rawValue)
        guard let entries = entry.value.entries(key, &problems, expected: "a mapping such as {\(words[0]): 8192}")
        else { return [] }
        return entries.compactMap { entry in
            guard let parameter = Parameter(rawValue: entry.name) else {
                problems.unknownKey(entry, key: "\(key).\(entry.name)", expected: words)
                return nil
            }
            let attribute = attribute(parameter)
            return .init(name: attribute.name, attribute: attribute, entry: entry)
        }
    }

    package func targets(in inventory: Inventory) -> [Target] { inventory.links.map(\.target) }

    package func select(_ rule: Rule, in inventory: Inventory) -> Selection {
        guard let match = rule.match else { return Selection(targets: []) }
        var selection = Selection(targets: [])
        var virtual = 0
        for entry in inventory.links where match.accepts(entry.link.facts) {
            // The kernel sets the name of a link that has others: any of them names it.
            let isNamed = entry.link.facts("name").contains { match.names(exactly: $0) }
            let claims = entry.claims.filter { claim in
                // A bond's ports take the bond's MTU, and have rings of their own.
                if claim.role == .member, rule.attribute != LinkAttribute.mtu.name { return false }
                return !rule.include.contains(claim.role) && !(isNamed && claim.role.isTakenByName)
            }
            if claims.isEmpty {
                selection.targets.append(entry.target)
            } else if claims.contains(where: { $0.role == .virtual }) {
                // What containers bring by the hundred is one word.
                virtual += 1
            } else {
                selection.leaveOut(entry.link.name, for: claims)
            }
        }
        if virtual > 0 {
            let links = virtual == 1 ? "1 virtual link" : "\(virtual) virtual links"
            selection.leftOut.append("\(links), without `include: [virtual]`")
        }
        return selection
    }

    package func disruption(of attribute: String) -> Disruption { .linkFlap }

    /// A link that is down has nothing to drop. Software has no wire, but a bond hands its MTU to ports that have; what
    /// software made has a kind, unlike hardware that sysfs does not show here. virtio_net changes all of these without a
    /// word to the other side (drivers/net/virtio_net.c).
    package func disruption(of attribute: String, on target: Target?, in inventory: Inventory) -> Disruption {
        guard let link = target?.linkIndex.flatMap(inventory.link) else { return .linkFlap }
        let isSoftware = link.devicePath == nil && (link.kind != nil || link.isLoopback)
        let hasWire = !isSoftware || link.isBond
        return link.isUp && hasWire && link.driver != "virtio_net" ? .linkFlap : .none
    }

    package func value(_ text: String, of attribute: String) -> SettingValue {
        KernelText.integer(text.trimmed).map { .integer($0) } ?? .word(text.trimmed)
    }

    /// A power of two beside a ring's size: mlx5 makes the next one of it (2048 of 1025, `order_base_2` in
    /// mellanox/mlx5/core/en_ethtool.c), ENA the one before (512 of 1000, `rounddown_pow_of_two` in
    /// amazon/ena/ena_ethtool.c). Both leave alone what has that size already, so that it need not have moved.
    package func mayRound(_ wanted: SettingValue, to held: SettingValue, of attribute: String) -> Bool {
        guard attribute.hasPrefix("rings."), case .integer(let wanted) = wanted, case .integer(let held) = held else {
            return false
        }
        return held > 0 && held & (held - 1) == 0 && held / 2 < wanted && wanted < held * 2
    }

    package func isStale(_ assessed: Assessed, after event: HostEvent) -> Bool { event == .links }
}

extension Link {
    /// What a match may ask of it.
    fileprivate func facts(_ field: String) -> [String] {
        switch field {
        case "name": [name] + alternativeNames
        case "driver": [driver ?? kind].compactMap(\.self)
        case "mac": [permanentAddress ?? address].compactMap(\.self)
        case "path": [pciAddress].compactMap(\.self)
        default: []
        }
    }
}
