import HostModel

/// Counts the cores with at least one CPU online: each CPU names the threads it shares its core with.
///
/// Numbers of cores are unique only within a package, a die or a cluster, depending on the machine; lists of threads
/// are unique everywhere. A machine that does not tell (no `topology` folder) counts each CPU online as a core.
/// Reads `/sys/devices/system/cpu/cpu*/topology/thread_siblings_list`
func physicalCores(_ attributes: Attributes) throws(KernelError) -> Int {
    let folder = "/sys/devices/system/cpu"
    var counted: Set<Int> = []
    var cores = 0
    for cpu in try numbers(attributes.required("\(folder)/online"), in: "\(folder)/online") where !counted.contains(cpu)
    {
        let path = "\(folder)/cpu\(cpu)/topology/thread_siblings_list"
        if let siblings = try attributes.text(path) { counted.formUnion(try numbers(siblings, in: path)) }
        cores += 1
    }
    return cores
}

/// The numbers of `0-3,8`.
private func numbers(_ list: String, in path: String) throws(KernelError) -> [Int] {
    var numbers: [Int] = []
    for part in list.split(separator: ",") {
        let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, 0 <= first, first <= last,
            last < 1 << 16
        else { throw KernelError("read", path, got: list, message: "is no list of CPUs") }
        numbers += first...last
    }
    return numbers
}
