import HostModel

/// The folder of cpufreq. Kernels without a driver for this machine have it too, with nothing in it.
let cpufreqFolder = "/sys/devices/system/cpu/cpufreq"

/// The cpufreq policies that are in use, by number.
///
/// A policy whose CPUs are all offline keeps its folder and is none: its files answer EBUSY since Linux 5.19
/// (d4627a287e25), and before that it affects no CPU. It comes back with the governor that it had.
///
/// One that does not tell what it is gets left out, with the error that says so.
func frequencyPolicies(
    of host: Host, previous: [FrequencyPolicy]?
) throws(KernelError) -> (policies: [FrequencyPolicy], problems: [KernelError]) {
    var policies: [(number: Int, policy: FrequencyPolicy)] = []
    var problems: [KernelError] = []
    for name in try Attributes(files: host.files).names(cpufreqFolder) where name.hasPrefix("policy") {
        guard let number = Int(name.dropFirst("policy".count)) else { continue }
        let path = "\(cpufreqFolder)/\(name)"
        do throws(KernelError) {
            let folder = Target(name: name, identity: "", path: path)
            let found = try host.perform(on: folder) { host throws(KernelError) in
                try policy(name, at: path, Attributes(files: host.files))
            }
            if let found { policies.append((number, found)) }
        } catch {
            if error.errno == .timedOut, let known = previous?.first(where: { $0.name == name }) {
                policies.append((number, known))
            } else if !error.isAbsence, error.errno != .busy {
                problems.append(error)
            }
        }
    }
    return (policies.sorted { $0.number < $1.number }.map(\.policy), problems)
}

/// The policy in a folder, nil where none of its CPUs is online.
///
/// It is known by the lowest of its CPUs, online or not: its number is that of the CPU which came first. That it is the
/// same still, the number of its folder in sysfs tells: another driver (`intel_pstate/status`) makes all anew.
private func policy(_ name: String, at path: String, _ attributes: Attributes) throws(KernelError) -> FrequencyPolicy? {
    guard try attributes.text("\(path)/affected_cpus") != nil else { return nil }
    let related = try attributes.required("\(path)/related_cpus")
    let cpus = related.split(separator: " ").compactMap { Int($0) }
    guard let lowest = cpus.min() else {
        throw KernelError("read", "\(path)/related_cpus", got: related, message: "is no list of CPUs")
    }
    let target = Target(
        name: name, identity: "policy:\(lowest)", path: path,
        sequence: try sequence(ofPolicy: path, on: attributes.files))
    return FrequencyPolicy(target: target, driver: try attributes.text("\(path)/scaling_driver"))
}

func sequence(ofPolicy path: String, on files: any Files) throws(KernelError) -> String {
    "inode \(try files.status(path).inode)"
}

/// Whether the CPU says that a hypervisor is below it. Reads `/proc/cpuinfo`; only x86 tells.
func isGuest(_ attributes: Attributes) -> Bool? {
    guard let lines = try? attributes.lines("/proc/cpuinfo") else { return nil }
    return lines.first { $0.first == "flags" }?.contains("hypervisor") ?? false
}
