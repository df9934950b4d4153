import Glibc
import HostConfiguration
import HostModel
import HostTestSupport
import HostTuning

// How long a pass over many disks takes, and what it needs. Two uses:
//
//   assessment-benchmark write DISKS FOLDER      makes a tree that looks like a host with so many disks
//   assessment-benchmark PASSES FOLDER...        passes over these trees, one after the other in every round
//
// The peak is the whole process's: ask for one folder to learn what its size costs.

/// Ten attributes of every disk, all as the tree has them; of two files for each disk, `drifted` asks something else.
func configuration(drifted: Bool) -> String {
    """
    apiVersion: ais-hostd/v1
    block:
      - match: {name: "sd*", rotational: true}
        scheduler: mq-deadline
        nr_requests: \(drifted ? 512 : 256)
        read_ahead_kb: \(drifted ? 4096 : 128)
        rq_affinity: 1
        max_sectors_kb: 1280
        nomerges: 0
        add_random: 0
        iostats: 1
        wbt_lat_usec: 75000
        io_timeout: 30000
    """
}

struct Stages {
    var inventory = 0.0
    var desire = 0.0
    var assess = 0.0
    var assessment: Double { desire + assess }
}

func rules(of text: String) throws -> Rules {
    var problems = Problems()
    let document = FakeKernel()
    document.set("/bench.yaml", text)
    let configuration = loadConfiguration(
        .files(["/bench.yaml"]), domains: allDomains.map(\.name), plannedDomains: plannedDomains,
        files: document.host().files, problems: &problems)
    let rules = Rules(of: configuration, problems: &problems)
    guard !problems.hasErrors else { throw InvalidConfiguration(problems) }
    return rules
}

/// What the body took, in milliseconds.
func timed<Result>(_ milliseconds: inout Double, _ body: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock.now
    defer { milliseconds = (ContinuousClock.now - start) / .milliseconds(1) }
    return try body()
}

func pass(over host: Host, _ rules: Rules) throws -> (stages: Stages, settings: [Assessed]) {
    var stages = Stages()
    var problems = Problems()
    let ledger = Ledger()
    let inventory = try timed(&stages.inventory) { try takeInventory(of: host) }
    let wanted = timed(&stages.desire) { desire(rules, on: inventory, ledger: ledger, problems: &problems) }
    let settings = timed(&stages.assess) {
        assess(
            wanted.settings, allowing: wanted.allowed(for:), on: host, kernel: inventory.kernelRelease, ledger: ledger)
    }
    return (stages, settings)
}

extension [Double] {
    func quantile(_ share: Double) -> Double { sorted()[Int(share * Double(count - 1) + 0.5)] }
}

/// The most that this process ever had in memory, in MiB. `getrusage(2)`
func peak() -> Double {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return Double(usage.ru_maxrss) / 1024
}

/// With as many blanks before it as it takes.
func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count)) + text
}

func fixed(_ number: Double, _ digits: Int = 1) -> String {
    let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
    let rounded = Int((number * Double(scale)).rounded())
    let fraction = String(rounded % scale)
    return "\(rounded / scale).\(String(repeating: "0", count: digits - fraction.utf8.count))\(fraction)"
}

func measure(passes: Int, folders: [String], drifted: Bool) throws {
    let rules = try rules(of: configuration(drifted: drifted))
    let hosts = folders.map { fixtureHost(at: $0) }
    var stages = [[Stages]](repeating: [], count: hosts.count)
    var counts = [Int](repeating: 0, count: hosts.count)
    for _ in 0..<passes {
        for (index, host) in hosts.enumerated() {
            let (taken, settings) = try pass(over: host, rules)
            let asExpected = settings.filter { $0.outcome.state == .inSync }.count
            guard asExpected == settings.count - (drifted ? settings.count / 5 : 0) else {
                throw KernelError("measure", folders[index], message: "\(asExpected) of \(settings.count) are in sync")
            }
            stages[index].append(taken)
            counts[index] = settings.count
        }
    }
    for (taken, count) in zip(stages, counts) {
        func median(_ path: KeyPath<Stages, Double>) -> Double { taken.map { $0[keyPath: path] }.quantile(0.5) }
        let assessments = taken.map(\.assessment)
        print(
            right("\(count)", 6), right(fixed(median(\.inventory)), 9), right(fixed(median(\.desire)), 9),
            right(fixed(median(\.assess)), 9), right(fixed(assessments.quantile(0.5)), 9),
            right("\(fixed(assessments.quantile(0.1)))-\(fixed(assessments.quantile(0.9)))", 14),
            right(fixed(assessments.quantile(0.5) * 1000 / Double(count)), 9), right(fixed(peak()), 7))
    }
}

let arguments = CommandLine.arguments.dropFirst()
let isDrifted = arguments.first == "drifted"
let words = Array(arguments.dropFirst(isDrifted ? 1 : 0))
if words.count == 3, words[0] == "write", let disks = Int(words[1]) {
    try SyntheticTree.write(disks: disks, into: words[2])
} else if words.count >= 2, let passes = Int(words[0]), passes > 0 {
    try measure(passes: passes, folders: Array(words[1...]), drifted: isDrifted)
} else {
    print("usage: assessment-benchmark write DISKS FOLDER, or assessment-benchmark [drifted] PASSES FOLDER...")
    exit(64)
}
