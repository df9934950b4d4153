import CLinux
import FoundationEssentials
import Glibc
import HostKernel
import HostModel
import Testing

/// Whether this kernel can make such links: some are modules that it may not have.
private func canMake(_ kind: String, on parent: String? = nil, _ rest: String = "") -> Bool {
    guard Namespace.canBeHad else { return false }
    return inNetwork {
        try ip("link add parent type veth")
        try ip("link add \(parent.map { "link \($0) " } ?? "")name x type \(kind) \(rest)")
        return []
    } == []
}

@Suite("Links of the real kernel", .enabled(if: Namespace.canBeHad, "takes a network")) struct LinksTests {
    @Test("a link is described: its names, its bounds, its peer")
    func describes() {
        let seen = inNetwork {
            try ip("link add left address 02:00:00:00:00:01 mtu 1400 type veth peer name right")
            try ip("link property add dev left altname storage-left altname l")
            try ip("link set left up")
            let links = try SystemLinks().links()
            guard let left = links.first(where: { $0.name == "left" }),
                let right = links.first(where: { $0.name == "right" }),
                let loopback = links.first(where: \.isLoopback)
            else { return ["missing"] }
            var expected = Link(index: left.index, name: "left", mtu: 1400)
            expected.alternativeNames = ["storage-left", "l"]
            expected.address = "02:00:00:00:00:01"
            expected.kind = "veth"
            (expected.minimumMTU, expected.maximumMTU) = (68, 65535)
            expected.lower = right.index
            expected.isUp = true
            expected.carrierChanges = left.carrierChanges
            #expect(left == expected)
            #expect(right.lower == left.index && !right.isUp && right.lowerNamespace == nil)
            #expect(loopback.index == 1 && loopback.maximumMTU == nil && loopback.kind == nil)
            #expect(loopback.devicePath == nil && loopback.driver == nil)
            // The carrier is there when both ends are up, and it is counted.
            try ip("link set right up")
            let after = try SystemLinks().link(left.index)
            #expect(after?.hasCarrier == true && (after?.carrierChanges ?? 0) > left.carrierChanges)
            #expect(try SystemLinks().link(4711) == nil)
            return links.map(\.name)
        }
        #expect(seen.sorted() == ["left", "lo", "right"])
    }

    @Test("the ports of a bridge, what rides on a link, and a peer elsewhere are told by index")
    func masters() {
        let seen = inNetwork {
            try makeOtherNetwork()
            try ip("link add left type veth peer name right")
            try ip("link add yard type bridge")
            try ip("link set left master yard")
            try ip("link add link right name rider type macvlan")
            var links = try named()
            guard let yard = links["yard"], let left = links["left"], let right = links["right"] else {
                return ["missing"]
            }
            #expect(yard.kind == "bridge" && left.master == yard.index && right.master == nil)
            #expect(links["rider"]?.kind == "macvlan" && links["rider"]?.lower == right.index)
            #expect(left.lowerNamespace == nil && links["rider"]?.lowerNamespace == nil)
            try ip("link set left nomaster")
            try ip("link del rider")
            try ip("link set right netns other")
            links = try named()
            #expect(links["right"] == nil && links["left"]?.lower == right.index)
            #expect((links["left"]?.lowerNamespace).map { $0 >= 0 } == true && links["left"]?.master == nil)
            return []
        }
        #expect(seen.isEmpty)
    }

    @Test("a bond's ports have its address and keep their own", .enabled(if: canMake("bond"), "no bond in this kernel"))
    func bond() {
        let seen = inNetwork {
            try ip("link add left type veth peer name right")
            try ip("link add pair type bond mode active-backup")
            try ip("link set left master pair")
            let links = try named()
            #expect(links["pair"]?.kind == "bond" && links["left"]?.master == links["pair"]?.index)
            return []
        }
        #expect(seen.isEmpty)
    }

    @Test(
        "a vlan names its parent", .enabled(if: canMake("vlan", on: "parent", "id 5"), "no vlan in this kernel"))
    func vlan() {
        let seen = inNetwork {
            try ip("link add left type veth peer name right")
            try ip("link add link left name left.5 type vlan id 5")
            let links = try named()
            #expect(links["left.5"]?.kind == "vlan" && links["left.5"]?.lower == links["left"]?.index)
            // Its parent's is smaller.
            let refused = refusal { try SystemLinks().setMTU(9000, of: links["left.5"]?.index ?? 0) }
            #expect(refused.hasPrefix("set mtu of link left.5: wanted 9000"))
            return []
        }
        #expect(seen.isEmpty)
    }

    @Test("a thousand links with long names are all there, each once")
    func many() {
        let seen = inNetwork {
            let scratch = try Scratch()
            let lines = (0..<500).map { number in
                "link add a\(number) type veth peer name b\(number)\n"
                    + "link property add dev a\(number) altname \(String(repeating: "x", count: 120))\(number)\n"
            }
            try ip("-batch \(scratch.file("batch", lines.joined()))")
            let links = try SystemLinks().links()
            #expect(links.count == 1001 && Set(links.map(\.index)).count == 1001)
            #expect(links.map(\.index) == links.map(\.index).sorted())
            #expect(Set(links.map(\.name)) == Set((0..<500).flatMap { ["a\($0)", "b\($0)"] } + ["lo"]))
            #expect(links.filter { $0.alternativeNames.count == 1 }.count == 500)
            return []
        }
        #expect(seen.isEmpty)
    }

    @Test("a link with more names than any buffer of ours is there all the same")
    func huge() {
        let seen = inNetwork {
            let scratch = try Scratch()
            try ip("link add left type veth peer name right")
            let lines = (0..<400).map { number in
                "link property add dev left altname \(String(repeating: "y", count: 120))\(number)\n"
            }
            try ip("-batch \(scratch.file("batch", lines.joined()))")
            let links = try named()
            #expect(links.count == 3 && links["left"]?.alternativeNames.count == 400)
            #expect(try SystemLinks().link(links["left"]?.index ?? 0)?.alternativeNames.count == 400)
            return []
        }
        #expect(seen.isEmpty)
    }

    @Test("an MTU is set within the bounds, and the kernel's words are kept beyond them")
    func mtu() {
        let seen = inNetwork {
            try ip("link add left type veth peer name right")
            let links = SystemLinks()
            let index = try named()["left"]?.index ?? 0
            try links.setMTU(9000, of: index)
            #expect(try links.link(index)?.mtu == 9000)
            return [67, 70000, .max].map { mtu in refusal { try links.setMTU(mtu, of: index) } }
                + [refusal { try links.setMTU(1500, of: 4711) }]
        }
        #expect(
            seen == [
                "set mtu of link left: wanted 67, mtu less than device minimum (EINVAL)",
                "set mtu of link left: wanted 70000, mtu greater than device maximum (EINVAL)",
                "set mtu of link left: wanted 4294967295, mtu less than device minimum (EINVAL)",
                "set mtu of link 4711: wanted 1500 (ENODEV)",
            ])
    }

    @Test("channels are read and set, those not named stay", arguments: [SystemLinks.Way.netlink, .ioctl, .automatic])
    func channels(_ way: SystemLinks.Way) {
        let seen = inNetwork {
            try ip(wide)
            let links = SystemLinks(way: way)
            let index = try named()["left"]?.index ?? 0
            let four = LinkAmount(current: 4, maximum: 4)
            #expect(try links.channels(of: index) == [.rx: four, .tx: four])
            try links.setChannels([.rx: 2], of: index)
            #expect(try links.channels(of: index) == [.rx: LinkAmount(current: 2, maximum: 4), .tx: four])
            // What is there already is no error.
            try links.setChannels([.rx: 2, .tx: 4], of: index)
            return [
                refusal { try links.setChannels([.rx: 9, .tx: 2], of: index) },
                refusal { try links.setChannels([.combined: 1], of: index) },
                refusal { try links.setChannels([.rx: 0], of: index) },
            ]
        }
        let words =
            way == .ioctl
            ? ["", "", ""]
            : [
                ", requested channel count exceeds maximum (rx)",
                ", requested channel count exceeds maximum (combined)",
                ", requested channel counts would result in no RX or TX channel being configured (rx)",
            ]
        #expect(
            seen == [
                "set channels of link left: wanted rx 9 tx 2\(words[0]) (EINVAL)",
                "set channels of link left: wanted combined 1\(words[1]) (EINVAL)",
                "set channels of link left: wanted rx 0\(words[2]) (EINVAL)",
            ])
    }

    @Test("what ethtool's netlink answers is kept as it came, without who it is about")
    func answers() {
        let seen = inNetwork {
            try ip(wide)
            let links = SystemLinks()
            let index = try named()["left"]?.index ?? 0
            let answers = EthtoolQuestion.allCases.compactMap { question in
                try? (name: question.rawValue, bytes: links.answer(to: question, of: index))
            }
            let channels = try AttributeReader(links.answer(to: .channels, of: index)[...])
            #expect(try EthtoolCommand.channels.values(channels) == links.channels(of: index))
            // The name stands in no answer.
            #expect(!answers.contains { String(decoding: $0.bytes, as: UTF8.self).contains("left") })
            let driver = try links.driver(of: index)
            #expect(driver.driver == "veth" && !driver.version.isEmpty)
            return answers.map(\.name) + [
                refusal { _ = try links.answer(to: .rings, of: index) },
                refusal { _ = try links.answer(to: .fec, of: 4711) },
                refusal { _ = try SystemLinks(way: .ioctl).answer(to: .channels, of: index) },
            ]
        }
        #expect(
            seen == [
                "channels", "linkmodes", "linkstate", "get rings of link left (EOPNOTSUPP)",
                "get fec of link 4711: no device matches ifindex (link) (ENODEV)",
                "get channels of link left (EOPNOTSUPP)",
            ])
    }

    @Test("what a driver does not have is absent", arguments: [SystemLinks.Way.netlink, .ioctl])
    func absent(_ way: SystemLinks.Way) {
        let seen = inNetwork {
            try ip("link add left type veth peer name right")
            let links = SystemLinks(way: way)
            let index = try named()["left"]?.index ?? 0
            let error = #expect(throws: KernelError.self) { try links.rings(of: index) }
            #expect(error?.errno?.isAbsence == true)
            return [
                refusal { _ = try links.rings(of: index) },
                refusal { try links.setRings([.rx: 512, .tx: 64], of: index) },
                refusal { _ = try links.rings(of: 4711) }, refusal { try links.setChannels([.rx: 1], of: 4711) },
            ]
        }
        let place = way == .ioctl ? "" : "no device matches ifindex (link)"
        #expect(
            seen == [
                "get rings of link left (EOPNOTSUPP)", "set rings of link left: wanted rx 512 tx 64 (EOPNOTSUPP)",
                "get rings of link 4711\(place.isEmpty ? "" : ": \(place)") (ENODEV)",
                "set channels of link 4711: wanted rx 1\(place.isEmpty ? "" : ", \(place)") (ENODEV)",
            ])
    }

    @Test(
        "a link that was renamed is still itself; one that was moved away is not there",
        arguments: [SystemLinks.Way.netlink, .ioctl])
    func moved(_ way: SystemLinks.Way) {
        let seen = inNetwork {
            try makeOtherNetwork()
            try ip(wide)
            let links = SystemLinks(way: way)
            guard let left = try named()["left"] else { return ["missing"] }
            // Its old name is another's.
            try ip("link set left name middle")
            try ip("link set right name left")
            try links.setChannels([.tx: 3], of: left.index)
            try links.setMTU(1300, of: left.index)
            let after = try named()
            #expect(try links.channels(of: left.index)[.tx]?.current == 3 && after["middle"]?.mtu == 1300)
            #expect(after["left"]?.mtu == 1500)
            #expect(try links.channels(of: after["left"]?.index ?? 0)[.tx]?.current == 4)
            try ip("link set middle netns other")
            return [
                refusal { try links.setChannels([.tx: 1], of: left.index) },
                refusal { try links.setMTU(1500, of: left.index) },
                try links.link(left.index) == nil ? "gone" : "there",
            ].map { $0.replacing("link \(left.index):", with: "link N:") }
        }
        #expect(
            seen == [
                "set channels of link N: wanted tx 1\(way == .ioctl ? "" : ", no device matches ifindex (link)") (ENODEV)",
                "set mtu of link N: wanted 1500 (ENODEV)", "gone",
            ])
    }

    @Test("netlink, ioctl and ethtool say the same of every link of this host")
    func agree() throws {
        let (netlink, ioctl) = (SystemLinks(way: .netlink), SystemLinks(way: .ioctl))
        for link in try netlink.links() {
            let rings = (try? netlink.rings(of: link.index), try? ioctl.rings(of: link.index))
            #expect(rings.0 == rings.1, "\(link.name)")
            let channels = (try? netlink.channels(of: link.index), try? ioctl.channels(of: link.index))
            #expect(channels.0 == channels.1, "\(link.name)")
            let names = RingParameter.allCases.map(\.rawValue)
            let printed = printedByEthtool("-g", link.name, names)
            #expect(
                rings.0.map { Dictionary(uniqueKeysWithValues: $0.map { ($0.rawValue, $1) }) } == printed,
                "\(link.name)")
            let queues = printedByEthtool("-l", link.name, ChannelParameter.allCases.map(\.rawValue))
            #expect(
                channels.0.map { Dictionary(uniqueKeysWithValues: $0.map { ($0.rawValue, $1) }) } == queues,
                "\(link.name)")
        }
    }

    @Test("what hardware this host has is as sysfs and ip say")
    func hardware() throws {
        for link in try SystemLinks().links() {
            let device = try? SystemFiles().resolve("/sys/class/net/\(link.name)/device")
            #expect(link.devicePath == device)
            let driver = try? SystemFiles().resolve("/sys/class/net/\(link.name)/device/driver")
            #expect(link.driver == driver?.split(separator: "/").last.map(String.init))
            let virtual = (try? SystemFiles().status("/sys/class/net/\(link.name)/device/physfn")) != nil
            #expect(link.isVirtualFunction == virtual && (link.devicePort != nil) == (device != nil))
            let parts = (device ?? "").split(separator: "/").map(String.init)
            #expect(link.pciAddress.map { parts.contains($0) } != false)
        }
    }

    @Test("every link is as ip(8) describes it")
    func sameAsIp() {
        let seen = inNetwork {
            try makeOtherNetwork()
            try ip(wide)
            try ip("link add yard mtu 1400 type bridge")
            try ip("link set right master yard")
            try ip("link add far type veth peer name away")
            try ip("link set away netns other")
            try ip("link add link left name rider type macvlan")
            try ip("link property add dev left altname one altname two")
            for name in ["left", "right", "rider", "lo"] { try ip("link set \(name) up") }
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let printed = try decoder.decode(
                [Printed].self, from: Data((output("ip", ["-d", "-j", "link"]) ?? "").utf8))
            let links = try named()
            #expect(printed.count == 6 && links.count == 6)
            for other in printed {
                guard let link = links[other.ifname] else { return ["\(other.ifname) is missing"] }
                func name(_ index: UInt32?) -> String? { links.values.first { $0.index == index }?.name }
                #expect(link.index == other.ifindex && link.mtu == other.mtu)
                #expect(link.alternativeNames == other.altnames ?? [])
                #expect(link.address == other.address && link.permanentAddress == other.permaddr)
                #expect(link.kind == other.linkinfo?.infoKind && name(link.master) == other.master)
                #expect(link.minimumMTU == other.minMtu && (link.maximumMTU ?? 0) == other.maxMtu)
                #expect(link.lowerNamespace == other.linkNetnsid)
                if let lower = other.link { #expect(name(link.lower) == lower) }
                if let lower = other.linkIndex { #expect(link.lower == lower) }
                #expect(link.isUp == other.flags.contains("UP") && link.isLoopback == other.flags.contains("LOOPBACK"))
                #expect(link.hasCarrier == other.flags.contains("LOWER_UP"))
            }
            return []
        }
        #expect(seen.isEmpty)
    }

    @Test("the monitor tells of what ethtool and we change, by netlink or ioctl, and of no equal value")
    func events() {
        let seen = inNetwork {
            try ip(wide)
            let index = try named()["left"]?.index ?? 0
            let events = try LinkEvents.ethtool()
            func words() throws -> String { try events.drain().map { "\($0)" }.joined() }
            var seen = [try words()]
            guard run("ethtool", ["-L", "left", "rx", "3"]) else { return ["no ethtool"] }
            seen.append(try words())
            for way in [SystemLinks.Way.netlink, .ioctl] {
                for tx: UInt32 in [2, 2, 1] {
                    try SystemLinks(way: way).setChannels([.tx: tx], of: index)
                    seen.append(try words())
                }
            }
            // Not the MTU: that is told by rtnetlink.
            try SystemLinks().setMTU(1300, of: index)
            seen.append(try words())
            // What the kernel's queue does not hold is news too.
            var size: Int32 = 1
            setsockopt(events.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
            for tx: UInt32 in 1...40 { try SystemLinks().setChannels([.tx: 1 + tx % 2], of: index) }
            seen += [try words(), try words()]
            return seen
        }
        #expect(seen == ["", "links", "links", "", "links", "links", "", "links", "", "links", ""])
    }
}

private let wide =
    "link add left numtxqueues 4 numrxqueues 4 type veth peer name right numtxqueues 4 numrxqueues 4"

private func named() throws -> [String: Link] {
    Dictionary(try SystemLinks().links().map { ($0.name, $0) }) { first, _ in first }
}

/// A second network with the name `other`, which only this thread's mounts know.
private func makeOtherNetwork() throws {
    mkdir("/run/netns", 0o755)
    guard mount("tmpfs", "/run/netns", "tmpfs", 0, nil) == 0 else { throw KernelError("mount", "/run/netns") }
    try ip("netns add other")
}

/// What `ip -d -j link` prints, as far as it is compared.
private struct Printed: Decodable {
    var ifindex: UInt32
    var ifname: String
    var altnames: [String]?
    var flags: [String]
    var mtu: UInt32
    var minMtu: UInt32
    var maxMtu: UInt32
    var address: String?
    var permaddr: String?
    var master: String?
    var link: String?
    var linkIndex: UInt32?
    var linkNetnsid: Int32?
    var linkinfo: Info?

    struct Info: Decodable { var infoKind: String? }
}

/// The two tables of `ethtool -g` and `ethtool -l`, whose version in Debian 12 prints no JSON of them; nil where it is
/// refused. `RX Mini:	n/a` is rx-mini.
private func printedByEthtool(_ option: String, _ name: String, _ words: [String]) -> [String: LinkAmount]? {
    guard let text = output("ethtool", [option, name]) else { return nil }
    var numbers: [String: [UInt32]] = [:]
    for line in text.split(separator: "\n") {
        let pair = line.split(separator: ":", maxSplits: 1)
        let word = pair[0].lowercased().replacing(" ", with: "-")
        if pair.count == 2, words.contains(word), let number = UInt32(pair[1].drop { $0 == "\t" || $0 == " " }) {
            numbers[word, default: []].append(number)
        }
    }
    return numbers.compactMapValues { $0.count == 2 ? LinkAmount(current: $0[1], maximum: $0[0]) : nil }
}
