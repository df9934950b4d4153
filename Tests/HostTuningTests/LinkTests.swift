import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

/// A host with links, and the commands as they run there.
struct Wired {
    let node: Node
    let links = FakeLinks()

    init(_ section: String, mode: String = "apply", allow: String = "[link-flap]") {
        node = Node("mode: \(mode)\nallow: \(allow)\nlink:\n\(section)")
        node.kernel.set("/proc/net/route", "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT")
        node.kernel.set("/proc/net/tcp", "sl local_address rem_address st")
    }

    func reconciler() -> Reconciler { Reconciler(host: node.kernel.host(links: links), stateFolder: Node.state) }
    @discardableResult
    func apply() throws -> Reconciler.Pass { try reconciler().apply() }

    /// A port of a ConnectX card.
    func mellanox(
        _ index: UInt32, _ name: String, mac: String? = nil, up: Bool = true, mtu: UInt32 = 1500, rx: UInt32 = 1024,
        master: UInt32? = nil
    ) {
        var link = Link(index: index, name: name, mtu: mtu)
        link.permanentAddress = mac ?? "00:00:00:00:00:0\(index)"
        link.devicePath = "/sys/devices/pci0000:5d/0000:5e:00.\(index)"
        link.driver = "mlx5_core"
        (link.minimumMTU, link.maximumMTU) = (68, 9978)
        (link.isUp, link.hasCarrier) = (up, up)
        link.master = master
        links.plug(
            link,
            rings: [.rx: LinkAmount(current: rx, maximum: 8192), .tx: LinkAmount(current: 1024, maximum: 8192)],
            channels: [.combined: LinkAmount(current: 8, maximum: 63)])
    }

    func software(_ index: UInt32, _ name: String, _ kind: String, mtu: UInt32 = 1500, lower: UInt32? = nil) {
        var link = Link(index: index, name: name, mtu: mtu)
        link.kind = kind
        link.lower = lower
        (link.isUp, link.hasCarrier) = (true, true)
        links.plug(link, dropsCarrier: false)
    }

    func mtu(_ index: UInt32) throws -> UInt32? { try links.link(index)?.mtu }
}

@Suite struct LinkTests {
    private static let reference = """
          - match: {driver: mlx5_core}
            mtu: 9000
            rings: {rx: 8192}
            channels: {combined: physical-cores}
        """

    @Test("the reference configuration becomes an attribute for each key")
    func decoding() {
        let (rules, problems) = rules(
            LinkDomain(),
            "[{match: {driver: mlx5_core}, mtu: 9000, rings: {rx: 8192, rx-mini: max}, channels: {combined: physical-cores}}]"
        )
        #expect(problems == [])
        #expect(
            rules.map { "\($0.attribute) \($0.demand)" }
                == ["mtu 9000", "rings.rx 8192", "rings.rx-mini max", "channels.combined physical-cores"])
    }

    @Test(
        "what can't be meant is refused with its place",
        arguments: [
            ("[{match: {driver: x}, mtuu: 9000}]", "f:2:29: link.mtuu: unknown key, did you mean mtu?"),
            ("[{match: {driver: x}, rings: {rxx: 1}}]", "f:2:37: link.rings.rxx: unknown key, did you mean rx?"),
            (
                "[{match: {driver: x}, rings: 8192}]",
                "f:2:36: link.rings: found \"8192\", expected a mapping such as {rx: 8192}"
            ),
            (
                "[{match: {driver: x}, mtu: 20}]",
                "f:2:34: link.mtu: found \"20\", expected a whole number from 68 to 65535"
            ),
            (
                "[{match: {driver: x}, mtu: physical-cores}]",
                "f:2:34: link.mtu: physical-cores is a number of channels, expected a whole number"
            ),
            (
                "[{match: {driver: x}, mtu: 1500, include: [root]}]",
                "f:2:50: link.include: unknown word \"root\", expected one of member, virtual, virtualFunction, representor"
            ),
            ("[{mtu: 1500}]", "f:2:8: link: no match, expected for example match: {driver: mlx5_core}"),
            ("[{match: {driver: x}}]", "f:2:8: link: no attribute, expected for example mtu: 9000"),
        ])
    func refused(section: String, problem: String) {
        #expect(rules(LinkDomain(), section).problems.map { $0.replacing("/f:", with: "f:") } == [problem])
    }

    @Test("all of a link is set, its rings in one change, and reverted")
    func reference() throws {
        let wired = Wired(Self.reference)
        wired.mellanox(1, "enp94s0")
        let pass = try wired.apply()
        #expect(
            pass.states.sorted() == [
                "link/enp94s0/channels.combined inSync", "link/enp94s0/mtu inSync", "link/enp94s0/rings.rx inSync",
            ])
        #expect(wired.links.writes.count == 3)
        #expect(wired.links.equalWrites == 0)
        try wired.apply()
        #expect(wired.links.writes.count == 3)
        let carrier = try wired.links.link(1)?.carrierChanges
        try wired.apply()
        #expect(try wired.links.link(1)?.carrierChanges == carrier)
        var reconciler = wired.reconciler()
        reconciler.allowing = [.linkFlap]
        #expect(try reconciler.revert().errors == [])
        #expect(try wired.mtu(1) == 1500)
        #expect(try wired.links.rings(of: 1)[.rx]?.current == 1024)
        #expect(try wired.node.ledger().entries.isEmpty)
    }

    @Test("a field that is refused does not keep the others from being set, and has the kernel's word")
    func eachByItself() throws {
        let wired = Wired("  - {match: {name: a}, rings: {rx: 512, tx: 512}}")
        wired.mellanox(1, "a")
        wired.links.behave(1, .ring(.tx), .refusing(.invalid, "tx ring is fixed"))
        let pass = try wired.apply()
        #expect(pass["link/a/rings.rx"]?.outcome.state == .inSync)
        #expect(pass["link/a/rings.tx"]?.outcome.state == .failed)
        #expect(pass.details("link/a/rings.tx").contains("tx ring is fixed"))
        #expect(pass.details("link/a/rings.tx").contains("wanted tx 512, kernel holds 1024"))
    }

    @Test("a value that the driver rounds settles after one write")
    func rounds() throws {
        let wired = Wired("  - {match: {name: a}, rings: {rx: 1000}}")
        wired.mellanox(1, "a", rx: 256)
        wired.links.behave(1, .ring(.rx), .rounded(to: 96))
        #expect(try wired.apply()["link/a/rings.rx"]?.outcome.state == .adjusted)
        wired.links.forgetWrites()
        #expect(try wired.apply()["link/a/rings.rx"]?.outcome.state == .adjusted)
        #expect(wired.links.writes == [])
    }

    @Test("more than the driver has is its maximum; a ring that it has not is unsupported")
    func bounds() throws {
        let wired = Wired("  - {match: {name: a}, rings: {rx: 16384, tx: max, rx-jumbo: 1}}")
        wired.mellanox(1, "a")
        let pass = try wired.apply()
        #expect(pass.details("link/a/rings.rx") == "at most 8192 here (the driver's maximum)")
        #expect(pass["link/a/rings.tx"]?.outcome.held == .integer(8192))
        #expect(pass.details("link/a/rings.rx-jumbo") == "the driver of a has no rings.rx-jumbo")
    }

    @Test("an MTU beyond the driver's is not brought into bounds: the kernel refuses it, and says why")
    func mtuBeyond() throws {
        let wired = Wired("  - {match: {name: a}, mtu: 10000}")
        wired.mellanox(1, "a")
        let pass = try wired.apply()
        #expect(pass["link/a/mtu"]?.outcome.state == .failed)
        #expect(try wired.mtu(1) == 1500)
        let largest = Wired("  - {match: {name: a}, mtu: max}")
        largest.mellanox(1, "a")
        try largest.apply()
        #expect(try largest.mtu(1) == 9978)
    }

    @Test(
        "a parent grows before its vlan and shrinks after it",
        arguments: [(1500, 9000, ["eth", "vlan"]), (9000, 1500, ["vlan", "eth"])])
    func order(from: UInt32, to: Int, order: [String]) throws {
        let wired = Wired("  - {match: {name: [eth, vlan]}, mtu: \(to)}")
        wired.mellanox(5, "eth", mtu: from)
        wired.software(6, "vlan", "vlan", mtu: from, lower: 5)
        try wired.apply()
        #expect(wired.links.writes.map { $0.index == 5 ? "eth" : "vlan" } == order)
    }

    @Test("the ports of a bond take its MTU, and have rings of their own, one at a time while another carries")
    func bond() throws {
        let wired = Wired(
            "  - {match: {driver: mlx5_core}, mtu: 9000, rings: {rx: 512}}\n  - {match: {name: bond0}, mtu: 9000}")
        wired.software(3, "bond0", "bond")
        wired.mellanox(1, "a", master: 3)
        wired.mellanox(2, "b", master: 3)
        var pass = try wired.apply()
        #expect(pass["link/a/mtu"] == nil)
        #expect(pass["link/bond0/mtu"]?.outcome.state == .inSync)
        #expect(pass["link/a/rings.rx"]?.outcome.state == .inSync)
        wired.links.hold(1, [.ring(.rx): 1024])
        wired.links.change(2) { $0.hasCarrier = false }
        wired.links.forgetWrites()
        pass = try wired.apply()
        #expect(
            pass.details("link/a/rings.rx").contains("no other member of bond0 carries: b (EBUSY)")
                || pass.details("link/a/rings.rx").contains("no other member of bond0 carries: b"))
        #expect(wired.links.writes == [])
    }

    @Test("a drop of the link takes its word, but not of one that is down")
    func permission() throws {
        let wired = Wired(Self.reference, allow: "[io-stall]")
        wired.mellanox(1, "up")
        wired.mellanox(2, "down", up: false)
        let pass = try wired.apply()
        #expect(pass["link/up/mtu"]?.outcome.pendingOn == .permission)
        #expect(pass["link/up/mtu"]?.setting.disruption == .linkFlap)
        #expect(pass["link/down/mtu"]?.outcome.state == .inSync)
        #expect(pass["link/down/mtu"]?.setting.disruption == HostModel.Disruption.none)
        #expect(try wired.links.link(1)?.carrierChanges == 0)
    }

    @Test("containers' links are taken by their exact name only; functions and representors by their word")
    func claims() throws {
        let wired = Wired("  - {match: {name: \"*\"}, mtu: 1400}\n  - {match: {name: veth0}, mtu: 1300}")
        wired.software(4, "veth0", "veth")
        wired.software(5, "veth1", "veth")
        wired.software(6, "cni0", "bridge")
        wired.mellanox(1, "vf")
        wired.links.change(1) { $0.isVirtualFunction = true }
        wired.mellanox(2, "rep")
        wired.links.change(2) { ($0.switchID, $0.portName) = ("ab", "pf0vf1") }
        #expect(
            try wired.apply().states.filter { !$0.contains("name=*") && !$0.contains("link/*") } == [
                "link/veth0/mtu inSync"
            ])
    }

    @Test(
        "a link that appears is tuned at once though links may not be dropped, and one that carries the default route is not"
    )
    func appears() throws {
        let wired = Wired(Self.reference, allow: "[io-stall]")
        wired.mellanox(1, "old")
        var daemon = Daemon(wired.reconciler())
        #expect(daemon.pass(.start, at: 0).settings.allSatisfy { $0.pendingOn == .permission })
        wired.mellanox(2, "new")
        wired.mellanox(3, "route")
        wired.node.kernel.set(
            "/proc/net/route",
            "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\nroute 00000000 0101A8C0 0003 0 0 0 00000000 0 0 0"
        )
        let round = daemon.pass(.events([.links]), at: 1)
        func state(_ id: String) -> State? { round.settings.first { $0.id.description == id }?.state }
        #expect(state("link/new/mtu") == .inSync)
        #expect(state("link/old/mtu") == .pending)
        #expect(state("link/route/mtu") == .pending)
        wired.links.unplug(2)
        let gone = daemon.pass(.events([.links]), at: 3)
        #expect(!gone.settings.contains { $0.id.object == "new" })
        #expect(gone.errors == [])
    }

    @Test("a link that is renamed while it carries has not appeared: it is not dropped without the word")
    func renamedInUse() throws {
        let wired = Wired(Self.reference, allow: "[io-stall]")
        wired.mellanox(1, "old")
        var daemon = Daemon(wired.reconciler())
        _ = daemon.pass(.start, at: 0)
        wired.links.rename(1, to: "new")
        let round = daemon.pass(.events([.links]), at: 1)
        #expect(round.settings.map(\.id.object) == ["new", "new", "new"])
        #expect(round.settings.allSatisfy { $0.pendingOn == .permission })
        #expect(wired.links.writes == [])
    }

    @Test("at boot links may be dropped, once; an installation on a live host is no boot, nor is a restart")
    func boot() throws {
        let wired = Wired(Self.reference, allow: "[io-stall]")
        wired.mellanox(1, "a")
        func start(boot: String, uptime: String) -> State? {
            wired.node.kernel.set("/proc/sys/kernel/random/boot_id", boot)
            wired.node.kernel.set("/proc/uptime", "\(uptime) 1.00")
            wired.links.hold(1, [.mtu: 1500])
            var daemon = Daemon(wired.reconciler())
            return daemon.pass(.start, at: 0).settings.first { $0.id.attribute == "mtu" }?.state
        }
        wired.node.kernel.folder(Node.state)
        #expect(start(boot: "one", uptime: "30.0") == .pending)
        #expect(start(boot: "two", uptime: "30.0") == .inSync)
        #expect(start(boot: "two", uptime: "40.0") == .pending)
        #expect(start(boot: "three", uptime: "7200.5") == .pending)
        #expect(start(boot: "three", uptime: "7210.5") == .pending)
    }

    @Test("a link that its driver re-adds, under another name and number, is the same one")
    func readded() throws {
        let wired = Wired(Self.reference)
        wired.mellanox(1, "enp94s0", mac: "00:11:22:33:44:55")
        try wired.apply()
        wired.links.unplug(1)
        wired.mellanox(7, "enp94s0np0", mac: "00:11:22:33:44:55", mtu: 1400)
        let pass = try wired.apply()
        #expect(pass["link/enp94s0np0/mtu"]?.original == "1500")
        #expect(try wired.mtu(7) == 9000)
        #expect(try wired.node.ledger().entries.values.count { $0.key.attribute == "mtu" } == 1)
    }

    @Test("one that is renamed between two calls is still the one that is meant")
    func renamed() throws {
        let wired = Wired("  - {match: {name: a}, mtu: 9000}")
        wired.mellanox(1, "a")
        wired.mellanox(2, "b")
        wired.links.beforeNextWrite { links in
            links.rename(1, to: "c")
            links.rename(2, to: "a")
        }
        try wired.apply()
        #expect(try wired.mtu(1) == 9000)
        #expect(try wired.mtu(2) == 1500)
    }
}
