import HostConfiguration
import HostModel

/// What can be asked of a link, in ethtool's and ip-link's words.
enum LinkAttribute: Hashable, Sendable {
    /// Bytes. (ip-link(8))
    case mtu
    /// Descriptors. (ethtool -G)
    case ring(RingParameter)
    /// Queues. (ethtool -L)
    case channel(ChannelParameter)

    init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        switch (parts.first, parts.count) {
        case ("mtu", 1): self = .mtu
        case ("rings", 2):
            guard let parameter = RingParameter(rawValue: parts[1]) else { return nil }
            self = .ring(parameter)
        case ("channels", 2):
            guard let parameter = ChannelParameter(rawValue: parts[1]) else { return nil }
            self = .channel(parameter)
        default: return nil
        }
    }

    /// As in an id: `rings.rx`.
    var name: String {
        switch self {
        case .mtu: "mtu"
        case .ring(let parameter): "rings.\(parameter.rawValue)"
        case .channel(let parameter): "channels.\(parameter.rawValue)"
        }
    }

    /// What the kernel takes without mangling it; IPv4 takes 68 bytes at least (RFC 791), no header holds more than
    /// 65535.
    private var range: ClosedRange<Int128> {
        switch self {
        case .mtu: 68...65535
        case .ring: 1...Int128(UInt32.max)
        // A driver may have no queues of one kind while it has combined ones.
        case .channel: 0...Int128(UInt32.max)
        }
    }

    func decode(_ node: Node, key: String, problems: inout Problems) -> Demand? {
        switch node.content {
        case .scalar("max", _): return .requirement(.maximum)
        case .scalar("physical-cores", _):
            if case .channel = self { return .workedOut([.physicalCores]) }
            problems.error("physical-cores is a number of channels, expected a whole number", at: node.origin, key: key)
            return nil
        default: return node.integer(key, &problems, in: range).map { .requirement(.exactly(.integer($0))) }
        }
    }
}
