import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

/// What must never drop a link that carries something.
@Suite struct LinkSafetyTests {
    private static let reference = "  - {match: {driver: mlx5_core}, rings: {rx: 8192}}"

    /// A start as the first after a boot, of links that may be dropped only because they carry nothing yet.
    private func boot(_ wired: Wired) -> Daemon {
        wired.node.kernel.set("\(Node.state)/boot-id", "one")
        wired.node.kernel.set("/proc/sys/kernel/random/boot_id", "two")
        wired.node.kernel.set("/proc/uptime", "30.0 1.00")
        return Daemon(wired.reconciler())
    }

    @Test("hardware that udev has yet to name is waited for, by whatever rule, and may be dropped once it has its name")
    func unnamed() throws {
        let wired = Wired(Self.reference + "\n  - {match: {name: \"enp*\"}, mtu: 9000}", allow: "[]")
        wired.node.kernel.set("/run/udev/control", "")
        wired.node.kernel.set("/run/udev/data/n1", "I:1")
        wired.mellanox(1, "old")
        var daemon = Daemon(wired.reconciler())
        _ = daemon.pass(.start, at: 0)
        wired.mellanox(2, "eth0")
        #expect(!daemon.pass(.events([.links]), at: 1).settings.contains { $0.id.object == "eth0" })
        wired.links.rename(2, to: "enp94s0")
        _ = daemon.pass(.events([.links]), at: 2)
        #expect(wired.links.writes == [])
        wired.node.kernel.set("/run/udev/data/n2", "I:2")
        let round = daemon.pass(.events([.links]), at: 3)
        #expect(round.settings.filter { $0.id.object == "enp94s0" }.map(\.state) == [.inSync, .inSync])
        // What was here before stays, whatever becomes of udev's files.
        wired.node.kernel.vanish("/run/udev/data/n1")
        #expect(daemon.pass(.events([.links]), at: 4).settings.contains { $0.id.object == "old" })
    }

    @Test("a boot whose first pass fails is over after it: a link is not dropped hours later for it")
    func lateBoot() throws {
        let wired = Wired(Self.reference, allow: "[]")
        wired.mellanox(1, "a")
        wired.node.kernel.set(Node.ledgerFile, "no ledger")
        var daemon = boot(wired)
        #expect(!daemon.pass(.start, at: 30).isComplete)
        wired.node.kernel.vanish(Node.ledgerFile)
        #expect(daemon.pass(.schedule, at: 7200).settings.map(\.pendingOn) == [.permission])
        #expect(wired.links.writes == [])
    }

    @Test(
        "at boot a link by which a connection goes is not dropped: its own address, what it rides on and the other end",
        arguments: [
            // 10.0.2.5:22 of 10.0.2.9, by the route to the network of both.
            (["0: 0502000A:0016 0902000A:D431 01"], [], ["a"]),
            // It listens only, or is closing.
            (["0: 0502000A:0016 00000000:0000 0A", "1: 0502000A:0016 0902000A:D431 06"], [], []),
            // 10.0.3.7 is behind 10.0.4.1 of vlan, on b.
            (["0: 0505000A:0CBC 0703000A:D431 01"], [], ["b"]),
            // An address of IPv4 in a socket of IPv6.
            ([], ["0: 0000000000000000FFFF00000502000A:0016 0000000000000000FFFF00000902000A:D431 01"], ["a"]),
            // 2001:db8::5 of 2001:db8::9
            ([], ["0: B80D0120000000000000000005000000:0016 B80D0120000000000000000009000000:D431 01"], ["b"]),
        ])
    func connections(four: [String], six: [String], busy: [String]) throws {
        let wired = Wired(Self.reference, allow: "[]")
        wired.mellanox(1, "a")
        wired.mellanox(2, "b")
        wired.software(3, "vlan", "vlan", lower: 2)
        wired.node.kernel.set(
            "/proc/net/route",
            """
            Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
            a 0002000A 00000000 0001 0 0 0 00FFFFFF 0 0 0
            a 0000000A 00000000 0001 0 0 0 000000FF 0 0 0
            vlan 0003000A 0104000A 0003 0 0 0 00FFFFFF 0 0 0
            vlan 0004000A 00000000 0001 0 0 0 00FFFFFF 0 0 0
            vlan 0005000A 00000000 0001 0 0 0 00FFFFFF 0 0 0
            """)
        let zero = String(repeating: "0", count: 32)
        wired.node.kernel.set(
            "/proc/net/ipv6_route",
            "20010db8000000000000000000000000 40 \(zero) 00 \(zero) 00000100 00000001 00000000 00000001        b")
        wired.node.kernel.set("/proc/net/tcp", (["sl local_address rem_address st"] + four).joined(separator: "\n"))
        wired.node.kernel.set("/proc/net/tcp6", (["sl local_address rem_address st"] + six).joined(separator: "\n"))
        var daemon = boot(wired)
        let round = daemon.pass(.start, at: 30)
        #expect(round.settings.filter { $0.pendingOn == .permission }.map(\.id.object) == busy)
        #expect(wired.links.writes.count == 2 - busy.count)
    }

    @Test("where nobody can tell which connections there are, none is dropped")
    func unreadableConnections() throws {
        let wired = Wired(Self.reference, allow: "[]")
        wired.mellanox(1, "a")
        wired.node.kernel.vanish("/proc/net/tcp")
        var daemon = boot(wired)
        #expect(daemon.pass(.start, at: 30).settings.map(\.pendingOn) == [.permission])
    }

    @Test(
        "a port that had to wait for another of its bond at boot has its turn later, unless it carries a connection by then",
        arguments: [false, true])
    func waitingPort(isBusy: Bool) throws {
        let wired = Wired(Self.reference, allow: "[]")
        wired.software(3, "bond0", "bond")
        wired.mellanox(1, "a", master: 3)
        wired.mellanox(2, "b", master: 3)
        wired.links.beforeNextWrite { links in links.change(1) { $0.hasCarrier = false } }
        var daemon = boot(wired)
        #expect(daemon.pass(.start, at: 30).settings.map(\.state) == [.inSync, .failed])
        wired.links.change(1) { $0.hasCarrier = true }
        if isBusy {
            wired.node.kernel.set(
                "/proc/net/route",
                "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\nbond0 0002000A 00000000 0001 0 0 0 00FFFFFF 0 0 0"
            )
            wired.node.kernel.set(
                "/proc/net/tcp", "sl local_address rem_address st\n0: 0502000A:0016 0902000A:D431 01")
        }
        let round = daemon.pass(.schedule, at: 100)
        #expect(round.settings.map(\.state) == [.inSync, isBusy ? .pending : .inSync])
        #expect(wired.links.writes.map(\.index) == (isBusy ? [1] : [1, 2]))
    }

    @Test("the ports of Open vSwitch carry the default route of its bridge")
    func openvswitch() throws {
        let wired = Wired("  - {match: {driver: mlx5_core}, rings: {rx: 8192}}", allow: "[]")
        wired.software(8, "ovs-system", "openvswitch")
        wired.software(9, "br-ex", "openvswitch")
        wired.mellanox(1, "a", master: 8)
        wired.mellanox(2, "b")
        wired.node.kernel.set(
            "/proc/net/route",
            "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\nbr-ex 00000000 0101A8C0 0003 0 0 0 00000000 0 0 0"
        )
        var daemon = boot(wired)
        _ = daemon.pass(.start, at: 30)
        #expect(wired.links.writes.map(\.index) == [2])
    }

    @Test("hardware of which sysfs tells nothing is none of software's: to drop it takes the word")
    func hidden() throws {
        let wired = Wired("  - {match: {name: a}, rings: {rx: 8192}}", allow: "[]")
        wired.mellanox(1, "a")
        wired.links.change(1) { ($0.devicePath, $0.driver) = (nil, nil) }
        #expect(try wired.apply()["link/a/rings.rx"]?.outcome.pendingOn == .permission)
    }

    @Test("a port of a bond is left alone where nobody can tell how the others stand")
    func unlisted() throws {
        let wired = Wired("  - {match: {name: a}, rings: {rx: 512}}")
        wired.software(3, "bond0", "bond")
        wired.mellanox(1, "a", master: 3)
        let host = wired.node.kernel.host(links: wired.links)
        let setting = try #require(try wired.reconciler().check().settings.first).setting
        wired.links.refuseLists(.again)
        let attempts = LinkDomain().apply([setting], to: try #require(setting.target), on: host)
        #expect(attempts.map(\.error?.errno) == [.again])
        #expect(wired.links.writes == [])
    }

    @Test("the wait for a carrier ends before the patience of who waits for the work, however long the writes took")
    func patience() throws {
        let wired = Wired("  - {match: {name: a}, rings: {rx: 512}}")
        wired.mellanox(1, "a")
        wired.links.beforeNextWrite { _ in
            let begun = ContinuousClock.now
            while ContinuousClock.now - begun < .milliseconds(200) {}
        }
        try wired.apply()
        #expect(wired.links.patience.count == 1)
        #expect(wired.links.patience.allSatisfy { $0 < 6.85 })
    }

    @Test(
        "a driver that rounds a ring down to a power of two settles too, however far that is, and is asked once",
        arguments: [(1000, 512, 1), (1500, 1024, 1), (3000, 2048, 1)])
    func roundsDown(wanted: Int, held: Int, writes: Int) throws {
        let wired = Wired("  - {match: {name: a}, rings: {rx: \(wanted)}}")
        wired.mellanox(1, "a")
        wired.links.behave(1, .ring(.rx), .powersOfTwoBelow(least: 256))
        let outcome = try wired.apply()["link/a/rings.rx"]?.outcome
        #expect(outcome?.state == .adjusted)
        #expect(outcome?.held == .integer(Int128(held)))
        for _ in 0..<3 { #expect(try wired.apply()["link/a/rings.rx"]?.outcome.state == .adjusted) }
        #expect(wired.links.writes.count == writes)
    }

    @Test("a refusal is a refusal, though what is held would be a rounded wish", arguments: [5000, 8000, 9000])
    func refusedNearby(wanted: Int) throws {
        let wired = Wired("  - {match: {name: a}, rings: {rx: \(wanted), tx: 512}}")
        wired.mellanox(1, "a", rx: 8192)
        wired.links.change(1) { $0.driver = "other" }
        wired.links.hold(1, [.ring(.rx): 8192])
        wired.links.behave(1, .ring(.rx), .refusing(.busy, "not now"))
        let pass = try wired.apply()
        #expect(pass["link/a/rings.rx"]?.outcome.state == (wanted > 8192 ? .adjusted : .failed))
        #expect(pass["link/a/rings.tx"]?.outcome.state == .inSync)
    }
}
