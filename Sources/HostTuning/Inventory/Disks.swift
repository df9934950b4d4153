import HostModel

/// The disks that a rule can match, by name.
///
/// Left out are what the kernel hides (the paths below an NVMe multipath head), what has no medium (unbound loop and
/// nbd devices, zram without a size, an empty card reader), and what went away meanwhile. A real disk of size 0 stays:
/// it is broken.
///
/// A sick disk, which does not tell what it is, is left out too, with the error that says so: the others go on.
///
/// One that does not answer in time, or is not asked since too many others do not, is still there: it stays as it was
/// when it last did (`previous`).
func disks(of host: Host, previous: [Disk]) throws(KernelError) -> (disks: [Disk], problems: [KernelError]) {
    let devices = try host.devices.disks()
    guard !devices.isEmpty else { return ([], []) }
    let holdings = try Holdings(of: devices, Attributes(files: host.files))
    var disks: [Disk] = []
    var places: [String: String] = [:]
    var problems: [KernelError] = []
    var unanswering: [Disk] = []
    for device in devices {
        do throws(KernelError) {
            let folder = Target(name: device.name, identity: "", path: DiskProbe.folder(of: device))
            let probed = try host.perform(on: folder) { host throws(KernelError) in
                let probe = try DiskProbe(device, Attributes(files: host.files), isRoot: host.userID == 0)
                return try probe.disk().map { (disk: $0, isVirtual: probe.isVirtual, place: probe.place) }
            }
            guard var disk = probed?.disk, let probed else { continue }
            let doubts = probed.isVirtual ? [] : [holdings.doubt].compactMap(\.self)
            disk.claims = holdings.claims[device.name, default: []] + doubts + disk.claims
            disks.append(disk)
            places[device.name] = probed.place
        } catch {
            // EAGAIN: so many do not answer that this one was not asked.
            if [.timedOut, .again].contains(error.errno), let known = previous.first(where: { $0.name == device.name })
            {
                unanswering.append(known)
            } else if !error.isAbsence {
                problems.append(error)
            }
        }
    }
    // By name where all else is equal, so that no disk is ever given what was found on another.
    disks = tellApart(tellApart(disks) { places[$0.name] ?? $0.name }) { $0.name }
    return ((disks + unanswering).sorted { $0.name < $1.name }, problems)
}

/// Adds a mark to the identities that several disks have: cloned serials, copies of a virtual disk, loops over one file.
///
/// An identity depends on what else is here only in this: a clone that comes later is not known beforehand. Both then
/// have new identities, and what was found on the first stays in the ledger under its old one until the clone is gone.
private func tellApart(_ disks: [Disk], by mark: (Disk) -> String) -> [Disk] {
    let counts = Dictionary(disks.map { ($0.target.identity, 1) }, uniquingKeysWith: +)
    return disks.map { disk in
        guard counts[disk.target.identity, default: 1] > 1 else { return disk }
        var disk = disk
        disk.target = Target(
            name: disk.target.name, identity: "\(disk.target.identity)@\(mark(disk))", path: disk.target.path,
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
        folder = Self.folder(of: device)
        entries = try attributes.files.list(folder)
    }

    static func folder(of device: Device) -> String { "/sys/block/\(device.name)" }

    /// The heads of NVMe multipath and disks over fabrics are below `virtual` too, and are real.
    var isVirtual: Bool {
        device.path.hasPrefix("/sys/devices/virtual/") && !device.path.hasPrefix("/sys/devices/virtual/nvme-")
    }

    /// Where it is plugged in; a virtual one has no place but its name.
    var place: String { isVirtual ? device.name : property("ID_PATH") ?? placeInSysfs(device.path) }

    /// The disk, or nil where it is none to tune.
    func disk() throws(KernelError) -> Disk? {
        let isRemovable = try attributes.isSet("\(folder)/removable")
        if try attributes.isSet("\(folder)/hidden") { return nil }
        if isVirtual || isRemovable, try attributes.text("\(folder)/size") == "0" { return nil }

        let model = try mark("device/model") ?? property("ID_MODEL")
        let serial = try serial()
        let target = Target(
            name: device.name, identity: try identity(model: model, serial: serial), path: folder,
            sequence: try attributes.sequence(ofDisk: folder))

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

    /// What stays when names move, by what the disk itself says: never by which others are here.
    private func identity(model: String?, serial: String?) throws(KernelError) -> String {
        // A SAN shows a disk once for each path to it, and any of the paths may be down now.
        let path = ["fc", "iscsi", "sas"].contains(transport(of: device)) ? "@\(place)" : ""
        if let serial {
            // All namespaces of one NVMe disk have its serial. The first goes without number, as nearly all are.
            let namespace = try mark("nsid").flatMap { $0 == "1" ? nil : "_\($0)" } ?? ""
            return "serial:\(model.map { "\($0)_" } ?? "")\(serial)\(namespace)\(path)"
        }
        for file in ["wwid", "device/wwid"] {
            if let wwid = try mark(file) { return "wwid:\(wwid)\(path)" }
        }
        if let file = try mark("loop/backing_file") { return "loop:\(file)" }
        // The numbers of dm-0 and md127 change from boot to boot.
        for file in ["dm/uuid", "dm/name", "md/uuid"] {
            if isVirtual, let unique = try mark(file) {
                return "\(file.prefix { $0 != "/" }):\(unique)"
            }
        }
        return isVirtual ? "name:\(place)" : "path:\(place)"
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

/// `/devices/pci0000:00/0000:00:17.0/ata2/0:0:0`, without what is numbered by who came first at this boot: `host1`,
/// `target1:0:0` and the first number of `1:0:0:0`, `port-1:3` and their like.
func placeInSysfs(_ path: String) -> String {
    var parts = path.split(separator: "/").dropFirst().dropLast()
    if parts.last == "block" { parts.removeLast() }
    return "/" + parts.compactMap(steady).joined(separator: "/")
}

private func steady(_ part: Substring) -> String? {
    let kind = part.prefix { !$0.isNumber }
    let numbers = part.dropFirst(kind.count)
    switch kind {
    case "host", "target", "session", "nvme", "nvme-subsys", "virtio": return numbers.isEmpty ? String(part) : nil
    case "port-", "end_device-", "expander-", "rport-": break
    case "" where numbers.split(separator: ":").count == 4 && numbers.allSatisfy { $0.isNumber || $0 == ":" }: break
    default: return String(part)
    }
    return String(kind) + numbers.drop(while: \.isNumber).dropFirst()
}
