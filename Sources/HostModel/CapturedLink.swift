/// A link as lines of a capture: RTM_NEWLINK, rings and channels as words and values.
package struct CapturedLink: Hashable, Sendable {
    package var link: Link
    /// Nil where the driver has none.
    package var rings: Rings?
    package var channels: Channels?
    /// Who sets it up at boot: `netplan /etc/netplan/*.yaml`.
    package var owner: String?

    package init(_ link: Link, rings: Rings? = nil, channels: Channels? = nil, owner: String? = nil) {
        (self.link, self.rings, self.channels, self.owner) = (link, rings, channels, owner)
    }

    /// Where a capture keeps it.
    package static let folder = "/links"
    /// Where what ethtool's netlink answered stands, byte by byte, below the link's index; also what the driver says.
    package static let ethtoolFolder = "/ethtool"

    package var lines: [String] {
        var lines = ["name \(link.name)"] + link.alternativeNames.map { "alternativeName \($0)" }
        func add(_ key: String, _ value: (some CustomStringConvertible)?) {
            if let value { lines.append("\(key) \(value)") }
        }
        add("address", link.address)
        add("permanentAddress", link.permanentAddress)
        add("kind", link.kind)
        if link.isLoopback { lines.append("loopback") }
        add("mtu", link.mtu)
        add("minimumMTU", link.minimumMTU)
        add("maximumMTU", link.maximumMTU)
        add("master", link.master)
        add("lower", link.lower)
        add("lowerNamespace", link.lowerNamespace)
        if link.isUp { lines.append("up") }
        if link.hasCarrier { lines.append("carrier") }
        if link.isHeldBack { lines.append("heldBack") }
        add("carrierChanges", link.carrierChanges)
        add("devicePath", link.devicePath)
        add("driver", link.driver)
        add("devicePort", link.devicePort)
        if link.isVirtualFunction { lines.append("virtualFunction") }
        add("switchID", link.switchID)
        add("portName", link.portName)
        add("owner", owner)
        // Even where the driver has no amount of them, it has the command.
        if let rings {
            lines.append("rings")
            for parameter in RingParameter.allCases { add("rings.\(parameter.rawValue)", rings[parameter]?.captured) }
        }
        if let channels {
            lines.append("channels")
            for parameter in ChannelParameter.allCases {
                add("channels.\(parameter.rawValue)", channels[parameter]?.captured)
            }
        }
        return lines
    }

    /// Nil where a line is none of `lines`.
    package init?(index: UInt32, lines: [String]) {
        self.init(Link(index: index, name: "", mtu: 0))
        for line in lines {
            let pair = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard let key = pair.first else { continue }
            let value = pair.count > 1 ? pair[1] : ""
            switch key {
            case "name": link.name = value
            case "alternativeName": link.alternativeNames.append(value)
            case "address": link.address = value
            case "permanentAddress": link.permanentAddress = value
            case "kind": link.kind = value
            case "loopback": link.isLoopback = true
            case "mtu": link.mtu = UInt32(value) ?? 0
            case "minimumMTU": link.minimumMTU = UInt32(value)
            case "maximumMTU": link.maximumMTU = UInt32(value)
            case "master": link.master = UInt32(value)
            case "lower": link.lower = UInt32(value)
            case "lowerNamespace": link.lowerNamespace = Int32(value)
            case "up": link.isUp = true
            case "carrier": link.hasCarrier = true
            case "heldBack": link.isHeldBack = true
            case "carrierChanges": link.carrierChanges = UInt32(value) ?? 0
            case "devicePath": link.devicePath = value
            case "driver": link.driver = value
            case "devicePort": link.devicePort = UInt32(value)
            case "virtualFunction": link.isVirtualFunction = true
            case "switchID": link.switchID = value
            case "portName": link.portName = value
            case "owner": owner = value
            case "rings": rings = rings ?? [:]
            case "channels": channels = channels ?? [:]
            default:
                guard let amount = LinkAmount(captured: value) else { return nil }
                if key.hasPrefix("rings."), let parameter = RingParameter(rawValue: String(key.dropFirst(6))) {
                    rings = (rings ?? [:]).merging([parameter: amount]) { $1 }
                } else if key.hasPrefix("channels."),
                    let parameter = ChannelParameter(rawValue: String(key.dropFirst(9)))
                {
                    channels = (channels ?? [:]).merging([parameter: amount]) { $1 }
                } else {
                    return nil
                }
            }
        }
    }
}

extension LinkDriver {
    /// The words of `ethtool -i`.
    package var lines: [String] {
        [("driver", driver), ("version", version), ("firmware-version", firmwareVersion)]
            .filter { !$0.1.isEmpty }.map { "\($0.0): \($0.1)" }
    }

    package init(lines: [String]) {
        func value(_ key: String) -> String {
            lines.first { $0.hasPrefix("\(key): ") }.map { String($0.dropFirst(key.utf8.count + 2)) } ?? ""
        }
        self.init(
            driver: value("driver"), version: value("version"), firmwareVersion: value("firmware-version"))
    }
}

extension LinkAmount {
    fileprivate var captured: String { "\(current) of \(maximum)" }

    fileprivate init?(captured: String) {
        let words = captured.split(separator: " ")
        guard words.count == 3, words[1] == "of", let current = UInt32(words[0]), let maximum = UInt32(words[2])
        else { return nil }
        self.init(current: current, maximum: maximum)
    }
}
