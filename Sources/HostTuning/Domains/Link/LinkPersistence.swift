package import HostModel

/// An MTU over a reboot: in the files of whoever sets the link up at boot. Rings and channels have no place there; the
/// daemon sets them before anything is carried.
extension LinkDomain {
    package func persisted(on host: Host) throws(KernelError) -> [SettingID: String] {
        var values: [SettingID: String] = [:]
        for (link, mtu) in try persistedMTUs(in: host.files) { values[id(ofMTUOf: link)] = mtu }
        return values
    }

    package func persist(_ values: [SettingID: String], on host: Host) throws(KernelError) {
        var mtus: [String: String] = [:]
        for (id, value) in values where LinkAttribute(id.attribute) == .mtu { mtus[id.object ?? ""] = value }
        // Looking at every link takes as long as all the rest of a pass.
        guard try persistedMTUs(in: host.files) != mtus else { return }
        try persistMTUs(mtus, links: managedLinks(on: host), in: host.files)
    }

    package func mentions(of ids: Set<SettingID>, on host: Host) -> [SettingID: [Mention]] {
        let names = Set(ids.filter { LinkAttribute($0.attribute) == .mtu }.compactMap(\.object))
        guard !names.isEmpty, let links = try? managedLinks(on: host).filter({ names.contains($0.name) }) else {
            return [:]
        }
        var mentions: [SettingID: [Mention]] = [:]
        for (link, found) in mtuMentions(of: links, in: host.files) { mentions[id(ofMTUOf: link)] = found }
        return mentions
    }

    package func keeper(of setting: Setting, on host: Host) -> String? {
        guard LinkAttribute(setting.id.attribute) == .mtu, let name = setting.target?.name,
            let link = try? managedLinks(on: host).first(where: { $0.name == name })
        else { return nil }
        do throws(KernelError) {
            return try owner(of: link, in: host.files)?.description ?? "nobody: the daemon sets it at boot"
        } catch {
            return error.description
        }
    }

    private func id(ofMTUOf link: String) -> SettingID {
        SettingID(domain: name, object: link, attribute: LinkAttribute.mtu.name)
    }

    private func managedLinks(on host: Host) throws(KernelError) -> [ManagedLink] {
        try host.links.links().map { ManagedLink($0) }
    }
}

extension ManagedLink {
    init(_ link: Link) {
        self.init(
            name: link.name, index: Int(link.index), macAddress: link.address, permanentMAC: link.permanentAddress,
            driver: link.driver)
    }
}
