import Glibc
import HostKernel
import HostModel
import Synchronization
import Testing

@Suite struct UnixListenerTests {
    let scratch: Scratch
    let files = SystemFiles()

    init() throws { scratch = try Scratch() }

    private var path: String { "\(scratch.path)/run/api.sock" }

    @Test("the folder is made, the socket has owner and permissions whatever the umask, and nothing is beside it")
    func opens() throws {
        let name = try #require(groupName(of: getegid()))
        let listener = try openUnixListener(path, group: name)
        defer { close(listener.descriptor) }
        #expect(listener.hasGroup)
        #expect(try files.status(path).permissions == 0o660)
        #expect(try files.status("\(scratch.path)/run").permissions == 0o755)
        #expect(try files.list("\(scratch.path)/run") == ["api.sock"])
        #expect(fcntl(listener.descriptor, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(listener.descriptor, F_GETFL) & O_NONBLOCK != 0)
        close(try #require(connected(to: path)))
    }

    @Test("it belongs to the group that is asked", .enabled(if: geteuid() == 0, "only root gives files away"))
    func group() throws {
        let name = try #require(groupName(of: 1))
        close(try openUnixListener(path, group: name, permissions: 0o640).descriptor)
        var record = stat()
        #expect(lstat(path, &record) == 0)
        #expect(record.st_gid == 1 && record.st_uid == 0 && record.st_mode & 0o7777 == 0o640)
    }

    @Test("without the group, or with none asked, it is its owner's alone", arguments: ["no-such-group", "", nil])
    func missingGroup(group: String?) throws {
        let listener = try openUnixListener(path, group: group)
        defer { close(listener.descriptor) }
        #expect(!listener.hasGroup)
        #expect(try files.status(path).permissions == 0o600)
    }

    @Test("what a dead daemon left is replaced, a half-made one too")
    func stale() throws {
        stop(try openUnixListener(path, group: nil))
        #expect(connected(to: path) == nil)
        try files.replace("\(path).new", with: [1], permissions: 0o666)
        let listener = try openUnixListener(path, group: nil)
        defer { close(listener.descriptor) }
        let client = connected(to: path)
        #expect(client != nil)
        client.map { _ = close($0) }
        #expect(try files.list("\(scratch.path)/run") == ["api.sock"])
    }

    @Test("one that answers is left alone", arguments: [false, true])
    func live(isBusy: Bool) throws {
        let listener = try openUnixListener(path, group: nil)
        defer { close(listener.descriptor) }
        // Its queue is full: it is alive all the same.
        if isBusy { #expect(listen(listener.descriptor, 0) == 0) }
        let clients = isBusy ? (0..<3).compactMap { _ in connected(to: path) } : []
        defer { for client in clients { close(client) } }
        let error = #expect(throws: KernelError.self) { try openUnixListener(path, group: nil) }
        #expect(error?.description == "listen \(path): another ais-hostd answers there (EADDRINUSE)")
        #expect(try files.list("\(scratch.path)/run") == ["api.sock"])
    }

    @Test("what is no socket is somebody's", arguments: ["file", "folder", "link", "dangling"])
    func foreign(kind: String) throws {
        try files.createFolder("\(scratch.path)/run", permissions: 0o755)
        let other = "\(scratch.path)/other"
        switch kind {
        case "file": try files.replace(path, with: [1], permissions: 0o600)
        case "folder": try files.createFolder(path, permissions: 0o700)
        case "link":
            close(try openUnixListener(other, group: nil).descriptor)
            symlink(other, path)
        default: symlink(other, path)
        }
        let error = #expect(throws: KernelError.self) { try openUnixListener(path, group: nil) }
        #expect(error?.description == "listen \(path): something is there that is no socket (EEXIST)")
        if kind == "dangling" { #expect(access(other, F_OK) != 0) }
    }

    @Test("a path that does not fit is an error, and nothing is made", arguments: [120, 104])
    func tooLong(length: Int) throws {
        try files.createFolder("\(scratch.path)/run", permissions: 0o755)
        let name = String(repeating: "x", count: length - "\(scratch.path)/run/".utf8.count)
        let error = #expect(throws: KernelError.self) {
            try openUnixListener("\(scratch.path)/run/\(name)", group: nil)
        }
        #expect(error?.errno == .invalid)
        #expect(try files.list("\(scratch.path)/run").isEmpty)
    }

    @Test("root listens in no folder where others may write", .enabled(if: geteuid() == 0, "it matters to root alone"))
    func foreignFolder() throws {
        try files.createFolder("\(scratch.path)/run", permissions: 0o1777)
        let error = #expect(throws: KernelError.self) { try openUnixListener(path, group: nil) }
        #expect(error?.message?.hasPrefix("others than root may write in ") == true)
    }

    @Test("at no moment may more than asked, or another group, connect", .enabled(if: geteuid() == 0, "takes a group"))
    func neverWider() throws {
        let (path, over, seen) = (path, Flag(), Inbox<Set<[UInt32]>>())
        try startThread(named: "watcher") {
            var found: Set<[UInt32]> = []
            while !over.value.load(ordering: .relaxed) {
                for name in ["\(path).new", path] {
                    var (once, twice) = (stat(), stat())
                    guard lstat(name, &once) == 0, lstat(name, &twice) == 0 else { continue }
                    // The kernel reads the group before the mode: what changes meanwhile is never there like that.
                    let states = [once, twice].map { [$0.st_gid, $0.st_mode & 0o7777] }
                    if once.st_ino == twice.st_ino, states[0] == states[1] { found.insert(states[0]) }
                }
            }
            seen.send(found)
        }
        let name = try #require(groupName(of: 1))
        // What the umask lets through must not matter.
        let before = umask(0)
        for _ in 0..<300 { stop(try openUnixListener(path, group: name)) }
        umask(before)
        over.value.store(true, ordering: .relaxed)
        let found = seen.next()
        #expect(found.isSubset(of: [[0, 0o600], [1, 0o600], [1, 0o660]]))
        #expect(found.contains([1, 0o660]))
    }

    /// As its process ends: a child that another test is starting has the socket too, for a moment.
    private func stop(_ listener: UnixListener) {
        shutdown(listener.descriptor, Int32(SHUT_RDWR))
        close(listener.descriptor)
    }

    private func groupName(of id: gid_t) -> String? { getgrgid(id).map { String(cString: $0.pointee.gr_name) } }
}

private final class Flag: Sendable {
    let value = Atomic(false)
}

/// The descriptor of a connection, which does not block; nil where nobody answers.
func connected(to path: String) -> Int32? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let client = socket(AF_UNIX, 1 | O_NONBLOCK | O_CLOEXEC, 0)
    let result = withUnsafePointer(to: &address) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(client, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    if result == 0 { return client }
    close(client)
    return nil
}
