import HostModel

/// Which disks hold what the host itself lives on, down through LVM, md and multipath.
struct Holdings {
    /// By the name of the disk; in the order of the roles. The layers in between (`md0`) have them too.
    private(set) var claims: [String: [Claim]] = [:]
    private let attributes: Attributes

    init(_ attributes: Attributes) throws(KernelError) {
        self.attributes = attributes
        let tables = try mountTables(attributes)
        for (role, points) in [(Claim.Role.root, ["/"]), (.boot, ["/boot", "/boot/efi", "/efi"])] {
            for point in points {
                let mounts = tables.joined().filter { $0.point == point }
                try claim(Claim(role, "holds \(point)"), of: mounts)
            }
        }
        for line in try swaps() {
            let path = unescape(line[0])
            if line[1] == "partition" {
                guard let device = try device(node: path) else {
                    throw KernelError("stat", path, message: "holds swap and is no device that sysfs knows")
                }
                try claim(Claim(.swap, "holds swap"), onDevice: device)
            } else {
                try claim(Claim(.swap, "holds swap"), of: mounts(around: path, in: tables))
            }
        }
        for folder in try etcdFolders() {
            let real = try readable { () throws(KernelError) in try attributes.target(folder) } ?? folder
            try claim(Claim(.etcd, "holds etcd's data (\(folder))"), of: mounts(around: real, in: tables))
        }
    }

    /// What is mounted where a path is, in each namespace: the longest mount points, of which later ones may cover
    /// earlier ones.
    private func mounts(around path: String, in tables: [[Mount]]) -> [Mount] {
        tables.flatMap { table in
            let around = table.filter { $0.contains(path) }
            let longest = around.map(\.point.utf8.count).max()
            return around.filter { $0.point.utf8.count == longest }
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
        var folders = ["/var/lib/etcd"]
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

    private mutating func claim(_ claim: Claim, of mounts: [Mount]) throws(KernelError) {
        for mount in mounts {
            guard let device = try device(of: mount) else { continue }
            let devices = mount.type == "btrfs" ? try siblings(of: device) : [device]
            for device in devices { try self.claim(claim, onDevice: device) }
        }
    }

    private mutating func claim(_ claim: Claim, onDevice device: String) throws(KernelError) {
        var names: Set<String> = []
        try collectDisks(at: device, into: &names)
        for name in names where !claims[name, default: []].contains(claim) { claims[name, default: []].append(claim) }
    }

    /// The device's folder in sysfs; nil where a file system is on none, or on one that is gone.
    private func device(of mount: Mount) throws(KernelError) -> String? {
        if !mount.device.hasPrefix("0:") { return try attributes.target("/sys/dev/block/\(mount.device)") }
        return mount.source.hasPrefix("/dev/") ? try device(node: mount.source) : nil
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
    private func siblings(of device: String) throws(KernelError) -> [String] {
        for filesystem in try attributes.names("/sys/fs/btrfs") {
            let folder = "/sys/fs/btrfs/\(filesystem)/devices"
            let names = try attributes.names(folder)
            guard names.contains(lastComponent(device)) else { continue }
            var devices: [String] = []
            for name in names { if let device = try attributes.target("\(folder)/\(name)") { devices.append(device) } }
            return devices
        }
        return [device]
    }

    /// From a partition to its disk, from a layer to what is below it. No device is entered twice, so that it ends.
    private func collectDisks(at device: String, into names: inout Set<String>) throws(KernelError) {
        if try attributes.text("\(device)/partition") != nil, let end = device.lastIndex(of: "/") {
            return try collectDisks(at: String(device[..<end]), into: &names)
        }
        guard names.insert(lastComponent(device)).inserted else { return }
        for slave in try attributes.names("\(device)/slaves") {
            guard let below = try attributes.target("\(device)/slaves/\(slave)") else { continue }
            try collectDisks(at: below, into: &names)
        }
    }
}
