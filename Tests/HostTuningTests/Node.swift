import FoundationEssentials
import HostConfiguration
import HostModel
import HostTestSupport

@testable import HostTuning

/// A fake host with a configuration in its files, and the commands as they run there.
struct Node {
    let kernel = FakeKernel()

    init(_ configuration: String? = nil) { if let configuration { configure(configuration) } }

    /// Replaces the main file; without a line for the version, since every file has the same.
    func configure(_ text: String, in file: String = "config.yaml") {
        kernel.set("/etc/ais-hostd/\(file)", "apiVersion: ais-hostd/v1\n\(text)")
    }

    func reconciler(through files: (any Files)? = nil) -> Reconciler {
        Reconciler(host: kernel.host(files: files), stateFolder: Self.state)
    }

    func check() throws -> Reconciler.Pass { try reconciler().check() }
    @discardableResult
    func apply() throws -> Reconciler.Pass { try reconciler().apply() }
    @discardableResult
    func revert() throws -> Reconciler.Pass { try reconciler().revert() }
    func ledger() throws -> Ledger { try LedgerFile(folder: Self.state).load(from: kernel) }

    static let state = "/var/lib/ais-hostd"
    static let ledgerFile = "\(state)/ledger.json"
    static let bootFile = SysctlDomain.persistentFile

    func sysctl(_ name: String) -> String? { kernel.text("/proc/sys/\(name.replacing(".", with: "/"))") }
    func policy(_ number: Int, _ attribute: CPUAttribute = .governor) -> String? {
        kernel.text("/sys/devices/system/cpu/cpufreq/policy\(number)/\(attribute.file)")
    }
    func queue(_ disk: String, _ attribute: String) -> String? {
        kernel.text("/sys/block/\(disk)/queue/\(attribute)").map { text in
            attribute == "scheduler" ? KernelText.choice(text).current : text
        }
    }

    /// What is below /proc/sys, in the queues of all disks and in cpufreq's policies, by the ledger's keys: what somebody could tune.
    func snapshot() throws -> [Ledger.Key: String] {
        var values: [Ledger.Key: String] = [:]
        func walk(_ folder: String, _ prefix: String, _ key: (String) -> Ledger.Key) throws {
            for name in try kernel.list(folder) {
                let path = "\(folder)/\(name)"
                if let text = kernel.text(path) {
                    values[key(prefix + name)] = text
                } else if try kernel.status(path).kind == .folder {
                    try walk(path, "\(prefix)\(name)/", key)
                }
            }
        }
        try walk("/proc/sys", "") {
            Ledger.Key(domain: "sysctl", identity: "sysctl", attribute: SysctlKey(path: $0).name)
        }
        for disk in try takeInventory(of: kernel.host()).disks {
            try walk("\(disk.target.path)/queue", "") {
                Ledger.Key(domain: "block", identity: disk.target.identity, attribute: $0)
            }
        }
        for policy in try takeInventory(of: kernel.host()).frequencyPolicies {
            for attribute in CPUAttribute.allCases {
                guard let text = kernel.text("\(policy.target.path)/\(attribute.file)") else { continue }
                let key = Ledger.Key(
                    domain: "cpu", identity: policy.target.identity, attribute: attribute.rawValue)
                values[key] = text
            }
        }
        return values
    }
}

extension Reconciler.Pass {
    /// `sysctl/vm.swappiness drifted`
    var states: [String] { settings.map { "\($0.setting.id) \($0.outcome.state)" } }

    subscript(_ id: String) -> Assessed? { settings.first { $0.setting.id.description == id } }

    func details(_ id: String) -> String { self[id]?.outcome.detail ?? "no \(id)" }
}

extension FakeKernel {
    var written: [String] { writes.map(\.description) }
}

// MARK: - Without a host

/// A node of YAML, as the configuration's reader gives it.
func yaml(_ text: String) -> (Node: HostConfiguration.Node?, problems: Problems) {
    var problems = Problems()
    return (parseYaml(Array(text.utf8), file: "f", problems: &problems), problems)
}

/// What a domain makes of a section, and what it says against it.
func rules(_ domain: any TuningDomain, _ section: String) -> (rules: [Rule], problems: [String]) {
    let kernel = FakeKernel()
    kernel.set("/f", "apiVersion: ais-hostd/v1\n\(domain.name): \(section)")
    var problems = Problems()
    let configuration = loadConfiguration(
        .files(["/f"]), domains: allDomains.map(\.name), plannedDomains: plannedDomains, files: kernel,
        problems: &problems)
    let rules = Rules(of: configuration, problems: &problems)
    return (rules.rules, problems.list.map(\.description))
}

extension Inventory {
    static func sample(
        memory: Int128 = 64 << 30, cores: Int = 16, kernel: String = "6.8.0", disks: [Disk] = []
    ) -> Inventory {
        Inventory(
            hostname: "node1", kernelRelease: kernel, memory: memory, physicalCores: cores, disks: disks)
    }
}
