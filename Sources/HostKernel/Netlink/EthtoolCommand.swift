import CLinux
package import HostModel

/// What ethtool's netlink has a reading and a writing command for: their messages. All that a new one adds is its table.
/// `Documentation/networking/ethtool-netlink.rst` of the kernel
package struct EthtoolCommand<Parameter: RawRepresentable<String> & CaseIterable & Hashable & Sendable>: Sendable {
    /// For people: `rings`.
    package let name: String
    private let get: Int
    private let set: Int
    /// The number of the answer to `get`, which is another than that of `get`.
    private let reply: Int
    private let header: Int
    private let attributes: [Parameter: (current: Int, maximum: Int)]

    package func getRequest(_ family: GenericFamily, _ index: UInt32) -> NetlinkRequest {
        request(family, get, index, [:])
    }

    package func setRequest(_ family: GenericFamily, _ index: UInt32, _ values: [Parameter: UInt32]) -> NetlinkRequest {
        request(family, set, index, values)
    }

    private func request(
        _ family: GenericFamily, _ command: Int, _ index: UInt32, _ values: [Parameter: UInt32]
    ) -> NetlinkRequest {
        var request = NetlinkRequest(
            Int(family.id), genlmsghdr(cmd: UInt8(command), version: UInt8(ETHTOOL_GENL_VERSION), reserved: 0),
            [(header, .nested([(ETHTOOL_A_HEADER_DEV_INDEX, .u32(index))]))])
        request.names[header] = "link"
        for parameter in Parameter.allCases {
            guard let place = attributes[parameter] else { continue }
            request.names[place.current] = parameter.rawValue
            if let value = values[parameter] { request.attributes.append((place.current, .u32(value))) }
        }
        return request
    }

    /// What the driver has. The kernel leaves out both numbers where the maximum is 0.
    package func values(_ answer: NetlinkMessage, of index: UInt32) throws(Malformed) -> [Parameter: LinkAmount] {
        guard Int(answer.payload.first ?? 0) == reply else {
            throw Malformed("command \(answer.payload.first ?? 0), where \(reply) answers")
        }
        let found = try answer.attributes(after: MemoryLayout<genlmsghdr>.size)
        let other = try found.nested(header)?.u32(ETHTOOL_A_HEADER_DEV_INDEX)
        guard other == index else { throw Malformed("about link \(other.map(String.init) ?? "nobody")") }
        return try values(found)
    }

    package func values(_ found: AttributeReader) throws(Malformed) -> [Parameter: LinkAmount] {
        var values: [Parameter: LinkAmount] = [:]
        for (parameter, place) in attributes {
            if let current = try found.u32(place.current), let maximum = try found.u32(place.maximum), maximum > 0 {
                values[parameter] = LinkAmount(current: current, maximum: maximum)
            }
        }
        return values
    }
}

extension EthtoolCommand where Parameter == RingParameter {
    package static var rings: Self {
        Self(
            name: "rings", get: ETHTOOL_MSG_RINGS_GET, set: ETHTOOL_MSG_RINGS_SET, reply: ETHTOOL_MSG_RINGS_GET_REPLY,
            header: ETHTOOL_A_RINGS_HEADER,
            attributes: [
                .rx: (ETHTOOL_A_RINGS_RX, ETHTOOL_A_RINGS_RX_MAX),
                .rxMini: (ETHTOOL_A_RINGS_RX_MINI, ETHTOOL_A_RINGS_RX_MINI_MAX),
                .rxJumbo: (ETHTOOL_A_RINGS_RX_JUMBO, ETHTOOL_A_RINGS_RX_JUMBO_MAX),
                .tx: (ETHTOOL_A_RINGS_TX, ETHTOOL_A_RINGS_TX_MAX),
            ])
    }
}

extension EthtoolCommand where Parameter == ChannelParameter {
    package static var channels: Self {
        Self(
            name: "channels", get: ETHTOOL_MSG_CHANNELS_GET, set: ETHTOOL_MSG_CHANNELS_SET,
            reply: ETHTOOL_MSG_CHANNELS_GET_REPLY, header: ETHTOOL_A_CHANNELS_HEADER,
            attributes: [
                .rx: (ETHTOOL_A_CHANNELS_RX_COUNT, ETHTOOL_A_CHANNELS_RX_MAX),
                .tx: (ETHTOOL_A_CHANNELS_TX_COUNT, ETHTOOL_A_CHANNELS_TX_MAX),
                .other: (ETHTOOL_A_CHANNELS_OTHER_COUNT, ETHTOOL_A_CHANNELS_OTHER_MAX),
                .combined: (ETHTOOL_A_CHANNELS_COMBINED_COUNT, ETHTOOL_A_CHANNELS_COMBINED_MAX),
            ])
    }
}

/// What is asked for captures.
extension EthtoolQuestion {
    private var command: Int {
        switch self {
        case .rings: ETHTOOL_MSG_RINGS_GET
        case .channels: ETHTOOL_MSG_CHANNELS_GET
        case .coalesce: ETHTOOL_MSG_COALESCE_GET
        case .pause: ETHTOOL_MSG_PAUSE_GET
        case .linkmodes: ETHTOOL_MSG_LINKMODES_GET
        case .linkstate: ETHTOOL_MSG_LINKSTATE_GET
        case .fec: ETHTOOL_MSG_FEC_GET
        case .privflags: ETHTOOL_MSG_PRIVFLAGS_GET
        }
    }

    /// The header has the same number in all of them.
    private static let header = ETHTOOL_A_RINGS_HEADER

    func request(_ family: GenericFamily, _ index: UInt32) -> NetlinkRequest {
        // The flags of a driver have names of its own, which are left out of what is compact.
        let flags = self == .privflags ? 0 : ETHTOOL_FLAG_COMPACT_BITSETS
        var request = NetlinkRequest(
            Int(family.id), genlmsghdr(cmd: UInt8(command), version: UInt8(ETHTOOL_GENL_VERSION), reserved: 0),
            [
                (
                    Self.header,
                    .nested([
                        (ETHTOOL_A_HEADER_DEV_INDEX, .u32(index)), (ETHTOOL_A_HEADER_FLAGS, .u32(UInt32(flags))),
                    ])
                )
            ])
        request.names[Self.header] = "link"
        return request
    }

    /// All but the header, which the kernel writes first.
    func attributes(_ answer: NetlinkMessage) throws(Malformed) -> [UInt8] {
        let bytes = answer.payload.dropFirst(MemoryLayout<genlmsghdr>.size)
        let found = try AttributeReader(bytes).attributes
        guard let first = found.first, first.type == Self.header,
            !found.dropFirst().contains(where: { $0.type == Self.header })
        else { throw Malformed("it does not begin with its header") }
        return Array(bytes.dropFirst((first.value.count + 7) & ~3))
    }
}
