import FoundationEssentials
package import HostModel
import Synchronization

/// A kernel in memory: a tree of files that answer writes as the real ones do, and the disks in it.
///
/// A new one is a small idle host without disks. Folders are implied by what is in them.
package final class FakeKernel: Files, Devices {
    private let tree = Mutex(Tree())

    package init() { furnish() }

    /// Nothing but this.
    package init(_ archive: CaptureArchive) { load(archive) }

    package func host(
        userID: UInt32 = 0, files: (any Files)? = nil, links: any Links = FakeLinks(),
        bus: any MessageBus = FakeBus()
    ) -> Host {
        Host(
            files: files ?? self, devices: self, links: links, bus: bus, userID: userID, pageSize: 4096,
            now: { Date(timeIntervalSince1970: 1_795_000_000) })
    }

    // MARK: Behind the scenes, unseen by `writes`

    /// Sets a file as if it had always been so, or as another process would; the kernel's newline is added.
    package func set(_ path: String, _ text: String, _ behaviour: Behaviour? = nil) {
        tree.withLock { $0.put(path, .file(Array("\(text)\n".utf8), behaviour ?? $0.behaviour(at: path))) }
    }

    package func set(_ path: String, bytes: [UInt8]) { tree.withLock { $0.put(path, .file(bytes, .plain)) } }

    package func behave(_ path: String, _ behaviour: Behaviour) {
        tree.withLock { tree in
            guard case .file(let held, _)? = tree.node(path) else { return }
            tree.put(path, .file(held, behaviour))
        }
    }

    package func own(_ path: String, by owner: FileOwner) {
        tree.withLock { $0.owners[$0.canonical(path)] = owner }
    }

    package func link(_ path: String, to target: String) { tree.withLock { $0.put(path, .link(target)) } }
    package func folder(_ path: String) { tree.withLock { $0.put(path, .folder) } }
    package func node(_ path: String, number: String) { tree.withLock { $0.put(path, .blockDevice(number)) } }
    /// Takes away a file or a whole folder, as an unplugged disk does.
    package func vanish(_ path: String) { tree.withLock { $0.delete(path) } }

    /// What a reader would see, without the newline; nil where there is no such file or it can't be read.
    package func text(_ path: String) -> String? {
        guard let bytes = try? read(path) else { return nil }
        return String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
    }

    /// All attempts to write to kernel files, in order, also those refused.
    package var writes: [Write] { tree.withLock { $0.writes } }
    package func forgetWrites() { tree.withLock { $0.writes = [] } }

    package struct Write: Hashable, Sendable, CustomStringConvertible {
        package let path: String
        package let value: String
        package init(_ path: String, _ value: String) { (self.path, self.value) = (path, value) }
        package var description: String { "\(path) = \(value)" }
    }

    func nextIndex() -> Int {
        tree.withLock { tree in
            defer { tree.plugged += 1 }
            return tree.plugged
        }
    }
    func elevate(_ folder: String, to scheduler: String) { tree.withLock { $0.elevate(folder, to: scheduler) } }
    func number(_ folder: String, inode: Int) { tree.withLock { $0.inodes[folder] = UInt64(inode) } }
    func register(_ device: Device) { tree.withLock { $0.devices[device.name] = device } }
    func unregister(_ name: String) -> Device? { tree.withLock { $0.devices.removeValue(forKey: name) } }

    // MARK: Files

    package func read(_ path: String) throws(KernelError) -> [UInt8] {
        try tree.withLock { tree throws(KernelError) in
            guard case .file(let held, let behaviour) = try tree.present(path, "open") else {
                throw KernelError("read", path, errno: Errno(rawValue: 21))
            }
            switch behaviour {
            case .unreadable(let errno): throw KernelError("read", path, errno: errno)
            case .scheduler(let offered, _): return render(offered, held: held)
            default: return held
            }
        }
    }

    package func write(_ value: String, to path: String) throws(KernelError) {
        try tree.withLock { tree throws(KernelError) in
            tree.writes.append(Write(path, value))
            do throws(KernelError) {
                guard case .file(let held, let behaviour) = try tree.present(path, "open") else {
                    throw KernelError("open", path, errno: Errno(rawValue: 21))
                }
                try tree.store(value, over: held, behaviour, at: path)
            } catch {
                var error = error
                error.wanted = value
                throw error
            }
        }
    }

    package func list(_ folder: String) throws(KernelError) -> [String] {
        try tree.withLock { tree throws(KernelError) in
            guard case .folder = try tree.present(folder, "open") else {
                throw KernelError("open", folder, errno: .notDirectory)
            }
            return tree.names(in: folder)
        }
    }

    package func resolve(_ path: String) throws(KernelError) -> String {
        try tree.withLock { tree throws(KernelError) in
            _ = try tree.present(path, "resolve")
            return tree.canonical(path)
        }
    }

    package func status(_ path: String) throws(KernelError) -> FileStatus {
        try tree.withLock { tree throws(KernelError) in
            switch try tree.present(path, "stat") {
            case .blockDevice(let number):
                return FileStatus(kind: .blockDevice, permissions: 0o660, device: "0:6", represents: number)
            case .folder:
                return FileStatus(
                    kind: .folder, permissions: 0o755, device: "0:22", inode: tree.inodes[tree.canonical(path)] ?? 0)
            default:
                let owner = tree.owners[tree.canonical(path)] ?? FileOwner(user: 0, group: 0)
                return FileStatus(
                    kind: .file, permissions: tree.permissions(path), device: "0:22", user: owner.user,
                    group: owner.group)
            }
        }
    }

    package func replace(
        _ path: String, with contents: [UInt8], permissions: UInt32, owner: FileOwner?
    ) throws(KernelError) {
        try tree.withLock { tree throws(KernelError) in
            _ = try tree.present(parent(path), "open")
            tree.put(path, .file(contents, .plain), permissions: permissions)
            tree.owners[tree.canonical(path)] = owner
        }
    }

    package func remove(_ path: String) throws(KernelError) { vanish(path) }

    package func createFolder(_ path: String, permissions: UInt32) throws(KernelError) {
        tree.withLock { if $0.node(path) == nil { $0.put(path, .folder) } }
    }

    package func lock(_ folder: String) throws(KernelError) -> HeldLock {
        let isFree = try tree.withLock { tree throws(KernelError) in
            _ = try tree.present(folder, "open")
            return tree.locks.insert(folder).inserted
        }
        guard isFree else {
            throw KernelError("lock", folder, errno: .again, message: "held by process 4121 (ais-hostd)")
        }
        return HeldLock { [self] in tree.withLock { _ = $0.locks.remove(folder) } }
    }

    package func disks() throws(KernelError) -> [Device] {
        tree.withLock { $0.devices.values.sorted { $0.name < $1.name } }
    }
}

func parent(_ path: String) -> String {
    let end = path.lastIndex(of: "/") ?? path.startIndex
    return end == path.startIndex ? "/" : String(path[..<end])
}

private func render(_ offered: [String], held: [UInt8]) -> [UInt8] {
    let held = String(decoding: held.dropLast(), as: UTF8.self)
    return Array((offered.map { $0 == held ? "[\($0)]" : $0 }.joined(separator: " ") + "\n").utf8)
}
