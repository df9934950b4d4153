import Foundation
import HostKernel
import HostModel
import HostTuning
import Testing

/// What the owners themselves make of our files: in a folder, without touching this host.
///
/// `AIS_HOSTD_OWNERS` names a folder in which the packages ifupdown, netplan.io and libnetplan0 are unpacked
/// (`apt-get download`, `dpkg-deb -x`), where they are not installed.
@Suite("The owners of a link read what we write")
struct LinkOwnersTests {
    private static let prefix = ProcessInfo.processInfo.environment["AIS_HOSTD_OWNERS"] ?? ""
    private static let ifup = tool("sbin/ifup", "usr/sbin/ifup")
    private static let netplan = tool("usr/libexec/netplan/generate", "lib/netplan/generate")
    private static let analyze: String? =
        access("/usr/bin/systemd-analyze", X_OK) == 0 ? "/usr/bin/systemd-analyze" : nil

    private static func tool(_ paths: String...) -> String? {
        paths.map { "\(prefix)/\($0)" }.first { access($0, X_OK) == 0 }
    }

    private let root: String
    private let files: SystemFiles
    private let eth0 = ManagedLink(name: "eth0", index: 2, macAddress: "52:54:00:12:34:56")

    init() throws {
        root = "/tmp/ais-hostd-owners-\(UInt64.random(in: .min ... .max))"
        files = SystemFiles(root: root)
        try files.createFolder("/", permissions: 0o755)
    }

    private func put(_ path: String, _ text: String) throws {
        try files.createFolder(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), permissions: 0o755)
        try files.replace(path, with: Array(text.utf8), permissions: 0o600)
    }

    private func remove() { try? FileManager.default.removeItem(atPath: root) }

    @Test(
        "ifup carries out what it did before, with the MTU",
        .enabled(if: ifup != nil, "takes ifupdown, or AIS_HOSTD_OWNERS with it"),
        arguments: [
            "iface eth0 inet static\n  address 10.0.0.1/24\n", "iface eth0 inet static\n  address 10.0.0.1/24",
            "auto eth0\r\niface eth0 inet manual\r\n", "iface eth0 \\\n inet manual\n up echo a; \\\n  echo b\n",
            "iface eth0 inet dhcp\n  metric 5\n", "iface eth0 inet6 auto\n",
            "iface eth0 inet6 static\n address fd00::1/64\n",
            "iface eth0 inet6 auto\niface eth0 inet static\n address 10.0.0.1/24\n",
            "iface base inet manual\n up echo a\niface eth0 inet manual inherits base\n",
        ])
    func ifupdown(stanzas: String) throws {
        defer { remove() }
        try put("/usr/sbin/ifup", "")
        try put("/etc/network/interfaces", stanzas)
        let before = try commands()
        try persistMTUs(["eth0": "9000"], links: [eth0], in: files)
        let after = try commands()
        #expect(after.contains { $0.contains("eth0") && $0.contains(" mtu 9000") }, "\(after)")
        // A card that takes less must not be without a network for it.
        #expect(after.allSatisfy { !$0.contains(" mtu 9000") || $0.hasSuffix("|| true") }, "\(after)")
        #expect(after.compactMap(Self.withoutMTU) == before.compactMap(Self.withoutMTU))
        try persistMTUs([:], links: [eth0], in: files)
        #expect(try files.read("/etc/network/interfaces") == Array(stanzas.utf8))
    }

    @Test("a file of another user is left alone, in words", .enabled(if: geteuid() == 0, "takes root, to give it away"))
    func ownership() throws {
        defer { remove() }
        let path = "/etc/network/interfaces"
        try put("/usr/sbin/ifup", "")
        try put(path, "iface eth0 inet manual\n")
        #expect(chown(root + path, 0, 1000) == 0)
        do throws(KernelError) {
            try persistMTUs(["eth0": "9000"], links: [eth0], in: files)
            Issue.record("it was written")
        } catch {
            #expect("\(error)" == "persist \(path): it belongs to user 0, group 1000, and would be root's afterwards")
        }
        #expect(chown(root + path, 0, 0) == 0)
        try persistMTUs(["eth0": "9000"], links: [eth0], in: files)
        #expect(try files.status(path).permissions == 0o600)
    }

    private func commands() throws -> [String] {
        let output = try runToItsEnd([
            Self.ifup ?? "", "--no-act", "--force", "--no-scripts", "--state-dir", root, "-i",
            "\(root)/etc/network/interfaces", "eth0",
        ])
        return (output.out + output.err).split(separator: "\n").map(String.init)
    }

    /// Nil where nothing else is done.
    private static func withoutMTU(_ command: String) -> String? {
        let words = command.split(whereSeparator: \.isWhitespace)
        let rest = words.joined(separator: " ").replacing(" mtu 9000", with: "")
        return rest.isEmpty || rest == "ip link set dev eth0" || rest == "ip link set dev eth0 || true" ? nil : rest
    }

    @Test(
        "netplan makes the files that ours are drop-ins of, and networkd reads ours last",
        .enabled(if: netplan != nil && analyze != nil, "takes netplan.io, or AIS_HOSTD_OWNERS with it"))
    func netplanAndNetworkd() throws {
        defer { remove() }
        try put(
            "/etc/netplan/50-cloud-init.yaml",
            "network: {version: 2, ethernets: {eth0: {dhcp4: true, match: {macaddress: \"52:54:00:12:34:56\"}, "
                + "set-name: eth0}}}\n")
        try put(
            "/etc/netplan/60-storage.yaml",
            "network: {ethernets: {port: {match: {driver: mlx5_core}}}, "
                + "bonds: {bond0: {interfaces: [port], mtu: 1500}}, vlans: {bond0.100: {id: 100, link: bond0}}}\n")
        let output = try generate()
        #expect(output.code == 0, "\(output.err)")
        let ids = ["eth0": "eth0", "eth1": "port", "bond0": "bond0", "bond0.100": "bond0.100"]
        let links = ids.keys.sorted().enumerated().map { ManagedLink(name: $0.element, index: $0.offset + 2) }
        for link in links {
            let file = "/run/systemd/network/10-netplan-\(ids[link.name] ?? "").network"
            #expect(try files.status(file).kind == .file)
            try put("/run/systemd/netif/links/\(link.index)", "ADMIN_STATE=configured\nNETWORK_FILE=\(file)\n")
        }
        try persistMTUs(ids.mapValues { _ in "9000" }, links: links, in: files)
        for id in ids.values {
            let name = "10-netplan-\(id).network"
            let merged = try runToItsEnd([
                Self.analyze ?? "", "--root=\(root)", "cat-config", "systemd/network/\(name)",
            ])
            #expect(merged.lines.last { $0.hasPrefix("MTUBytes=") } == "MTUBytes=9000", "\(merged)")
        }
        // What is left of ours when a definition goes is in nobody's way, unlike a file of netplan's.
        try files.remove("/etc/netplan/60-storage.yaml")
        #expect(try generate().code == 0)
        try put("/etc/netplan/99-ours.yaml", "network: {vlans: {bond0.100: {mtu: 9000}}}\n")
        #expect(try generate().code != 0)
    }

    private func generate() throws -> Output {
        try runToItsEnd(
            [Self.netplan ?? "", "--root-dir", root],
            environment: ["LD_LIBRARY_PATH": "\(Self.prefix)/usr/lib/x86_64-linux-gnu"])
    }
}
