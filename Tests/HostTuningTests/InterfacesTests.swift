import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct InterfacesTests {
    let kernel = FakeKernel()
    private let links = (0..<4).map { ManagedLink(name: "eth\($0)", index: $0 + 2) }
    private let marker = "# ais-hostd: the next line is from its configuration, `ais-hostd revert` removes both."

    init() { kernel.set("/usr/sbin/ifup", "") }

    private func put(_ text: String) { kernel.set(Interfaces.file, bytes: Array(text.utf8)) }

    private func text(_ path: String = Interfaces.file) throws -> String {
        String(decoding: try kernel.read(path), as: UTF8.self)
    }

    private func persist(_ mtus: [String: String]) throws { try persistMTUs(mtus, links: links, in: kernel) }

    @Test(
        "ours stands behind the iface line, indented as the stanza, with the file's line ends",
        arguments: [
            (
                "auto eth0\niface eth0 inet static\n  address 10.0.0.1/24\n",
                "auto eth0\niface eth0 inet static\n  # M\n  post-up ip link set dev eth0 mtu 9000 || true\n  address 10.0.0.1/24\n"
            ),
            (
                "iface eth0 inet manual",
                "iface eth0 inet manual\n    # M\n    post-up ip link set dev eth0 mtu 9000 || true"
            ),
            (
                "iface eth0 inet dhcp\r\n\tmetric 5\r\n",
                "iface eth0 inet dhcp\r\n\t# M\r\n\tpost-up ip link set dev eth0 mtu 9000 || true\r\n\tmetric 5\r\n"
            ),
            (
                "iface eth0 \\\n  inet static\naddress 10.0.0.1/24\n",
                "iface eth0 \\\n  inet static\n    # M\n    post-up ip link set dev eth0 mtu 9000 || true\naddress 10.0.0.1/24\n"
            ),
            (
                "iface eth0 inet6 auto\niface eth0 inet static\n",
                "iface eth0 inet6 auto\niface eth0 inet static\n    # M\n    post-up ip link set dev eth0 mtu 9000 || true\n"
            ),
            (
                "\n iface eth0 inet6 auto\n\n# end",
                "\n iface eth0 inet6 auto\n    # M\n    post-up ip link set dev eth0 mtu 9000 || true\n\n# end"
            ),
            (
                "auto eth0\r\niface eth0 inet static",
                "auto eth0\r\niface eth0 inet static\r\n    # M\r\n    post-up ip link set dev eth0 mtu 9000 || true"
            ),
        ])
    func edits(before: String, after: String) throws {
        put(before)
        try persist(["eth0": "9000"])
        #expect(try text() == after.replacing("# M", with: marker))
        #expect(try persistedMTUs(in: kernel) == ["eth0": "9000"])
        try persist(["eth0": "1400"])
        #expect(try text() == after.replacing("# M", with: marker).replacing("9000", with: "1400"))
        try persist([:])
        #expect(try text() == before)
    }

    @Test(
        "a stanza that says it itself is left alone, one that says otherwise is an error too",
        arguments: [
            ("iface eth0 inet static\n mtu 9000\n", false), ("iface eth0 inet static\n mtu 1500\n", true),
            ("iface eth0 inet dhcp\n up ip link set $IFACE mtu 9000\n", false),
            ("iface eth0 inet dhcp\n post-up /sbin/ip link set dev eth0 mtu 1500 || true\n", true),
            ("iface base inet static\n mtu 1500\niface eth0 inet static inherits base\n address 10.0.0.1/24\n", true),
            ("iface eth0 inet static\n address 10.0.0.1/24\niface eth0 inet6 static\n mtu 9100\n", true),
            ("iface eth0 inet manual\n mtu\\\n 1500\n", true),
        ])
    func contradictions(before: String, isContradiction: Bool) throws {
        put(before)
        if isContradiction {
            #expect(throws: KernelError.self) { try persist(["eth0": "9000"]) }
        } else {
            try persist(["eth0": "9000"])
        }
        #expect(try text() == before)
        let mentions = mtuMentions(of: links, in: kernel)["eth0"] ?? []
        #expect(mentions.map(\.isLater) == [true])
    }

    @Test("what takes no effect on the link is told and in nobody's way")
    func withoutEffect() throws {
        put("iface eth0 inet dhcp\n mtu 1500\niface eth1 inet static\niface eth1 inet6 static\n mtu 1400\n")
        try persist(["eth0": "9000", "eth1": "9000"])
        #expect(try persistedMTUs(in: kernel) == ["eth0": "9000", "eth1": "9000"])
        #expect(
            mtuMentions(of: links, in: kernel).mapValues { $0.map(\.isLater) } == ["eth0": [false], "eth1": [false]])
    }

    @Test("an administrator's line that says otherwise takes ours away")
    func secondLine() throws {
        put("iface eth0 inet static\n address 10.0.0.1/24\n")
        try persist(["eth0": "9000"])
        put(try text() + " mtu 1500\n")
        #expect(
            throws: KernelError(
                "persist", "link eth0", wanted: "an MTU of 9000",
                message: "its stanza says 1500 "
                    + "(\(Interfaces.file):5), which is not ours to change")
        ) { try persist(["eth0": "9000"]) }
        #expect(try text() == "iface eth0 inet static\n address 10.0.0.1/24\n mtu 1500\n")
    }

    @Test("a sourced file is edited where it really is, keeping its mode")
    func sourced() throws {
        put("source interfaces.d/*.cfg\nsource-directory /etc/network/more\nsource /etc/network/interfaces\n")
        kernel.set("/srv/eth0", "iface eth0 inet manual")
        kernel.link("/etc/network/interfaces.d/eth0.cfg", to: "/srv/eth0")
        try kernel.createFolder("/etc/network/more", permissions: 0o755)
        try kernel.replace("/etc/network/more/eth1", with: Array("iface eth1 inet manual\n".utf8), permissions: 0o600)
        kernel.set("/etc/network/more/eth2.bak", "iface eth2 inet manual")
        try persist(["eth0": "9000", "eth1": "9000", "eth2": "9000"])
        #expect(try text("/srv/eth0").contains("mtu 9000"))
        #expect(try text("/etc/network/more/eth1").contains("mtu 9000"))
        #expect(try kernel.status("/etc/network/more/eth1").permissions == 0o600)
        #expect(try persistedMTUs(in: kernel) == ["eth0": "9000", "eth1": "9000"])
        #expect(try kernel.resolve("/etc/network/interfaces.d/eth0.cfg") == "/srv/eth0")
    }

    @Test("a backslash at the end of the file is an error in words")
    func cut() throws {
        put("iface eth0 inet static \\")
        #expect(throws: KernelError.self) { try persist(["eth0": "9000"]) }
        #expect(try text() == "iface eth0 inet static \\")
    }

    @Test("whatever is in a file, ours goes in twice with nothing changed, and out with every byte as it was")
    func property() throws {
        let pieces = [
            "iface eth0 inet static", "iface eth1 inet dhcp", "iface eth2 inet6 auto", "iface eth3 inet manual",
            "  address 10.0.0.1/24", "\tup ip route add 10.1.0.0/16 via \\", "    10.0.0.2 \\", "auto eth0 eth1",
            "auto",
            "# comment \\", "", "   ", "mapping eth*", "  script x", "source /none/*", "\\", "\u{FF}é", "iface",
            "iface eth0",
            "allow-hotplug eth1", "  mtu 1500", "  inherits eth0", "iface eth1 inet static inherits eth0", "\0", "#",
        ]
        var random = SystemRandomNumberGenerator()
        for _ in 0..<1500 {
            let feed = Bool.random(using: &random) ? "\n" : "\r\n"
            var text = ""
            for _ in 0..<Int.random(in: 0..<12, using: &random) {
                text +=
                    (pieces.randomElement(using: &random) ?? "")
                    + (Int.random(in: 0..<10, using: &random) == 0 ? "\n" : feed)
            }
            if Bool.random(using: &random) {
                while text.unicodeScalars.last == "\n" || text.unicodeScalars.last == "\r" {
                    text.unicodeScalars.removeLast()
                }
            }
            // No text at all, now and then.
            var before = Array(text.utf8)
            if Int.random(in: 0..<4, using: &random) == 0 {
                before.insert(0xFF, at: Int.random(in: 0...before.count, using: &random))
            }
            kernel.set(Interfaces.file, bytes: before)
            let wanted = Dictionary(
                uniqueKeysWithValues: links.filter { _ in Bool.random(using: &random) }.map { ($0.name, "9000") })
            try? persist(wanted)
            let edited = try kernel.read(Interfaces.file)
            let said = try persistedMTUs(in: kernel)
            #expect(said.allSatisfy { wanted[$0.key] == $0.value })
            try? persist(wanted)
            #expect(try kernel.read(Interfaces.file) == edited, "\(text.debugDescription)")
            // A stanza that stands there still stands there, with its options and ours.
            #expect(InterfacesText(edited).bytes == before, "\(text.debugDescription)")
            try persist([:])
            #expect(try kernel.read(Interfaces.file) == before, "\(text.debugDescription)")
        }
    }
}
