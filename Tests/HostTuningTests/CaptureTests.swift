import FoundationEssentials
import HostModel
import HostTestSupport
import Synchronization
import Testing

@testable import HostTuning

private let root = "/\(#filePath.split(separator: "/").dropLast(3).joined(separator: "/"))"
private let fixtures = "\(root)/Tests/Fixtures/hosts"

extension Node {
    /// Puts down the shipped profiles where packages do.
    static func installProfiles(on kernel: FakeKernel) throws {
        for profile in try FileManager.default.subpathsOfDirectory(atPath: "\(root)/etc/profiles")
        where profile.hasSuffix(".yaml") {
            let text = String(
                decoding: try Data(contentsOf: URL(filePath: "\(root)/etc/profiles/\(profile)")), as: UTF8.self)
            kernel.set("/usr/lib/ais-hostd/profiles/\(profile)", text)
        }
    }
}

/// A node on which every place that may hold a secret does.
private struct PlantedNode {
    let kernel = FakeKernel()
    let links = FakeLinks()

    /// None of these may be in what is captured, in any case.
    static let secrets = [
        "ZR5SECRET", "VB9SECRET", "S4NVMESECRET", "5000c500deadbeef", "5000c500cafef00d", "eui.0025385b71b01234",
        "b8:ce:f6:12:34:56", "b8cef6123456", "b8:ce:f6:77:88:99", "0cc47a998877", "cpu01", "acme.example", "hunter2",
        "hush", "0f5a8c1e-77aa-4bcd-9e01-aabbccddeeff", "LVM-abcdef", "customerdata", "vault", "10.11.12.13",
        "fe80::1234", "secretbridge", "mgmtuplink", "iqn.2020-01", "tenant", "CHASSIS77", "xfslabel", "192.168.77.5",
    ]

    init() {
        kernel.set("/proc/sys/kernel/hostname", "cpu01.acme.example")
        kernel.set(
            "/proc/cmdline",
            "BOOT_IMAGE=/vmlinuz root=UUID=0f5a8c1e-77aa-4bcd-9e01-aabbccddeeff ip=10.11.12.13 rd.luks.key=hunter2 hush ro quiet ais_hostd.observe=0 scsi_mod.use_blk_mq=1 intel_pstate=passive"
        )
        kernel.set("/sys/class/dmi/id/product_serial", "CHASSIS77")
        kernel.set("/sys/class/dmi/id/product_name", "PowerEdge R740xd CHASSIS77")
        kernel.disk(
            "sda", .sas, serial: "ZR5SECRET",
            properties: [
                "ID_PATH": "pci-0000:02:00.0-sas-0x5000c500deadbeef-lun-0", "ID_SERIAL": "ST18000_ZR5SECRET",
                "ID_SERIAL_SHORT": "ZR5SECRET", "ID_WWN": "0x5000c500cafef00d", "ID_MODEL": "ST18000NM000J_ZR5SECRET",
                "ID_FS_LABEL": "xfslabel", "ID_FS_UUID": "0f5a8c1e-77aa-4bcd-9e01-aabbccddeeff",
            ])
        kernel.set("\(path("sda"))/device/wwid", "naa.5000c500cafef00d")
        kernel.disk(
            "sdb", .sata, serial: "VB9SECRET", properties: ["ID_PATH": "ip-10.11.12.13:3260-iscsi-iqn.2020-01.acme:t"])
        kernel.disk("nvme0n1", .nvme, serial: "S4NVMESECRET", rotational: false)
        kernel.set("\(path("nvme0n1"))/wwid", "eui.0025385b71b01234")
        kernel.partition("sdb1", of: "sdb")
        kernel.layer("dm-0", over: ["sdb1"])
        kernel.set("\(path("dm-0"))/dm/name", "customerdata-vault")
        kernel.set("\(path("dm-0"))/dm/uuid", "LVM-abcdef")
        kernel.node("/dev/mapper/customerdata-vault", number: kernel.number("dm-0"))
        kernel.disk("loop0", .virtual, rotational: false)
        kernel.set("\(path("loop0"))/loop/backing_file", "/ais/sda/customerdata/vault.img")
        kernel.mount("/", device: kernel.number("dm-0"), type: "xfs", source: "/dev/mapper/customerdata-vault")
        kernel.mount("/ais/sda", device: kernel.number("sda"), type: "xfs", source: "/dev/sda")
        kernel.mount("/srv/tenant", device: "0:60", type: "nfs4", source: "192.168.77.5:/customerdata")
        kernel.mount(
            "/var/lib/docker/overlay2/tenant", device: "0:61", type: "overlay", source: "overlay",
            options: "rw,lowerdir=/vault,upperdir=/customerdata")
        kernel.swap("/customerdata/swapfile", isFile: true)
        kernel.folder("/var/lib/etcd")
        kernel.set("/etc/etcd.env", "ETCD_NAME=cpu01\nETCD_DATA_DIR=/srv/tenant/etcd")
        kernel.folder("/srv/tenant/etcd")
        kernel.set(
            "/proc/net/route",
            "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\nenp94s0 00000000 0101A8C0 0003 0 0 0 00000000 0 0 0\nenp94s0 0001A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0"
        )
        kernel.sysctl("net.core.somaxconn", "4096")
        links.mellanox(2, "enp94s0", address: "b8:ce:f6:12:34:56")
        links.answer(
            2, [.rings: [8, 0, 2, 0, 0, 32, 0, 0, 8, 0, 6, 0, 0, 4, 0, 0]],
            LinkDriver(driver: "mlx5_core", version: "5.0-0", firmwareVersion: "16.28.2006 (MT_0000000080)"))
        links.change(2) { ($0.alternativeNames, $0.switchID) = (["enxb8cef6123456"], "b8cef6123456") }
        kernel.set("/sys/devices/pci0000:5d/0000:5d:00.0/0000:5e:00.0/net/enp94s0/address", "b8:ce:f6:12:34:56")
        kernel.set("/sys/devices/pci0000:5d/0000:5d:00.0/0000:5e:00.0/infiniband/mlx5_0/fw_ver", "16.28.2006")
        var bridge = Link(index: 3, name: "secretbridge", mtu: 1500)
        (bridge.kind, bridge.address) = ("bridge", "b8:ce:f6:77:88:99")
        links.plug(bridge)
        var port = Link(index: 4, name: "enx0cc47a998877", mtu: 1500)
        (port.master, port.kind) = (3, "veth")
        links.plug(port)
        // What can't be read is told of, and not by its name.
        let card = "/sys/devices/pci0000:5f/0000:5f:00.0"
        var other = Link(index: 5, name: "mgmtuplink", mtu: 1500)
        (other.devicePath, other.driver) = (card, "igb")
        links.plug(other)
        kernel.set("\(card)/net/mgmtuplink/speed", "")
        kernel.behave("\(card)/net/mgmtuplink/speed", .unreadable(.invalid))
    }

    private func path(_ name: String) -> String { "/sys/block/\(name)" }
    func capture(userID: UInt32 = 0) -> CaptureArchive {
        HostTuning.capture(kernel.host(userID: userID, links: links))
    }
}

@Suite("Capture") struct CaptureTests {
    private let planted = PlantedNode()

    @Test("no secret of a node is in its capture", arguments: PlantedNode.secrets)
    func secretFree(secret: String) throws {
        let text = planted.capture().text
        #expect(!text.lowercased().contains(secret.lowercased()))
        // The page of the serial is in hexadecimal.
        let hex = secret.utf8.map { String($0, radix: 16) }.joined(separator: " ")
        #expect(!text.contains(hex))
    }

    @Test("what tunes is kept: words of the command line, firmware, links by what is below them")
    func kept() throws {
        let archive = planted.capture()
        #expect(
            archive.entries["/proc/cmdline"]
                == .text([
                    "MASKED MASKED MASKED MASKED MASKED ro quiet ais_hostd.observe=0 scsi_mod.use_blk_mq=1 intel_pstate=passive"
                ]))
        let card = "/sys/devices/pci0000:5d/0000:5d:00.0/0000:5e:00.0"
        #expect(archive.entries["\(card)/infiniband/mlx5_0/fw_ver"] == .text(["16.28.2006"]))
        #expect(archive.entries["\(card)/net/enp94s0/address"] == .text(["02:00:00:00:00:01"]))
        #expect(archive.entries["/proc/sys/net/core/somaxconn"] == .text(["4096"]))
        #expect(archive.entries["/proc/sys/kernel/hostname"] == .text(["node"]))
        #expect(archive.text.contains("permanentAddress 02:00:00:00:00:01\n"))
        #expect(archive.text.contains("rings.rx 1024 of 8192\n"))
        #expect(
            archive.entries["/ethtool/2/driver"]
                == .text(["driver: mlx5_core", "version: 5.0-0", "firmware-version: 16.28.2006 (MT_0000000080)"]))
        #expect(archive.text.contains("Path: /ethtool/2/rings\nHex: 08 00 02 00 00 20 00 00 08 00 06 00 00 04 00 00\n"))
    }

    @Test("a captured host is made of what the node was made of, and hangs together as it did")
    func inventory() throws {
        let original = try takeInventory(of: planted.kernel.host(links: planted.links))
        let captured = try takeInventory(of: capturedHost(planted.capture().text))
        #expect(captured.disks.map(\.name) == original.disks.map(\.name))
        #expect(captured.disks.map(\.claims.count) == original.disks.map(\.claims.count))
        for (one, other) in zip(captured.disks, original.disks) {
            #expect(one.claims.map(\.role) == other.claims.map(\.role), "\(one.name)")
            #expect([one.driver, one.transport] == [other.driver, other.transport], "\(one.name)")
            #expect(one.rotational == other.rotational)
        }
        #expect(captured.disks.first { $0.name == "sda" }?.serial?.hasPrefix("SERIAL-") == true)
        #expect(captured.links.map(\.claims.count) == original.links.map(\.claims.count))
        #expect(captured.links.map(\.protection) == original.links.map(\.protection))
        #expect(captured.links.first?.link.driver == "mlx5_core")
        #expect(captured.physicalCores == original.physicalCores)
        #expect(captured.memory == original.memory)
        #expect(captured.installedMemory == original.installedMemory)
        #expect(captured.hostname == "node")
    }

    @Test("a captured host is not changed by those who test on it")
    func readOnly() throws {
        let host = try capturedHost(planted.capture().text)
        let error = #expect(throws: KernelError.self) { try host.files.write("1", to: "/proc/sys/net/core/somaxconn") }
        #expect(error?.errno == .readOnly)
    }

    @Test("a text is read as what it was written from, and what is no capture is refused with its line")
    func text() throws {
        var archive = planted.capture()
        archive.remarks = ["one"]
        archive.entries["/a"] = .text(["Path: /b", "", "# no remark"])
        archive.entries["/b"] = .unreadable(.busy)
        archive.entries["/c"] = .folders(3)
        #expect(try CaptureArchive(parsing: archive.text) == archive)
        for (text, problem) in [
            ("Path: /a\n", "1: expected # ais-hostd capture 1"),
            ("# ais-hostd capture 1\nLines: 0\n", "2: Lines: 0: expected a Path before it"),
            ("# ais-hostd capture 1\nPath: /a\nLines: 9\n", "3: Lines: 9: expected a number up to 1"),
            ("# ais-hostd capture 1\nPath: /a\nHex: 0g\n", "3: 0g is no byte"),
            ("# ais-hostd capture 1\nPath: /a\nMode: 1\n", "3: Mode: 1: an unknown word"),
        ] {
            let error = #expect(throws: CaptureArchive.Malformed.self) { try CaptureArchive(parsing: text) }
            #expect(error?.description == problem)
        }
    }

    @Test("an ordinary user captures what it may read, and is told of the rest")
    func ordinary() throws {
        planted.kernel.behave("/proc/1/mountinfo", .unreadable(.accessDenied))
        let archive = planted.capture(userID: 1000)
        #expect(
            archive.remarks.contains("could not be read: read /proc/1/mountinfo (EACCES)"))
        #expect(archive.entries["/proc/1/mountinfo"] == .unreadable(.accessDenied))
        #expect(try takeInventory(of: capturedHost(archive.text)).disks.count == 5)
        #expect(try capturedHost(archive.text).userID == 1000)
    }

    @Test("what can't be read is put down as such, under its pseudonym")
    func unreadable() {
        let archive = planted.capture()
        let path = "/sys/devices/pci0000:5f/0000:5f:00.0/net/net4/speed"
        #expect(archive.entries[path] == .unreadable(.invalid))
        #expect(archive.remarks.contains("could not be read: read \(path) (EINVAL)"))
    }

    @Test("a disk that does not answer is told of once; what it told before is kept, and so is all else")
    func silent() throws {
        let path = try planted.kernel.resolve("/sys/block/sda")
        var host = planted.kernel.host(links: planted.links)
        let whole = capture(host).entries
        host.worker = SilentAfter(path, works: 30)
        let archive = capture(host)
        #expect(archive.remarks.count { $0.contains("(ETIMEDOUT)") } == 1)
        #expect(archive.remarks.contains("could not be read: wait for \(path) (ETIMEDOUT)"))
        let device = path.dropLast("/block/sda".count)
        let missing = whole.keys.filter { [nil, .unreadable(.timedOut)].contains(archive.entries[$0]) }
        #expect(missing.allSatisfy { $0.hasPrefix(device) || $0 == "/run/udev/data/b8:0" }, "\(missing)")
        let here = archive.entries.filter { $0.key.hasPrefix("\(path)/") }
        #expect(here.values.contains(.unreadable(.timedOut)))
        #expect(here["\(path)/size"] == whole["\(path)/size"])
    }

    @Test("a device that does not answer is told of even where nobody minded what it was asked")
    func silentlySilent() {
        var host = planted.kernel.host()
        host.worker = SilentAfter("/sys/a", works: 0)
        var capture = Capture(host)
        capture.asking("/sys/a") { _ = $0.attributes.described("/sys/a/b") }
        #expect(capture.finished().remarks.last == "could not be read: wait for /sys/a (ETIMEDOUT)")
    }

    @Test("a link whose driver does not answer is told of, and is there all the same")
    func silentLink() {
        var host = planted.kernel.host(links: planted.links)
        host.worker = SilentAfter("/links/2", works: 0)
        let archive = capture(host)
        #expect(
            archive.remarks.filter { $0.contains("(ETIMEDOUT)") } == [
                "could not be read: wait for /links/2 (ETIMEDOUT)"
            ])
        #expect(archive.text.contains("name enp94s0\n") && !archive.text.contains("rings.rx"))
        #expect(archive.text.contains("Path: /links/3\n"))
    }

    @Test("what a capture reads by, writes nothing")
    func writesNothing() {
        let files = DeviceFiles(host: planted.kernel.host(), device: nil)
        for error in [
            #expect(throws: KernelError.self) { try files.write("1", to: "/proc/sys/net/core/somaxconn") },
            #expect(throws: KernelError.self) { try files.replace("/etc/a", with: [], permissions: 0o644) },
            #expect(throws: KernelError.self) { try files.remove("/etc/etcd.env") },
            #expect(throws: KernelError.self) { try files.createFolder("/etc/b", permissions: 0o755) },
            #expect(throws: KernelError.self) { _ = try files.lock("/etc") },
        ] { #expect(error?.errno == .readOnly) }
    }

    @Test(
        "who sets a link up at boot is told with the kind of its file, and without its name",
        arguments: [
            ("/run/systemd/network/10-netplan-tenant.network", "netplan /etc/netplan/*.yaml"),
            ("/etc/systemd/network/tenant.network", "systemd-networkd /etc/systemd/network/*.network"),
            ("", "ifupdown /etc/network/interfaces.d/*"),
        ])
    func owner(networkFile: String, owner: String) throws {
        planted.kernel.set("/etc/netplan/tenant.yaml", "network: {ethernets: {tenant: {match: {name: enp94s0}}}}")
        planted.kernel.set("/usr/sbin/ifup", "")
        planted.kernel.set("/etc/network/interfaces", "source-directory /etc/network/interfaces.d")
        planted.kernel.set("/etc/network/interfaces.d/tenant", "iface enp94s0 inet dhcp")
        if !networkFile.isEmpty {
            planted.kernel.set("/run/systemd/netif/links/2", "ADMIN_STATE=configured\nNETWORK_FILE=\(networkFile)")
        }
        let text = planted.capture().text
        #expect(text.contains("\nowner \(owner)\n"))
        #expect(!text.contains("tenant"))
        #expect(try capturedHost(text).links.links().count == 4)
    }

    @Test("NetworkManager's connections too")
    func networkManager() {
        planted.kernel.set("/run/NetworkManager/devices/2", "[device]\nmanaged=true\nconnection-uuid=a")
        #expect(planted.capture().text.contains("\nowner NetworkManager /run/NetworkManager/devices/*\n"))
        planted.kernel.set("/etc/NetworkManager/system-connections/vault.nmconnection", "[connection]\nuuid=a")
        let text = planted.capture().text
        #expect(text.contains("\nowner NetworkManager /etc/NetworkManager/system-connections/*.nmconnection\n"))
    }

    @Test("what the kernel said of rings and channels counts, and not what was made of it")
    func raw() throws {
        let text = planted.capture().text
        let host = try capturedHost(text)
        #expect(try host.links.rings(of: 2) == [.rx: LinkAmount(current: 1024, maximum: 8192)])
        #expect(try host.links.driver(of: 2).firmwareVersion == "16.28.2006 (MT_0000000080)")
        #expect(throws: KernelError.self) { try host.links.answer(to: .fec, of: 2) }
        let torn = text.replacing("Hex: 08 00 02 00 00 20", with: "Hex: 09 00 02 00 00 20")
        #expect(torn != text)
        #expect(throws: (any Error).self) { try capturedHost(torn) }
    }

    @Test("what looks like an address or a UUID is masked wherever it stands; numbers and versions are not")
    func look() {
        let names = Scrubber(Pseudonyms())
        #expect(names.scrubbed("a=10.1.2.3 b8:ce:f6:12:34:56 x") == "a=MASKED MASKED x")
        #expect(names.scrubbed("0f5a8c1e-77aa-4bcd-9e01-aabbccddeeff") == "MASKED")
        // Four numbers may be a version, but nothing else is one.
        #expect(names.scrubbed("5.2.10.4", .version) == "5.2.10.4")
        #expect(names.scrubbed("b8-ce-f6-12-34-56 b8:ce:f6:12:34:56", .version) == "MASKED MASKED")
        for secret in ["10.1.2.3:443", "fe80::1", "-b8:ce:f6:12:34:56.", "0x5000c500deadbeef", "a-5000c500deadbeef"] {
            #expect(names.scrubbed("x=\(secret) y") == "x=MASKED y")
        }
        for plain in [
            "0:0:0:0", "pci-0000:02:00.0-sas-phy0-lun-0", "12:34:56", "6.1.0-13-amd64", "0000:5e:00.0",
            "4096 262144 134217728", "16.28.2006", "00:00:00:00:00:00", "0-7,16-23", "2147483647",
        ] {
            #expect(names.scrubbed(plain) == plain)
        }
    }

    @Test("the sysctls of every shipped profile are captured")
    func profiles() throws {
        let kernel = FakeKernel()
        try Node.installProfiles(on: kernel)
        var named: Set<String> = []
        for folder in try kernel.list("/usr/lib/ais-hostd/profiles") {
            for file in try kernel.list("/usr/lib/ais-hostd/profiles/\(folder)") {
                let lines = (kernel.text("/usr/lib/ais-hostd/profiles/\(folder)/\(file)") ?? "").split(separator: "\n")
                guard let start = lines.firstIndex(of: "sysctl:") else { continue }
                for line in lines[(start + 1)...].prefix(while: { $0.hasPrefix(" ") })
                where line.dropFirst(2).first?.isLetter == true {
                    named.insert(String(line.dropFirst(2).prefix { $0 != ":" }))
                }
            }
        }
        #expect(named == Set(capturedSysctls))
    }
}

/// Does some works on a target, and then it does not answer any more.
private final class SilentAfter: Worker {
    private let silent: String
    private let left: Mutex<Int>

    init(_ target: String, works: Int) {
        silent = target
        left = Mutex(works)
    }

    func perform<Value: Sendable>(
        on target: String, patience: Duration?,
        _ work: @escaping @Sendable (@escaping @Sendable () -> Bool) -> Value
    ) throws(KernelError) -> Value {
        let isSilent =
            target == silent
            && left.withLock { left in
                left -= 1
                return left < 0
            }
        if isSilent { throw KernelError("work on", target, errno: .timedOut, message: "has not answered for 10 s") }
        return work { false }
    }
}

@Suite("Captured hosts") struct CapturedHostsTests {
    @Test("the capture of a captured host is the same again: nothing of it is lost", arguments: ["vm", "connectx5"])
    func again(name: String) throws {
        let text = String(
            decoding: try Data(contentsOf: URL(filePath: "\(fixtures)/\(name)/capture.txt")), as: UTF8.self)
        let archive = try CaptureArchive(parsing: text)
        let again = capture(try capturedHost(text))
        let differing = archive.entries.filter { again.entries[$0.key] != $0.value }.keys.sorted()
        #expect(differing == [])
        #expect(again.entries.count == archive.entries.count)
    }

    @Test("the machine on which this was written: one disk, which holds /, and one link")
    func virtualMachine() throws {
        let inventory = try takeInventory(of: capturedHost(at: "\(fixtures)/vm/capture.txt"))
        #expect(inventory.problems == [])
        let disk = try #require(inventory.disks.first { $0.name == "vda" })
        #expect([disk.driver, disk.transport, disk.serial] == ["virtio_blk", "virtio", "SERIAL-1"])
        #expect(disk.claims.contains { $0.role == .root })
        let link = try #require(inventory.links.first { $0.link.name == "eth0" })
        #expect(link.link.driver == "virtio_net")
        #expect(link.protection == "carries the default route")
        #expect(link.link.permanentAddress?.hasPrefix("02:00:00:00:00:") == true)
    }

    @Test("every address in the committed captures is a pseudonym", arguments: ["vm", "connectx5"])
    func addresses(name: String) throws {
        let text = String(
            decoding: try Data(contentsOf: URL(filePath: "\(fixtures)/\(name)/capture.txt")), as: UTF8.self)
        let words = text.split { !($0.isHexDigit || $0 == ":") }
        for word in words where word.split(separator: ":").count == 6 && word.utf8.count == 17 {
            #expect(word.hasPrefix("02:00:00:00:") || word == "00:00:00:00:00:00" || word == "ff:ff:ff:ff:ff:ff")
        }
    }
}
