import HostConfiguration
import HostModel

/// NetworkManager: a default for connections to one device, in its own configuration. It is taken by connections whose
/// own MTU is left at 0 or not said: ethernet, bond, bridge, vlan and the like all ask for `ethernet.mtu`.
/// (NetworkManager.conf(5), CONNECTION SECTION; 1.42, nm_device_get_configured_mtu_from_connection)
enum NetworkManager {
    private static let folder = "/etc/NetworkManager/conf.d"
    /// Files that are read later have the higher priority, sections in one file the other way round.
    private static let name = "99-zz-ais-hostd.conf"
    static let file = "\(folder)/\(name)"
    private static let section = "connection-ais-hostd-"
    private static let header = """
        # Written by ais-hostd from its configuration, so that these links have their MTU from boot on, without the daemon.
        # Do not edit: the next `ais-hostd apply` writes it anew, `ais-hostd revert` removes it.

        """
    private static let profileFolders = ["/etc", "/run", "/usr/lib"].map { "\($0)/NetworkManager/system-connections" }

    /// A device that it manages at this moment. (`/run/NetworkManager/devices/INDEX`, nm-config.c)
    struct Device {
        var uuid: String?
        var origin: Origin
    }

    static func device(_ index: Int, in files: any Files) throws(KernelError) -> Device? {
        guard let state = try SectionedFile("/run/NetworkManager/devices/\(index)", in: files),
            let managed = state.last("managed", in: "device"), ["true", "yes", "on", "1"].contains(managed.value)
        else { return nil }
        let uuid = state.last("connection-uuid", in: "device")
        return Device(uuid: uuid?.value, origin: uuid?.origin ?? managed.origin)
    }

    static func owner(
        of link: ManagedLink, _ device: Device, in files: any Files
    ) throws(KernelError) -> LinkOwner {
        let place = LinkOwner.Place.connection(uuid: device.uuid)
        guard let profile = try profile(device.uuid, in: files) else {
            return LinkOwner(program: .networkManager, evidence: device.origin, place: place)
        }
        let generated = "/run/NetworkManager/system-connections/netplan-"
        guard profile.path.hasPrefix(generated) else {
            return LinkOwner(program: .networkManager, evidence: profile.origin, place: place)
        }
        let id = profile.path.dropFirst(generated.count).dropLast(".nmconnection".count)
        let definition = try Netplan(in: files).definition(String(id))
        return LinkOwner(program: .netplan, evidence: definition?.origin ?? profile.origin, place: place)
    }

    private struct Profile {
        var path: String
        /// Of its UUID.
        var origin: Origin
        var mtu: SectionedFile.Entry?
    }

    /// The key file of a connection, with or without a suffix. (nm-settings-keyfile(5))
    private static func profile(_ uuid: String?, in files: any Files) throws(KernelError) -> Profile? {
        guard let uuid else { return nil }
        for folder in profileFolders {
            for name in try present({ () throws(KernelError) in try files.list(folder) }) ?? [] {
                let path = "\(folder)/\(name)"
                guard try present({ () throws(KernelError) in try files.status(path).kind }) == .file,
                    let file = try SectionedFile(path, in: files, continues: false),
                    let line = file.last("uuid", in: "connection"), line.value == uuid
                else { continue }
                let mtu = file.entries.last {
                    ["ethernet", "802-3-ethernet"].contains($0.section) && $0.key == "mtu"
                }
                return Profile(path: path, origin: line.origin, mtu: mtu)
            }
        }
        return nil
    }

    /// What the connection says otherwise: that wins, and is the administrator's.
    static func contradiction(
        to mtu: String, of link: ManagedLink, uuid: String?, in files: any Files
    ) throws(KernelError) -> KernelError? {
        guard let own = try profile(uuid, in: files)?.mtu, own.value != "0", own.value != mtu else { return nil }
        return KernelError(
            "persist", "link \(link.name)", wanted: "an MTU of \(mtu)",
            message: "its connection says \(own.value) (\(own.origin)), which wins at boot: change it there")
    }

    // MARK: Ours

    static func persisted(in files: any Files) throws(KernelError) -> [String: String] {
        var values: [String: String] = [:]
        for entry in try SectionedFile(file, in: files)?.entries ?? []
        where entry.section.hasPrefix(section) && entry.key == "ethernet.mtu" {
            values[String(entry.section.dropFirst(section.count))] = entry.value
        }
        return values
    }

    static func persist(_ wanted: [String: String], in files: any Files) throws(KernelError) {
        guard !wanted.isEmpty else {
            try removeIfThere(file, in: files)
            return
        }
        var text = header
        for (link, mtu) in wanted.sorted(by: { $0.key < $1.key }) {
            // The equals sign: taken literally, no pattern. (Device List Format)
            text += "\n[\(section)\(link)]\nmatch-device=interface-name:=\(link)\nethernet.mtu=\(mtu)\n"
        }
        try write(text, to: file, in: files)
    }

    // MARK: Others

    /// The connection's own MTU, which wins over every default, and the defaults of other files.
    static func mentions(of link: ManagedLink, owner: LinkOwner?, in files: any Files) -> [Mention] {
        var uuid: String?
        var isOwner = false
        if case .connection(let connection)? = owner?.place { (uuid, isOwner) = (connection, true) }
        var mentions: [Mention] = []
        // /usr/lib and /run are read before NetworkManager.conf, /etc/…/conf.d after it.
        let before = dropIns(
            ["/etc", "/run", "/usr/lib"].map { "\($0)/NetworkManager/conf.d" }, suffix: ".conf", in: files)
        let own = before.filter { $0.path.hasPrefix("/etc/") }
        let ordered =
            before.filter { !$0.path.hasPrefix("/etc/") }
            + [(name: "", path: "/etc/NetworkManager/NetworkManager.conf")] + own
        for (name, path) in ordered where path != file {
            guard let conf = try? SectionedFile(path, in: files, continues: false) else { continue }
            for entry in conf.entries where entry.section.hasPrefix("connection") && entry.key == "ethernet.mtu" {
                guard matches(conf.last("match-device", in: entry.section)?.value, link) else { continue }
                let isLater = isOwner && path.hasPrefix(folder) && name > Self.name
                mentions.append(Mention(origin: entry.origin, value: entry.value, isLater: isLater))
            }
        }
        let generated = "/run/NetworkManager/system-connections/netplan-"
        if let profile = try? profile(uuid, in: files), let mtu = profile.mtu, mtu.value != "0",
            !profile.path.hasPrefix(generated) || Netplan.mentions(of: link, owner: owner, in: files).isEmpty
        {
            mentions.append(Mention(origin: mtu.origin, value: mtu.value, isLater: true))
        }
        return mentions
    }

    /// A device list; what can't be judged here (a type, a plugin) may match.
    private static func matches(_ list: String?, _ link: ManagedLink) -> Bool {
        guard let list else { return true }
        let specs = list.split { $0 == "," || $0 == ";" }.map { String($0).trimmed }.filter { !$0.isEmpty }
        let (negative, positive) = (specs.filter { $0.hasPrefix("except:") }, specs.filter { !$0.hasPrefix("except:") })
        if negative.contains(where: { matches(spec: String($0.dropFirst(7)), link) == true }) { return false }
        return positive.isEmpty || positive.contains { matches(spec: $0, link) ?? true }
    }

    private static func matches(spec: String, _ link: ManagedLink) -> Bool? {
        if spec == "*" || spec == link.name { return true }
        let parts = spec.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return false }
        switch parts[0] {
        case "interface-name":
            if parts[1].hasPrefix("=") { return parts[1].dropFirst() == link.name }
            let pattern = parts[1].hasPrefix("~") ? String(parts[1].dropFirst()) : parts[1]
            return (try? Glob(pattern))?.matches(link.name)
        case "mac": return (link.permanentMAC ?? link.macAddress).map { canonicalMAC($0) == canonicalMAC(parts[1]) }
        case "driver": return link.driver.map { $0 == parts[1].split(separator: "/").first.map(String.init) }
        // A bare address has colons too.
        case let first where first.count == 2 && first.allSatisfy(\.isHexDigit):
            return (link.permanentMAC ?? link.macAddress).map { canonicalMAC($0) == canonicalMAC(spec) }
        default: return nil
        }
    }
}
