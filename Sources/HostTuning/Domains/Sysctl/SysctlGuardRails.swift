import HostConfiguration
import HostModel

/// Values that would hurt this host.
enum SysctlGuardRails {
    /// AIS's own ports: proxy and target, their public and intra-cluster networks, and the operator's.
    static let aisPorts = IntegerRanges([51080...51083, 52001...52001])

    static func review(
        _ settings: [Setting], forced: Set<SettingID>, on inventory: Inventory, problems: inout Problems
    ) {
        let byName = Dictionary(settings.map { ($0.id.attribute, $0) }, uniquingKeysWith: { _, last in last })
        func refuse(_ setting: Setting, _ text: String) {
            let text =
                forced.contains(setting.id) ? "\(text); forced" : "\(text), expected less (force: true overrules this)"
            if forced.contains(setting.id) {
                problems.warn(text, at: setting.origin, key: "sysctl.\(setting.id.attribute)")
            } else {
                problems.error(text, at: setting.origin, key: "sysctl.\(setting.id.attribute)")
            }
        }
        if let setting = byName["vm.min_free_kbytes"], case .exactly(.integer(let wanted)) = setting.requirement {
            let total = inventory.memory / 1024
            if wanted > total / 20 {
                refuse(
                    setting,
                    "\(wanted) KiB is more than 5 % of this host's memory (\(total) KiB, of which 5 % are \(total / 20))"
                )
            }
        }
        if let setting = byName["net.ipv4.tcp_mem"], case .exactly(.integers(let wanted)) = setting.requirement {
            let pages = inventory.memory / Int128(inventory.pageSize)
            if let most = wanted.max(), most > pages {
                refuse(
                    setting,
                    "\(most) pages are more than this host's memory (\(pages) pages of \(inventory.pageSize) bytes)")
            }
        }
        for (name, setting) in byName.sorted(by: { $0.key < $1.key }) {
            guard let rival = SysctlFacts.counterpart(of: name), name < rival, let other = byName[rival],
                !setting.isRestoration, !other.isRestoration, !setting.asksForZero, !other.asksForZero
            else { continue }
            problems.error(
                "writing it sets \(rival) to 0, which \(other.origin) asks for, expected one of the two",
                at: setting.origin, key: "sysctl.\(name)")
        }
        warnOfEphemeralPorts(byName, problems: &problems)
    }

    /// A connection that happens to take 51081 as its own port keeps AIS from starting.
    private static func warnOfEphemeralPorts(_ settings: [String: Setting], problems: inout Problems) {
        guard let range = settings["net.ipv4.ip_local_port_range"],
            case .exactly(.integers(let ends)) = range.requirement, ends.count == 2
        else { return }
        var reserved = IntegerRanges()
        switch settings["net.ipv4.ip_local_reserved_ports"]?.requirement {
        case .exactly(.ranges(let ports)), .including(.ranges(let ports)): reserved = ports
        default: break
        }
        let open = aisPorts.ranges.filter { ports in
            ports.contains { Int128($0) >= ends[0] && Int128($0) <= ends[1] && !reserved.contains($0) }
        }
        guard !open.isEmpty else { return }
        problems.warn(
            "\(ends[0]) to \(ends[1]) has ports of AIS's (\(IntegerRanges(open))) in it, which any connection may then take;"
                + " add `net.ipv4.ip_local_reserved_ports: {include: [\(aisPorts.ranges.map { IntegerRanges([$0]).description }.joined(separator: ", "))]}`",
            at: range.origin, key: "sysctl.\(range.id.attribute)")
    }
}

extension Setting {
    fileprivate var asksForZero: Bool { requirement == .exactly(.integer(0)) }
}
