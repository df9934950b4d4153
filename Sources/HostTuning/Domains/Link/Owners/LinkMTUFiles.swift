package import HostModel

/// The MTUs that our files have for the next boot, by link.
package func persistedMTUs(in files: any Files) throws(KernelError) -> [String: String] {
    try PersistedMTUs(in: files).all
}

/// Makes our files say this and nothing else, each link in the files of who owns it. Writes nothing where they say so
/// already.
///
/// A link that nobody owns now, or that is not here, gets nothing written, and keeps what says so already: early in a
/// boot its owner may not have got to it. Where one link can't be persisted the others are, and then the first reason
/// is thrown.
package func persistMTUs(
    _ mtus: [String: String], links: [ManagedLink], in files: any Files
) throws(KernelError) {
    let old = try PersistedMTUs(in: files)
    let interfaces = Result { () throws(KernelError) in try Interfaces.installed(in: files) }
    var plan = PersistedMTUs()
    var failure: KernelError?
    for (name, mtu) in mtus.sorted(by: { $0.key < $1.key }) {
        do throws(KernelError) {
            try checkWords(name, mtu)
            if let link = links.first(where: { $0.name == name }),
                let owner = try owner(of: link, in: files, interfaces: interfaces.get)
            {
                let contradiction = try plan.add(mtu, for: link, owner: owner, in: files)
                failure = failure ?? contradiction
            } else {
                plan.take(name, from: old) { $0 == mtu }
            }
        } catch {
            // Who can't say where it belongs changes nothing.
            failure = failure ?? error
            plan.take(name, from: old) { _ in true }
        }
    }
    for error in try plan.dropShared(links: links, in: files) { failure = failure ?? error }
    for error in plan.write(in: files) { failure = failure ?? error }
    if let failure { throw failure }
}

/// Every other place that sets the MTU of these links, in the order in which the last one wins at boot.
package func mtuMentions(of links: [ManagedLink], in files: any Files) -> [String: [Mention]] {
    let ours = (try? persistedMTUs(in: files)) ?? [:]
    let interfaces = try? Interfaces(in: files)
    let installed = Result { () throws(KernelError) in try Interfaces.installed(in: files) }
    var mentions: [String: [Mention]] = [:]
    for link in links {
        let owner = try? owner(of: link, in: files, interfaces: installed.get)
        let found =
            Networkd.mentions(of: link, owner: owner, in: files)
            + Netplan.mentions(of: link, owner: owner, in: files)
            + NetworkManager.mentions(of: link, owner: owner, in: files)
            + (interfaces?.mentions(of: link.name, owner: owner, ours: ours[link.name]) ?? [])
        let ordered = found.filter { !$0.isLater } + found.filter(\.isLater)
        if !ordered.isEmpty { mentions[link.name] = ordered }
    }
    return mentions
}

/// What our files say, or should: in each owner's files, by link.
private struct PersistedMTUs {
    /// By the .network file.
    var networkd: [String: [String: String]] = [:]
    var networkManager: [String: String] = [:]
    var ifupdown: [String: String] = [:]

    init() {}

    init(in files: any Files) throws(KernelError) {
        networkd = try Networkd.persisted(in: files)
        networkManager = try NetworkManager.persisted(in: files)
        ifupdown = try Interfaces.persisted(in: files)
    }

    var all: [String: String] {
        networkd.values.reduce(ifupdown.merging(networkManager) { $1 }) { $0.merging($1) { $1 } }
    }

    mutating func take(_ link: String, from old: Self, where isWanted: (String) -> Bool) {
        for (file, links) in old.networkd {
            if let mtu = links[link], isWanted(mtu) { networkd[file, default: [:]][link] = mtu }
        }
        if let mtu = old.networkManager[link], isWanted(mtu) { networkManager[link] = mtu }
        if let mtu = old.ifupdown[link], isWanted(mtu) { ifupdown[link] = mtu }
    }

    /// Returns why not, where the administrator's own file says otherwise: ours must not be there then.
    mutating func add(
        _ mtu: String, for link: ManagedLink, owner: LinkOwner, in files: any Files
    ) throws(KernelError) -> KernelError? {
        var contradiction: KernelError?
        switch owner.place {
        case .networkFile(let name): networkd[name, default: [:]][link.name] = mtu
        case .connection(let uuid):
            contradiction = try NetworkManager.contradiction(to: mtu, of: link, uuid: uuid, in: files)
            if contradiction == nil { networkManager[link.name] = mtu }
        case .stanza:
            contradiction = try Interfaces(in: files).contradiction(to: mtu, of: link.name)
            if contradiction == nil { ifupdown[link.name] = mtu }
        }
        return contradiction
    }

    /// A .network file that several links take has one MTU for all of them: without the same wish for each, none gets
    /// it there. A file of our own that comes before would have to repeat all that theirs says.
    mutating func dropShared(links: [ManagedLink], in files: any Files) throws(KernelError) -> [KernelError] {
        guard !networkd.isEmpty else { return [] }
        let users = try Networkd.linksByFile(in: files)
        var errors: [KernelError] = []
        for (file, wanted) in networkd.sorted(by: { $0.key < $1.key }) {
            let names = users[file, default: []].sorted().map { index in
                links.first { $0.index == index }?.name ?? "link \(index)"
            }
            let others = names.filter { wanted[$0] == nil }
            guard Set(wanted.values).count > 1 || !others.isEmpty else { continue }
            networkd[file] = nil
            let wish = wanted.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            let why = others.isEmpty ? "is of all of them" : "is of \(others.joined(separator: ", ")) too"
            errors.append(
                KernelError(
                    "persist", "link \(wanted.keys.sorted().joined(separator: ", "))", wanted: "an MTU of \(wish)",
                    message: "\(file) \(why), expected a .network file for links of one MTU"))
        }
        return errors
    }

    /// One owner's file that can't be written does not keep the others from being.
    func write(in files: any Files) -> [KernelError] {
        let results = [
            Result { () throws(KernelError) in try Networkd.persist(networkd, in: files) },
            Result { () throws(KernelError) in try NetworkManager.persist(networkManager, in: files) },
            Result { () throws(KernelError) in try Interfaces.persist(ifupdown, in: files) },
        ]
        return results.compactMap { if case .failure(let error) = $0 { error } else { nil } }
    }
}

/// Names and numbers go into files that other programs take apart, one of them with a shell.
private func checkWords(_ name: String, _ mtu: String) throws(KernelError) {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:+-".utf8)
    guard !name.isEmpty, name.utf8.allSatisfy(plain.contains) else {
        throw KernelError(
            "name", "link \(name)", message: "its name has signs that mean something in its owner's files")
    }
    guard let number = UInt32(mtu), String(number) == mtu else {
        throw KernelError("name", "link \(name)", wanted: mtu, message: "expected a number of bytes")
    }
}

extension String {
    func trimming(_ sign: Character) -> String {
        var text = self[...]
        while text.first == sign { text.removeFirst() }
        while text.last == sign { text.removeLast() }
        return String(text)
    }
}
