import HostModel

/// The files of a fake kernel. Paths are taken apart once, so that links work anywhere in them.
struct Tree {
    enum Node {
        case file([UInt8], FakeKernel.Behaviour)
        case link(String)
        case blockDevice(String)
        case folder
    }

    var writes: [FakeKernel.Write] = []
    var devices: [String: Device] = [:]
    /// How many disks there ever were.
    var plugged = 0
    /// Of folders that sysfs makes anew for each device.
    var inodes: [String: UInt64] = [:]
    /// What a driver keeps of a policy while its own `performance` overrides it.
    var preferences: [String: String] = [:]
    var locks: Set<String> = []
    private var nodes: [String: Node] = [:]
    private var children: [String: Set<String>] = ["/": []]
    private var modes: [String: UInt32] = [:]
    var owners: [String: FileOwner] = [:]
    /// Where paths lead, until a link changes: tests walk the same ones hundreds of times.
    private var walks = Walks()

    /// A tree is only used under its kernel's lock.
    private final class Walks: @unchecked Sendable { var ends: [String: String] = [:] }

    /// `realpath(3)`, also of what is not there; the last part is not followed where it is meant itself.
    func canonical(_ path: String, followingLast: Bool = true) -> String {
        guard followingLast else { return walked(path, followingLast: false) }
        if let known = walks.ends[path] { return known }
        let end = walked(path, followingLast: true)
        walks.ends[path] = end
        return end
    }

    private func walked(_ path: String, followingLast: Bool) -> String {
        var done = ""
        var rest = Array(path.split(separator: "/").map(String.init).reversed())
        var followed = 0
        while let part = rest.popLast() {
            if part == "." { continue }
            if part == ".." {
                done = String(done[..<(done.lastIndex(of: "/") ?? done.startIndex)])
                continue
            }
            let next = "\(done)/\(part)"
            guard case .link(let target)? = nodes[next], followingLast || !rest.isEmpty, followed < 40 else {
                done = next
                continue
            }
            followed += 1
            if target.hasPrefix("/") { done = "" }
            rest += target.split(separator: "/").map(String.init).reversed()
        }
        return done.isEmpty ? "/" : done
    }

    func node(_ path: String) -> Node? {
        let path = canonical(path)
        return nodes[path] ?? (children[path] == nil ? nil : .folder)
    }

    func present(_ path: String, _ operation: String) throws(KernelError) -> Node {
        switch node(path) {
        case nil: throw KernelError(operation, path, errno: .noEntry)
        case .link: throw KernelError(operation, path, errno: canonical(path) == path ? .tooManyLinks : .noEntry)
        case let node?: return node
        }
    }

    func behaviour(at path: String) -> FakeKernel.Behaviour {
        if case .file(_, let behaviour)? = node(path) { behaviour } else { .plain }
    }

    func names(in folder: String) -> [String] { children[canonical(folder), default: []].sorted() }

    func permissions(_ path: String) -> UInt32 { modes[canonical(path), default: 0o644] }

    mutating func put(_ path: String, _ node: Node, permissions: UInt32? = nil) {
        let path = canonical(path, followingLast: false)
        if case .folder = node {
            children[path, default: []] = children[path, default: []]
        } else {
            nodes[path] = node
            if case .link = node { walks = Walks() }
        }
        if let permissions { modes[path] = permissions }
        var child = path
        while child != "/" {
            let folder = parent(child)
            let isNew = children[folder, default: []].insert(
                String(child.dropFirst(folder == "/" ? 1 : folder.count + 1))
            ).inserted
            if !isNew { break }
            child = folder
        }
    }

    mutating func delete(_ path: String) {
        let path = canonical(path, followingLast: false)
        if case .link? = nodes[path] { walks = Walks() }
        for name in children[path, default: []] { delete("\(path)/\(name)") }
        children[path] = nil
        nodes[path] = nil
        modes[path] = nil
        children[parent(path)]?.remove(String(path.split(separator: "/").last ?? ""))
    }
}
