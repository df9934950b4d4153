import HostModel

extension Capture {
    mutating func disks() {
        let devices: [Device]
        do throws(KernelError) {
            devices = try host.ask("/sys/block") { host throws(KernelError) in try host.devices.disks() }
        } catch {
            return problem(error, with: "/sys/block")
        }
        archive.entries["/sys/block"] = .folder
        for device in devices {
            asking(device.path) { capture in
                capture.link("/sys/block/\(device.name)")
                capture.block(device.name, at: device.path)
                capture.disk(device)
                capture.partitions(of: device)
            }
        }
    }

    private mutating func partitions(of device: Device) {
        for partition in list(device.path) where partition.hasPrefix(device.name) {
            let path = "\(device.path)/\(partition)"
            guard (try? attributes.text("\(path)/partition")) != nil else { continue }
            block(partition, at: path)
            for name in ["partition", "start"] { file("\(path)/\(name)") }
            // Which of them ZFS has, only udev knows.
            properties(
                ["ID_FS_TYPE"], of: path, among: Array(((try? attributes.lines(udevFile(path))) ?? []).joined()))
        }
    }

    /// What a disk and a partition have alike.
    private mutating func block(_ name: String, at path: String) {
        link("/sys/class/block/\(name)")
        for file in ["dev", "size", "ro", "removable", "hidden", "diskseq", "nsid"] { self.file("\(path)/\(file)") }
        if let number = attributes.described("\(path)/dev") {
            link("/sys/dev/block/\(number)")
            archive.entries["/dev/\(name)"] = .blockDevice(number)
        }
        for kind in ["holders", "slaves"] where (try? files.status("\(path)/\(kind)")) != nil {
            archive.entries["\(path)/\(kind)"] = .folder
            for other in list("\(path)/\(kind)") { link("\(path)/\(kind)/\(other)") }
        }
    }

    private mutating func disk(_ device: Device) {
        let path = device.path
        for name in list("\(path)/queue") {
            guard let kind = try? files.status("\(path)/queue/\(name)").kind else { continue }
            if kind == .file { file("\(path)/queue/\(name)") }
            if kind == .folder, name == "iosched" {
                archive.entries["\(path)/queue/iosched"] = .folder
                for name in list("\(path)/queue/iosched") { file("\(path)/queue/iosched/\(name)") }
            }
        }
        for queue in list("\(path)/mq").prefix(1) { file("\(path)/mq/\(queue)/nr_tags") }
        link("\(path)/device", asFolder: true)
        for name in ["device/driver", "device/device/driver"] { driver("\(path)/\(name)") }
        for name in ["model", "vendor", "rev", "firmware_rev", "queue_depth", "timeout", "type"] {
            file("\(path)/device/\(name)", as: through("\(path)/device", name), isVersion: name.hasSuffix("rev"))
        }
        for (name, kind) in [
            ("serial", Pseudonyms.Kind.serial), ("device/serial", .serial), ("wwid", .wwid), ("device/wwid", .wwid),
            ("dm/uuid", .uuid), ("md/uuid", .uuid), ("dm/name", .volume),
        ] { secret("\(path)/\(name)", kind) }
        unitSerial("\(path)/device/vpd_pg80")
        file("\(path)/loop/backing_file") { $0.maskedPath($1) }
        properties(
            [
                "DEVTYPE", "ID_BUS", "ID_TYPE", "ID_MODEL", "ID_VENDOR", "ID_REVISION", "ID_PATH", "ID_FS_TYPE",
                "ID_ATA_ROTATION_RATE_RPM", "ID_SCSI_SERIAL", "ID_SERIAL_SHORT",
            ],
            of: path, among: device.properties.map { "E:\($0)=\($1)" })
    }

    /// The real path of what is in a linked folder: an archive has each file once.
    private func through(_ folder: String, _ name: String) -> String? {
        (try? attributes.target(folder)).map { "\($0)/\(name)" }
    }

    private mutating func driver(_ path: String) {
        guard let folder = try? attributes.target(String(path.dropLast("/driver".count))) else { return }
        link("\(folder)/driver", asFolder: true)
    }

    private mutating func secret(_ path: String, _ kind: Pseudonyms.Kind) {
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        let real = through(folder, lastComponent(path)) ?? path
        file(path, as: real) { capture, text in
            printable(Array(text.utf8)).map { capture.names.name($0, kind) } ?? ""
        }
    }

    /// SCSI's page of the serial, made anew over the pseudonym: a header of four bytes, the last two the length.
    private mutating func unitSerial(_ path: String) {
        let real = through(String(path.dropLast("/vpd_pg80".count)), "vpd_pg80") ?? path
        guard let page = read(path, as: real), page.count > 4 else { return }
        let length = Int(page[2]) << 8 | Int(page[3])
        guard let serial = printable(page.dropFirst(4).prefix(length)) else { return }
        let name = Array(names.name(serial, .serial).utf8)
        archive.entries[real] = .bytes([page[0], page[1], 0, UInt8(name.count)] + name)
    }

    private func udevFile(_ path: String) -> String {
        "/run/udev/data/b\(attributes.described("\(path)/dev") ?? "")"
    }

    /// What udev's rules found out, as its data base has it.
    private mutating func properties(_ keys: Set<String>, of path: String, among record: [String]) {
        var lines: [String] = []
        for line in record.sorted() where line.hasPrefix("E:") {
            let pair = line.dropFirst(2).split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2, keys.contains(pair[0]), let bytes = printable(Array(pair[1].utf8)) else { continue }
            let value =
                switch pair[0] {
                case "ID_SCSI_SERIAL", "ID_SERIAL_SHORT": names.name(bytes, .serial)
                case "ID_PATH": maskedPlace(bytes)
                default: bytes
                }
            lines.append("E:\(pair[0])=\(value)")
        }
        if !lines.isEmpty { put(udevFile(path), lines.joined(separator: "\n")) }
    }

    /// `pci-0000:02:00.0-sas-0x5000c500a1b2c3d5-lun-0` names a disk, and `ip-10.0.0.5:3260-iscsi-iqn…` a host.
    private mutating func maskedPlace(_ place: String) -> String {
        if place.contains("ip-") || place.contains("iscsi") { return names.name(place, .place) }
        return place.split(separator: "-", omittingEmptySubsequences: false).map { part in
            let isName = part.count > 8 && part.hasPrefix("0x") || part.count > 8 && part.allSatisfy(\.isHexDigit)
            return isName ? names.name(String(part), .wwid) : String(part)
        }.joined(separator: "-")
    }
}
