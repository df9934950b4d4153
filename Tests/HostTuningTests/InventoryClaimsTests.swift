import HostModel
import HostTestSupport
import HostTuning
import Testing

@Suite struct InventoryClaimsTests {
    let kernel = FakeKernel()

    /// The claims that say what a disk holds, by disk.
    private func claims() throws -> [String: [String]] {
        let disks = try takeInventory(of: kernel.host()).disks
        let pairs = disks.map { ($0.name, $0.claims.filter { $0.role != .virtual }.map(\.reason)) }
        return Dictionary(uniqueKeysWithValues: pairs).filter { !$0.value.isEmpty }
    }

    private func plug(_ names: String...) { for name in names { kernel.disk(name, serial: name) } }

    @Test("the disk of a partition that holds / is claimed, and no other")
    func claimsRoot() throws {
        plug("sda", "sdb")
        kernel.mount("/", device: kernel.partition("sda2", of: "sda"), type: "ext4", source: "/dev/sda2")
        kernel.mount("/srv", device: kernel.partition("sdb1", of: "sdb"), type: "xfs", source: "/dev/sdb1")
        #expect(try claims() == ["sda": ["holds /"]])
        #expect(try takeInventory(of: kernel.host()).disks[0].claims.map(\.role) == [.root])
    }

    @Test("boot partitions are claimed", arguments: ["/boot", "/boot/efi", "/efi"])
    func claimsBoot(point: String) throws {
        plug("sda")
        kernel.mount(point, device: kernel.partition("sda1", of: "sda"), type: "vfat", source: "/dev/sda1")
        #expect(try claims() == ["sda": ["holds \(point)"]])
    }

    @Test("LVM on a partition leads down to the disk, and the volume is claimed itself")
    func resolvesLVM() throws {
        plug("sda", "sdb")
        kernel.partition("sda3", of: "sda")
        kernel.layer("dm-0", over: ["sda3"])
        kernel.layer("dm-1", over: ["sda3"])
        kernel.mount("/", device: kernel.number("dm-0"), type: "xfs", source: "/dev/mapper/vg-root")
        #expect(try claims() == ["sda": ["holds /", "is a member of dm-0 and 1 more"], "dm-0": ["holds /"]])
    }

    @Test("LVM on md leads down to both disks")
    func resolvesMD() throws {
        plug("sda", "sdb", "sdc")
        for disk in ["sda", "sdb"] { kernel.partition("\(disk)1", of: disk) }
        kernel.layer("md0", over: ["sda1", "sdb1"])
        kernel.layer("dm-0", over: ["md0"])
        kernel.mount("/", device: kernel.number("dm-0"), type: "xfs", source: "/dev/mapper/vg-root")
        let member = ["holds /", "is a member of md0"]
        #expect(
            try claims() == [
                "sda": member, "sdb": member, "md0": ["holds /", "is a member of dm-0"], "dm-0": ["holds /"],
            ])
    }

    @Test("a partition of a multipath device leads down to every path")
    func resolvesMultipath() throws {
        plug("sda", "sdb")
        kernel.layer("dm-0", over: ["sda", "sdb"])
        kernel.layer("dm-1", over: ["dm-0"])
        kernel.mount("/", device: kernel.number("dm-1"), type: "ext4", source: "/dev/mapper/mpatha-part1")
        #expect(try claims()["sda"] == ["holds /", "is a member of dm-0"])
        #expect(try claims()["sdb"] == ["holds /", "is a member of dm-0"])
    }

    @Test("a partition of an array leads down through the array")
    func resolvesPartitionOfArray() throws {
        plug("sda")
        kernel.layer("md0", over: ["sda"])
        kernel.mount("/", device: kernel.partition("md0p1", of: "md0"), type: "ext4", source: "/dev/md0p1")
        #expect(try claims() == ["sda": ["holds /", "is a member of md0"], "md0": ["holds /"]])
    }

    @Test("the head of NVMe multipath is a real disk, and holds what is on it")
    func resolvesHead() throws {
        kernel.disk("nvme0n1", .nvmeHead, serial: "S")
        kernel.mount("/", device: kernel.partition("nvme0n1p2", of: "nvme0n1"), type: "ext4", source: "/dev/nvme0n1p2")
        #expect(try takeInventory(of: kernel.host()).disks[0].claims == [Claim(.root, "holds /")])
    }

    @Test("devices that contain each other end")
    func endsLoops() throws {
        plug("sda")
        kernel.layer("dm-0", over: ["sda"])
        kernel.link("/sys/block/dm-0/slaves/dm-0", to: "/sys/devices/virtual/block/dm-0")
        kernel.mount("/", device: kernel.number("dm-0"), type: "ext4", source: "/dev/dm-0")
        #expect(try claims()["sda"]?.first == "holds /")
    }

    @Test("a btrfs has no device number, and all its devices are claimed though the mount names one")
    func resolvesBtrfs() throws {
        plug("sda", "sdb", "sdc")
        kernel.partition("sda2", of: "sda")
        kernel.mount("/", device: "0:31", type: "btrfs", source: "/dev/sda2")
        #expect(try claims() == ["sda": ["holds /"]])
        for name in ["sda2", "sdb"] {
            kernel.link("/sys/fs/btrfs/0f-ab/devices/\(name)", to: "/sys/class/block/\(name)")
        }
        kernel.link("/sys/fs/btrfs/77-cd/devices/sdc", to: "/sys/class/block/sdc")
        #expect(try claims() == ["sda": ["holds /"], "sdb": ["holds /"]])
    }

    @Test("an anonymous file system whose device has no node here goes by its name")
    func resolvesByName() throws {
        plug("sda")
        kernel.vanish("/dev/sda")
        kernel.mount("/", device: "0:31", type: "btrfs", source: "/dev/sda")
        #expect(try claims() == ["sda": ["holds /"]])
    }

    @Test("swap on a partition and swap in a file claim what they are on")
    func claimsSwap() throws {
        plug("sda", "sdb")
        kernel.partition("sda3", of: "sda")
        kernel.mount("/", device: "0:22", type: "tmpfs", source: "tmpfs")
        kernel.mount("/data disk", device: kernel.number("sdb"), type: "xfs", source: "/dev/sdb")
        kernel.swap("/dev/sda3")
        kernel.swap("/data\\040disk/swapfile", isFile: true)
        #expect(try claims() == ["sda": ["holds swap"], "sdb": ["holds swap"]])
    }

    @Test("swap on a device that nobody knows is an error, and no swap at all is none")
    func refusesUnknownSwap() throws {
        kernel.disk("sda")
        kernel.swap("/dev/gone")
        #expect(throws: KernelError.self) { try claims() }
        kernel.vanish("/proc/swaps")
        #expect(try claims() == [:])
    }

    @Test("etcd's data is claimed where it is mounted, by its usual folder and by its own file")
    func claimsEtcd() throws {
        plug("sda", "sdb", "sdc")
        kernel.mount("/", device: kernel.number("sda"), type: "xfs", source: "/dev/sda")
        for point in ["/var/lib/etcd-old", "/var/lib/etc"] {
            kernel.mount(point, device: kernel.number("sdc"), type: "xfs", source: "/dev/sdc")
        }
        #expect(try claims() == ["sda": ["holds /"]])
        kernel.folder("/var/lib/etcd")
        #expect(try claims() == ["sda": ["holds /", "holds etcd's data (/var/lib/etcd)"]])
        kernel.mount("/var/lib/etcd", device: kernel.number("sdb"), type: "xfs", source: "/dev/sdb")
        #expect(try claims() == ["sda": ["holds /"], "sdb": ["holds etcd's data (/var/lib/etcd)"]])
        kernel.set("/etc/etcd.env", "# ETCD_DATA_DIR=/no\nETCD_NAME=x\nETCD_DATA_DIR=\"/var/lib/etcd-old\"")
        #expect(try claims()["sdc"] == nil)
        kernel.folder("/var/lib/etcd-old/member")
        #expect(try claims()["sdc"] == ["holds etcd's data (/var/lib/etcd-old)"])
    }

    @Test("etcd's folder may be a link to another disk")
    func followsEtcd() throws {
        plug("sda", "sdb")
        kernel.mount("/", device: kernel.number("sda"), type: "xfs", source: "/dev/sda")
        kernel.mount("/fast disk", device: kernel.number("sdb"), type: "xfs", source: "/dev/sdb")
        kernel.folder("/fast disk/etcd")
        kernel.link("/var/lib/etcd", to: "/fast disk/etcd")
        #expect(try claims()["sdb"] == ["holds etcd's data (/var/lib/etcd)"])
    }

    @Test("an ordinary user, who may not read the first process's mounts, sees by their own")
    func readsOwnMounts() throws {
        plug("sda")
        kernel.mount("/", device: kernel.number("sda"), type: "xfs", source: "/dev/sda")
        kernel.behave("/proc/1/mountinfo", .unreadable(.accessDenied))
        #expect(try claims() == ["sda": ["holds /"]])
    }

    @Test("where no mounts can be read at all, nothing is decided")
    func failsClosed() throws {
        plug("sda")
        for process in ["1", "self"] { kernel.behave("/proc/\(process)/mountinfo", .unreadable(.accessDenied)) }
        let error = #expect(throws: KernelError.self) { try claims() }
        #expect(error?.errno == .accessDenied)
    }

    @Test("what only the first process sees mounted counts too")
    func readsFirstProcess() throws {
        plug("sda", "sdb")
        kernel.mount("/", device: kernel.number("sda"), type: "xfs", source: "/dev/sda")
        let theirs = kernel.text("/proc/1/mountinfo")
        kernel.mount("/", device: kernel.number("sdb"), type: "xfs", source: "/dev/sdb")
        kernel.set("/proc/1/mountinfo", theirs ?? "")
        #expect(try claims() == ["sda": ["holds /"], "sdb": ["holds /"]])
    }

    @Test(
        "lines that are no mounts are passed over",
        arguments: ["", "garbage", "36 1 8:0 / / rw -", "36 1 8:0 / / rw - xfs"])
    func toleratesGarbage(line: String) throws {
        plug("sda")
        kernel.set("/proc/1/mountinfo", line)
        #expect(try claims() == [:])
    }

    @Test("an overlay is kept on what its layers are on")
    func resolvesOverlay() throws {
        plug("sda", "sdb", "sdc")
        let options = "rw,lowerdir=/more/x:/media/root\\040ro,upperdir=/run/up,workdir=/run/work"
        kernel.mount("/", device: "0:40", type: "overlay", source: "overlay", options: options)
        kernel.mount("/media/root ro", device: kernel.number("sda"), type: "ext4", source: "/dev/sda")
        kernel.mount("/more", device: kernel.number("sdb"), type: "ext4", source: "/dev/sdb")
        kernel.mount("/run", device: "0:23", type: "tmpfs", source: "tmpfs")
        #expect(try claims() == ["sda": ["holds /"], "sdb": ["holds /"]])
    }

    @Test("the layers of a container's root are looked for where the first process sees them")
    func resolvesContainer() throws {
        plug("sda", "sdb")
        kernel.mount("/", device: "0:40", type: "overlay", source: "overlay", options: "rw,lowerdir=/var/lib/docker/1")
        kernel.set("/proc/1/mountinfo", "22 1 \(kernel.number("sda")) / / rw - ext4 /dev/sda rw")
        #expect(try claims() == ["sda": ["holds /"]])
    }

    @Test("what is in a loop's file is kept on the disk of that file")
    func resolvesLoop() throws {
        plug("sda", "sdb")
        kernel.mount("/", device: "0:22", type: "tmpfs", source: "tmpfs")
        kernel.mount("/host \u{e9}", device: kernel.partition("sda1", of: "sda"), type: "vfat", source: "/dev/sda1")
        kernel.set("\(kernel.disk("loop0", .virtual))/loop/backing_file", "/host \u{e9}/root.img")
        kernel.mount("/efi", device: kernel.partition("loop0p1", of: "loop0"), type: "ext4", source: "/dev/loop0p1")
        #expect(try claims() == ["sda": ["holds /efi"], "loop0": ["holds /efi"]])
    }

    @Test("a ZFS root claims the disks that are members, or whose partitions are")
    func resolvesZFS() throws {
        plug("sda", "sdc")
        kernel.disk("sdb", serial: "B", properties: ["ID_FS_TYPE": "zfs_member"])
        kernel.mount("/", device: "0:31", type: "zfs", source: "rpool/ROOT/debian")
        #expect(try claims() == ["sdb": ["holds /"]])
        let number = kernel.partition("sda3", of: "sda")
        kernel.set("/run/udev/data/b\(number)", "I:1\nE:ID_FS_TYPE=zfs_member")
        #expect(try claims() == ["sda": ["holds /"], "sdb": ["holds /"]])
    }

    @Test("a bcachefs names all its devices")
    func resolvesBcachefs() throws {
        plug("sda", "sdb", "sdc")
        kernel.mount("/", device: "0:31", type: "bcachefs", source: "/dev/sda:/dev/sdb")
        #expect(try claims() == ["sda": ["holds /"], "sdb": ["holds /"]])
    }

    @Test(
        "where nobody knows what / is on, any disk may hold it, and a virtual one does not",
        arguments: [
            ("zfs", "rpool/ROOT", "rw"), ("btrfs", "/dev/root", "rw"), ("bcachefs", "/dev/sda:/dev/gone", "rw"),
            ("fuse.x", "x", "rw"), ("overlay", "o", "rw,lowerdir=/lower,upperdir=/run/up"), ("overlay", "o", "rw"),
            ("overlay", "o", "rw,lowerdir=l/AB:l/CD"), ("overlay", "o", "rw,lowerdir=/,upperdir=/run/up"),
        ])
    func doubts(type: String, source: String, options: String) throws {
        plug("sda", "sdb")
        kernel.disk("loop0", .virtual)
        kernel.mount("/", device: "0:31", type: type, source: source, options: options)
        kernel.mount("/run", device: "0:23", type: "tmpfs", source: "tmpfs")
        let reason = "may hold /, which is on \(type) \(source)"
        let found = try claims()
        #expect(found.keys.sorted() == ["sda", "sdb"])
        #expect(found.values.allSatisfy { $0.last == reason })
    }

    @Test("a root that is a loop over a file nobody finds, or over a file in itself, may be anywhere")
    func doubtsLoop() throws {
        plug("sda")
        kernel.set("\(kernel.disk("loop0", .virtual))/loop/backing_file", "/gone/root.img")
        kernel.mount("/", device: kernel.number("loop0"), type: "squashfs", source: "/dev/loop0")
        #expect(try claims() == ["sda": ["may hold /, which is on squashfs /dev/loop0"], "loop0": ["holds /"]])
    }

    @Test(
        "a root in memory or on the network is on no disk",
        arguments: ["rootfs", "ramfs", "tmpfs", "nfs", "nfs4", "9p", "virtiofs"])
    func knowsDiskless(type: String) throws {
        plug("sda")
        kernel.mount("/", device: "0:31", type: type, source: "server:/root")
        #expect(try claims() == [:])
    }

    @Test(
        "the etcd inside of k3s and rke2 is one",
        arguments: ["/var/lib/rancher/k3s/server/db", "/var/lib/rancher/rke2/server/db"])
    func claimsRancher(folder: String) throws {
        plug("sda", "sdb")
        kernel.mount("/var/lib/rancher", device: kernel.number("sdb"), type: "xfs", source: "/dev/sdb")
        kernel.folder(folder)
        #expect(try claims() == ["sdb": ["holds etcd's data (\(folder))"]])
    }
}
