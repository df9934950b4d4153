import HostModel

/// The links that a rule can match, by index.
///
/// Left out is what belongs to another: a link whose other end is all that is here has no part in it. So is new hardware
/// that udev is not done with: by the name that the kernel gave it first a rule may mean another.
func links(of host: Host, previous: [LinkEntry] = []) throws(KernelError) -> [LinkEntry] {
    let links = try host.links.links().sorted { $0.index < $1.index }
    let byIndex = Dictionary(links.map { ($0.index, $0) }) { first, _ in first }
    let unnamed = unnamed(links, since: previous, in: host.files)
    let carriers = carriers(among: links) { () throws(KernelError) in try Routes(in: host.files).defaultLinks }
    let identities = Dictionary(links.map { ($0.identity, 1) }, uniquingKeysWith: +)
    return links.filter { !unnamed.contains($0.index) }.map { link in
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

/// Reads `/run/udev/data/nINDEX`, which udev writes last. What was here before has its name, whatever has become of
/// udev's files.
private func unnamed(_ links: [Link], since previous: [LinkEntry], in files: any Files) -> Set<UInt32> {
    let known = Set(previous.map(\.link.index))
    let new = links.filter { $0.devicePath != nil && !known.contains($0.index) }.map(\.index)
    guard !new.isEmpty, (try? files.status("/run/udev/control")) != nil else { return [] }
    return Set(new.filter { (try? files.status("/run/udev/data/n\($0)")) == nil })
}

/// The links of which an established connection needs one, and what they ride on.
func carriersOfConnections(_ links: [Link], on host: Host) -> Set<UInt32> {
    carriers(among: links) { () throws(KernelError) in
        try Routes(in: host.files).linksOfConnections(in: host.files)
    }
}

/// Some links with what they ride on and their ports: who drops one of them drops all. Where nobody can tell which, it
/// may be any.
private func carriers(among links: [Link], _ names: () throws(KernelError) -> Set<String>) -> Set<UInt32> {
    let byIndex = Dictionary(links.map { ($0.index, $0) }) { first, _ in first }
    let found: Set<String>
    do throws(KernelError) { found = try names() } catch { return Set(links.map(\.index)) }
    // Open vSwitch has all real ports under a link of its own, beside those that have addresses.
    func isVirtualSwitch(_ link: Link?) -> Bool { link?.kind == "openvswitch" }
    var carriers: Set<UInt32> = []
    var rest = links.filter { found.contains($0.name) }
    while let link = rest.popLast() {
        guard carriers.insert(link.index).inserted else { continue }
        rest += links.filter { port in
            guard let master = port.master else { return false }
            return master == link.index || isVirtualSwitch(link) && isVirtualSwitch(byIndex[master])
        }
        if link.lowerNamespace == nil, let lower = link.lower.flatMap({ byIndex[$0] }) { rest.append(lower) }
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
    } else if link.devicePath == nil, !link.isBond, link.kind != "vlan" {
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
