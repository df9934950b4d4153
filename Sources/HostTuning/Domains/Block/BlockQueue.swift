import HostModel

/// One disk's queue folder, and what the kernel's texts in it mean.
struct BlockQueue {
    let target: Target
    let host: Host

    func file(_ attribute: String) -> String { "\(target.path)/queue/\(attribute)" }

    func read(_ setting: Setting) -> Reading {
        let attribute = setting.id.attribute
        let text: String
        do throws(KernelError) { text = String(decoding: try host.files.read(file(attribute)), as: UTF8.self) } catch {
            // A queue without writeback throttling answers EINVAL to reading it (queue_wb_lat_show).
            let isNotThere = error.errno?.isAbsence == true || (attribute == "wbt_lat_usec" && error.errno == .invalid)
            return isNotThere ? .absent("\(target.name ?? "this disk") has no queue/\(attribute)") : .unreadable(error)
        }
        guard attribute != "scheduler" else { return scheduler(text, for: setting.requirement) }
        guard let number = KernelText.integer(text.trimmed) else {
            return .unreadable(KernelError("read", file(attribute), got: text.trimmed, message: "expected a number"))
        }
        let held = SettingValue.integer(number)
        // The bounds matter only where it differs: a pass with nothing to do reads one file for each setting.
        if setting.requirement == .exactly(held) { return .value(held, Bounds()) }
        do throws(KernelError) {
            if try hasNoEffect(attribute) {
                return .absent("\(target.name ?? "this disk") passes its requests on and has no queue of its own")
            }
            return .value(held, try bounds(of: attribute))
        } catch {
            return .unreadable(error)
        }
    }

    private func scheduler(_ text: String, for requirement: Requirement) -> Reading {
        var (current, offered) = KernelText.choice(text)
        // Writing the name of one that is a module loads it; a queue that offers none but `none` can't have one.
        if offered.count > 1 {
            for word in requirement.words where !offered.contains(word) {
                if hasModule(among: [word, "\(word)-iosched"], in: "block", on: host) { offered.append(word) }
            }
        }
        return .value(.word(current), Bounds(offered: offered))
    }

    private func bounds(of attribute: String) throws(KernelError) -> Bounds {
        switch BlockAttribute(rawValue: attribute) {
        case .nrRequests:
            // BLKDEV_MIN_RQ; under a scheduler MAX_SCHED_RQ (block/blk-mq.h), else the hardware's depth.
            let text = String(decoding: try host.files.read(file("scheduler")), as: UTF8.self)
            let scheduler = KernelText.choice(text).current
            if scheduler == "none" {
                let depth = try number("\(target.path)/mq/0/nr_tags")
                return Bounds(lower: 4, upper: depth, source: "the hardware's depth, without a scheduler")
            }
            return Bounds(lower: 4, upper: 2048, source: "the kernel's limit under \(scheduler)")
        case .readAhead: return Bounds(step: Int128(host.pageSize / 1024), source: "pages")
        case .maxSectors, .discardMax:
            let maximum = BlockAttribute(rawValue: attribute)?.maximumFile ?? ""
            let upper = try number(file(maximum))
            if attribute == BlockAttribute.maxSectors.rawValue, let upper, let own = try scsiMaximum(), own < upper {
                return Bounds(upper: own, source: "the SCSI disk's own limit")
            }
            return Bounds(upper: upper, source: maximum)
        default: return Bounds()
        }
    }

    /// KiB that one command to a SCSI disk may move: the kernel minds it and `max_hw_sectors_kb` does not tell it. What the
    /// disk says (page 0xb0, to be read since Linux 5.11), and what fits READ(10), which is used up to 2^32 blocks. Nil for
    /// what is no SCSI. (sd_revalidate_disk of drivers/scsi/sd.c)
    private func scsiMaximum() throws(KernelError) -> Int128? {
        guard try number("\(target.path)/device/scsi_level") != nil,
            let block = try number(file("logical_block_size")), let size = try number("\(target.path)/size"), block > 0
        else { return nil }
        let page = try present { () throws(KernelError) in try host.files.read("\(target.path)/device/vpd_pgb0") } ?? []
        let told = page.dropFirst(8).prefix(4).reduce(Int128(0)) { $0 << 8 | Int128($1) }
        let short: Int128? = size * 512 / block > 0xffff_ffff ? nil : 0xffff
        return [told > 0 ? told : nil, short].compactMap { $0.map { $0 * block / 1024 } }.min()
    }

    /// A device that only passes bios on (an NVMe multipath head, LVM) has these files and no use for them: it has no
    /// hardware queues.
    private func hasNoEffect(_ attribute: String) throws(KernelError) -> Bool {
        guard ["nr_requests", "rq_affinity", "nomerges", "wbt_lat_usec", "io_timeout"].contains(attribute) else {
            return false
        }
        return try present { () throws(KernelError) in try host.files.status("\(target.path)/mq") } == nil
    }

    /// Nil where this kernel has no such file.
    private func number(_ path: String) throws(KernelError) -> Int128? {
        let bytes = try present { () throws(KernelError) in try host.files.read(path) }
        return bytes.flatMap { KernelText.integer(String(decoding: $0, as: UTF8.self).trimmed) }
    }

    /// The name may by now be another disk's.
    func checkIsSameDevice() throws(KernelError) {
        let now = try Attributes(files: host.files).sequence(ofDisk: target.path)
        guard now == target.sequence else {
            throw KernelError(
                "write", target.path, wanted: target.sequence, got: now, message: "it is another disk now (diskseq)")
        }
    }
}
