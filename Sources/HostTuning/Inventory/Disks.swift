import HostModel

/// The disks that a rule can match, by name.
///
/// Left out are what the kernel hides (the paths below an NVMe multipath head), what has no medium (unbound loop and
/// nbd devices, zram without a size, an empty card reader), and what went away meanwhile. A real disk of size 0 stays:
/// it is broken.
func disks(of host: Host, _ attributes: Attributes) throws(KernelError) -> [Disk] {
    let devices = try host.devices.disks()
    guard !devices.isEmpty else { return [] }
    let holdings = try Holdings(of: devices, attributes)
    var disks: [Disk] = []
    for device in devices {
        do throws(KernelError) {
            let probe = try DiskProbe(device, attributes, isRoot: host.userID == 0)
            guard var disk = try probe.disk() else { continue }
            let doubts = probe.isVirtual ? [] : [holdings.doubt].compactMap(\.self)
            disk.claims = holdings.claims[device.name, default: []] + doubts + disk.claims
            disks.append(disk)
        } catch let error where error.isAbsence {
            continue
        }
    }
    return tellApart(disks, devices)
}

/// Gives disks of one identity (cloned serials, the paths of a SAN disk) their path to tell them apart.
private func tellApart(_ disks: [Disk], _ devices: [Device]) -> [Disk] {
    let counts = Dictionary(disks.map { ($0.target.identity, 1) }, uniquingKeysWith: +)
    let paths = Dictionary(devices.map { ($0.name, $0.path) }, uniquingKeysWith: { first, _ in first })
    return disks.map { disk in
        guard counts[disk.target.identity, default: 1] > 1 else { return disk }
        let place = disk.path ?? paths[disk.name].map(placeInSysfs) ?? disk.name
        var disk = disk
        disk.target = Target(
            name: disk.target.name, identity: "\(disk.target.identity)@\(place)", path: disk.target.path,
            sequence: disk.target.sequence)
        return disk
    }
}

/// Asks sysfs about one disk.
struct DiskProbe {
    private let device: Device
    private let attributes: Attributes
    private let isRoot: Bool
    private let folder: String
    /// What is in its folder. No disk has all of what may identify one, and most have little: what is not here is not
    /// asked for.
    private let entries: [String]

    init(_ device: Device, _ attributes: Attributes, isRoot: Bool) throws(KernelError) {
        self.device = device
        self.isRoot = isRoot
        self.attributes = attributes
        folder = "/sys/block/\(device.name)"
        entries = try attributes.files.list(folder)
    }

    /// The heads of NVMe multipath and disks over fabrics are below `virtual` too, and are real.
    var isVirtual: Bool {
        device.path.hasPrefix("/sys/devices/virtual/") && !device.path.hasPrefix("/sys/devices/virtual/nvme-")
    }

    /// The disk, or nil where it is none to tune.
    func disk() throws(KernelError) -> Disk? {
        let isRemovable = try attributes.isSet("\(folder)/removable")
        if try attributes.isSet("\(folder)/hidden") { return nil }
        if isVirtual || isRemovable, try attributes.text("\(folder)/size") == "0" { return nil }

        let model = try mark("device/model") ?? property("ID_MODEL")
        let serial = try serial()
        let target = Target(
            name: device.name, identity: try identity(model: model, serial: serial), path: folder,
            sequence: try attributes.text("\(folder)/diskseq"))

        var claims: [Claim] = []
        let holders = try holders()
        if let first = holders.first {
            let others = holders.count > 1 ? " and \(holders.count - 1) more" : ""
            claims.append(Claim(.member, "is a member of \(first)\(others)"))
        }
        if isVirtual { claims.append(Claim(.virtual, "is virtual")) }
        if isRemovable { claims.append(Claim(.removable, "is removable")) }
        if try attributes.isSet("\(folder)/ro") { claims.append(Claim(.readOnly, "is read-only")) }

        return Disk(
            target: target, driver: try driver(), model: model, serial: serial, transport: transport(of: device),
            path: property("ID_PATH"), rotational: try attributes.isSet("\(folder)/queue/rotational"), claims: claims)
    }

    /// What was made of it or of its partitions, whose folders carry its name: `sda1`, `nvme0n1p1`.
    private func holders() throws(KernelError) -> [String] {
        var holders = try attributes.names("\(folder)/holders")
        for partition in entries where partition.hasPrefix(device.name) {
            holders += try attributes.names("\(folder)/\(partition)/holders")
        }
        return holders
    }

    /// A namespace of NVMe has no driver; its controller does, and the head of several paths has neither.
    private func driver() throws(KernelError) -> String? {
        for link in ["device/driver", "device/device/driver"] where has(link) {
            if let driver = try attributes.target("\(folder)/\(link)") { return lastComponent(driver) }
        }
        return device.name.hasPrefix("nvme") ? "nvme" : nil
    }

    /// What tells a disk apart. A mark that can't be read must not make another disk of it; only for who may not write
    /// anyway it does no harm.
    private func mark(_ file: String) throws(KernelError) -> String? { try bytes(file).flatMap(printable) }

    private func bytes(_ file: String) throws(KernelError) -> [UInt8]? {
        guard has(file) else { return nil }
        do throws(KernelError) {
            return try present { () throws(KernelError) in try attributes.files.read("\(folder)/\(file)") }
        } catch let error where !isRoot && error.errno?.isRefusal == true {
            return nil
        }
    }

    /// The kernel is asked before udev, so that an identity is the same before udevd runs.
    private func serial() throws(KernelError) -> String? {
        for file in ["device/serial", "serial"] { if let serial = try mark(file) { return serial } }
        return try unitSerial() ?? property("ID_SCSI_SERIAL") ?? property("ID_SERIAL_SHORT")
    }

    private func has(_ path: String) -> Bool { entries.contains(String(path.prefix { $0 != "/" })) }

    /// SCSI's vital product data, page 0x80: a header of four bytes, the last two of them the length of what follows.
    private func unitSerial() throws(KernelError) -> String? {
        guard let page = try bytes("device/vpd_pg80"), page.count > 4, page[1] == 0x80 else { return nil }
        return printable(page.dropFirst(4).prefix(Int(page[2]) << 8 | Int(page[3])))
    }

    /// What stays when names move.
    private func identity(model: String?, serial: String?) throws(KernelError) -> String {
        if let serial {
            // All namespaces of one NVMe disk have its serial. The first goes without number, as nearly all are.
            let namespace = try mark("nsid").flatMap { $0 == "1" ? nil : "_\($0)" } ?? ""
            return "serial:\(model.map { "\($0)_" } ?? "")\(serial)\(namespace)"
        }
        for file in ["wwid", "device/wwid"] {
            if let wwid = try mark(file) { return "wwid:\(wwid)" }
        }
        if let file = try mark("loop/backing_file") { return "loop:\(file)" }
        // The numbers of dm-0 and md127 change from boot to boot.
        for file in ["dm/uuid", "dm/name", "md/uuid"] {
            if isVirtual, let unique = try mark(file) {
                return "\(file.prefix { $0 != "/" }):\(unique)"
            }
        }
        return isVirtual ? "name:\(device.name)" : "path:\(property("ID_PATH") ?? placeInSysfs(device.path))"
    }

    private func property(_ key: String) -> String? {
        device.properties[key].flatMap { printable(Array($0.utf8)) }
    }
}

/// How a disk is attached, in the words of lsblk(8), by the parts of its path; nil where they don't say (RAID
/// controllers).
private func transport(of device: Device) -> String? {
    if device.name.hasPrefix("nvme") { return "nvme" }
    let words: KeyValuePairs = [
        "usb": "usb", "ata": "sata", "session": "iscsi", "rport-": "fc", "end_device-": "sas", "mmc": "mmc",
        "virtio": "virtio",
    ]
    let parts = device.path.utf8.split(separator: UInt8(ascii: "/"))
    for (prefix, word) in words {
        // A number follows, so that no other part that starts alike is meant.
        let isPart = parts.contains {
            $0.starts(with: prefix.utf8) && (48...57).contains($0.dropFirst(prefix.utf8.count).first ?? 0)
        }
        if isPart { return word }
    }
    return nil
}

/// `/devices/pci0000:00/0000:00:05.0/virtio2` of a disk that has no other mark than its place.
private func placeInSysfs(_ path: String) -> String {
    var parts = path.split(separator: "/").dropFirst().dropLast()
    if parts.last == "block" { parts.removeLast() }
    return "/" + parts.joined(separator: "/")
}
