import HostModel

/// The links that a rule can match, by index.
///
/// Left out is what belongs to another: a link whose other end is all that is here has no part in it.
func links(of host: Host) throws(KernelError) -> [LinkEntry] {
    let links = try host.links.links().sorted { $0.index < $1.index }
    let byIndex = Dictionary(links.map { ($0.index, $0) }) { first, _ in first }
    let carriers = carriersOfDefaultRoute(links, byIndex, Attributes(files: host.files))
    let identities = Dictionary(links.map { ($0.identity, 1) }, uniquingKeysWith: +)
    return links.map { link in
        // Ports of one card that say the same address are told apart by their place.
        let isAlone = identities[link.identity] == 1
        let identity = isAlone ? link.identity : "\(link.identity)@\(link.place)"
        return LinkEntry(
            target: Target(
                name: link.name, identity: identity, path: "/sys/class/net/\(link.name)", sequence: "\(link.index)"),
            link: link, claims: claims(on: link, byIndex),
            protection: carriers.contains(link.index) ? "carries the default route" : nil)
    }
}

/// The links that a default route goes by, with what they ride on and their ports: who drops one of them may have locked
/// out everybody. Where the routes can't be read, it may be any. `/proc/net/route`, `/proc/net/ipv6_route`
private func carriersOfDefaultRoute(_ links: [Link], _ byIndex: [UInt32: Link], _ attributes: Attributes) -> Set<UInt32>
{
    var names: Set<String> = []
    do throws(KernelError) {
        for fields in try attributes.lines("/proc/net/route").dropFirst() where fields.count > 7 {
            if fields[1] == "00000000", fields[7] == "00000000" { names.insert(fields[0]) }
        }
        let sixth = try present { () throws(KernelError) in try attributes.lines("/proc/net/ipv6_route") } ?? []
        for fields in sixth where fields.count > 9 && fields[1] == "00" && fields[9] != "lo" { names.insert(fields[9]) }
    } catch {
        return Set(links.map(\.index))
    }
    var carriers: Set<UInt32> = []
    var rest = links.filter { names.contains($0.name) }.map(\.index)
    while let index = rest.popLast() {
        guard carriers.insert(index).inserted else { continue }
        rest += links.filter { $0.master == index }.map(\.index)
        if let link = byIndex[index], link.lowerNamespace == nil, let lower = link.lower { rest.append(lower) }
    }
    return carriers
}

private func claims(on link: Link, _ links: [UInt32: Link]) -> [Claim] {
    var claims: [Claim] = []
    if let master = link.master.flatMap({ links[$0] }) {
        claims.append(Claim(.member, "is a member of \(master.name)"))
    }
    if link.isLoopback {
        claims.append(Claim(.virtual, "is the loopback"))
    } else if link.devicePath == nil, !["bond", "vlan", "team"].contains(link.kind) {
        // What a host's own network is made of is no less real than its hardware; all else is a container's or a bridge.
        claims.append(Claim(.virtual, "is virtual (\(link.kind ?? "no device"))"))
    }
    if link.isVirtualFunction { claims.append(Claim(.virtualFunction, "is a virtual function")) }
    if link.isRepresentor {
        claims.append(Claim(.representor, "stands for a function elsewhere (\(link.portName ?? ""))"))
    }
    return claims
}

extension Link {
    /// What stays when it is renamed, re-added by its driver, or moved to another slot with its card. Virtual ones have
    /// nothing but their name: a veth's address is another one each time.
    fileprivate var identity: String {
        guard devicePath != nil else { return "name:\(name)" }
        return permanentAddress.map { "mac:\($0)" } ?? place
    }

    fileprivate var place: String {
        "path:\(pciAddress ?? devicePath ?? name)\(devicePort.map { "/\($0)" } ?? "")"
    }
}
