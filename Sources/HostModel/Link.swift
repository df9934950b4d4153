/// One network link, as the kernel describes it at one moment. RTM_NEWLINK of `rtnetlink(7)`, and sysfs for hardware.
package struct Link: Hashable, Sendable {
    /// What the kernel knows it by in its network namespace: it survives a rename, and two links in turn do not share
    /// one.
    package var index: UInt32
    /// For people only: it may be another link's a moment later.
    package var name: String
    /// Other names of the same link, in the kernel's order. `ip link property add altname`
    package var alternativeNames: [String] = []
    /// The hardware address in use: `52:54:00:12:34:56`. A bond gives its ports one of its own. Nil where it has none.
    package var address: String?
    /// The hardware address that it was made with. Nil where the driver knows none, and on kernels before 5.6.
    package var permanentAddress: String?
    /// What made it, if software did: `veth`, `bond`, `vlan`, `bridge`. Nil for most hardware, and for `lo`.
    package var kind: String?
    package var isLoopback: Bool = false

    /// Bytes.
    package var mtu: UInt32
    /// Bytes; nil where the kernel names no bound.
    package var minimumMTU: UInt32?
    package var maximumMTU: UInt32?

    /// The bond or bridge that it is a port of.
    package var master: UInt32?
    /// The link that it rides on (a vlan's parent) or ends at (a veth's peer). An index of `lowerNamespace`, if there is
    /// one.
    package var lower: UInt32?
    /// Our namespace's number for the one in which `lower` is, if that is another; negative where it has no number.
    package var lowerNamespace: Int32?

    /// Whether an administrator wants it up. IFF_UP
    package var isUp: Bool = false
    /// Whether it is up and its wire is. IFF_LOWER_UP: what IFLA_CARRIER says of a link that is down means nothing.
    package var hasCarrier: Bool = false
    /// Whether its bond keeps it out though its wire is up: `updelay` is not over, or LACP has not agreed yet.
    /// IFLA_BOND_SLAVE_MII_STATUS, IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE
    package var isHeldBack: Bool = false
    /// How often the carrier came or went: a write that moves it has dropped the link.
    package var carrierChanges: UInt32 = 0

    /// The folder of its device: `/sys/devices/pci0000:00/0000:00:03.0`. Nil for what is made of software.
    package var devicePath: String?
    /// The driver's name: `mlx5_core`. Looked up for hardware only.
    package var driver: String?
    /// Which port of its device it is, where several links share one. `dev_port` of sysfs
    package var devicePort: UInt32?
    /// Whether its device is a virtual function. `physfn` of sysfs
    package var isVirtualFunction: Bool = false

    /// The switch that it is a port of, in hexadecimal digits. Nil where there is none.
    package var switchID: String?
    /// Its name on the switch or the board: `p0`, `pf0vf1`.
    package var portName: String?

    package init(index: UInt32, name: String, mtu: UInt32) {
        self.index = index
        self.name = name
        self.mtu = mtu
    }
}

extension Link {
    /// Whether it makes one link of its ports, which take its MTU.
    package var isBond: Bool { kind == "bond" || kind == "team" }

    /// Whether packets can go by it.
    package var carries: Bool { hasCarrier && !isHeldBack }

    /// The address on the PCI bus, `0000:5e:00.0`: the last one in the path, which has those of bridges before it.
    package var pciAddress: String? {
        devicePath?.split(separator: "/").last { Self.isPCIAddress($0.utf8) }.map { String($0) }
    }

    /// Whether it stands on the host for a function of a switching network card that is somewhere else: tuning it tunes
    /// nothing that carries data. `pf0vf1`, `c1pf0vf0`, `pf0sf88` and `pf0` on a switch, as
    /// `__devlink_port_phys_port_name_get` of the kernel's `net/devlink/port.c` names them; `p0` is a wire.
    package var isRepresentor: Bool {
        guard switchID != nil, var rest = portName.map({ Array($0.utf8)[...] }) else { return false }
        func take(_ word: String) -> Bool {
            guard rest.starts(with: word.utf8) else { return false }
            let digits = rest.dropFirst(word.utf8.count)
            let after = digits.drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard after.count < digits.count else { return false }
            rest = after
            return true
        }
        _ = take("c")
        guard take("pf") else { return false }
        _ = take("vf") || take("sf")
        return rest.isEmpty
    }

    /// Whether these are `dddd:dd:dd.d` in hexadecimal; the domain may have more digits.
    private static func isPCIAddress(_ text: Substring.UTF8View) -> Bool {
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].count >= 4, parts[1].count == 2 else { return false }
        let place = parts[2].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard place.count == 2, place[0].count == 2, place[1].count == 1 else { return false }
        return (parts[0...1] + place).allSatisfy {
            $0.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 }
        }
    }
}

/// One queue length or number of queues of a link.
package struct LinkAmount: Hashable, Sendable {
    package var current: UInt32
    /// The most that the driver takes.
    package var maximum: UInt32

    package init(current: UInt32, maximum: UInt32) {
        self.current = current
        self.maximum = maximum
    }
}

/// The rings of a link, in the words of `ethtool -g`.
package enum RingParameter: String, CaseIterable, Sendable {
    case rx
    case rxMini = "rx-mini"
    case rxJumbo = "rx-jumbo"
    case tx
}

/// The queues of a link, in the words of `ethtool -l`.
package enum ChannelParameter: String, CaseIterable, Sendable {
    case rx, tx, other, combined
}

/// Descriptors in each ring. What the driver does not have is not in it: `n/a` of `ethtool -g`.
package typealias Rings = [RingParameter: LinkAmount]

/// Numbers of queues. What the driver does not have is not in it: `n/a` of `ethtool -l`.
package typealias Channels = [ChannelParameter: LinkAmount]

/// What a driver says of itself and of its card, as `ethtool -i` prints it; empty where it does not say.
package struct LinkDriver: Hashable, Sendable {
    package var driver: String
    package var version: String
    package var firmwareVersion: String

    package init(driver: String, version: String, firmwareVersion: String) {
        self.driver = driver
        self.version = version
        self.firmwareVersion = firmwareVersion
    }
}
