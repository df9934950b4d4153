import FoundationEssentials
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

/// A node that says whose it is wherever a node can; what it says is another thing for each seed.
private struct TellingNode {
    let kernel = FakeKernel()
    let links = FakeLinks()
    private var random: SplitMix

    /// What the kernel calls by its name in one place, or what has a look of its own: it is found wherever it stands.
    private(set) var found: [String] = []
    /// Any word that a person may choose: only its place tells what it is.
    private(set) var words: [String] = []
    private var addresses: [[UInt8]] = []

    init(seed: UInt64) throws {
        random = SplitMix(state: seed)
        let card = "/sys/devices/pci0000:5d/0000:5d:00.0/0000:5e:00.0"
        let (hostname, domain) = (word(), word())
        found += [hostname]
        kernel.set("/proc/sys/kernel/hostname", "\(hostname).\(domain).example")
        for file in ["product_serial", "product_uuid", "board_serial", "chassis_serial", "chassis_asset_tag"] {
            kernel.set("/sys/class/dmi/id/\(file)", finding(file == "product_uuid" ? uuid() : serial()))
        }

        for (name, bus) in [("sda", FakeKernel.Bus.sas), ("sdb", .sata), ("vda", .virtio), ("nvme0n1", .nvme)] {
            let (serial, wwn) = (finding(serial()), finding(digits(16)))
            kernel.disk(
                name, bus, serial: serial,
                properties: [
                    "ID_PATH": "pci-0000:02:00.0-sas-0x\(wwn)-lun-0", "ID_SERIAL": "MODEL_\(serial)",
                    "ID_SERIAL_SHORT": serial, "ID_WWN": "0x\(wwn)", "ID_FS_LABEL": naming(),
                    "ID_FS_UUID": finding(uuid()),
                    "ID_PART_ENTRY_NAME": naming(), "ID_PART_ENTRY_UUID": finding(uuid()), "ID_MODEL": "ACME_\(serial)",
                ])
            kernel.set("/sys/block/\(name)/device/wwid", "naa.\(wwn)")
            kernel.set("/sys/block/\(name)/device/firmware_rev", "SN05")
            kernel.set("/sys/block/\(name)/device/sas_address", "0x\(finding(digits(16)))")
        }
        kernel.layer("dm-0", over: ["sdb"])
        let volume = "\(naming())-\(naming())"
        kernel.set("/sys/block/dm-0/dm/name", volume)
        kernel.set("/sys/block/dm-0/dm/uuid", "LVM-\(finding(digits(32)))")
        kernel.disk("loop0", .virtual, rotational: false)
        kernel.set("/sys/block/loop0/loop/backing_file", "/home/\(naming())/\(naming()).img")
        kernel.mount("/", device: kernel.number("dm-0"), type: "xfs", source: "/dev/mapper/\(volume)")
        kernel.mount("/srv/\(naming())", device: "0:60", type: "nfs4", source: "\(finding(ipv4())):/\(naming())")
        kernel.mount("/mnt", device: "0:61", type: "nfs", source: "[\(finding(ipv6()))]:/\(naming())")
        kernel.mount("/home/\(naming())", device: "0:62", type: "fuse.sshfs", source: "\(naming())@\(naming()):/")
        kernel.swap("/\(naming())/swapfile", isFile: true)
        kernel.set("/etc/etcd.env", "ETCD_NAME=\(naming())\nETCD_DATA_DIR=/\(naming())\nETCD_PASSWORD=\(naming())")

        kernel.set(
            "/proc/cmdline",
            "root=UUID=\(finding(uuid())) ip=\(finding(ipv4())) \(naming()).key=\(naming()) ro scsi_mod.scan=sync")
        let address = finding(macAddress())
        links.mellanox(2, "enp94s0np0", address: address, devicePath: card)
        links.change(2) { $0.alternativeNames = ["enx\(address.filter { $0 != ":" })"] }
        links.change(2) { $0.switchID = address.filter { $0 != ":" } }
        kernel.set("\(card)/net/enp94s0np0/address", address)
        kernel.set("\(card)/net/enp94s0np0/ifalias", naming())
        kernel.set("\(card)/infiniband/mlx5_0/node_guid", finding(digits(16)))
        var bond = Link(index: 3, name: naming(), mtu: 1500)
        (bond.kind, bond.address) = ("bond", finding(macAddress()))
        bond.permanentAddress = finding(macAddress())
        links.plug(bond)
        // No answer of today has any of these in it.
        var answer: [UInt8] = [8, 0, 5, 0, 0, 4, 0, 0]
        for bytes in addresses + [Array(bond.name.utf8), Array(hostname.utf8)] { answer += bytes + [0] }
        links.answer(
            2, [.linkstate: answer],
            LinkDriver(driver: "mlx5_core", version: "5.2.10.4", firmwareVersion: "16.35.2000 (\(address))"))

        let owner = naming()
        kernel.set(
            "/run/systemd/netif/links/3",
            "ADMIN_STATE=configured\nNETWORK_FILE=/run/systemd/network/10-netplan-\(bond.name).network")
        kernel.set(
            "/etc/netplan/50-\(owner).yaml",
            "network:\n  bonds:\n    \(bond.name): {addresses: [\(finding(ipv4()))/24], mtu: 9000}")
        kernel.set(
            "/proc/net/route", "Iface Destination Gateway\n\(bond.name) 00000000 0101A8C0 3 0 0 0 00000000 0 0 0")
        kernel.set(
            "/proc/net/ipv6_route", "\(digits(32)) 00 \(digits(32)) 00 \(finding(digits(32))) 1 1 1 1 \(bond.name)")
        try repeatEverywhere()
    }

    /// Adds what can be found to every text that does not stand in a path of the capture itself.
    private func repeatEverywhere() throws {
        let files = FaultyFiles(kernel, among: [.read])
        _ = capture(kernel.host(files: files, links: links))
        for path in Set(files.record.map { $0.dropFirst("read ".count) }) where path.hasPrefix("/sys/") {
            let path = String(path)
            guard let text = kernel.text(path), !Self.isName(path) else { continue }
            // Four numbers are a version where there may be one.
            let isVersion = ["rev", "version", "fw_ver", "board_id", "hca_type"].contains { path.hasSuffix($0) }
            let secrets = found.filter { !(isVersion && $0.hasPrefix("10.")) }
            let places =
                secrets.map { "-\($0)." } + secrets.filter { $0.hasPrefix("10.") }.map { "\($0):443" }
                + secrets.map { $0.filter { $0 != ":" } }
            let lines = [secrets.joined(separator: " "), secrets.joined(separator: ",").uppercased()]
            kernel.set(path, "\(text) \(lines.joined(separator: "\n"))\n\(places.joined(separator: " "))")
        }
    }

    /// What stands in these is a name as a whole, and another one would be none of ours.
    private static func isName(_ path: String) -> Bool {
        [
            "serial", "wwid", "uuid", "address", "name", "dev", "diskseq", "_id", "partition", "asset_tag",
            "backing_file", "pg80",
        ]
        .contains { path.hasSuffix($0) }
    }

    /// What of it stands in a capture, in whatever way.
    func leaks(in text: String) -> [String] {
        let lower = text.lowercased()
        let written = (found + words).filter { secret in
            let secret = secret.lowercased()
            return [secret, secret.filter { $0 != ":" }, secret.filter { $0 != "-" }, hexadecimal(Array(secret.utf8))]
                .contains { lower.contains($0) }
        }
        return written + addresses.map(hexadecimal).filter { lower.contains($0) }
    }

    private func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }

    // MARK: What says whose it is

    private mutating func finding(_ secret: String) -> String {
        found.append(secret)
        return secret
    }

    private mutating func naming() -> String {
        words.append(word())
        return words[words.count - 1]
    }

    /// Of letters that no word of a capture is made of.
    private mutating func word() -> String { letters(8, "jkqwxyz") }
    private mutating func serial() -> String { letters(10, "BCDFGHJKLMNPQRSTVWXYZ0123456789") + "Q7" }
    private mutating func digits(_ count: Int) -> String { "5" + letters(count - 1, "0123456789abcdef") }
    private mutating func uuid() -> String { [8, 4, 4, 4, 12].map { digits($0) }.joined(separator: "-") }
    private mutating func ipv4() -> String {
        "10." + (0..<3).map { _ in "\(Int.random(in: 100...255, using: &random))" }.joined(separator: ".")
    }
    private mutating func ipv6() -> String {
        "fd" + digits(2) + ":" + (0..<4).map { _ in digits(4) }.joined(separator: ":")
    }
    private mutating func macAddress() -> String {
        let bytes = [0xb8] + (0..<5).map { _ in UInt8.random(in: 0...255, using: &random) }
        addresses.append(bytes)
        return hexadecimal(bytes).split(separator: " ").joined(separator: ":")
    }

    private mutating func letters(_ count: Int, _ alphabet: String) -> String {
        String((0..<count).compactMap { _ in alphabet.randomElement(using: &random) })
    }
}

@Suite("Secrets in a capture") struct CaptureSecretsTests {
    @Test("nothing that says whose node it is comes through, wherever it stands", arguments: 0..<12)
    func none(seed: UInt64) throws {
        let node = try TellingNode(seed: seed)
        let text = capture(node.kernel.host(links: node.links)).text
        #expect(node.leaks(in: text) == [])
        // Not because there is nothing.
        #expect(text.contains("owner netplan /etc/netplan/*.yaml\n"))
        #expect(text.contains("firmware-version: 16.35.2000 (02:00:00:00:00:01)\n"))
        #expect(text.contains("version: 5.2.10.4\n"))
        #expect(text.contains("/linkstate\nHex: 08 00 05 00 00 04 00 00 58 58 58 58 58 58 00 58"))
        #expect(text.contains("\nSERIAL-"))
    }

    @Test("this finds what would come through")
    func finds() throws {
        let node = try TellingNode(seed: 1)
        for secret in node.found + node.words {
            #expect(node.leaks(in: "Lines: 1\na \(secret.uppercased()) b\n") != [], "\(secret)")
        }
        #expect(node.leaks(in: "SERIAL-1 02:00:00:00:00:01 net1 node MASKED") == [])
    }
}
