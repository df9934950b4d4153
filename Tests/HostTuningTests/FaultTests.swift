import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

/// Every call fails once, and the process dies at every call. The loops are over all calls that a whole story makes.
@Suite struct FaultTests {
    private static let errnos: [Errno] = [.ioError, .accessDenied, .noEntry, .invalid, .noSpace]

    @Test("whatever fails, nothing is written without its original, and all can be put back", arguments: errnos)
    func failing(errno: Errno) throws {
        let clean = Node.busy(disks: ["sdb": "B"])
        let first = try clean.snapshot()
        let ids = Set(try clean.check().settings.map(\.setting.id))
        let calls = FaultyFiles(clean.kernel)
        _ = try clean.reconciler(through: calls).apply()
        _ = try clean.reconciler(through: calls).revert()
        #expect(try clean.snapshot() == first)

        for number in 1...calls.calls {
            let node = Node.busy(disks: ["sdb": "B"])
            let files = FaultyFiles(node.kernel, .failing(number, errno))
            let reconciler = node.reconciler(through: files)
            func context() -> String { "\(errno) at \(number): \(files.record.dropFirst(number - 1).first ?? "")" }
            do {
                let pass = try reconciler.apply()
                let isGone = isBelieved(errno, files.record.dropFirst(number - 1).first ?? "")
                // A sick disk is left out, and said to be.
                let isTold = isGone || !pass.errors.isEmpty
                #expect(isTold || Set(pass.settings.map(\.setting.id)).isSuperset(of: ids), "\(context())")
            } catch {
                #expect(node.kernel.writes.isEmpty, "\(context())")
                #expect(node.kernel.text(Node.bootFile) == nil, "\(context())")
            }
            guard !isBelieved(errno, files.record.dropFirst(number - 1).first ?? "") else { continue }
            #expect(try node.uncovered(since: first) == [], "\(context())")
            node.kernel.forgetWrites()
            do { _ = try reconciler.revert() } catch { #expect(node.kernel.writes.isEmpty, "\(context())") }
            guard !isBelieved(errno, files.record.dropFirst(number - 1).first ?? "") else { continue }
            #expect(try node.uncovered(since: first) == [], "\(context())")
            try node.revert()
            #expect(try node.difference(from: first) == [], "\(context())")
            #expect(try node.ledger().entries.isEmpty, "\(context())")
            #expect(node.kernel.text(Node.bootFile) == nil, "\(context())")
        }
    }

    @Test("after any failure in apply, the next one reaches the end that it would have reached")
    func recovers() throws {
        let clean = Node.busy(disks: ["sdb": "B"])
        let calls = FaultyFiles(clean.kernel)
        let report = try clean.reconciler(through: calls).apply().standing
        let end = try clean.snapshot()
        for number in 1...calls.calls {
            let node = Node.busy(disks: ["sdb": "B"])
            let files = FaultyFiles(node.kernel, .failing(number, .ioError))
            _ = try? node.reconciler(through: files).apply()
            #expect(try node.apply().standing == report, "at \(number): \(files.record[number - 1])")
            #expect(try node.difference(from: end) == [], "at \(number): \(files.record[number - 1])")
        }
    }

    /// What the kernel says is not there can't be noted, nor can a disk without a mark be told from another; a policy
    /// without its files is none.
    private func isBelieved(_ errno: Errno, _ call: String) -> Bool {
        let isBelieved = [
            "/conf", "/iosched", "vm/dirty_ratio", "/device/", "ledger.json", "list /sys/block/sd",
            "list /sys/devices/system/cpu/cpufreq", "status /sys/devices/system/cpu/cpufreq", "_cpus",
            "/energy_performance_preference",
        ]
        return errno == .noEntry && isBelieved.contains { call.contains($0) }
    }

    @Test("a check under any fault writes nothing and gives every setting an outcome or none", arguments: errnos)
    func checking(errno: Errno) throws {
        let node = Node.busy()
        try node.apply()
        let ids = try node.check().settings.map(\.setting.id)
        let calls = FaultyFiles(node.kernel)
        _ = try node.reconciler(through: calls).check()
        #expect(
            !calls.record.contains { record in FaultyFiles.Call.changes.contains { record.hasPrefix($0.rawValue) } })
        for number in 1...calls.calls {
            let files = FaultyFiles(node.kernel, .failing(number, errno))
            guard let pass = try? node.reconciler(through: files).check(), pass.errors.isEmpty,
                !isBelieved(errno, files.record[number - 1])
            else { continue }
            #expect(pass.settings.map(\.setting.id) == ids, "\(errno) at \(number)")
        }
    }

    @Test("after a crash anywhere in apply, the next one reaches the same end and revert the very beginning")
    func crashInApply() throws {
        let clean = Node.busy()
        let first = try clean.snapshot()
        let calls = FaultyFiles(clean.kernel)
        let report = try clean.reconciler(through: calls).apply().standing
        let end = try clean.snapshot()

        for number in 1...calls.calls {
            let node = Node.busy()
            #expect(throws: (any Error).self) { try crash(node, at: number) { try $0.apply() } }
            #expect(try node.uncovered(since: first) == [], "at \(number)")
            #expect(try node.apply().standing == report, "at \(number)")
            #expect(try node.difference(from: end) == [], "at \(number)")
            #expect(node.kernel.text(Node.bootFile) == clean.kernel.text(Node.bootFile), "at \(number)")
            try node.revert()
            #expect(try node.difference(from: first) == [], "at \(number)")
        }
    }

    @Test("after a crash anywhere in revert, the next one finishes it, and an apply instead starts again")
    func crashInRevert() throws {
        let clean = Node.busy()
        let first = try clean.snapshot()
        let report = try clean.apply().standing
        let end = try clean.snapshot()
        let calls = FaultyFiles(clean.kernel)
        _ = try clean.reconciler(through: calls).revert()

        for number in 1...calls.calls {
            for isGivenUp in [false, true] {
                let node = Node.busy()
                try node.apply()
                #expect(throws: (any Error).self) { try crash(node, at: number) { try $0.revert() } }
                #expect(try node.uncovered(since: first) == [], "at \(number)")
                if isGivenUp {
                    #expect(try node.apply().standing == report, "at \(number)")
                    #expect(try node.difference(from: end) == [], "at \(number)")
                }
                try node.revert()
                #expect(try node.difference(from: first) == [], "at \(number)")
                #expect(try node.ledger().entries.isEmpty, "at \(number)")
            }
        }
    }

    /// What is caught after the crash is said by a dead process: it counts as thrown.
    private func crash(_ node: Node, at number: Int, _ work: (Reconciler) throws -> Reconciler.Pass) throws {
        let pass = try work(node.reconciler(through: FaultyFiles(node.kernel, .crashing(number))))
        throw pass.errors.first ?? FaultyFiles.crash
    }
}
