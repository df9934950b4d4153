package import HostModel

/// Reading a link and writing to it: by its index, never by a name that may be another's by now.
extension LinkDomain {
    package func read(_ setting: Setting, on host: Host) -> Reading {
        guard let target = setting.target, let index = target.linkIndex,
            let attribute = LinkAttribute(setting.id.attribute)
        else { return .awaited(.device, setting.awaiting ?? "") }
        do throws(KernelError) {
            switch attribute {
            case .mtu: return try mtu(of: index, for: setting.requirement, on: host)
            case .ring(let parameter): return amount(try host.links.rings(of: index)[parameter], attribute, target)
            case .channel(let parameter):
                return amount(try host.links.channels(of: index)[parameter], attribute, target)
            }
        } catch {
            if error.errno == .noDevice { return .absent("\(target.name ?? "this link") is gone") }
            guard error.isAbsence else { return .unreadable(error) }
            return .absent("the driver of \(target.name ?? "this link") has no \(attribute.name)")
        }
    }

    private func amount(_ amount: LinkAmount?, _ attribute: LinkAttribute, _ target: Target) -> Reading {
        guard let amount else { return .absent("the driver of \(target.name ?? "this link") has no \(attribute.name)") }
        return .value(
            .integer(Int128(amount.current)), Bounds(upper: Int128(amount.maximum), source: "the driver's maximum"))
    }

    /// An MTU is not brought into bounds: the others on the wire would send what this link does not take. The kernel
    /// refuses it, and says why.
    private func mtu(of index: UInt32, for requirement: Requirement, on host: Host) throws(KernelError) -> Reading {
        guard let link = try host.links.link(index) else {
            throw KernelError("read", "link \(index)", errno: .noDevice)
        }
        let upper = requirement == .maximum ? link.maximumMTU.map { Int128($0) } : nil
        return .value(.integer(Int128(link.mtu)), Bounds(upper: upper))
    }

    package func checkIsSame(_ target: Target, on host: Host) throws(KernelError) {
        guard let index = target.linkIndex, try host.links.link(index) != nil else {
            throw KernelError("write", "link \(target.name ?? "")", errno: .noDevice, message: "it is gone")
        }
    }

    /// A parent first where an MTU grows, its children first where it shrinks: the kernel lets no vlan have a larger one
    /// than what it rides on. (net/8021q/vlan_dev.c)
    package func ordered(_ targets: [Target], for settings: [Setting], on host: Host) -> [Target] {
        guard targets.count > 1, let links = try? host.links.links() else { return targets }
        let byIndex = Dictionary(links.map { ($0.index, $0) }) { first, _ in first }
        func depth(_ index: UInt32) -> Int {
            var (depth, link) = (0, byIndex[index])
            while depth < 16, let here = link, here.kind != "veth", here.lowerNamespace == nil, let lower = here.lower {
                (depth, link) = (depth + 1, byIndex[lower])
            }
            return depth
        }
        func rank(_ target: Target) -> Int {
            guard let index = target.linkIndex, let link = byIndex[index] else { return 0 }
            let mtu = settings.first { $0.target == target && LinkAttribute($0.id.attribute) == .mtu }
            guard let mtu, case .exactly(.integer(let wanted)) = mtu.requirement, wanted < Int128(link.mtu) else {
                return depth(index)
            }
            return -depth(index)
        }
        return targets.map { (rank($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// The MTU first, on which a driver's rings may depend. All rings in one change, since each may drop the link; one
    /// that is refused does not keep the others from being set.
    package func apply(_ settings: [Setting], to target: Target, on host: Host) -> [Attempt] {
        guard let index = target.linkIndex else { return [] }
        let subject = "link \(target.name ?? "\(index)")"
        let changes = settings.sorted { $0.id < $1.id }.compactMap { setting in
            LinkAttribute(setting.id.attribute).flatMap { attribute in
                Attempt.Change(setting, read(setting, on: host)).map { (attribute, $0) }
            }
        }
        let end = ContinuousClock.now + Self.carrierPatience
        let links: [Link]
        do throws(KernelError) {
            links = try neighbours(of: index, on: host)
            try refuseLastPort(index, among: links)
        } catch {
            return changes.map { $0.1.attempt(subject, on: host) { () throws(KernelError) in throw error } }
        }
        var attempts: [Attempt] = []
        for (attribute, change) in changes where attribute == .mtu {
            attempts.append(
                change.attempt(subject, on: host) { () throws(KernelError) in
                    try host.links.setMTU(try change.amount(subject), of: index)
                })
        }
        attempts += together(changes.filter { $0.0.isRing }, subject, on: host) { changes throws(KernelError) in
            var values: [RingParameter: UInt32] = [:]
            for case (.ring(let parameter), let change) in changes { values[parameter] = try change.amount(subject) }
            try host.links.setRings(values, of: index)
        }
        attempts += together(changes.filter { $0.0.isChannel }, subject, on: host) { changes throws(KernelError) in
            var values: [ChannelParameter: UInt32] = [:]
            for case (.channel(let parameter), let change) in changes { values[parameter] = try change.amount(subject) }
            try host.links.setChannels(values, of: index)
        }
        let touched = links.filter { $0.index == index || $0.master == index }
        if !attempts.isEmpty { awaitCarriers(touched, until: end, on: host) }
        return attempts
    }

    /// The link with all others where it is a port or has some: to list a thousand takes longer than to write to one.
    private func neighbours(of index: UInt32, on host: Host) throws(KernelError) -> [Link] {
        let link = try host.links.link(index)
        let isAlone = link.map { $0.master == nil && !$0.isBond && $0.kind != "bridge" } ?? true
        return isAlone ? [link].compactMap(\.self) : try host.links.links()
    }

    /// The next link's turn comes when this one carries again, and its ports do: they take a bond's MTU.
    private func awaitCarriers(_ links: [Link], until end: ContinuousClock.Instant, on host: Host) {
        for link in links where link.carries {
            let left = (end - .now) / .seconds(1)
            _ = try? host.links.awaitCarrier(of: link.index, seconds: max(0, left))
        }
    }

    /// With the writes, less than a worker has patience for; a 100 GbE link negotiates for some seconds.
    private static let carrierPatience = Duration.seconds(7)

    /// One at a time: as long as no other port of its bond carries, this one is not touched.
    private func refuseLastPort(_ index: UInt32, among links: [Link]) throws(KernelError) {
        guard let link = links.first(where: { $0.index == index }), let master = link.master, link.carries,
            let bond = links.first(where: { $0.index == master }), bond.isBond
        else { return }
        let others = links.filter { $0.master == master && $0.index != link.index }
        guard !others.isEmpty, !others.contains(where: \.carries) else { return }
        throw KernelError(
            "write", "link \(link.name)", errno: .busy,
            message: "no other member of \(bond.name) carries: \(others.map(\.name).joined(separator: ", "))")
    }

    /// All in one change; where that is refused each by itself, with the kernel's word for each.
    private func together(
        _ changes: [(LinkAttribute, Attempt.Change)], _ subject: String, on host: Host,
        _ write: ([(LinkAttribute, Attempt.Change)]) throws(KernelError) -> Void
    ) -> [Attempt] {
        guard let first = changes.first else { return [] }
        let all = first.1.attempt(subject, on: host) { () throws(KernelError) in try write(changes) }
        if changes.count == 1 { return [all] }
        return changes.map { change in
            change.1.attempt(subject, on: host) { () throws(KernelError) in
                if all.error != nil { try write([change]) }
            }
        }
    }
}

extension Attempt.Change {
    fileprivate func amount(_ subject: String) throws(KernelError) -> UInt32 {
        guard case .integer(let number) = goal, let amount = UInt32(exactly: number) else {
            throw KernelError("write", subject, wanted: goal.description, errno: .range)
        }
        return amount
    }
}

extension LinkAttribute {
    fileprivate var isRing: Bool { if case .ring = self { true } else { false } }
    fileprivate var isChannel: Bool { if case .channel = self { true } else { false } }
}

extension Target {
    /// What the kernel numbers links by.
    var linkIndex: UInt32? { sequence.flatMap { UInt32($0) } }
}
