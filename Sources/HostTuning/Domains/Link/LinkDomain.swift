package import HostConfiguration
package import HostModel

/// Network links: MTU by rtnetlink(7), rings and channels by ethtool's netlink, or its ioctl on older kernels.
/// (Documentation/networking/ethtool-netlink.rst)
package struct LinkDomain: TuningDomain {
    package let name = "link"
    package let needs: Set<Inventory.Part> = [.links]

    private static let fields: [String: Match.Field] = ["name": .glob, "driver": .glob, "mac": .glob, "path": .glob]

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
        var attributes: [(attribute: LinkAttribute, entry: Node.Entry)] = []
        for entry in entries where !options.take(entry, key: name, problems: &problems) {
            switch entry.name {
            case "match": match = Match.decode(entry.value, key: "link.match", fields: Self.fields, problems: &problems)
            case "include": include = roles(entry.value, problems: &problems)
            case "mtu": attributes.append((.mtu, entry))
            case "rings":
                attributes += parameters(entry, of: RingParameter.allCases, problems: &problems) { .ring($0) }
            case "channels":
                attributes += parameters(entry, of: ChannelParameter.allCases, problems: &problems) { .channel($0) }
            default:
                let expected = ["mtu", "rings", "channels", "match", "include"] + RuleOptions.keys
                problems.unknownKey(entry, key: "link.\(entry.name)", expected: expected)
            }
        }
        if !entries.contains(where: { $0.name == "match" }) {
            problems.error("no match, expected for example match: {driver: mlx5_core}", at: node.origin, key: name)
        }
        if attributes.isEmpty, entries.allSatisfy({ (["match", "include"] + RuleOptions.keys).contains($0.name) }) {
            problems.error("no attribute, expected for example mtu: 9000", at: node.origin, key: name)
        }
        return attributes.compactMap { attribute, entry in
            let key = "link.\(attribute.name)"
            let wish = Wish.decode(
                entry.value, key: key, options: options, problems: &problems,
                value: { attribute.decode($0, key: key, problems: &$1) }, members: nil)
            guard let wish, let match else { return nil }
            return Rule(
                domain: name, attribute: attribute.name, match: match, include: include, demand: wish.demand,
                options: wish.options, origin: entry.origin)
        }
    }

    /// `rings: {rx: 8192}`: an attribute for each of its keys.
    private func parameters<Parameter: RawRepresentable<String>>(
        _ entry: Node.Entry, of parameters: [Parameter], problems: inout Problems,
        _ attribute: (Parameter) -> LinkAttribute
    ) -> [(LinkAttribute, Node.Entry)] {
        let key = "link.\(entry.name)"
        let words = parameters.map(\.rawValue)
        guard let entries = entry.value.entries(key, &problems, expected: "a mapping such as {\(words[0]): 8192}")
        else { return [] }
        return entries.compactMap { entry in
            guard let parameter = Parameter(rawValue: entry.name) else {
                problems.unknownKey(entry, key: "\(key).\(entry.name)", expected: words)
                return nil
            }
            return (attribute(parameter), entry)
        }
    }

    private func roles(_ node: Node, problems: inout Problems) -> Set<Claim.Role> {
        let items = node.items("link.include", &problems, expected: "a list such as [virtual, member]") ?? []
        let words = Claim.Role.ofLinks.map(\.rawValue)
        return Set(items.compactMap { $0.word("link.include", among: words, &problems).flatMap(Claim.Role.init) })
    }

    package func targets(in inventory: Inventory) -> [Target] { inventory.links.map(\.target) }

    package func select(_ rule: Rule, in inventory: Inventory) -> Selection {
        guard let match = rule.match else { return Selection(targets: []) }
        var selection = Selection(targets: [])
        for entry in inventory.links where match.accepts(entry.link.fact) {
            // The kernel sets the name of a link that has others: any of them names it.
            let isNamed = ([entry.link.name] + entry.link.alternativeNames).contains { match.names(exactly: $0) }
            let claims = entry.claims.filter { claim in
                // A bond's ports take the bond's MTU, and have rings of their own.
                if claim.role == .member, rule.attribute != LinkAttribute.mtu.name { return false }
                return !rule.include.contains(claim.role) && !(isNamed && claim.role.isTakenByName)
            }
            if claims.isEmpty {
                selection.targets.append(entry.target)
            } else if !claims.contains(where: { $0.role == .virtual }) {
                // What containers bring by the hundred is not worth a word.
                let reasons = claims.map(\.reason).joined(separator: " and ")
                let roles = Claim.Role.allCases.filter { role in claims.contains { $0.role == role } }.map(\.rawValue)
                selection.leftOut.append(
                    "\(entry.link.name) \(reasons), which takes `include: [\(roles.joined(separator: ", "))]`")
            }
        }
        return selection
    }

    package func disruption(of attribute: String) -> Disruption { .linkFlap }

    /// A link that is down has nothing to drop. Software has no wire, but a bond hands its MTU to ports that have;
    /// virtio_net changes all of these without a word to the other side (drivers/net/virtio_net.c).
    package func disruption(of attribute: String, on target: Target?, in inventory: Inventory) -> Disruption {
        guard let link = inventory.links.first(where: { $0.target == target })?.link else { return .linkFlap }
        let hasWire = link.devicePath != nil || link.kind == "bond" || link.kind == "team"
        return link.isUp && hasWire && link.driver != "virtio_net" ? .linkFlap : .none
    }

    package func value(_ text: String, of attribute: String) -> SettingValue {
        KernelText.integer(text.trimmed).map { .integer($0) } ?? .word(text.trimmed)
    }

    /// mlx5 makes the next power of two of a ring's size: 2048 of 1025, and leaves alone what has that size already.
    /// `order_base_2` in drivers/net/ethernet/mellanox/mlx5/core/en_ethtool.c
    package func mayRound(_ wanted: SettingValue, to held: SettingValue, of attribute: String) -> Bool {
        guard attribute.hasPrefix("rings."), case .integer(let wanted) = wanted, case .integer(let held) = held else {
            return false
        }
        return held > 0 && held & (held - 1) == 0 && held / 2 < wanted && wanted <= held
    }

    package func isStale(_ assessed: Assessed, after event: HostEvent) -> Bool { event == .links }
}

extension Link {
    /// What a match may ask of it.
    fileprivate func fact(_ field: String) -> String? {
        switch field {
        case "name": name
        case "driver": driver ?? kind
        case "mac": permanentAddress ?? address
        case "path": pciAddress
        default: nil
        }
    }
}
