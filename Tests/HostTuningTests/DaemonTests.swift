import HostConfiguration
import HostModel
import HostTestSupport
import Synchronization
import Testing

@testable import HostTuning

/// Targets that do not answer, by their folders.
final class SickDisks: Worker {
    let sick = Mutex<Set<String>>([])
    let errno = Mutex(Errno.timedOut)
    /// Whether works that come to a write do not end in time.
    let hangsWrites = Mutex(false)
    let tries = Mutex(0)

    func perform<Value: Sendable>(
        on target: String, patience: Duration?,
        _ work: @escaping @Sendable (@escaping @Sendable () -> Bool) -> Value
    ) throws(KernelError) -> Value {
        guard !sick.withLock({ $0.contains(target) }) else {
            throw KernelError("work on", target, errno: errno.withLock { $0 }, message: "has not answered for 10 s")
        }
        guard hangsWrites.withLock({ $0 }) else { return work { false } }
        let before = tries.withLock { $0 }
        let value = work { [self] in
            tries.withLock { $0 += 1 }
            return true
        }
        guard tries.withLock({ $0 }) > before else { return value }
        throw KernelError("work on", target, errno: .timedOut, message: "has not answered for 10 s")
    }
}

/// A daemon on a fake host, a second of its clock at a time.
final class Watched {
    let node: Node
    let worker = SickDisks()
    var daemon: Daemon
    var uptime = 1000.0
    /// As `sysctl/vm.x drifted -> inSync`, since last asked.
    private(set) var changes: [String] = []
    private(set) var last: Daemon.Round

    init(_ node: Node, starting reason: Daemon.Reason = .start) {
        self.node = node
        var host = node.kernel.host()
        host.worker = worker
        daemon = Daemon(Reconciler(host: host, stateFolder: Node.state))
        last = daemon.pass(reason, at: uptime)
        note()
    }

    @discardableResult
    func pass(_ reason: Daemon.Reason = .schedule, after seconds: Double = 60) -> Daemon.Round {
        uptime += seconds
        last = daemon.pass(reason, at: uptime)
        note()
        return last
    }

    private func note() {
        changes += last.changes.map { change in
            "\(change.setting.id) \(change.from?.rawValue ?? "-") -> \(change.to?.rawValue ?? "-")"
        }
    }

    func news() -> [String] {
        defer { changes = [] }
        return changes
    }

    subscript(_ id: String) -> SettingReport? { last.settings.first { $0.id.description == id } }
    func state(_ id: String) -> State? { self[id]?.state }
}

@Suite struct DaemonTests {
    private let id = "sysctl/vm.x"

    private func node(mode: String, x: FakeKernel.Behaviour = .plain) -> Node {
        let node = Node("mode: \(mode)\nsysctl: {vm.x: 5}")
        node.kernel.sysctl("vm.x", "1", x)
        return node
    }

    @Test(
        "a drift is written again in enforce only, and told of in every mode",
        arguments: [("observe", "drifted", 0), ("apply", "drifted", 1), ("enforce", "inSync", 2)])
    func modes(mode: String, state: String, writes: Int) {
        let watched = Watched(node(mode: mode))
        _ = watched.news()
        watched.node.kernel.set("/proc/sys/vm/x", "3")
        watched.pass()
        #expect(watched.state(id)?.rawValue == state)
        #expect(watched.node.kernel.writes.count == writes)
        let drift = mode == "observe" ? [] : ["\(id) inSync -> drifted"]
        #expect(watched.news() == drift + (mode == "enforce" ? ["\(id) drifted -> inSync"] : []))
    }

    @Test("what is written at start has drifted before, for all to see")
    func start() {
        let watched = Watched(node(mode: "apply"))
        #expect(watched.news() == ["\(id) - -> drifted", "\(id) drifted -> inSync"])
        #expect(watched[id]?.original == "1")
        #expect(watched[id]?.since != nil)
    }

    @Test("a pass with nothing to do writes nothing, not even a file")
    func quiet() {
        let node = Node.busy()
        let watched = Watched(node)
        watched.pass()
        let changes = FaultyFiles(node.kernel, among: FaultyFiles.Call.changes)
        var host = node.kernel.host(files: changes)
        host.worker = watched.worker
        var daemon = Daemon(Reconciler(host: host, stateFolder: Node.state))
        _ = daemon.pass(.start, at: 0)
        let before = changes.calls
        _ = daemon.pass(.schedule, at: 60)
        #expect(changes.record.dropFirst(before).filter { !$0.contains("refused") && !$0.contains(Node.state) } == [])
        _ = daemon.pass(.schedule, at: 61)
        #expect(changes.calls == before || changes.record.last?.contains("refused") == true)
    }

    @Test("in enforce what drifts three times is contested, left alone, tried again, and contested for longer")
    func contested() {
        let watched = Watched(node(mode: "enforce"))
        func drift() {
            watched.node.kernel.set("/proc/sys/vm/x", "3")
            watched.pass(after: 20)
        }
        drift()
        #expect(watched.state(id) == .inSync)
        drift()
        #expect(watched.state(id) == .inSync)
        _ = watched.news()
        drift()
        #expect(watched.state(id) == .contested)
        #expect(watched.news() == ["\(id) inSync -> contested"])
        #expect(
            watched[id]?.detail == "changed back 3 times within 40 s, left alone for 5 min or until `ais-hostd apply`")
        #expect(watched[id]?.isFault == true)
        watched.node.kernel.forgetWrites()
        for _ in 1...14 { watched.pass(after: 20) }
        #expect(watched.state(id) == .contested)
        #expect(watched.node.kernel.writes.isEmpty)
        watched.pass(after: 20)
        #expect(watched.state(id) == .inSync)
        drift()
        #expect(watched[id]?.detail?.contains("left alone for 10 min") == true)
        watched.pass(.apply(Daemon.Order()), after: 1)
        #expect(watched.state(id) == .inSync)
    }

    @Test("who undoes each of ours is contested though passes are slow; rare drifts are not")
    func slowContest() {
        let slow = Node("mode: enforce\ninterval: 10m\nsysctl: {vm.x: 5}")
        slow.kernel.sysctl("vm.x", "1")
        for (every, state) in [(600.0, State.contested), (3600, .inSync)] {
            let watched = Watched(slow)
            for _ in 1...3 {
                slow.kernel.set("/proc/sys/vm/x", "3")
                watched.pass(after: every)
            }
            #expect(watched.state(id) == state)
        }
    }

    @Test("what is contested and holds by itself is in sync")
    func contestedAndRight() {
        let watched = Watched(node(mode: "enforce"))
        for _ in 1...3 {
            watched.node.kernel.set("/proc/sys/vm/x", "3")
            watched.pass(after: 1)
        }
        #expect(watched.state(id) == .contested)
        watched.node.kernel.set("/proc/sys/vm/x", "5")
        watched.pass(after: 1)
        #expect(watched.state(id) == .inSync)
    }

    @Test("what the kernel refused stays failed, and is tried again after a minute, two, four")
    func refused() {
        let watched = Watched(node(mode: "apply", x: .refusing(.busy)))
        #expect(watched.state(id) == .failed)
        var tries: [Int] = []
        for second in stride(from: 10, through: 500, by: 10) {
            watched.node.kernel.forgetWrites()
            watched.pass(after: 10)
            #expect(watched.state(id) == .failed)
            if !watched.node.kernel.writes.isEmpty { tries.append(second) }
        }
        #expect(tries == [60, 180, 420])
        watched.node.kernel.behave("/proc/sys/vm/x", .plain)
        watched.pass(after: 500)
        #expect(watched.state(id) == .inSync)
    }

    @Test("a disk that appears is tuned at once in apply, one that drifts is not")
    func appears() {
        let node = Node.busy(disks: ["sda": "A"])
        let watched = Watched(node)
        node.kernel.set("/sys/block/sda/queue/read_ahead_kb", "128")
        node.plug("sdb", serial: "B")
        watched.pass(.events([.disk("sdb")]), after: 1)
        #expect(watched.state("block/sdb/scheduler") == .inSync)
        #expect(node.queue("sdb", "nr_requests") == "2048")
        #expect(watched.state("block/sda/read_ahead_kb") == .adjusted)
        watched.pass(.events([.disk("sda")]), after: 1)
        #expect(watched.state("block/sda/read_ahead_kb") == .drifted)
        _ = watched.news()
        node.kernel.unplug("sdb")
        watched.pass(.events([.disk("sdb")]), after: 1)
        #expect(watched["block/sdb/scheduler"] == nil)
        #expect(watched.news().contains("block/sdb/scheduler inSync -> -"))
        #expect(watched.last.errors == [])
    }

    @Test("a module that is loaded brings keys, which are written though nothing else is")
    func module() {
        let node = Node.busy()
        let watched = Watched(node)
        let key = "sysctl/net.netfilter.nf_conntrack_max"
        #expect(watched[key]?.pendingOn == .module)
        node.kernel.folder("/sys/module/nf_conntrack")
        node.kernel.sysctl("net.netfilter.nf_conntrack_max", "262144")
        watched.pass(.events([.module("nf_conntrack")]), after: 1)
        #expect(watched.state(key) == .inSync)
        #expect(node.sysctl("net.netfilter.nf_conntrack_max") == "1048576")
    }

    @Test("an event makes only what it touches be read again")
    func stale() {
        let node = Node.busy()
        let watched = Watched(node)
        let reads = FaultyFiles(node.kernel, among: [.read])
        var host = node.kernel.host(files: reads)
        host.worker = watched.worker
        var daemon = Daemon(Reconciler(host: host, stateFolder: Node.state))
        _ = daemon.pass(.start, at: 0)
        let before = reads.record.count
        _ = daemon.pass(.events([.disk("sda")]), at: 1)
        let read = reads.record.dropFirst(before)
        #expect(read.contains("read /sys/block/sda/queue/scheduler"))
        #expect(!read.contains("read /sys/block/sdb/queue/scheduler"))
        #expect(!read.contains("read /proc/sys/vm/max_map_count"))
    }

    @Test("a disk that does not answer fails by itself, stays in the report, and is tuned when it answers")
    func hung() {
        let node = Node.busy()
        let sick = Watched(node)
        sick.worker.sick.withLock { $0 = ["/sys/block/sdb"] }
        sick.pass()
        #expect(sick["block/sdb/scheduler"]?.state == .failed)
        #expect(
            sick["block/sdb/scheduler"]?.detail?.contains("/sys/block/sdb: has not answered for 10 s (ETIMEDOUT)")
                == true)
        #expect(sick.state("block/sda/scheduler") == .inSync)
        sick.worker.sick.withLock { $0 = [] }
        sick.pass(.events([.answered("/sys/block/sdb")]), after: 1)
        #expect(sick.state("block/sdb/scheduler") == .inSync)

        let late = Node.busy()
        let worker = SickDisks()
        worker.sick.withLock { $0 = ["/sys/block/sdb"] }
        var host = late.kernel.host()
        host.worker = worker
        var daemon = Daemon(Reconciler(host: host, stateFolder: Node.state))
        let first = daemon.pass(.start, at: 0)
        #expect(first.errors.contains { $0.contains("/sys/block/sdb") })
        worker.sick.withLock { $0 = [] }
        _ = daemon.pass(.schedule, at: 60)
        #expect(late.queue("sdb", "scheduler") == "mq-deadline")
    }

    @Test("a broken configuration leaves the last good one in force, also after a restart")
    func broken() throws {
        let node = node(mode: "enforce")
        let watched = Watched(node)
        #expect(watched.last.configuration.generation == 1)
        node.configure("sysctl: {vm.x: 010}")
        #expect(watched.pass().configuration.hasChanged)
        watched.pass(.reload)
        let error = try #require(watched.last.configuration.error)
        #expect(error.hasPrefix("/etc/ais-hostd/config.yaml:2:16: sysctl.vm.x: 010 would be read as octal 8"))
        #expect(watched.last.configuration.generation == 1)
        #expect(watched.state(id) == .inSync)
        let restarted = Watched(node)
        #expect(restarted.last.configuration.error == error)
        #expect(restarted.last.configuration.generation == 1)
        #expect(restarted.state(id) == .inSync)
        node.kernel.set("/proc/sys/vm/x", "3")
        restarted.pass()
        #expect(node.sysctl("vm.x") == "5")
        node.configure("sysctl: {vm.x: 6}")
        restarted.pass(.reload)
        #expect(restarted.last.configuration.error == nil)
        #expect(restarted.last.configuration.generation == 2)
        #expect(node.sysctl("vm.x") == "6")
        #expect(Watched(node).last.configuration.generation == 2)
    }

    @Test("without any good configuration nothing is written, and nothing goes back")
    func neverGood() {
        let node = node(mode: "apply")
        let watched = Watched(node)
        node.kernel.vanish(LastGoodFile(folder: Node.state).path)
        node.kernel.vanish("/etc/ais-hostd/config.yaml")
        let blind = Watched(node)
        #expect(blind.last.settings.isEmpty)
        #expect(blind.last.configuration.error?.contains("no configuration") == true)
        blind.pass(.reload)
        blind.pass()
        #expect(node.sysctl("vm.x") == "5")
        _ = watched
    }

    @Test("what a guard-rail refuses is a broken configuration")
    func guardRail() {
        let node = node(mode: "apply")
        let watched = Watched(node)
        node.configure("sysctl: {vm.x: 7, vm.min_free_kbytes: 90% of memory}")
        node.kernel.sysctl("vm.min_free_kbytes", "1000")
        watched.pass(.reload)
        #expect(watched.last.configuration.error?.contains("vm.min_free_kbytes") == true)
        #expect(node.sysctl("vm.x") == "5")
    }

    @Test("held stays held over passes, reloads and restarts, until an apply")
    func held() throws {
        let node = node(mode: "enforce")
        let watched = Watched(node)
        watched.pass(.revert(Daemon.Order()))
        #expect(try watched.last.answer?.get().attempts.count == 1)
        #expect(node.sysctl("vm.x") == "1")
        node.kernel.forgetWrites()
        watched.pass()
        watched.pass(.reload)
        let restarted = Watched(node)
        #expect(restarted.last.configuration.held)
        #expect(restarted.state(id) == .drifted)
        #expect(node.kernel.writes.isEmpty)
        #expect(node.kernel.text(Node.bootFile) == nil)
        restarted.pass(.apply(Daemon.Order()))
        #expect(!restarted.last.configuration.held)
        #expect(node.sysctl("vm.x") == "5")
    }

    @Test("what the kernel refuses stays failed in enforce too: nobody changes it back")
    func refusedInEnforce() {
        let watched = Watched(node(mode: "enforce", x: .readOnly))
        for _ in 1...20 {
            watched.pass()
            #expect(watched.state(id) == .failed)
            #expect(watched[id]?.detail?.contains("EACCES") == true)
        }
        #expect(watched.news() == ["\(id) - -> drifted", "\(id) drifted -> failed"])
    }

    @Test("without room for the ledger nothing is written, every setting that is due says so, and it is made up for")
    func fullDisk() throws {
        let node = node(mode: "enforce")
        let full = FaultyFiles(node.kernel, .always(.noSpace), among: [.replace])
        var daemon = Daemon(Reconciler(host: node.kernel.host(files: full), stateFolder: Node.state))
        for uptime in [0.0, 60, 120, 180] {
            let round = daemon.pass(uptime == 0 ? .start : .schedule, at: uptime)
            let setting = try #require(round.settings.first { $0.id.description == id })
            #expect(setting.state == .failed)
            #expect(setting.detail?.contains("\(Node.ledgerFile)") == true)
            #expect(setting.observed == "1")
            #expect(round.errors.contains { $0.contains("ENOSPC") })
        }
        #expect(node.kernel.writes.isEmpty)
        full.heal()
        #expect(daemon.pass(.schedule, at: 240).settings.allSatisfy { $0.state == .inSync })
    }

    @Test("a main file that was in force and is gone is a slip, not another configuration")
    func lostFile() {
        let node = Node("mode: observe\nsysctl: {vm.x: 5}")
        node.kernel.sysctl("vm.x", "1")
        node.configure("sysctl: {vm.x: 6}", in: "config.d/10.yaml")
        let watched = Watched(node)
        node.kernel.vanish("/etc/ais-hostd/config.yaml")
        for reason in [Daemon.Reason.reload, .start] {
            watched.pass(reason)
            #expect(watched.last.configuration.error?.contains("config.yaml was in force and is gone") == true)
            #expect(watched[id]?.mode == .observe)
        }
        #expect(Watched(node).last.configuration.error?.contains("is gone") == true)
        #expect(node.kernel.writes.isEmpty)
    }

    @Test("that nothing is written on the whole host is told, with the reason")
    func observing() {
        let node = node(mode: "observe")
        let watched = Watched(node)
        #expect(watched.last.configuration.observing == "the mode is observe")
        node.configure("mode: apply\nsysctl: {vm.x: 5}")
        #expect(watched.pass(.reload).configuration.observing == nil)
        node.kernel.set("/etc/ais-hostd/disable", "")
        #expect(watched.pass().configuration.observing == "/etc/ais-hostd/disable exists")
    }

    @Test("what could not be written while it was disabled is written when it may be, in apply too")
    func afterDisable() {
        let node = node(mode: "apply")
        node.kernel.set("/etc/ais-hostd/disable", "")
        let watched = Watched(node)
        #expect(watched.state(id) == .drifted)
        node.kernel.vanish("/etc/ais-hostd/disable")
        watched.pass(.events([.configuration]))
        #expect(watched.state(id) == .inSync)
    }

    @Test("an apply of a part does not let go of a hold of the whole")
    func partialApply() {
        let node = Node("mode: enforce\nsysctl: {vm.x: 5, vm.y: 5}")
        node.kernel.sysctl("vm.x", "1")
        node.kernel.sysctl("vm.y", "1")
        let watched = Watched(node)
        watched.pass(.revert(Daemon.Order()))
        watched.pass(.apply(Daemon.Order(isPartial: true) { $0.attribute == "vm.x" }))
        watched.pass()
        #expect(watched.last.configuration.held)
        #expect(node.sysctl("vm.x") == "5")
        #expect(node.sysctl("vm.y") == "1")
    }

    @Test("disable stops all writing from the next pass on")
    func disabled() {
        let node = node(mode: "enforce")
        let watched = Watched(node)
        node.kernel.set("/etc/ais-hostd/disable", "")
        node.kernel.set("/proc/sys/vm/x", "3")
        node.kernel.forgetWrites()
        watched.pass()
        #expect(watched.state(id) == .drifted)
        #expect(watched[id]?.mode == .observe)
        #expect(node.kernel.writes.isEmpty)
        node.kernel.vanish("/etc/ais-hostd/disable")
        watched.pass()
        #expect(watched.state(id) == .inSync)
    }

    @Test("a ledger that can't be read is asked for again, and nothing is written before")
    func unreadableLedger() {
        let node = node(mode: "enforce")
        node.kernel.set(Node.ledgerFile, "rubbish")
        let watched = Watched(node)
        #expect(watched.last.errors.contains { $0.contains(Node.ledgerFile) })
        #expect(node.kernel.writes.isEmpty)
        node.kernel.vanish(Node.ledgerFile)
        watched.pass()
        watched.pass(.apply(Daemon.Order()))
        #expect(node.sysctl("vm.x") == "5")
    }

    @Test("a command that can't be carried out says why, and the rest stays as it is")
    func refusedCommand() {
        let node = node(mode: "apply")
        let watched = Watched(node)
        node.configure("sysctl: {vm.x: 010}")
        watched.pass(.apply(Daemon.Order()))
        #expect(throws: InvalidConfiguration.self) { try watched.last.answer?.get() }
        #expect(watched.state(id) == .inSync)
        #expect(watched.last.configuration.error != nil)
    }

    @Test("what only root may read of the kernel is in nothing that the daemon tells others")
    func secret() throws {
        let node = Node("mode: apply\nsysctl: {net.ipv4.tcp_fastopen_key: 1111-2-3-4}")
        let path = "/proc/sys/net/ipv4/tcp_fastopen_key"
        node.kernel.sysctl("net.ipv4.tcp_fastopen_key", "5555-6-7-8")
        try node.kernel.replace(path, with: Array("5555-6-7-8\n".utf8), permissions: 0o600)
        let watched = Watched(node)
        var told = "\(watched.last.settings) \(watched.last.changes) \(watched.last.warnings)"
        #expect(watched["sysctl/net.ipv4.tcp_fastopen_key"]?.original == "(secret)")
        #expect(watched.last.hiddenRules == ["sysctl/net.ipv4.tcp_fastopen_key"])
        node.kernel.set(path, "9999-6-7-8")
        watched.pass()
        told += "\(watched.last.settings) \(watched.last.changes)"
        node.kernel.set("/etc/sysctl.d/99-zzz.conf", "net.ipv4.tcp_fastopen_key = 7777-1-1-1\n")
        node.kernel.behave(path, .refusing(.invalid))
        watched.pass(.reload)
        #expect(watched.state("sysctl/net.ipv4.tcp_fastopen_key") == .failed)
        told += "\(watched.last.settings) \(watched.last.changes) \(watched.last.warnings) \(watched.last.errors)"
        node.configure("sysctl: {net.ipv4.tcp_fastopen_key: [8888, {}]}")
        watched.pass(.reload)
        #expect(watched.last.configuration.error?.contains("sysctl.net.ipv4.tcp_fastopen_key") == true)
        told += "\(watched.last.configuration)"
        for value in ["1111", "5555", "9999", "7777", "8888"] { #expect(!told.contains(value)) }
        node.kernel.vanish(path)
        watched.pass()
        #expect(watched["sysctl/net.ipv4.tcp_fastopen_key"]?.desired == "(secret)")
    }

    @Test("what is away and has no name of a secret is told in full")
    func away() {
        let watched = Watched(Node("mode: apply\nsysctl: {vm.gone: 4711}"))
        #expect(watched["sysctl/vm.gone"]?.desired == "4711")
    }

    @Test("a pass that could not look at the host is none, and one with nothing asked is")
    func incomplete() {
        let node = node(mode: "apply")
        let watched = Watched(node)
        #expect(watched.last.isComplete)
        node.kernel.behave("/proc/meminfo", .unreadable(.ioError))
        watched.pass()
        #expect(!watched.last.isComplete)
        #expect(watched.last.errors.count == 1)
        node.kernel.behave("/proc/meminfo", .plain)
        #expect(watched.pass().isComplete)
        node.configure("sysctl: {vm.x: 010}")
        #expect(!watched.pass(.apply(Daemon.Order())).isComplete)
    }

    @Test("what loading warned of is told, and why the last good configuration is none")
    func warnings() {
        let node = node(mode: "apply")
        node.configure("sysctl: {vm.x: 7}", in: "config.d/x.yml")
        let watched = Watched(node)
        #expect(watched.last.warnings.contains { $0.contains("x.yml is not read") })
        watched.pass(.reload)
        #expect(watched.last.warnings.contains { $0.contains("x.yml is not read") })
        node.kernel.set(LastGoodFile(folder: Node.state).path, "rubbish")
        node.configure("sysctl: {vm.x: 010}")
        let error = Watched(node).last.configuration.error
        #expect(error?.contains("vm.x: 010") == true)
        #expect(error?.contains("the last good configuration can't be used either") == true)
    }

    @Test("held is told though there is no configuration to apply")
    func heldWithoutRules() {
        let node = node(mode: "apply")
        Watched(node).pass(.revert(Daemon.Order()))
        node.kernel.vanish(LastGoodFile(folder: Node.state).path)
        node.configure("sysctl: {vm.x: 010}")
        #expect(Watched(node).last.configuration.held)
    }

    @Test("a revert says of a disk that hangs that it does not answer, and not that it is away")
    func revertHung() throws {
        let sick = Watched(Node.busy())
        sick.worker.sick.withLock { $0 = ["/sys/block/sdb"] }
        sick.pass(.revert(Daemon.Order()))
        let states = try #require(try sick.last.answer?.get()).states
        #expect(states.contains("block/sdb/scheduler failed"))
        #expect(!states.contains { $0.contains("pending") })
        sick.worker.sick.withLock { $0 = [] }
        sick.pass(.revert(Daemon.Order()))
        #expect(sick.node.queue("sdb", "scheduler") == "kyber")
    }

    @Test("a disk that is not asked, since too many others hang, stays in the report")
    func notAsked() {
        let sick = Watched(Node.busy())
        sick.worker.errno.withLock { $0 = .again }
        sick.worker.sick.withLock { $0 = ["/sys/block/sdb"] }
        sick.pass()
        #expect(sick.state("block/sdb/scheduler") == .failed)
    }

    @Test("a disk that does not answer a write is not written to again at once whenever it answers")
    func hungWrites() {
        let node = Node.busy()
        let watched = Watched(node)
        node.kernel.set("/sys/block/sdb/queue/nr_requests", "64")
        node.configure("mode: enforce\nblock: [{match: {name: sdb}, nr_requests: 128}]")
        watched.worker.hangsWrites.withLock { $0 = true }
        watched.pass(.reload)
        #expect(watched.state("block/sdb/nr_requests") == .failed)
        let tries = watched.worker.tries.withLock { $0 }
        for _ in 0..<5 { watched.pass(.events([.answered("/sys/block/sdb")]), after: 1) }
        #expect(watched.worker.tries.withLock { $0 } == tries)
        watched.worker.hangsWrites.withLock { $0 = false }
        watched.pass(after: 61)
        #expect(node.queue("sdb", "nr_requests") == "128")
    }

    @Test("an apply whose end could not be written is not taken for done: what is on the disk counts")
    func unsavedEnd() {
        let node = node(mode: "enforce")
        let watched = Watched(node)
        watched.pass(.revert(Daemon.Order()))
        node.kernel.set("/proc/sys/vm/x", "5")
        var host = node.kernel.host(files: FaultyFiles(node.kernel, .always(.noSpace), among: [.replace]))
        host.worker = watched.worker
        var daemon = Daemon(Reconciler(host: host, stateFolder: Node.state))
        _ = daemon.pass(.start, at: 0)
        let applied = daemon.pass(.apply(Daemon.Order()), at: 1)
        #expect(applied.errors.contains { $0.contains(Node.ledgerFile) })
        #expect(daemon.pass(.schedule, at: 60).configuration.held)
    }
}
