import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

/// Random stories: others write, lines come and go, disks too, in any order with our own commands.
@Suite struct ModelTests {
    @Test("whoever else writes, an apply ends where a fresh check begins", arguments: 1...4)
    func withOthers(seed: Int) throws {
        var story = try Story(seed: seed)
        for _ in 1...200 { try story.step(othersWrite: true) }
    }

    @Test("where nobody else writes, revert goes back to the very beginning", arguments: 11...14)
    func alone(seed: Int) throws {
        var story = try Story(seed: seed)
        for _ in 1...200 { try story.step(othersWrite: false) }
        try story.end()
    }
}

private struct Story {
    private let node = Node.busy()
    private let first: [Ledger.Key: String]
    private var random: SplitMix
    private let seed: Int
    private var steps: [String] = []
    /// The names of the disks by their serials, of those that are plugged in.
    private var names = ["A": "sda", "B": "sdb"]

    init(seed: Int) throws {
        self.seed = seed
        random = SplitMix(state: UInt64(seed))
        first = try node.snapshot()
    }

    private static let lines = [
        "net.ipv4.ip_forward: 1", "net.ipv4.conf.eth0.forwarding: 1", "net.ipv4.conf.eth1.forwarding: 0",
        "net.ipv4.ip_local_reserved_ports: {include: [51080-51083]}", "net.ipv4.ip_local_reserved_ports: 5-9",
        "vm.dirty_bytes: 1073741824", "vm.dirty_ratio: 30", "vm.max_map_count: 100001", "vm.max_map_count: 70000",
        "vm.swappiness: 1", "vm.refused: 1", "vm.swappiness: {value: 2, keepOnRemoval: false}",
    ]
    private static let attributes = [
        "scheduler: mq-deadline", "scheduler: bfq", "scheduler: none", "nr_requests: 2048", "nr_requests: 99",
        "read_ahead_kb: 4097", "max_sectors_kb: max", "wbt_lat_usec: 10", "iostats: 0",
    ]

    mutating func step(othersWrite: Bool) throws {
        switch Int.random(in: 0..<12, using: &random) {
        case 0...2: configure()
        case 3: replug()
        case 4...5 where othersWrite: scribble()
        case 6: try revert()
        case 7:
            note("check")
            node.kernel.forgetWrites()
            _ = try node.check()
            #expect(node.kernel.writes.isEmpty, context)
        default: try apply(othersWrite: othersWrite)
        }
    }

    /// All disks are back, and nobody else wrote.
    mutating func end() throws {
        for serial in ["A", "B"] where names[serial] == nil { plug(serial) }
        try revert()
        #expect(try node.difference(from: first) == [], context)
        #expect(try node.ledger().entries.isEmpty, context)
        #expect(node.kernel.text(Node.bootFile) == nil, context)
    }

    private mutating func apply(othersWrite: Bool) throws {
        note("apply")
        let pass = try node.apply()
        #expect(pass.errors.isEmpty, context)
        let (now, reported) = (Set(try node.check().standing), Set(pass.standing))
        try #require(now.symmetricDifference(reported).sorted() == [], context)
        node.kernel.forgetWrites()
        let changes = FaultyFiles(node.kernel, among: FaultyFiles.Call.changes)
        _ = try node.reconciler(through: changes).apply()
        // What others changed and a write of ours then happened to bring back is forgotten only now.
        let isForgetting = othersWrite && changes.record.contains("replace \(Node.ledgerFile)")
        // What is refused is tried again, and the ledger made durable before.
        let isTrying = changes.record.contains { $0.hasSuffix("vm/refused") }
        let written = changes.record.filter { call in
            !call.hasSuffix("vm/refused") && !((isForgetting || isTrying) && call.contains(Node.state))
        }
        try #require(written == [], context)
    }

    private mutating func revert() throws {
        note("revert")
        let pass = try node.revert()
        #expect(pass.errors.isEmpty && pass.settings.allSatisfy { $0.setting.isRestoration }, context)
        #expect(try node.ledger().isHeld, context)
        #expect(node.kernel.text(Node.bootFile) == nil, context)
    }

    /// Each key once in a file, in the order of chance.
    private mutating func configure() {
        var keys: Set<Substring> = []
        func some(_ lines: [String]) -> [String] {
            keys = []
            return lines.shuffled(using: &random).filter { line in
                Bool.random(using: &random) && keys.insert(line.prefix { $0 != ":" }).inserted
            }
        }
        let rival = Self.lines[Bool.random(using: &random) ? 5 : 6]
        let sysctls = some(Self.lines.filter { !$0.hasPrefix("vm.dirty") } + [rival])
        let block = some(Self.attributes)
        let name = ["\"sd*\"", "sda", "sdb"].randomElement(using: &random) ?? ""
        note("configure \(sysctls) \(name) \(block)")
        node.configure(
            "sysctl: {\(sysctls.joined(separator: ", "))}\n"
                + "block: [{match: {name: \(name)}\(block.map { ", \($0)" }.joined())}]")
    }

    /// A disk goes, or comes back, perhaps under the other's name. Its values are then the kernel's own again.
    private mutating func replug() {
        let serial = Bool.random(using: &random) ? "A" : "B"
        if let name = names.removeValue(forKey: serial) {
            note("unplug \(name) (\(serial))")
            node.kernel.unplug(name)
        } else {
            plug(serial)
        }
    }

    private mutating func plug(_ serial: String) {
        let free = ["sda", "sdb"].filter { !names.values.contains($0) }
        let name = free.randomElement(using: &random) ?? ""
        names[serial] = name
        note("plug \(name) (\(serial))")
        node.plug(name, serial: serial)
    }

    private mutating func scribble() {
        let name = names.values.sorted().randomElement(using: &random) ?? "sda"
        let all = [
            ("/proc/sys/vm/swappiness", "33"), ("/proc/sys/vm/dirty_ratio", "44"),
            ("/proc/sys/net/ipv4/ip_forward", "0"),
            ("/proc/sys/vm/max_map_count", "80000"), ("/proc/sys/net/ipv4/conf/eth0/forwarding", "0"),
            ("/sys/block/\(name)/queue/scheduler", "kyber"), ("/sys/block/\(name)/queue/nr_requests", "64"),
            ("/sys/block/\(name)/queue/read_ahead_kb", "512"),
        ]
        guard let (path, value) = all.randomElement(using: &random) else { return }
        note("others: \(path) = \(value)")
        try? node.kernel.write(value, to: path)
    }

    private mutating func note(_ step: String) { steps.append(step) }
    private var context: Comment { "seed \(seed), step \(steps.count): \(steps.suffix(12).joined(separator: "; "))" }
}

/// Steele, Lea and Flood's SplitMix64: the same stories every time.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
