import FoundationEssentials
import HostModel

let required = "/usr/lib/ais-hostd/profiles/ais-required/v1.yaml"
let hdd = "/etc/ais-hostd/profiles/ais-hdd/v1.yaml"
let own = "/etc/ais-hostd/config.yaml"

func sysctl(
    _ key: String, _ desired: String, _ outcome: Outcome, _ origin: Origin, required: Bool = false,
    note: String? = nil, original: String? = nil
) -> Assessed {
    let setting = Setting(
        id: SettingID(domain: "sysctl", attribute: key),
        target: Target(name: nil, identity: "sysctl", path: "/proc/sys"), requirement: .exactly(.word(desired)),
        required: required, origin: origin, note: note)
    return Assessed(setting: setting, desired: desired, outcome: outcome, original: original)
}

func disk(
    _ name: String, _ attribute: String, _ desired: String, _ outcome: Outcome, _ origin: Origin,
    required: Bool = false, serial: String = "S1", disruption: Disruption = .none
) -> Assessed {
    let setting = Setting(
        id: SettingID(domain: "block", object: name, attribute: attribute),
        target: Target(name: name, identity: serial, path: "/sys/block/\(name)/queue"),
        requirement: .exactly(.word(desired)), disruption: disruption, required: required, origin: origin)
    return Assessed(setting: setting, desired: desired, outcome: outcome)
}

func line(_ file: String, _ line: Int) -> Origin { Origin(file: file, line: line) }

func refused(_ path: String, _ wanted: String, got: String? = nil, _ errno: Errno = .invalid) -> KernelError {
    KernelError("write", path, wanted: wanted, got: got, errno: errno)
}

func report(_ settings: [Assessed], node: String = "cpu01", error: String? = nil, held: Bool = false) -> Report {
    Report(
        node: node, time: Date(timeIntervalSince1970: 1_795_456_991.12),
        configuration: ConfigurationState(files: [required, hdd, own], generation: 3, error: error, held: held),
        assessed: settings.sorted { $0.setting.id < $1.setting.id },
        fingerprints: Fingerprints(configuration: "sha256:" + String(repeating: "0", count: 64), state: "sha256:f00d"))
}

/// A node on which everything has gone wrong at once; `contested` has no outcome yet.
let badDay: [Assessed] = [
    sysctl("net.core.somaxconn", "65535", .drifted(held: .integer(4096)), line(required, 12), original: "4096"),
    sysctl(
        "net.ipv4.tcp_rmem", "4096 262144 134217728", .drifted(held: .integers([4096, 131072, 6_291_456])),
        line(required, 14)),
    sysctl(
        "net.netfilter.nf_conntrack_max", "1048576",
        .failed(held: .integer(262144), refused("/proc/sys/net/netfilter/nf_conntrack_max", "1048576", got: "262144")),
        line("/etc/ais-hostd/config.d/50-conntrack.yaml", 3)),
    sysctl(
        "vm.min_free_kbytes", "2638821", .unknown(KernelError("open", "/proc/sys/vm/x", errno: .accessDenied)),
        line(own, 8)),
    sysctl("net.ipv4.tcp_tw_recycle", "0", .unsupported("removed in Linux 4.12"), line(required, 20), required: true),
    sysctl(
        "net.ipv4.tcp_low_latency", "1", .inSync(held: .integer(1)), line(required, 21),
        note: "no effect since Linux 4.14"),
    sysctl("vm.swappiness", "10", .inSync(held: .integer(10)), line(required, 22)),
    sysctl("vm.dirty_ratio", "10", .inSync(held: .integer(10)), line(required, 23)),
    disk("sda", "scheduler", "mq-deadline", .drifted(held: .word("none")), line(hdd, 9), disruption: .ioStall),
    disk("sdb", "scheduler", "mq-deadline", .drifted(held: .word("none")), line(hdd, 9), disruption: .ioStall),
    disk("sdc", "scheduler", "mq-deadline", .drifted(held: .word("none")), line(hdd, 9), disruption: .ioStall),
    disk("sda", "nr_requests", "2048", .adjusted(held: .integer(256), "the driver takes at most 256"), line(hdd, 10)),
    disk(
        "sdb", "max_sectors_kb", "4096",
        .pending(.permission, held: .integer(1280), "io-stall is not in allow: [none]"),
        line(hdd, 11)),
    disk("nvme*", "scheduler", "none", .pending(.device, held: nil, "no disk matches name nvme*"), line(own, 30)),
    disk("nvme*", "nr_requests", "1023", .pending(.device, held: nil, "no disk matches name nvme*"), line(own, 31)),
    disk("nvme*", "read_ahead_kb", "128", .pending(.device, held: nil, "no disk matches name nvme*"), line(own, 32)),
]

/// The kernel's name of the n-th disk, from zero: sda, …, sdz, sdaa.
func diskName(_ number: Int) -> String {
    var letters = ""
    var rest = number + 1
    while rest > 0 {
        letters = String(UnicodeScalar(UInt8(97 + (rest - 1) % 26))) + letters
        rest = (rest - 1) / 26
    }
    return "sd" + letters
}
