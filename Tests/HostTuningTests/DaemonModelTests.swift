import HostModel
import HostTestSupport
import Synchronization
import Testing

@testable import HostTuning

/// Random stories of a daemon: others write, disks and modules come and go, files change, commands come, in any order.
@Suite struct DaemonModelTests {
    @Test("when it is quiet, the daemon's report equals a fresh check", arguments: 1...6)
    func quiet(seed: Int) throws {
        var story = DaemonStory(seed: seed)
        for _ in 1...150 { try story.step() }
    }
}

private struct DaemonStory {
    private let node = Node.busy()
    private var watched: Watched
    private var random: SplitMix
    private let seed: Int
    private var steps: [String] = []
    private var names = ["A": "sda", "B": "sdb"]

    init(seed: Int) {
        self.seed = seed
        random = SplitMix(state: UInt64(seed))
        watched = Watched(node)
    }

    private mutating func chance<Value>(_ values: [Value]) -> Value {
        values.randomElement(using: &random) ?? values[0]
    }

    mutating func step() throws {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: try replug()
        case 1, 2, 3: scribble()
        case 4:
            configure()
            if Bool.random(using: &random) { pass("reload", .reload) }
        case 5: pass("apply", .apply(Daemon.Order()))
        case 6 where Int.random(in: 0..<4, using: &random) == 0: pass("revert", .revert(Daemon.Order()))
        case 7: pass("events", .events([chance([.mounts, .links, .module("x"), .disk("sda"), .everything])]))
        case 8 where Int.random(in: 0..<3, using: &random) == 0:
            note("restart")
            watched = Watched(node)
        case 9: sicken()
        default:
            pass("schedule", .schedule)
            try compare()
        }
    }

    /// What the daemon has in force is what a check reads only if it has loaded the files.
    private func compare() throws {
        guard !watched.last.configuration.hasChanged, watched.worker.sick.withLock({ $0.isEmpty }) else { return }
        let fresh = try node.check().settings.map { SettingReport($0) }
        try #require(told(watched.last.settings) == told(fresh), context)
        #expect(watched.last.errors == [], context)
        let held = try node.ledger().isHeld
        #expect(watched.last.configuration.held == held, context)
        #expect(!held || node.kernel.text(Node.bootFile) == nil, context)
    }

    /// What a write was answered, and how often others undid it, only the daemon knows: for a check it differs.
    private func told(_ settings: [SettingReport]) -> [String] {
        settings.compactMap { setting in
            guard !setting.isRestoration || ![.inSync, .adjusted].contains(setting.state) else { return nil }
            let state =
                [.contested, .failed].contains(setting.state) && setting.observed != nil ? .drifted : setting.state
            return
                "\(setting.id) \(state) \(setting.desired) \(setting.observed ?? "-") \(setting.mode) \(setting.source)"
        }
    }

    private mutating func pass(_ name: String, _ reason: Daemon.Reason) {
        note(name)
        watched.pass(reason, after: chance([1, 20, 60, 400]))
    }

    private mutating func configure() {
        let lines = [
            "net.ipv4.ip_forward: 1", "vm.dirty_bytes: 1073741824", "vm.max_map_count: 100001", "vm.refused: 1",
            "vm.swappiness: {value: 1, mode: enforce}", "net.ipv4.ip_local_reserved_ports: {include: [51080-51083]}",
        ].shuffled(using: &random).prefix(Int.random(in: 0...6, using: &random))
        let mode = chance(["apply", "enforce", "observe", "enforce"])
        let block = chance(["scheduler: mq-deadline, nr_requests: 99", "read_ahead_kb: 4097", "scheduler: bfq"])
        note("configure \(mode) \(lines) \(block)")
        node.configure(
            "mode: \(mode)\nsysctl: {\(lines.joined(separator: ", "))}\nblock: [{match: {name: \"sd*\"}, \(block)}]")
        if Int.random(in: 0..<5, using: &random) == 0 { node.configure("mode: nonsense") }
    }

    private mutating func replug() throws {
        let serial = chance(["A", "B"])
        if let name = names.removeValue(forKey: serial) {
            node.kernel.unplug(name)
            pass("unplug \(name)", .events([.disk(name)]))
        } else {
            let free = ["sda", "sdb"].filter { !names.values.contains($0) }
            let name = chance(free)
            names[serial] = name
            node.plug(name, serial: serial)
            pass("plug \(name) (\(serial))", .events([.disk(name)]))
        }
    }

    private mutating func sicken() {
        let isSick = Int.random(in: 0..<3, using: &random) == 0
        note(isSick ? "sda hangs" : "all answer")
        watched.worker.sick.withLock { $0 = isSick ? ["/sys/block/sda"] : [] }
    }

    private mutating func scribble() {
        let name = chance(["sda", "sdb"])
        let (path, value) = chance([
            ("/proc/sys/vm/swappiness", "33"), ("/proc/sys/net/ipv4/ip_forward", "0"),
            ("/proc/sys/vm/max_map_count", "80000"), ("/sys/block/\(name)/queue/scheduler", "kyber"),
            ("/sys/block/\(name)/queue/nr_requests", "64"), ("/sys/block/\(name)/queue/read_ahead_kb", "512"),
        ])
        note("others: \(path) = \(value)")
        try? node.kernel.write(value, to: path)
    }

    private mutating func note(_ step: String) { steps.append(step) }
    private var context: Comment { "seed \(seed), step \(steps.count): \(steps.suffix(14).joined(separator: "; "))" }
}
