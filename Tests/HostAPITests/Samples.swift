import FoundationEssentials
import HostModel
import HostReport
import NIOCore
import NIOHTTP1

@testable import HostAPI

/// The one place that knows how a report is made.
func report(_ settings: [(String, State)], revision: Int = 1, generation: Int = 1) -> Report {
    Report(
        node: "cpu01", time: Date(timeIntervalSince1970: 1_700_000_000), revision: revision,
        configuration: ConfigurationState(files: ["/etc/ais-hostd/config.yaml"], generation: generation),
        settings: settings.map { SettingReport(assessed($0.0, $0.1)) },
        fingerprints: Fingerprints(configuration: "sha256:c", state: "sha256:s"))
}

func assessed(_ id: String, _ state: State) -> Assessed {
    let parts = id.split(separator: "/", maxSplits: 2).map(String.init)
    let isSysctl = parts[0] == "sysctl"
    let id = SettingID(
        domain: parts[0], object: isSysctl ? nil : parts[1],
        attribute: isSysctl ? parts.dropFirst().joined(separator: "/") : parts[2])
    let setting = Setting(
        id: id, target: nil, requirement: .exactly(.word("mq-deadline")),
        origin: Origin(file: "/etc/ais-hostd/config.yaml", line: 12))
    let outcome: Outcome =
        switch state {
        case .drifted: .drifted(held: .word("none"))
        case .unsupported: .unsupported("no such knob")
        case .pending: .pending(.reboot, held: nil, "needs a reboot")
        case .failed: .failed(held: nil, KernelError("read", "/sys/x", errno: .ioError))
        default: .inSync(held: .word("mq-deadline"))
        }
    return Assessed(setting: setting, desired: "mq-deadline", outcome: outcome)
}

let sampleSettings: [(String, State)] = [
    ("block/sda/nr_requests", .inSync), ("block/sda/scheduler", .drifted), ("block/sdb/scheduler", .inSync),
    ("link/eth0/mtu", .failed), ("sysctl/net.core.somaxconn", .inSync),
    ("sysctl/net.ipv4.conf.eth0/100.rp_filter", .inSync), ("sysctl/vm.foo", .unsupported),
]

func snapshot(_ report: Report?, interval: Int = 60) -> Snapshot {
    Snapshot(
        report: report,
        rules: [
            RuleReport(
                domain: "block", match: nil, attribute: "scheduler", value: "mq-deadline", mode: nil,
                source: Origin(file: "/etc/ais-hostd/config.yaml", line: 12), conditions: [])
        ], counters: Counters(version: "1.2.3"), interval: interval)
}

func sampleBoard(
    _ settings: [(String, State)] = sampleSettings, revision: Int = 7, instance: String = "abc", capacity: Int = 1000
) -> Board {
    let board = Board(instance: instance, capacity: capacity)
    // It does not grow stale while a slow machine is at its tests.
    board.show(snapshot(report(settings, revision: revision), interval: 3600))
    return board
}

func change(_ id: String = "block/sda/scheduler", _ from: State? = .inSync, _ to: State? = .drifted) -> Change {
    Change(
        time: Date(timeIntervalSince1970: 1_700_000_000), from: from, to: to,
        setting: SettingReport(assessed(id, to ?? .inSync)))
}

func plannedChange(_ number: Int = 1) -> PlannedChange {
    PlannedChange(
        id: SettingID(domain: "block", object: "sd\(number)", attribute: "scheduler"), from: "none", to: "mq-deadline",
        disruption: .ioStall, source: Origin(file: "/etc/ais-hostd/config.yaml", line: 12), result: "done")
}
