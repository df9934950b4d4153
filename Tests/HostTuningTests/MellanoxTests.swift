import FoundationEssentials
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

/// A node with a ConnectX-5 and ten hard disks, made by hand: nobody has sent a capture of one yet. Its values are those
/// of Linux's driver (`FakeLinks.mellanox` names the lines) and of the disks of the fake kernel.
private struct ConnectX5 {
    let kernel = FakeKernel()
    let links = FakeLinks()
    static let file =
        "/\(#filePath.split(separator: "/").dropLast(2).joined(separator: "/"))/Fixtures/hosts/connectx5/capture.txt"

    init() {
        kernel.processors(packages: 2, cores: 8, threads: 2)
        kernel.disk("nvme0n1", .nvme, model: "SAMSUNG MZ1LB960HAJQ", serial: "S0", rotational: false)
        kernel.partition("nvme0n1p2", of: "nvme0n1")
        kernel.mount("/", device: kernel.number("nvme0n1p2"), type: "ext4", source: "/dev/nvme0n1p2")
        for number in 0..<10 {
            let name = SyntheticTree.name(number)
            kernel.disk(
                name, .sas, serial: "Z\(number)00000", scheduler: "mq-deadline",
                properties: ["ID_PATH": "pci-0000:02:00.0-sas-phy\(number)-lun-0", "ID_BUS": "scsi"])
            kernel.mount("/ais/\(name)", device: kernel.number(name), type: "xfs", source: "/dev/\(name)")
        }
        for (name, value) in [
            ("net.core.somaxconn", "4096"), ("net.ipv4.tcp_tw_reuse", "2"),
            ("net.ipv4.ip_local_port_range", "32768\t60999"), ("net.ipv4.ip_local_reserved_ports", ""),
            ("net.ipv4.tcp_max_tw_buckets", "262144"),
        ] { kernel.sysctl(name, value) }
        kernel.set("/proc/net/route", "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT")
        let card = "/sys/devices/pci0000:5d/0000:5d:00.0/0000:5e:00.0"
        links.mellanox(2, "enp94s0np0", cores: 32, devicePath: card)
        links.answer(
            2, [:],
            LinkDriver(driver: "mlx5_core", version: "5.10.0-33-amd64", firmwareVersion: "16.35.2000 (MT_0000000080)")
        )
        for (file, value) in [
            ("vendor", "0x15b3"), ("device", "0x1017"), ("subsystem_vendor", "0x15b3"), ("subsystem_device", "0x0007"),
            ("numa_node", "0"), ("net/enp94s0np0/ifindex", "2"),
            ("net/enp94s0np0/dev_port", "0"), ("net/enp94s0np0/mtu", "1500"), ("net/enp94s0np0/speed", "100000"),
            ("infiniband/mlx5_0/fw_ver", "16.35.2000"), ("infiniband/mlx5_0/hca_type", "MT4119"),
        ] { kernel.set("\(card)/\(file)", value) }
    }

    var text: String {
        var archive = capture(kernel.host(links: links))
        archive.remarks.insert(
            "made by hand, by Tests/HostTuningTests/MellanoxTests.swift: nobody has sent a capture of such a node yet",
            at: 0)
        return archive.text
    }
}

@Suite("A node with a ConnectX card") struct MellanoxTests {
    private static let reference = """
        allow: [link-flap, io-stall]
        link:
          - match: {driver: mlx5_core}
            mtu: 9000
            rings: {rx: 8192}
            channels: {combined: physical-cores}
        """
    private let links = FakeLinks()

    private func reconciler(_ configuration: String) -> Reconciler {
        let node = Node(configuration)
        node.kernel.set("/proc/net/route", "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT")
        return Reconciler(host: node.kernel.host(links: links), stateFolder: Node.state)
    }

    @Test("the captured node of this name is the one that is described here; CAPTURE=new writes it anew")
    func captured() throws {
        if ProcessInfo.processInfo.environment["CAPTURE"] == "new" {
            try ConnectX5().text.write(toFile: ConnectX5.file, atomically: true, encoding: .utf8)
        }
        #expect(
            try String(decoding: Data(contentsOf: URL(filePath: ConnectX5.file)), as: UTF8.self) == ConnectX5().text)
    }

    @Test("the reference profiles on the captured node: all differs, nothing is unknown or failed")
    func profiles() throws {
        let captured = try CapturedHost(at: ConnectX5.file)
        try Node.installProfiles(on: captured.kernel)
        captured.kernel.set(
            "/etc/ais-hostd/config.yaml",
            "apiVersion: ais-hostd/v1\nallow: [io-stall, link-flap]\nprofiles: [ais-required/v1, ais-hdd/v1, ais-mlx5/v1]"
        )
        let pass = try Reconciler(host: captured.host, stateFolder: Node.state).check()
        #expect(pass.errors == [])
        #expect(
            pass.states.filter { $0.hasPrefix("link/") }.sorted() == [
                "link/enp94s0np0/channels.combined drifted", "link/enp94s0np0/mtu drifted",
                "link/enp94s0np0/rings.rx drifted",
            ])
        #expect(pass.states.filter { $0.hasPrefix("sysctl/") }.allSatisfy { $0.hasSuffix(" drifted") })
        let disks = pass.states.filter { $0.hasPrefix("block/") }
        // Ten disks with five attributes each: the scheduler is mq-deadline already; / is on none of them.
        #expect(disks.count == 50)
        #expect(disks.filter { $0.contains("/scheduler ") }.allSatisfy { $0.hasSuffix(" inSync") })
        #expect(disks.filter { !$0.contains("/scheduler ") }.allSatisfy { $0.hasSuffix(" drifted") })
        #expect(pass["link/enp94s0np0/channels.combined"]?.outcome.held == .integer(32))
    }

    @Test("the reference applies with a flap for each change, and no pass after it drops the link again")
    func reference() throws {
        links.mellanox(1, "enp94s0np0", cores: 8)
        let reconciler = reconciler(Self.reference)
        let pass = try reconciler.apply()
        #expect(
            pass.states.sorted() == [
                "link/enp94s0np0/channels.combined inSync", "link/enp94s0np0/mtu inSync",
                "link/enp94s0np0/rings.rx inSync",
            ])
        let carrier = try links.link(1)?.carrierChanges
        links.forgetWrites()
        for _ in 0..<3 { _ = try reconciler.apply() }
        #expect(links.writes == [])
        #expect(try links.link(1)?.carrierChanges == carrier)
    }

    @Test(
        "a size that is no power of two settles as adjusted at the next one, and is not written again",
        arguments: [(1000, 1024, 0), (1025, 2048, 1), (5000, 8192, 1), (17, 32, 1)])
    func rounds(wanted: Int, held: Int, writes: Int) throws {
        links.mellanox(1, "a")
        let reconciler = reconciler("allow: [link-flap]\nlink:\n  - {match: {name: a}, rings: {rx: \(wanted)}}")
        let first = try reconciler.apply()["link/a/rings.rx"]?.outcome
        #expect(first?.state == .adjusted)
        #expect(first?.held == .integer(Int128(held)))
        let carrier = try links.link(1)?.carrierChanges
        // What comes to the size that is there drops nothing.
        #expect(carrier == UInt32(2 + 2 * writes))
        links.forgetWrites()
        for _ in 0..<3 { #expect(try reconciler.apply()["link/a/rings.rx"]?.outcome.state == .adjusted) }
        #expect(links.writes == [])
        #expect(try links.link(1)?.carrierChanges == carrier)
    }

    @Test("a wish that comes to the size that is there already is no failure either, and drops nothing")
    func alreadyRounded() throws {
        links.mellanox(1, "a")
        links.hold(1, [.ring(.rx): 8192])
        let reconciler = reconciler("allow: [link-flap]\nlink:\n  - {match: {name: a}, rings: {rx: 5000}}")
        for _ in 0..<3 { #expect(try reconciler.apply()["link/a/rings.rx"]?.outcome.state == .adjusted) }
        #expect(links.writes.count == 1)
        #expect(try links.link(1)?.carrierChanges == 2)
    }

    @Test("a driver that ignores the wish is told from one that rounds it")
    func ignored() throws {
        links.mellanox(1, "a")
        links.behave(1, .ring(.rx), .ignoring)
        let reconciler = reconciler("allow: [link-flap]\nlink:\n  - {match: {name: a}, rings: {rx: 5000}}")
        #expect(try reconciler.apply()["link/a/rings.rx"]?.outcome.state == .failed)
    }

    @Test("less than the driver's least fails with its errno, and leaves the rings alone")
    func refused() throws {
        links.mellanox(1, "a")
        let reconciler = reconciler("allow: [link-flap]\nlink:\n  - {match: {name: a}, rings: {rx: 8, tx: 32}}")
        let pass = try reconciler.apply()
        #expect(pass["link/a/rings.rx"]?.outcome.state == .failed)
        #expect(pass.details("link/a/rings.tx").contains("wanted tx 32, kernel holds 1024 (EINVAL)"))
        #expect(try links.link(1)?.carrierChanges == 2)
    }

    @Test("rings that the card has not are unsupported, and more than it has is its maximum")
    func bounds() throws {
        links.mellanox(1, "a", cores: 96)
        let reconciler = reconciler(
            "allow: [link-flap]\nlink:\n  - {match: {name: a}, rings: {rx: 16384, rx-mini: 64, rx-jumbo: 64}, channels: {combined: max}}"
        )
        let pass = try reconciler.apply()
        #expect(pass["link/a/rings.rx-mini"]?.outcome.state == .unsupported)
        #expect(pass["link/a/rings.rx-jumbo"]?.outcome.state == .unsupported)
        #expect(pass["link/a/rings.rx"]?.outcome.held == .integer(8192))
        #expect(pass["link/a/channels.combined"]?.outcome.held == .integer(64))
    }
}
