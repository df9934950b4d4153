import HostModel

/// Which disks hold what the host itself lives on, down through LVM, md, multipath, loops and overlays.
struct Holdings {
    /// By the name of the disk; in the order of the roles. The layers in between (`md0`) have them too.
    private(set) var claims: [String: [Claim]] = [:]
    /// What to say of every real disk, since it is not known which of them holds `/`.
    private(set) var doubt: Claim?
    private let attributes: Attributes
    private let devices: [Device]
    private let tables: [[Mount]]

    init(of devices: [Device], _ attributes: Attributes) throws(KernelError) {
        self.attributes = attributes
        self.devices = devices
        tables = try mountTables(attributes)
        for (role, points) in [(Claim.Role.root, ["/"]), (.boot, ["/boot", "/boot/efi", "/efi"])] {
            for point in points {
                for mount in tables.joined() where mount.point == point {
                    var ground = Ground()
                    try follow(mount, to: &ground)
                    claim(Claim(role, "holds \(point)"), ground)
                    if role == .root, !ground.isKnown {
                        doubt = Claim(.root, "may hold /, which is on \(mount.type) \(mount.source)")
                    }
                }
            }
        }
        for line in try swaps() {
            let path = unescape(line[0])
            var ground = Ground()
            if line[1] == "partition" {
                guard let device = try device(node: path) else {
                    throw KernelError("stat", path, message: "holds swap and is no device that sysfs knows")
                }
                try follow(device: device, to: &ground)
            } else {
                try follow(path: path, to: &ground)
            }
            claim(Claim(.swap, "holds swap"), ground)
        }
        for folder in try etcdFolders() {
            let real = try readable { () throws(KernelError) in try attributes.target(folder) } ?? folder
            var ground = Ground()
            try follow(path: real, to: &ground)
            claim(Claim(.etcd, "holds etcd's data (\(folder))"), ground)
        }
    }

    /// The lines of `/proc/swaps` after its heading. A kernel without swap has no such file.
    private func swaps() throws(KernelError) -> [[String]] {
        do throws(KernelError) {
            return try attributes.lines("/proc/swaps").dropFirst().filter { $0.count >= 2 }
        } catch let error where error.isAbsence {
            return []
        }
    }

    /// The folders that there are of those etcd may keep its data in. Where we may not look, there may be one.
    private func etcdFolders() throws(KernelError) -> [String] {
        var folders = ["/var/lib/etcd", "/var/lib/rancher/k3s/server/db", "/var/lib/rancher/rke2/server/db"]
        let lines = try readable { () throws(KernelError) in try attributes.lines("/etc/etcd.env") } ?? []
        for word in lines.compactMap(\.first) where word.hasPrefix("ETCD_DATA_DIR=") {
            let folder = word.dropFirst("ETCD_DATA_DIR=".count).filter { $0 != "\"" && $0 != "'" }
            if folder.hasPrefix("/"), !folders.contains(folder) { folders.append(folder) }
        }
        return folders.filter { folder in
            do throws(KernelError) {
                return try attributes.files.status(folder).kind == .folder
            } catch {
                return !error.isAbsence
            }
        }
    }

    /// Nil for what is not there, and for what an ordinary user may not see: they only look.
    private func readable<Value>(_ body: () throws(KernelError) -> Value?) throws(KernelError) -> Value? {
        do throws(KernelError) {
            return try body()
        } catch let error where error.isAbsence || error.errno?.isRefusal == true {
            return nil
        }
    }

    private mutating func claim(_ claim: Claim, _ ground: Ground) {
        for name in ground.disks where !claims[name, default: []].contains(claim) {
            claims[name, default: []].append(claim)
        }
    }
}

/// What something is kept on, as far as it could be followed.
private struct Ground {
    /// By name, with the layers in between.
    var disks: Set<String> = []
    /// Whether every way led to a disk, or to what needs none.
    var isKnown = true
}

extension Holdings {
    /// Goes to what is mounted where a path is, in each namespace: the longest mount points, of which later ones may
    /// cover earlier ones.
    ///
    /// A container's layers are named as the first process sees them. What is mounted over its own layers (`upper`)
    /// does not hold them.
    private func follow(path: String, below upper: [Mount] = [], to ground: inout Ground) throws(KernelError) {
        let mounts = tables.flatMap { table in
            let around = table.filter { $0.contains(path) }
            let longest = around.map(\.point.utf8.count).max()
            return around.filter { $0.point.utf8.count == longest && !upper.contains($0) }
        }
        if mounts.isEmpty { ground.isKnown = false }
        for mount in mounts { try follow(mount, below: upper, to: &ground) }
    }

    private func follow(_ mount: Mount, below upper: [Mount] = [], to ground: inout Ground) throws(KernelError) {
        if mount.isDiskless { return }
        let upper = upper + [mount]
        if mount.type == "overlay" {
            let layers = mount.layers
            if layers.isEmpty { ground.isKnown = false }
            for layer in layers { try follow(path: layer, below: upper, to: &ground) }
            return
        }
        let devices = try devices(of: mount)
        if devices.isEmpty { ground.isKnown = false }
        for device in devices {
            if let device {
                try follow(device: device, below: upper, to: &ground)
            } else {
                ground.isKnown = false
            }
        }
    }

    /// From a partition to its disk, from a layer to what is below it. No device is entered twice, so that it ends.
    private func follow(device: String, below upper: [Mount] = [], to ground: inout Ground) throws(KernelError) {
        if try attributes.text("\(device)/partition") != nil, let end = device.lastIndex(of: "/") {
            return try follow(device: String(device[..<end]), below: upper, to: &ground)
        }
        guard ground.disks.insert(lastComponent(device)).inserted else { return }
        for slave in try attributes.names("\(device)/slaves") {
            guard let below = try attributes.target("\(device)/slaves/\(slave)") else { continue }
            try follow(device: below, below: upper, to: &ground)
        }
        let file = "\(device)/loop/backing_file"
        if let bytes = try present({ () throws(KernelError) in try attributes.files.read(file) }) {
            let path = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            try follow(path: path, below: upper, to: &ground)
        }
    }

    /// The folders in sysfs of a file system's devices, nil for one that is not found.
    private func devices(of mount: Mount) throws(KernelError) -> [String?] {
        if mount.type == "zfs" { return try membersOfZFS() }
        guard mount.device.hasPrefix("0:") else { return [try attributes.target("/sys/dev/block/\(mount.device)")] }
        var devices: [String?] = []
        for source in mount.type == "bcachefs" ? mount.source.split(separator: ":").map(String.init) : [mount.source] {
            devices.append(source.hasPrefix("/dev/") ? try device(node: source) : nil)
        }
        guard mount.type == "btrfs", let device = devices[0] else { return devices }
        return try siblings(of: device)
    }

    /// By the number of the node; by its name where another `/dev` than ours is meant.
    private func device(node path: String) throws(KernelError) -> String? {
        if let status = try? attributes.files.status(path), status.kind == .blockDevice, let number = status.represents
        {
            return try attributes.target("/sys/dev/block/\(number)")
        }
        return try attributes.target("/sys/class/block/\(lastComponent(path))")
    }

    /// All devices of a btrfs, of which a mount names only one. Reads `/sys/fs/btrfs/UUID/devices`
    private func siblings(of device: String) throws(KernelError) -> [String?] {
        for filesystem in try attributes.names("/sys/fs/btrfs") {
            let folder = "/sys/fs/btrfs/\(filesystem)/devices"
            let names = try attributes.names(folder)
            guard names.contains(lastComponent(device)) else { continue }
            var devices: [String?] = []
            for name in names { devices.append(try attributes.target("\(folder)/\(name)")) }
            return devices
        }
        return [device]
    }

    /// The disks of all pools: which pool is on which, the kernel doesn't tell. Reads `/run/udev/data/bMAJOR:MINOR` of
    /// the partitions.
    private func membersOfZFS() throws(KernelError) -> [String?] {
        var members: [String?] = []
        for device in devices {
            var isMember = device.properties["ID_FS_TYPE"] == "zfs_member"
            for partition in try attributes.names(device.path) where partition.hasPrefix(device.name) && !isMember {
                guard let number = try attributes.text("\(device.path)/\(partition)/dev") else { continue }
                let record = try present { () throws(KernelError) in try attributes.lines("/run/udev/data/b\(number)") }
                isMember = record?.contains(["E:ID_FS_TYPE=zfs_member"]) == true
            }
            if isMember { members.append(device.path) }
        }
        return members
    }
}
