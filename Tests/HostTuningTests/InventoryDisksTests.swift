import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct InventoryDisksTests {
    let kernel = FakeKernel()

    private func disks() throws -> [Disk] { try takeInventory(of: kernel.host()).disks }
    private func disk() throws -> Disk { try #require(try disks().first) }

    @Test("a SATA disk has all its marks")
    func describesSATA() throws {
        kernel.disk(
            "sda", .sata, serial: "ZR51", properties: ["ID_PATH": "pci-0000:00:17.0-ata-1", "ID_MODEL": "other"])
        let disk = try disk()
        #expect(
            disk.target
                == Target(name: "sda", identity: "serial:ST18000NM000J-2T_ZR51", path: "/sys/block/sda", sequence: "1"))
        #expect(disk.driver == "sd")
        #expect(disk.model == "ST18000NM000J-2T")
        #expect(disk.serial == "ZR51")
        #expect(disk.transport == "sata")
        #expect(disk.path == "pci-0000:00:17.0-ata-1")
        #expect(disk.rotational)
        #expect(disk.claims.isEmpty)
    }

    @Test(
        "each bus has its driver, transport and way to the serial",
        arguments: [
            (
                FakeKernel.Bus.sas, "sda", "sd", "sas",
                "serial:M_S@/devices/pci0000:00/0000:02:00.0/port-0/end_device-0/0:0:0"
            ),
            (.usb, "sdb", "sd", "usb", "serial:M_S"),
            (.virtio, "vda", "virtio_blk", "virtio", "serial:S"), (.nvme, "nvme0n1", "nvme", "nvme", "serial:M_S"),
            (.nvmeHead, "nvme1n1", "nvme", "nvme", "serial:M_S"),
        ])
    func knowsBuses(bus: FakeKernel.Bus, name: String, driver: String, transport: String, identity: String) throws {
        kernel.disk(name, bus, model: "M", serial: "S", rotational: false)
        let disk = try disk()
        #expect(disk.driver == driver)
        #expect(disk.transport == transport)
        #expect(disk.serial == "S")
        #expect(disk.target.identity == identity)
        #expect(!disk.rotational)
        #expect(disk.claims.isEmpty)
    }

    @Test("without a serial the identity is the wwid, then the path, then the place in sysfs without the name")
    func fallsBack() throws {
        kernel.disk("vda", .virtio)
        #expect(try disk().target.identity == "path:/devices/pci0000:00/0000:00:10.0")
        kernel.unplug("vda")
        let path = kernel.disk("vdb", .virtio, properties: ["ID_PATH": "pci-0000:00:10.0"])
        #expect(try disk().target.identity == "path:pci-0000:00:10.0")
        kernel.set("\(path)/wwid", "eui.0025385b01")
        #expect(try disk().target.identity == "wwid:eui.0025385b01")
    }

    @Test("an identity stays when the name moves")
    func survivesRename() throws {
        kernel.disk("sda", serial: "A")
        let before = try disk().target.identity
        kernel.unplug("sda")
        kernel.disk("sdz", serial: "A")
        #expect(try disk().target.identity == before)
    }

    @Test("the namespaces of one NVMe disk, which have one serial, are told apart by their number")
    func tellsNamespaces() throws {
        kernel.disk("nvme0n1", .nvme, model: "M", serial: "S")
        let second = kernel.disk("nvme0n2", .nvme, model: "M", serial: "S")
        kernel.set("\(second)/nsid", "2")
        #expect(try disks().map(\.target.identity) == ["serial:M_S", "serial:M_S_2"])
    }

    @Test("disks with cloned serials are told apart by where they are")
    func tellsClones() throws {
        kernel.disk("sda", model: "M", serial: "S", properties: ["ID_PATH": "pci-1"])
        kernel.disk("sdb", model: "M", serial: "S")
        kernel.disk("sdc", model: "M", serial: "T")
        let expected = [
            "serial:M_S@pci-1",
            "serial:M_S@/devices/pci0000:00/0000:00:17.0/ata2/0:0:0", "serial:M_T",
        ]
        #expect(try disks().map(\.target.identity) == expected)
    }

    @Test("what a SAN shows by two paths keeps both identities when one of them drops")
    func keepsPaths() throws {
        kernel.disk("sda", .sas, model: "M", serial: "S", properties: ["ID_PATH": "fc-1-lun-0"])
        kernel.disk("sdb", .sas, model: "M", serial: "S", properties: ["ID_PATH": "fc-2-lun-0"])
        #expect(try disks().map(\.target.identity) == ["serial:M_S@fc-1-lun-0", "serial:M_S@fc-2-lun-0"])
        kernel.unplug("sda")
        #expect(try disks().map(\.target.identity) == ["serial:M_S@fc-2-lun-0"])
        kernel.set("\(kernel.disk("sdc", .sas, properties: ["ID_PATH": "fc-3-lun-0"]))/device/wwid", "naa.5")
        #expect(try disks().map(\.target.identity) == ["serial:M_S@fc-2-lun-0", "wwid:naa.5@fc-3-lun-0"])
    }

    @Test("what is equal in all that it says goes by name, and no two share an identity")
    func tellsEqual() throws {
        for name in ["loop0", "loop1"] {
            kernel.set("\(kernel.disk(name, .virtual))/loop/backing_file", "/srv/image")
        }
        for name in ["sda", "sdb"] {
            kernel.disk(name, .usb, model: "M", serial: "S", properties: ["ID_PATH": "usb-1"])
        }
        let expected = [
            "loop:/srv/image@loop0", "loop:/srv/image@loop1", "serial:M_S@usb-1@sda", "serial:M_S@usb-1@sdb",
        ]
        #expect(try disks().map(\.target.identity) == expected)
    }

    @Test(
        "a place has none of the numbers that the kernel counts anew at each boot",
        arguments: [
            ("0000:00:17.0/ata2/host5/target5:0:0/5:0:0:0/block/sda", "0000:00:17.0/ata2/0:0:0"),
            (
                "0000:02:00.0/host0/port-0:3/end_device-0:3/target0:0:7/0:0:7:1/block/sdb",
                "0000:02:00.0/port-3/end_device-3/0:7:1"
            ),
            (
                "0000:02:00.0/host12/port-12:0/expander-12:0/port-12:0:4/end_device-12:0:4/target12:0:9/12:0:9:0/block/sdc",
                "0000:02:00.0/port-0/expander-0/port-0:4/end_device-0:4/0:9:0"
            ),
            ("0000:04:00.0/host7/rport-7:0-2/target7:0:1/7:0:1:3/block/sdd", "0000:04:00.0/rport-0-2/0:1:3"),
            ("platform/host3/session1/target3:0:0/3:0:0:1/block/sde", "platform/0:0:1"),
            ("0000:10:00.0/nvme/nvme4/nvme4n1", "0000:10:00.0/nvme"),
            ("0000:11:00.0/virtio2/block/vda", "0000:11:00.0"),
            ("usb1/1-2/1-2:1.0/host9/target9:0:0/9:0:0:0/block/sdf", "usb1/1-2/1-2:1.0/0:0:0"),
        ])
    func normalisesPlaces(path: String, place: String) {
        #expect(placeInSysfs("/sys/devices/pci0000:00/\(path)") == "/devices/pci0000:00/\(place)")
    }

    @Test(
        "a sick disk is left out and told, and the others stay",
        arguments: [
            ("sda/device/vpd_pg80", Errno.ioError), ("sda/ro", .ioError), ("sda/queue/rotational", .invalid),
            ("sda/device/model", .accessDenied),
        ])
    func leavesSickOut(file: String, errno: Errno) throws {
        for name in ["sda", "sdb"] { kernel.disk(name, serial: name) }
        kernel.behave("/sys/block/\(file)", .unreadable(errno))
        let inventory = try takeInventory(of: kernel.host())
        #expect(inventory.disks.map(\.name) == ["sdb"])
        #expect(inventory.problems == [KernelError("read", "/sys/block/\(file)", errno: errno)])
    }

    @Test(
        "bytes of a serial that are no text are written as udev does, and no two become one",
        arguments: [
            (Array("  AB 1\0\0".utf8), "AB 1"), ([0x41, 0xff], "A\\xff"), ([0x41, 0xfe], "A\\xfe"),
            (Array("a\\b".utf8), "a\\x5cb"), ([0x41, 0x0a, 0x42], "A\\x0aB"),
        ] as [([UInt8], String)])
    func printsBytes(bytes: [UInt8], text: String) throws {
        kernel.disk("vda", .virtio)
        kernel.set("/sys/block/vda/serial", bytes: bytes)
        #expect(try disk().serial == text)
    }

    @Test(
        "a page of vital product data is never read beyond its end",
        arguments: [
            ([], nil), ([0, 0x80, 0], nil), ([0, 0x80, 0, 9, 0x41, 0x42], "AB"), ([0, 0x80, 0, 1, 0x41, 0x42], "A"),
            ([0, 0x83, 0, 1, 0x41], nil), ([0, 0x80, 0xff, 0xff, 0x41], "A"), ([0, 0x80, 0, 2, 0x20, 0x20], nil),
        ] as [([UInt8], String?)])
    func parsesPage(bytes: [UInt8], serial: String?) throws {
        kernel.disk("sda")
        kernel.set("/sys/block/sda/device/vpd_pg80", bytes: bytes)
        #expect(try disk().serial == serial)
    }

    @Test("virtual devices go by what they are made of, where their numbers move")
    func identifiesVirtual() throws {
        kernel.set("\(kernel.disk("loop3", .virtual))/loop/backing_file", "/srv/disk image.raw")
        kernel.set("\(kernel.disk("dm-0", .virtual))/dm/uuid", "LVM-abc")
        kernel.disk("md0", .virtual)
        kernel.disk("zram0", .virtual)
        let identities = try Dictionary(uniqueKeysWithValues: disks().map { ($0.name, $0.target.identity) })
        #expect(
            identities == [
                "loop3": "loop:/srv/disk image.raw", "dm-0": "dm:LVM-abc", "md0": "name:md0", "zram0": "name:zram0",
            ])
        #expect(try disks().allSatisfy { $0.claims == [Claim(.virtual, "is virtual")] && $0.driver == nil })
    }

    @Test("hidden paths, unbound loop devices, empty readers and disks that went meanwhile are left out")
    func leavesOut() throws {
        let hidden = kernel.disk("nvme0c0n1", .nvme, serial: "S")
        kernel.set("\(hidden)/hidden", "1")
        kernel.disk("loop0", .virtual, sectors: 0)
        kernel.set("\(kernel.disk("sdr", .usb, sectors: 0))/removable", "1")
        kernel.disk("sdb", sectors: 0)
        kernel.vanish(kernel.disk("sdc"))
        #expect(try disks().map(\.name) == ["sdb"])
    }

    @Test("read-only and removable media are claimed")
    func claimsMedia() throws {
        let path = kernel.disk("sda", .usb)
        kernel.set("\(path)/ro", "1")
        kernel.set("\(path)/removable", "1")
        #expect(try disk().claims == [Claim(.removable, "is removable"), Claim(.readOnly, "is read-only")])
    }

    @Test("a thousand disks take as many calls each as ten do")
    func isLinear() throws {
        func calls(_ count: Int) throws -> Int {
            let kernel = FakeKernel()
            for number in 0..<count { kernel.disk(SyntheticTree.name(number), .sas, serial: "S\(number)") }
            let files = FaultyFiles(kernel)
            #expect(try takeInventory(of: kernel.host(files: files)).disks.count == count)
            return files.calls
        }
        let (ten, thousand) = (try calls(10), try calls(1010))
        #expect((thousand - ten) % 1000 == 0)
        #expect((thousand - ten) / 1000 <= 16)
    }
}
