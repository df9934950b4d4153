import HostConfiguration
import HostModel

/// netplan's definitions, merged as netplan merges them: files in the order of their names, whatever folder they are
/// in, a key of a later file in the place of the same key before. A file hides those of its name in the folders after
/// it: /run, /etc, /lib. (netplan(5) and netplan-generate(8) of 0.106)
struct Netplan {
    struct Definition {
        let section: String
        let id: String
        /// Where it is named first.
        let origin: Origin
        var setName: String?
        var match: (name: String?, macAddress: String?, drivers: [String])?
        /// In the order in which they are read.
        var mtus: [(value: String, origin: Origin)] = []
    }

    private(set) var definitions: [Definition] = []

    /// Throws all that is wrong in them, each with FILE:LINE:COLUMN: with files that netplan can't read, nobody can say
    /// what the next boot brings.
    init(in files: any Files) throws(KernelError) {
        var problems = Problems()
        for path in try Self.paths(in: files) {
            let bytes = try files.read(path)
            guard let root = parseYaml(bytes, file: path, problems: &problems) else { continue }
            for section in root["network"]?.mapping ?? [] where Self.sections.contains(section.name) {
                for entry in section.value.mapping { add(entry, in: section.name) }
            }
        }
        guard !problems.hasErrors else {
            throw KernelError(
                "read", "netplan's files", message: problems.list.map(\.description).joined(separator: "; "))
        }
    }

    private static let sections: Set = [
        "ethernets", "bonds", "bridges", "vlans", "wifis", "modems", "tunnels", "vrfs", "dummy-devices",
        "virtual-ethernets",
    ]

    private static func paths(in files: any Files) throws(KernelError) -> [String] {
        var paths: [String: String] = [:]
        for folder in ["/run/netplan", "/etc/netplan", "/usr/lib/netplan", "/lib/netplan"] {
            for name in try present({ () throws(KernelError) in try files.list(folder) }) ?? []
            where name.hasSuffix(".yaml") && !name.hasPrefix(".") && paths[name] == nil {
                paths[name] = "\(folder)/\(name)"
            }
        }
        return paths.sorted { $0.key < $1.key }.map(\.value)
    }

    private mutating func add(_ entry: Node.Entry, in section: String) {
        var index = definitions.firstIndex { $0.id == entry.name }
        if index == nil {
            definitions.append(Definition(section: section, id: entry.name, origin: entry.origin))
            index = definitions.count - 1
        }
        guard let index else { return }
        for item in entry.value.mapping {
            switch item.name {
            case "set-name": definitions[index].setName = item.value.scalar
            case "mtu":
                if let value = item.value.scalar { definitions[index].mtus.append((value, item.origin)) }
            case "match":
                var match = definitions[index].match ?? (nil, nil, [])
                for key in item.value.mapping {
                    switch key.name {
                    case "name": match.name = key.value.scalar
                    case "macaddress": match.macAddress = key.value.scalar
                    case "driver": match.drivers = key.value.scalars
                    default: break
                    }
                }
                definitions[index].match = match
            default: break
            }
        }
    }

    func definition(_ id: String) -> Definition? { definitions.first { $0.id == id } }

    /// Those that may be about a link.
    func definitions(of link: ManagedLink) -> [Definition] {
        definitions.filter { definition in
            if definition.setName == link.name { return true }
            guard let match = definition.match else { return definition.id == link.name }
            func matches(_ pattern: String, _ value: String?) -> Bool {
                value.map { value in (try? Glob(pattern))?.matches(value) ?? true } ?? true
            }
            // A name matches what the kernel called it; set-name may have changed that.
            if let name = match.name, definition.setName == nil, !matches(name, link.name) { return false }
            if let address = match.macAddress, let own = link.permanentMAC ?? link.macAddress,
                canonicalMAC(address) != canonicalMAC(own)
            {
                return false
            }
            return match.drivers.isEmpty || match.drivers.contains { matches($0, link.driver) }
        }
    }

    /// Before our drop-in always; after ours where NetworkManager gets it as the connection's own.
    static func mentions(of link: ManagedLink, owner: LinkOwner?, in files: any Files) -> [Mention] {
        guard let netplan = try? Netplan(in: files) else { return [] }
        var isLater = false
        if owner?.program == .netplan, case .connection? = owner?.place { isLater = true }
        return netplan.definitions(of: link).flatMap { definition in
            definition.mtus.map { Mention(origin: $0.origin, value: $0.value, isLater: isLater) }
        }
    }
}

extension Node {
    fileprivate var mapping: [Entry] {
        if case .mapping(let entries) = content { entries } else { [] }
    }

    fileprivate var scalar: String? {
        if case .scalar(let text, _) = content, !isNothing { text } else { nil }
    }

    /// One, or a list of them.
    fileprivate var scalars: [String] {
        if case .sequence(let items) = content { items.compactMap(\.scalar) } else { [scalar].compactMap { $0 } }
    }

    fileprivate subscript(_ key: String) -> Node? { mapping.first { $0.name == key }?.value }
}
