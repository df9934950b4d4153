import HostConfiguration
import HostModel

/// A folder tree in memory. What is named in `errors` can't be read.
struct MemoryFiles: Files {
    var contents: [String: [UInt8]] = [:]
    var errors: [String: Errno] = [:]

    init(_ texts: [String: String] = [:], errors: [String: Errno] = [:]) {
        contents = texts.mapValues { Array($0.utf8) }
        self.errors = errors
    }

    func read(_ path: String) throws(KernelError) -> [UInt8] {
        if let errno = errors[path] { throw KernelError("read", path, errno: errno) }
        guard let bytes = contents[path] else { throw KernelError("open", path, errno: .noEntry) }
        return bytes
    }

    func list(_ folder: String) throws(KernelError) -> [String] {
        if let errno = errors[folder] { throw KernelError("open", folder, errno: errno) }
        let inside = contents.keys.filter { $0.hasPrefix(folder + "/") }.map { $0.dropFirst(folder.count + 1) }
        guard !inside.isEmpty else { throw KernelError("open", folder, errno: .noEntry) }
        return Set(inside.map { String($0.prefix { $0 != "/" }) }).sorted()
    }

    func write(_ value: String, to path: String) throws(KernelError) { throw refusal(path) }
    func resolve(_ path: String) throws(KernelError) -> String { throw refusal(path) }
    func status(_ path: String) throws(KernelError) -> FileStatus { throw refusal(path) }
    func replace(
        _ path: String, with contents: [UInt8], permissions: UInt32, owner: FileOwner?
    ) throws(KernelError) {
        throw refusal(path)
    }
    func remove(_ path: String) throws(KernelError) { throw refusal(path) }
    func createFolder(_ path: String, permissions: UInt32) throws(KernelError) { throw refusal(path) }
    func lock(_ folder: String) throws(KernelError) -> HeldLock { throw refusal(folder) }

    private func refusal(_ path: String) -> KernelError {
        KernelError("write", path, errno: .readOnly, message: "the configuration only reads")
    }
}

/// What loading gave: the configuration, and every problem as a person reads it.
struct Loaded {
    var configuration: Configuration?
    var problems: [String]
}

func load(
    _ files: MemoryFiles, _ source: ConfigurationSource = .standard
) -> Loaded {
    var problems = Problems()
    let configuration = loadConfiguration(
        source, domains: ["block", "sysctl"], plannedDomains: ["link", "cpu"], files: files, problems: &problems)
    return Loaded(configuration: problems.hasErrors ? nil : configuration, problems: problems.list.map(\.description))
}

/// Loads one file `f`, given after `--config`.
func load(_ text: String) -> Loaded { load(MemoryFiles(["f": text]), .files(["f"])) }

func parse(_ bytes: [UInt8]) -> (node: Node?, problems: [String]) {
    var problems = Problems()
    let node = parseYaml(bytes, file: "f", problems: &problems)
    return (node, problems.list.map(\.description))
}

func parse(_ text: String) -> (node: Node?, problems: [String]) { parse(Array(text.utf8)) }

/// The value of a key of a document that parses.
func value(_ key: String, of text: String) -> Node? {
    guard case .mapping(let entries) = parse(text).node?.content else { return nil }
    return entries.first { $0.name == key }?.value
}

extension Inventory {
    static func host(
        _ name: String = "cpu01", kernel: String = "6.1.0-56-amd64", model: String? = nil, gibibytes: Int128 = 256
    ) -> Self {
        Inventory(hostname: name, kernelRelease: kernel, model: model, memory: gibibytes << 30, physicalCores: 8)
    }
}
