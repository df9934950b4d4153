package import HostModel

/// What the owners' files know a link by.
package struct ManagedLink: Hashable, Sendable {
    package var name: String
    package var index: Int
    /// As the kernel prints them: `52:54:00:12:34:56`.
    package var macAddress: String?
    package var permanentMAC: String?
    package var driver: String?

    package init(
        name: String, index: Int, macAddress: String? = nil, permanentMAC: String? = nil, driver: String? = nil
    ) {
        self.name = name
        self.index = index
        self.macAddress = macAddress
        self.permanentMAC = permanentMAC
        self.driver = driver
    }
}

/// The one program that sets a link up at boot, and so is told its MTU.
package struct LinkOwner: Hashable, Sendable {
    package enum Program: String, Sendable {
        case networkd = "systemd-networkd"
        case netplan
        case networkManager = "NetworkManager"
        case ifupdown
    }

    /// Where it takes an MTU from.
    enum Place: Hashable, Sendable {
        /// A drop-in of the .network file of this name: networkd's own, or the one that netplan makes at every boot.
        case networkFile(String)
        /// NetworkManager's configuration, for connections that say nothing themselves. Nil is no connection yet.
        case connection(uuid: String?)
        /// A stanza of interfaces(5).
        case stanza
    }

    package let program: Program
    /// The line that says so.
    package let evidence: Origin
    let place: Place
}

extension LinkOwner: CustomStringConvertible {
    /// `netplan (/etc/netplan/50-cloud-init.yaml:4)`
    package var description: String { "\(program.rawValue) (\(evidence))" }
}

/// Who sets this link up at boot; nil where nobody does, as far as can be told now.
///
/// What networkd and NetworkManager do at this moment decides; a stanza of interfaces(5) counts where neither has the
/// link. Files alone are no evidence for those two: many are there that nobody reads.
package func owner(of link: ManagedLink, in files: any Files) throws(KernelError) -> LinkOwner? {
    try owner(of: link, in: files) { () throws(KernelError) in try Interfaces.installed(in: files) }
}

/// The same of one of many links, with the stanzas read once for all.
func owner(
    of link: ManagedLink, in files: any Files, interfaces: () throws(KernelError) -> Interfaces?
) throws(KernelError) -> LinkOwner? {
    if let state = try NetworkdState(of: link.index, in: files), state.isManaged, let file = state.networkFile {
        return try Networkd.owner(of: link, reading: file, in: files)
    }
    if let device = try NetworkManager.device(link.index, in: files) {
        return try NetworkManager.owner(of: link, device, in: files)
    }
    guard let stanza = try interfaces()?.stanzas(of: link.name).first else { return nil }
    return LinkOwner(program: .ifupdown, evidence: stanza.origin, place: .stanza)
}
