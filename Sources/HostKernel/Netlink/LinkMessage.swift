import CLinux
import Glibc
package import HostModel

/// What rtnetlink says of one link, and how it is asked. RTM_GETLINK, RTM_NEWLINK, RTM_SETLINK of `rtnetlink(7)`
package struct LinkMessage: Sendable {
    /// Without what only sysfs knows.
    package let link: Link
    /// Whether sysfs is worth a look: hardware may be behind it.
    package let mayBeHardware: Bool

    package static let list = NetlinkRequest(RTM_GETLINK, flags: NLM_F_DUMP, header(0), withoutStatistics)

    package static func get(_ index: UInt32) -> NetlinkRequest {
        NetlinkRequest(RTM_GETLINK, header(index), withoutStatistics)
    }

    package static func set(_ index: UInt32, mtu: UInt32) -> NetlinkRequest {
        var request = NetlinkRequest(RTM_SETLINK, header(index), [(IFLA_MTU, .u32(mtu))])
        request.names = [IFLA_MTU: "mtu"]
        return request
    }

    private static func header(_ index: UInt32) -> ifinfomsg {
        var header = ifinfomsg()
        header.ifi_index = Int32(bitPattern: index)
        return header
    }

    /// Half of each answer is counters.
    private static let withoutStatistics: [(type: Int, value: NetlinkRequest.Value)] = [
        (IFLA_EXT_MASK, .u32(UInt32(RTEXT_FILTER_SKIP_STATS)))
    ]

    package init(_ answer: NetlinkMessage) throws(Malformed) {
        guard answer.type == RTM_NEWLINK, let header = answer.payload.load(ifinfomsg.self) else {
            throw Malformed(
                "a message of type \(answer.type) and \(answer.payload.count) bytes, where a link is listed")
        }
        let found = try answer.attributes(after: MemoryLayout<ifinfomsg>.size)
        guard let name = found.string(IFLA_IFNAME), let mtu = try found.u32(IFLA_MTU) else {
            throw Malformed("link \(header.ifi_index) without a name or an MTU")
        }
        var link = Link(index: UInt32(bitPattern: header.ifi_index), name: name, mtu: mtu)
        link.alternativeNames =
            try found.nested(IFLA_PROP_LIST)?.attributes.filter { $0.type == IFLA_ALT_IFNAME }
            .map { AttributeReader.text($0.value) } ?? []
        link.address = Self.address(found.bytes(IFLA_ADDRESS))
        link.permanentAddress = Self.address(found.bytes(IFLA_PERM_ADDRESS))
        let info = try found.nested(IFLA_LINKINFO)
        link.kind = info?.string(IFLA_INFO_KIND)
        if info?.string(IFLA_INFO_SLAVE_KIND) == "bond", let port = try info?.nested(IFLA_INFO_SLAVE_DATA) {
            // Of 802.3ad only; IEEE 802.1AX names the bits.
            let state = try port.u8(IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE)
            link.isHeldBack =
                try port.u8(IFLA_BOND_SLAVE_MII_STATUS) ?? 0 != 0 || state.map { $0 & Self.distributing == 0 } ?? false
        }
        link.isLoopback = header.ifi_flags & UInt32(IFF_LOOPBACK) != 0
        link.minimumMTU = try found.u32(IFLA_MIN_MTU)
        link.maximumMTU = try Self.existing(found.u32(IFLA_MAX_MTU))
        link.master = try Self.existing(found.u32(IFLA_MASTER))
        link.lower = try Self.existing(found.u32(IFLA_LINK))
        link.lowerNamespace = try found.i32(IFLA_LINK_NETNSID)
        link.isUp = header.ifi_flags & UInt32(IFF_UP) != 0
        link.hasCarrier = header.ifi_flags & Self.lowerUp != 0
        link.carrierChanges = try found.u32(IFLA_CARRIER_CHANGES) ?? 0
        link.switchID = found.bytes(IFLA_PHYS_SWITCH_ID).map { $0.map(Self.hexadecimal).joined() }
        link.portName = found.string(IFLA_PHYS_PORT_NAME)
        self.link = link
        mayBeHardware = found.bytes(IFLA_PARENT_DEV_NAME) != nil || link.kind == nil && !link.isLoopback
    }

    /// 0 stands for none.
    private static func existing(_ number: UInt32?) -> UInt32? { number == 0 ? nil : number }

    private static func address(_ bytes: ArraySlice<UInt8>?) -> String? {
        guard let bytes, !bytes.isEmpty else { return nil }
        return bytes.map(hexadecimal).joined(separator: ":")
    }

    private static func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

    /// LACP_STATE_DISTRIBUTING of the kernel's `net/bond_3ad.h`
    private static let distributing: UInt8 = 0x20
    /// IFF_LOWER_UP, which `linux/if.h` has and `net/if.h` has not: they can't be had together.
    private static let lowerUp: UInt32 = 1 << 16
}
