import HostConfiguration
import HostModel

/// What systemd-networkd does with a link at this moment: `/run/systemd/netif/links/INDEX`. The file calls itself
/// private; sd_network_link_get_network_file(3) reads nothing else (systemd 252, networkd-state-file.c).
struct NetworkdState {
    let isManaged: Bool
    /// The .network file that was taken, the first that matches.
    let networkFile: String?

    init?(of index: Int, in files: any Files) throws(KernelError) {
        let path = "\(Self.folder)/\(index)"
        guard let bytes = try present({ () throws(KernelError) in try files.read(path) }) else { return nil }
        var values: [String: String] = [:]
        for entry in SectionedFile(bytes, file: path).entries {
            values[entry.key] = entry.value.trimming("\"")
        }
        // Pending is not looked at yet, unmanaged is left alone: also by a file that says Unmanaged=yes.
        isManaged = ["configuring", "configured", "failed"].contains(values["ADMIN_STATE"])
        networkFile = values["NETWORK_FILE"].flatMap { $0.isEmpty ? nil : $0 }
    }

    static let folder = "/run/systemd/netif/links"
}

/// systemd-networkd: a drop-in of the .network file that it takes for a link. (systemd.network(5))
///
/// netplan's links are told in the same way, as drop-ins of the file that netplan makes for networkd, and not in a file
/// of netplan's: one of those that outlives its definition is more than nothing. A vlan without its link stops
/// `netplan generate`, so that the node boots without a network; a bond is made anew; an ethernet comes before all
/// .network files. A drop-in without its file is not read. (tried with netplan 0.106)
enum Networkd {
    private static let folder = "/etc/systemd/network"
    private static let folders = ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"].map { "\($0)/systemd/network" }
    /// Named to sort last: what is read last wins.
    private static let dropIn = "99-zz-ais-hostd.conf"
    private static let header = """
        # Written by ais-hostd from its configuration, so that these links have this MTU from boot on, without the daemon.
        # Do not edit: the next `ais-hostd apply` writes it anew, `ais-hostd revert` removes it.

        """
    private static let names = "# Links: "
    private static let generated = "10-netplan-"

    static func path(for networkFile: String) -> String { "\(folder)/\(networkFile).d/\(dropIn)" }

    static func owner(of link: ManagedLink, reading path: String, in files: any Files) throws(KernelError) -> LinkOwner
    {
        let name = baseName(path)
        guard path.hasPrefix("/run/systemd/network/\(generated)"), name.hasSuffix(".network") else {
            return LinkOwner(
                program: .networkd, evidence: Origin(file: path, line: 1), place: .networkFile(name))
        }
        let id = String(name.dropFirst(generated.count).dropLast(".network".count))
        let definition = try Netplan(in: files).definition(id)
        return LinkOwner(
            program: .netplan, evidence: definition?.origin ?? Origin(file: path, line: 1), place: .networkFile(name))
    }

    /// The links of networkd by the .network file that each of them takes.
    static func linksByFile(in files: any Files) throws(KernelError) -> [String: Set<Int>] {
        let names = try present { () throws(KernelError) in try files.list(NetworkdState.folder) } ?? []
        var links: [String: Set<Int>] = [:]
        for index in names.compactMap({ Int($0) }) {
            guard let state = try NetworkdState(of: index, in: files), state.isManaged, let file = state.networkFile
            else { continue }
            links[baseName(file), default: []].insert(index)
        }
        return links
    }

    // MARK: Ours

    /// Our drop-ins, by the .network file that they are of.
    static func persisted(in files: any Files) throws(KernelError) -> [String: [String: String]] {
        var found: [String: [String: String]] = [:]
        for folder in try present({ () throws(KernelError) in try files.list(folder) }) ?? []
        where folder.hasSuffix(".network.d") {
            let file = String(folder.dropLast(2))
            guard let bytes = try present({ () throws(KernelError) in try files.read(path(for: file)) }) else {
                continue
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let mtu = SectionedFile(bytes, file: file).last("MTUBytes", in: "Link")?.value
            let line = text.split(separator: "\n").first { $0.hasPrefix(names) }?.dropFirst(names.count)
            // A file of ours that tells nothing is still ours to remove.
            found[file] = [:]
            for link in line?.split(separator: " ") ?? [] { found[file]?[String(link)] = mtu }
        }
        return found
    }

    /// By the .network file, then by link; all links of a file have one MTU.
    static func persist(_ wanted: [String: [String: String]], in files: any Files) throws(KernelError) {
        for file in try persisted(in: files).keys.sorted() where wanted[file, default: [:]].isEmpty {
            try files.remove(path(for: file))
        }
        for (file, links) in wanted.sorted(by: { $0.key < $1.key }) {
            guard let mtu = links.values.first else { continue }
            let text = header + names + links.keys.sorted().joined(separator: " ") + "\n[Link]\nMTUBytes=\(mtu)\n"
            try write(text, to: path(for: file), in: files)
        }
    }

    // MARK: Others

    /// The MTUs of the .network file that is taken, or of all that may be; of its drop-ins; of DHCP; and of .link
    /// files, which udev reads before that.
    static func mentions(of link: ManagedLink, owner: LinkOwner?, in files: any Files) -> [Mention] {
        var mentions: [Mention] = []
        var taken: String?
        if case .networkFile(let name)? = owner?.place { taken = name }
        let isTold = !Netplan.mentions(of: link, owner: owner, in: files).isEmpty
        for file in settingsFiles(".link", taken: linkFile(of: link, in: files), for: link, in: files) {
            if isTold, file.name.hasPrefix(generated) { continue }
            for entry in file.entries where entry.section == "Link" && entry.key == "MTUBytes" {
                mentions.append(Mention(origin: entry.origin, value: entry.value, isLater: false))
            }
        }
        for file in settingsFiles(".network", taken: taken, for: link, in: files) {
            for entry in file.entries {
                switch (entry.section, entry.key) {
                case ("Link", "MTUBytes"):
                    if isTold, file.name.hasPrefix(generated), file.dropIn == nil { continue }
                    mentions.append(
                        Mention(
                            origin: entry.origin, value: entry.value,
                            isLater: taken != nil && (file.dropIn ?? "") > dropIn))
                // MTUBytes= makes networkd ignore UseMTU=. (systemd.network(5))
                case ("DHCPv4", "UseMTU"), ("DHCP", "UseMTU"):
                    guard ["true", "yes", "on", "1", "y", "t"].contains(entry.value.lowercased()) else { continue }
                    mentions.append(Mention(origin: entry.origin, value: "what DHCP says", isLater: false))
                default: continue
                }
            }
        }
        return mentions
    }

    /// What udev found out: `E:ID_NET_LINK_FILE=/usr/lib/systemd/network/99-default.link`.
    private static func linkFile(of link: ManagedLink, in files: any Files) -> String? {
        let bytes = (try? files.read("/run/udev/data/n\(link.index)")) ?? []
        return SectionedFile(bytes, file: "").entries.last { $0.key == "E:ID_NET_LINK_FILE" }.map { baseName($0.value) }
    }

    private struct SettingsFile {
        var name: String
        /// The name of the drop-in, nil for the file itself.
        var dropIn: String?
        var entries: [SectionedFile.Entry]
    }

    /// Files of one kind with their drop-ins, in the order in which they are read: the one that is taken where that is
    /// known, otherwise all that may match. Ours is none of them.
    private static func settingsFiles(
        _ suffix: String, taken: String?, for link: ManagedLink, in files: any Files
    ) -> [SettingsFile] {
        var found: [SettingsFile] = []
        for (name, path) in dropIns(folders, suffix: suffix, in: files) {
            guard let main = try? SectionedFile(path, in: files) else { continue }
            guard taken.map({ $0 == name }) ?? mayMatch(main, link) else { continue }
            found.append(SettingsFile(name: name, entries: main.entries))
            for (dropIn, path) in dropIns(folders.map { "\($0)/\(name).d" }, suffix: ".conf", in: files)
            where dropIn != Self.dropIn {
                let entries = (try? SectionedFile(path, in: files))?.entries ?? []
                found.append(SettingsFile(name: name, dropIn: dropIn, entries: entries))
            }
        }
        return found
    }

    /// False only where a key says so that can be judged here: whether a path or a property matches is udev's to say.
    private static func mayMatch(_ file: SectionedFile, _ link: ManagedLink) -> Bool {
        var globs: [String: [String]] = [:]
        for entry in file.entries where entry.section == "Match" {
            // An empty value drops what came before it.
            globs[entry.key] =
                entry.value.isEmpty
                ? [] : globs[entry.key, default: []] + entry.value.split(separator: " ").map(String.init)
        }
        func matches(_ key: String, _ value: String?) -> Bool {
            guard var wanted = globs[key], let first = wanted.first, let value else { return true }
            let isNegated = first.hasPrefix("!")
            if isNegated { wanted[0].removeFirst() }
            return wanted.contains { (try? Glob($0))?.matches(value) ?? true } != isNegated
        }
        func matchesAddress(_ key: String, _ address: String?) -> Bool {
            guard let wanted = globs[key], !wanted.isEmpty, let address else { return true }
            return wanted.contains { canonicalMAC($0) == canonicalMAC(address) }
        }
        return matches("Name", link.name) && matches("Driver", link.driver)
            && matchesAddress("MACAddress", link.macAddress)
            && matchesAddress("PermanentMACAddress", link.permanentMAC)
    }
}

/// `52:54:00:ab:cd:ef`, also of `52-54-00-AB-CD-EF` and `5254.00ab.cdef`.
func canonicalMAC(_ text: String) -> String { text.lowercased().filter { $0.isHexDigit } }

func baseName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
