import HostModel

extension FakeKernel {
    /// Where a fake disk is plugged in.
    package enum Bus: Sendable {
        case sata, sas, usb, virtio, nvme
        /// The head above the hidden paths of an NVMe disk: has no scheduler and ignores who asks for one.
        case nvmeHead
        /// loop, dm, md, zram
        case virtual
    }

    /// Plugs in a disk with all its attributes, and answers its real path.
    ///
    /// Numbers follow the order of plugging and are not used again; each of the links of `/sys/block`,
    /// `/sys/class/block`, `/sys/dev/block` and the node in `/dev` is there.
    @discardableResult
    package func disk(
        _ name: String, _ bus: Bus = .sata, model: String? = "ST18000NM000J-2T", serial: String? = nil,
        rotational: Bool = true, scheduler: String = "none",
        offered: [String] = ["none", "mq-deadline", "kyber", "bfq"],
        tags: Int = 256, requests: Int? = nil, readAheadKiB: Int = 128, maxSectorsKiB: Int = 1280,
        maxHardwareSectorsKiB: Int = 32767, sectors: Int = 35_156_656_128, properties: [String: String] = [:]
    ) -> String {
        let index = nextIndex()
        let place = Place(bus, index, name)
        let path = place.path
        connect(name, path, number: "8:\(index * 16)")
        set("\(path)/size", String(sectors))
        set("\(path)/removable", "0")
        set("\(path)/ro", "0")
        set("\(path)/hidden", "0")
        set("\(path)/diskseq", String(index + 1))
        number("\(path)/queue", inode: index + 1)
        if let device = place.device {
            link("\(path)/device", to: device)
            if let driver = place.driver, let at = place.driverAt {
                folder("/sys/bus/\(driver.bus)/drivers/\(driver.name)")
                link("\(at)/driver", to: "/sys/bus/\(driver.bus)/drivers/\(driver.name)")
            }
            let hasModel = bus != .virtio
            if hasModel, let model { set("\(device)/model", model.padded(to: bus == .nvme ? 40 : 16)) }
            if let serial {
                switch bus {
                case .nvme, .nvmeHead: set("\(device)/serial", serial.padded(to: 20))
                case .virtio: set("\(path)/serial", bytes: Array(serial.utf8))
                default:
                    let page = Array(serial.utf8)
                    set(
                        "\(device)/vpd_pg80", bytes: [0, 0x80, UInt8(page.count >> 8), UInt8(page.count & 0xff)] + page)
                }
            }
            if bus == .nvme || bus == .nvmeHead { set("\(path)/nsid", "1") }
        }
        queue(
            "\(path)/queue",
            [
                ("scheduler", scheduler, bus == .nvmeHead ? .ignoring : .scheduler(offered: offered, tags: tags)),
                ("nr_requests", String(requests ?? tags), .requests(tags: tags)),
                ("read_ahead_kb", String(readAheadKiB), .rounded(to: 4)),
                ("max_sectors_kb", String(maxSectorsKiB), .clamped(4...maxHardwareSectorsKiB)),
                ("max_hw_sectors_kb", String(maxHardwareSectorsKiB), .readOnly),
                ("rq_affinity", "1", .clamped(0...2)),
                ("nomerges", "0", .custom { value, _ in .success(value == "3" ? "1" : value) }),
                ("add_random", "0", .clamped(0...1)),
                ("iostats", "1", .clamped(0...1)),
                ("wbt_lat_usec", rotational ? "75000" : "2000", .plain),
                ("write_cache", "write back", .plain),
                ("rotational", rotational ? "1" : "0", .clamped(0...1)),
                ("logical_block_size", "512", .readOnly),
                ("physical_block_size", "4096", .readOnly),
            ])
        elevate("\(path)/queue/iosched", to: scheduler)
        if bus == .nvmeHead { set("\(path)/queue/scheduler", "[none]") }
        set("\(path)/mq/0/nr_tags", String(tags), .readOnly)
        register(Device(name: name, path: path, properties: properties))
        return path
    }

    /// Unplugs a disk: nothing of it is there any more.
    package func unplug(_ name: String) {
        guard let device = unregister(name) else { return }
        if let number = text("\(device.path)/dev") { vanish("/sys/dev/block/\(number)") }
        for path in ["/sys/block/\(name)", "/sys/class/block/\(name)", "/dev/\(name)", device.path] { vanish(path) }
    }

    /// A partition, numbered by the digits that its name ends in. Answers its number: `8:1`.
    @discardableResult
    package func partition(_ name: String, of disk: String) -> String {
        let path = "\(realPath(disk))/\(name)"
        let digits = String(name.reversed().prefix { $0.isNumber }.reversed())
        let number = text("/sys/block/\(disk)/dev")?.split(separator: ":").compactMap { Int($0) } ?? [8, 0]
        connect(name, path, number: "\(number[0]):\(number[1] + (Int(digits) ?? 1))", isDisk: false)
        set("\(path)/partition", digits)
        return "\(number[0]):\(number[1] + (Int(digits) ?? 1))"
    }

    /// A device over others, as LVM, multipath and md make: with `slaves` of its own and as their holder.
    package func layer(_ name: String, over devices: [String]) {
        let path = disk(name, .virtual, rotational: false)
        for device in devices {
            link("\(path)/slaves/\(device)", to: realPath(device))
            link("\(realPath(device))/holders/\(name)", to: path)
        }
    }

    /// The number of a device: `8:1`.
    package func number(_ name: String) -> String { text("/sys/class/block/\(name)/dev") ?? "" }

    private func realPath(_ name: String) -> String { (try? resolve("/sys/class/block/\(name)")) ?? "" }

    private func connect(_ name: String, _ path: String, number: String, isDisk: Bool = true) {
        set("\(path)/dev", number)
        folder("\(path)/holders")
        if isDisk {
            folder("\(path)/slaves")
            link("/sys/block/\(name)", to: path)
        }
        link("/sys/class/block/\(name)", to: path)
        link("/sys/dev/block/\(number)", to: path)
        node("/dev/\(name)", number: number)
    }

    private func queue(_ folder: String, _ attributes: [(String, String, Behaviour)]) {
        for (name, value, behaviour) in attributes { set("\(folder)/\(name)", value, behaviour) }
    }
}

/// Where the buses of a usual machine put their disks.
private struct Place {
    var path: String
    var device: String?
    var driver: (bus: String, name: String)?
    var driverAt: String?

    init(_ bus: FakeKernel.Bus, _ index: Int, _ name: String) {
        let pci = "/sys/devices/pci0000:00"
        let slot = String(index + 16, radix: 16)
        switch bus {
        case .virtual:
            path = "/sys/devices/virtual/block/\(name)"
            return
        case .sata: path = "\(pci)/0000:00:17.0/ata\(index + 1)/host\(index)/target\(index):0:0/\(index):0:0:0"
        case .sas:
            path = "\(pci)/0000:02:00.0/host0/port-0:\(index)/end_device-0:\(index)/target0:0:\(index)/0:0:\(index):0"
        case .usb: path = "\(pci)/0000:00:14.0/usb1/1-\(index)/1-\(index):1.0/host9/target9:0:\(index)/9:0:\(index):0"
        case .virtio: path = "\(pci)/0000:00:\(slot).0/virtio\(index)"
        case .nvme: path = "\(pci)/0000:00:01.0/0000:\(slot):00.0/nvme/nvme\(index)"
        case .nvmeHead: path = "/sys/devices/virtual/nvme-subsystem/nvme-subsys\(index)"
        }
        device = path
        switch bus {
        case .nvme: (driver, driverAt) = (("pci", "nvme"), "\(path)/device")
        case .nvmeHead: break
        case .virtio: (driver, driverAt) = (("virtio", "virtio_blk"), path)
        default: (driver, driverAt) = (("scsi", "sd"), path)
        }
        path += bus == .nvme || bus == .nvmeHead ? "/\(name)" : "/block/\(name)"
    }
}

extension String {
    /// With blanks at its end, as firmware gives its texts.
    fileprivate func padded(to length: Int) -> String { self + String(repeating: " ", count: max(0, length - count)) }
}
