import FoundationEssentials
import HostModel
import HostReport

/// Numbers that look random and are the same each time.
struct Dice: RandomNumberGenerator {
    private var seed: UInt64

    init(seed: Int) { self.seed = UInt64(seed) }

    mutating func next() -> UInt64 {
        // Knuth's MMIX.
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return seed ^ (seed >> 33)
    }

    mutating func flag() -> Bool { Bool.random(using: &self) }
    mutating func maybe<Value>(_ value: (inout Dice) -> Value) -> Value? { flag() ? value(&self) : nil }
    mutating func list<Value>(_ value: (inout Dice) -> Value) -> [Value] {
        (0..<Int.random(in: 0...3, using: &self)).map { _ in value(&self) }
    }

    mutating func one<Value>(of values: some Collection<Value>, _ otherwise: Value) -> Value {
        values.randomElement(using: &self) ?? otherwise
    }

    mutating func text() -> String {
        let pieces = ["a", "/", "\"", "\\", "\n", "\t", " ", ":", "ü", "\u{1}", "\u{2028}", "\u{1F600}", "7", "null"]
        return list { $0.one(of: pieces, "") }.joined()
    }

    mutating func time() -> Date {
        Date(timeIntervalSince1970: Double(Int.random(in: 0...4_000_000_000_000, using: &self)) / 1000)
    }
    mutating func origin() -> Origin { Origin(file: text(), line: Int.random(in: 1...9999, using: &self)) }
    mutating func state() -> State { one(of: State.allCases, .inSync) }

    mutating func id() -> SettingID {
        let ids = [
            SettingID(domain: "sysctl", attribute: "net.ipv4.conf.eth0/100.rp_filter"),
            SettingID(domain: "block", object: "sda", attribute: "iosched/fifo_batch"),
            SettingID(domain: "block", object: "name=\"a\\b\n", attribute: "scheduler"),
            SettingID(domain: "time", attribute: "servers"),
        ]
        return one(of: ids, ids[0])
    }

    mutating func setting() -> SettingReport {
        SettingReport(
            id: id(), state: state(), pendingOn: maybe { $0.one(of: Pending.allCases, .device) }, desired: text(),
            observed: maybe { $0.text() }, original: maybe { $0.text() }, mode: one(of: Mode.allCases, .apply),
            disruption: one(of: Disruption.allCases, .none), required: flag(), source: origin(), isRestoration: flag(),
            since: maybe { $0.time() }, detail: maybe { $0.text() })
    }

    mutating func report() -> Report {
        Report(
            node: text(), time: time(), revision: Int.random(in: 0...Int.max, using: &self),
            configuration: ConfigurationState(
                files: list { $0.text() }, generation: Int.random(in: 0...9, using: &self), error: maybe { $0.text() },
                held: flag(), hasChanged: flag()), settings: list { $0.setting() },
            fingerprints: Fingerprints(configuration: text(), state: text()))
    }

    mutating func change() -> Change {
        Change(time: time(), from: maybe { $0.state() }, to: maybe { $0.state() }, setting: setting())
    }

    mutating func write() -> PlannedChange {
        PlannedChange(
            id: id(), from: text(), to: text(), disruption: one(of: Disruption.allCases, .none), source: origin(),
            isRestoration: flag(), result: maybe { $0.text() })
    }

    mutating func result() -> PassResult {
        PassResult(
            report: report(), changes: list { $0.write() }, notes: list { $0.text() }, verdict: maybe { $0.text() },
            warnings: list { $0.text() }, errors: list { $0.text() })
    }
}
