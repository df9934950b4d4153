import CLinux
package import HostModel

/// A family of generic netlink, by the numbers that the kernel gave it at boot: they hold in every network namespace.
/// CTRL_CMD_GETFAMILY of `linux/genetlink.h`
package struct GenericFamily: Hashable, Sendable {
    /// The type of its messages.
    package let id: UInt16
    /// The numbers of what can be listened to, by name.
    package let groups: [String: UInt32]

    package static func request(_ name: String) -> NetlinkRequest {
        NetlinkRequest(
            Int(GENL_ID_CTRL), genlmsghdr(cmd: UInt8(CTRL_CMD_GETFAMILY), version: 1, reserved: 0),
            [(CTRL_ATTR_FAMILY_NAME, .string(name))])
    }

    package init(_ answer: NetlinkMessage) throws(Malformed) {
        let attributes = try answer.attributes(after: MemoryLayout<genlmsghdr>.size)
        guard let id = try attributes.u16(CTRL_ATTR_FAMILY_ID) else { throw Malformed("a family without its number") }
        var groups: [String: UInt32] = [:]
        for entry in try attributes.nested(CTRL_ATTR_MCAST_GROUPS)?.attributes ?? [] {
            let group = try AttributeReader(entry.value)
            if let name = group.string(CTRL_ATTR_MCAST_GRP_NAME), let number = try group.u32(CTRL_ATTR_MCAST_GRP_ID) {
                groups[name] = number
            }
        }
        (self.id, self.groups) = (id, groups)
    }

    /// ENOENT where this kernel has no such family.
    package static func find(_ name: String, _ transport: any NetlinkTransport) throws(KernelError) -> GenericFamily {
        let (operation, subject) = ("find", "netlink family \(name)")
        var client = NetlinkClient(transport)
        guard let answer = try client.ask(request(name), operation, subject).first else {
            throw KernelError(operation, subject, errno: .noEntry)
        }
        return try understood(operation, subject) { () throws(Malformed) in try GenericFamily(answer) }
    }
}
