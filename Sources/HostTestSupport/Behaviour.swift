package import HostModel

extension FakeKernel {
    /// How a kernel file answers a write (and sometimes a read).
    package enum Behaviour: Sendable {
        /// Takes anything. Fewer numbers than it holds change the first ones, as in a sysctl of several fields.
        case plain
        /// The schedulers of a queue with so many hardware tags. Switching resets `nr_requests` and brings the new
        /// one's own parameters in `iosched`; bfq zeroes `wbt_lat_usec`; `deadline` is taken for `mq-deadline`, an
        /// unknown name is EINVAL.
        case scheduler(offered: [String], tags: Int)
        /// `nr_requests`: 4 at least, at most the hardware's tags without a scheduler and 2048 with one, beyond is
        /// EINVAL.
        case requests(tags: Int)
        /// A number, brought into the range without a word.
        case clamped(ClosedRange<Int>)
        /// A number; outside the range is EINVAL.
        case bounded(ClosedRange<Int>)
        /// A number, rounded down to a multiple: `read_ahead_kb` to pages.
        case rounded(to: Int)
        /// Fails every write.
        case refusing(Errno)
        /// Success, and nothing changes: the scheduler of an NVMe multipath head.
        case ignoring
        /// EACCES, also for root: an attribute that can't be stored.
        case readOnly
        /// Fails every read.
        case unreadable(Errno)
        /// Takes anything and sets another file to 0, as `dirty_bytes` does with `dirty_ratio`.
        case coupled(zeroes: String)
        /// Takes anything and sets `forwarding` of every link in a folder to it, as `ip_forward` does.
        case forwarding(in: String)
        /// `scaling_governor` of a policy, as `policy()` describes it.
        case governor
        /// `energy_performance_preference` of a policy.
        case preference
        /// Anything else: what was written and what is held make what is held from now on.
        case custom(@Sendable (_ value: String, _ held: String) -> Result<String, KernelError>)
    }
}

extension Tree {
    mutating func store(
        _ value: String, over held: [UInt8], _ behaviour: FakeKernel.Behaviour, at path: String
    ) throws(KernelError) {
        func number() throws(KernelError) -> Int {
            guard let number = Int(value) else { throw KernelError("write", path, errno: .invalid) }
            return number
        }
        let holds: String
        switch behaviour {
        case .plain, .unreadable: holds = merged(value, over: held)
        case .clamped(let range): holds = String(min(max(try number(), range.lowerBound), range.upperBound))
        case .bounded(let range): holds = String(try checked(number(), in: range, path))
        case .rounded(let unit): holds = String(try number() / unit * unit)
        case .refusing(let errno): throw KernelError("write", path, errno: errno)
        case .readOnly: throw KernelError("open", path, errno: .accessDenied)
        case .ignoring: return
        case .custom(let answer): holds = try answer(value, text(held)).get()
        case .coupled(let other):
            holds = value
            change(other, to: "0")
        case .forwarding(let folder):
            holds = value
            for link in names(in: folder) { change("\(folder)/\(link)/forwarding", to: value) }
            change("\(folder)/all/accept_redirects", to: value == "0" ? "1" : "0")
        case .governor: holds = try govern(value, over: text(held), path)
        case .preference: holds = try prefer(value, path)
        case .requests(let tags):
            let limit = text(bytes("\(parent(path))/scheduler")) == "none" ? tags : 2048
            holds = String(try checked(max(number(), 4), in: 4...limit, path))
        case .scheduler(let offered, let tags):
            holds = value == "deadline" ? "mq-deadline" : value
            guard offered.contains(holds) else { throw KernelError("write", path, errno: .invalid) }
            if holds != text(held) {
                change("\(parent(path))/nr_requests", to: String(holds == "none" ? tags : 2 * min(tags, 128)))
                if holds == "bfq" { change("\(parent(path))/wbt_lat_usec", to: "0") }
                elevate("\(parent(path))/iosched", to: holds)
            }
        }
        put(canonical(path), .file(Array("\(holds)\n".utf8), behaviour))
    }

    /// A scheduler's own parameters, as they are when it is chosen.
    mutating func elevate(_ folder: String, to scheduler: String) {
        delete(folder)
        let parameters = [
            "mq-deadline": ["fifo_batch": 16, "read_expire": 500], "bfq": ["slice_idle": 8],
            "kyber": ["read_lat_nsec": 2_000_000],
        ]
        for (name, value) in parameters[scheduler, default: [:]] {
            put(canonical("\(folder)/\(name)"), .file(Array("\(value)\n".utf8), .plain))
        }
    }

    private func checked(_ number: Int, in range: ClosedRange<Int>, _ path: String) throws(KernelError) -> Int {
        guard range.contains(number) else { throw KernelError("write", path, errno: .invalid) }
        return number
    }

    mutating func change(_ path: String, to value: String) {
        guard case .file(_, let behaviour)? = node(path) else { return }
        put(canonical(path), .file(Array("\(value)\n".utf8), behaviour))
    }

    func bytes(_ path: String) -> [UInt8] {
        if case .file(let bytes, _)? = node(path) { bytes } else { [] }
    }

    func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
    }

    /// Numbers in several fields are printed with tabs, and those that were not written stay.
    private func merged(_ value: String, over held: [UInt8]) -> String {
        let old = text(held).split { $0 == " " || $0 == "\t" }
        let new = value.split { $0 == " " || $0 == "\t" || $0 == "\n" }
        guard old.count > 1, old.allSatisfy({ Int($0) != nil }), new.allSatisfy({ Int($0) != nil }) else {
            return value == "\n" ? "" : value
        }
        return (new.prefix(old.count) + old.dropFirst(new.count)).joined(separator: "\t")
    }
}
