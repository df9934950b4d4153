import HostModel
import HostTestSupport
import Synchronization
import Testing

@testable import HostTuning

/// What happens between two calls, by other hands.
@Suite("Adversity")
struct AdversityTests {
    @Test("a name that means another disk by now is not written", arguments: [true, false])
    func swappedBeforeTheWrite(hasSequence: Bool) throws {
        let (node, plug) = twoDisks(hasSequence: hasSequence)
        let files = Interrupted(node.kernel, when: { $0 == "replace" && $1.hasSuffix("ledger.json") }) {
            plug("OTHER", 64)
        }
        let pass = try node.reconciler(through: files).apply()
        #expect(pass.states == ["block/sda/read_ahead_kb failed"])
        #expect(node.queue("sda", "read_ahead_kb") == "64")
    }

    @Test("what was read of another disk is nobody's original", arguments: [true, false])
    func swappedBeforeTheRead(hasSequence: Bool) throws {
        let (node, plug) = twoDisks(hasSequence: hasSequence)
        let files = Interrupted(node.kernel, when: { $1.hasSuffix("queue/read_ahead_kb") }) { plug("OTHER", 64) }
        let pass = try node.reconciler(through: files).apply()
        #expect(pass.states == ["block/sda/read_ahead_kb failed"])
        #expect(node.queue("sda", "read_ahead_kb") == "64")
        #expect(try node.ledger().entries.isEmpty)
    }

    private func twoDisks(hasSequence: Bool) -> (node: Node, plug: @Sendable (String, Int) -> Void) {
        let node = Node("block: [{match: {serial: A}, read_ahead_kb: 512}]")
        let kernel = node.kernel
        let plug: @Sendable (String, Int) -> Void = { serial, readAhead in
            kernel.unplug("sda")
            let path = kernel.disk("sda", serial: serial, readAheadKiB: readAhead)
            if !hasSequence { kernel.vanish("\(path)/diskseq") }
        }
        plug("A", 128)
        return (node, plug)
    }

    @Test("after a wish that was refused the dropped line still goes back")
    func refusedWish() throws {
        let node = Node("sysctl: {vm.x: 512}")
        node.kernel.sysctl("vm.x", "256", .bounded(0...1000))
        try node.apply()
        node.configure("sysctl: {vm.x: 5000}")
        #expect(try node.apply().states == ["sysctl/vm.x failed"])
        node.configure("sysctl: {}")
        try node.apply()
        #expect(node.sysctl("vm.x") == "256")
        #expect(try node.ledger().entries.isEmpty)
    }

    @Test("after a crash before a second write the dropped line still goes back")
    func crashedWish() throws {
        let node = Node("sysctl: {vm.x: 512}")
        node.kernel.sysctl("vm.x", "256")
        try node.apply()
        node.configure("sysctl: {vm.x: 600}")
        _ = try? node.reconciler(through: FaultyFiles(node.kernel, .crashing(1), among: [.write])).apply()
        node.configure("sysctl: {}")
        try node.apply()
        #expect(node.sysctl("vm.x") == "256")
    }

    @Test("an original that the scheduler of now can't hold is put back as far as it goes, and wholly by revert")
    func originalOutOfBounds() throws {
        let node = Node("block: [{match: {name: sda}, scheduler: mq-deadline, nr_requests: 256}]")
        node.kernel.disk("sda", serial: "A", scheduler: "none", tags: 4096)
        try node.apply()
        node.configure("block: [{match: {name: sda}, scheduler: mq-deadline}]")
        #expect(try !node.apply().settings.contains(where: \.isFault))
        #expect(node.queue("sda", "nr_requests") == "2048")
        #expect(try node.check().states == ["block/sda/scheduler inSync"])
        try node.revert()
        #expect(node.queue("sda", "nr_requests") == "4096")
    }

    @Test("what another program's value came to after our write is no rounding")
    func race() throws {
        let node = Node("sysctl: {vm.x: 2}")
        node.kernel.sysctl("vm.x", "0", .custom { _, _ in .success("7000") })
        #expect(try node.apply().states == ["sysctl/vm.x failed"])
        node.kernel.behave("/proc/sys/vm/x", .plain)
        #expect(try node.apply().states == ["sysctl/vm.x inSync"])
    }

    @Test("with a scheduler that somebody else chose since, what came along with ours is left to it")
    func anothersScheduler() throws {
        let node = Node("block: [{match: {name: sda}, scheduler: mq-deadline}]")
        node.kernel.disk("sda", serial: "A", scheduler: "none", tags: 1023)
        try node.apply()
        try node.kernel.write("kyber", to: "/sys/block/sda/queue/scheduler")
        let requests = node.queue("sda", "nr_requests")
        node.configure("block: []")
        try node.apply()
        #expect(node.queue("sda", "scheduler") == "kyber" && node.queue("sda", "nr_requests") == requests)
    }

    @Test("a command about nothing that there is neither holds the host nor lets it go")
    func voidSelection() throws {
        let node = Node("sysctl: {vm.x: 5}")
        node.kernel.sysctl("vm.x", "1")
        try node.apply()
        var nothing = node.reconciler()
        (nothing.isPartial, nothing.isSelected) = (true, { $0.domain == "block" })
        _ = try nothing.revert()
        #expect(try !node.ledger().isHeld)
        try node.revert()
        _ = try nothing.apply()
        #expect(try node.ledger().isHeld)
        node.kernel.set("/etc/ais-hostd/disable", "")
        try node.apply()
        #expect(try node.ledger().isHeld, "nothing may be written: it stays as it is")
    }
}

/// Does something once, before the first call that fits.
private final class Interrupted: Files {
    private let inner: FakeKernel
    private let fits: @Sendable (_ call: String, _ path: String) -> Bool
    private let interruption: @Sendable () -> Void
    private let isDone = Mutex(false)

    init(
        _ inner: FakeKernel, when fits: @escaping @Sendable (String, String) -> Bool,
        _ interruption: @escaping @Sendable () -> Void
    ) {
        (self.inner, self.fits, self.interruption) = (inner, fits, interruption)
    }

    private func before(_ call: String, _ path: String) {
        guard fits(call, path) else { return }
        let isFirst = isDone.withLock { done in
            defer { done = true }
            return !done
        }
        if isFirst { interruption() }
    }

    func read(_ path: String) throws(KernelError) -> [UInt8] {
        before("read", path)
        return try inner.read(path)
    }

    func write(_ value: String, to path: String) throws(KernelError) {
        before("write", path)
        try inner.write(value, to: path)
    }

    func list(_ folder: String) throws(KernelError) -> [String] { try inner.list(folder) }
    func resolve(_ path: String) throws(KernelError) -> String { try inner.resolve(path) }
    func status(_ path: String) throws(KernelError) -> FileStatus { try inner.status(path) }

    func replace(
        _ path: String, with contents: [UInt8], permissions: UInt32, owner: FileOwner?
    ) throws(KernelError) {
        before("replace", path)
        try inner.replace(path, with: contents, permissions: permissions, owner: owner)
    }

    func remove(_ path: String) throws(KernelError) { try inner.remove(path) }

    func createFolder(_ path: String, permissions: UInt32) throws(KernelError) {
        try inner.createFolder(path, permissions: permissions)
    }

    func lock(_ folder: String) throws(KernelError) -> HeldLock { try inner.lock(folder) }
}
