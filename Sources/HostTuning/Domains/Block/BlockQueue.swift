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
            return Bounds(upper: try number(file(maximum)), source: maximum)
        default: return Bounds()
        }
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
