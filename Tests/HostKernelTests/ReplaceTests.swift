import CLinux
import Glibc
import HostKernel
import HostModel
import Testing

@Suite struct ReplaceTests {
    let files = SystemFiles()
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test("a replaced file has the new bytes, the permissions asked whatever the umask, and nothing beside it")
    func replaces() throws {
        let path = try scratch.file("ledger.json", "old")
        try files.replace(path, with: Array("new".utf8), permissions: 0o666)
        #expect(try files.read(path) == Array("new".utf8))
        #expect(try files.status(path).permissions == 0o666)
        #expect(try files.list(scratch.path) == ["ledger.json"])
    }

    @Test("readers see the old file or the new one, since it is another file")
    func isAnotherFile() throws {
        let path = try scratch.file("file", "old")
        let before = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(before) }
        try files.replace(path, with: Array("new".utf8), permissions: 0o644)
        var bytes = [UInt8](repeating: 0, count: 8)
        #expect(read(before, &bytes, 8) == 3)
        #expect(bytes.prefix(3) == Array("old".utf8)[...])
    }

    @Test("a link is replaced itself, and what it led to keeps its bytes")
    func replacesLink() throws {
        let other = try scratch.file("other", "theirs")
        symlink(other, "\(scratch.path)/link")
        try files.replace("\(scratch.path)/link", with: Array("ours".utf8), permissions: 0o644)
        #expect(try files.read(other) == Array("theirs".utf8))
        #expect(try files.read("\(scratch.path)/link") == Array("ours".utf8))
    }

    @Test("where the rename fails, the temporary file goes too")
    func cleansUp() throws {
        let path = "\(scratch.path)/folder"
        try files.createFolder("\(path)/full", permissions: 0o755)
        let error = #expect(throws: KernelError.self) { try files.replace(path, with: [1], permissions: 0o644) }
        #expect(error?.operation == "rename")
        #expect(try files.list(scratch.path) == ["folder"])
    }

    @Test("no folder, no name: an error and no file", arguments: ["/none/file", "/", "/folder/"])
    func needsFolder(path: String) throws {
        let tree = SystemFiles(root: scratch.path)
        #expect(throws: KernelError.self) { try tree.replace(path, with: [], permissions: 0o644) }
        #expect(try tree.list("/").isEmpty)
    }

    @Test("what a crash left of the same file goes, and nothing that others made")
    func sweeps() throws {
        let path = try scratch.file("ledger.json", "old")
        let others = [
            ".ledger.json.tmp", ".ledger.json.UP.tmp", ".ledger.json.a.b.tmp", ".ledger.json.0123456789abcd.tmp",
            ".other.json.1a2b.tmp", "ledger.json.1a2b.tmp", ".ledger.json.1a2b.tmp~",
        ]
        for name in others + [".ledger.json.1a2b.tmp", ".ledger.json.3w5e11264sgsf.tmp"] {
            _ = try scratch.file(name, "")
        }
        symlink(path, "\(scratch.path)/.ledger.json.link.tmp")
        try files.createFolder("\(scratch.path)/.ledger.json.folder.tmp", permissions: 0o755)
        try files.replace(path, with: Array("new".utf8), permissions: 0o644)
        let kept = others + ["ledger.json", ".ledger.json.link.tmp", ".ledger.json.folder.tmp"]
        #expect(try files.list(scratch.path) == kept.sorted())
    }

    @Test("with a file that is removed goes what a crash left of it")
    func sweepsWithRemoval() throws {
        for name in ["boot.conf", ".boot.conf.1a2b.tmp", ".other.conf.1a2b.tmp"] { _ = try scratch.file(name, "") }
        try files.remove("\(scratch.path)/boot.conf")
        #expect(try files.list(scratch.path) == [".other.conf.1a2b.tmp"])
    }

    @Test("on a full disk the old file keeps its bytes and no temporary file stays")
    func survivesFullDisk() throws {
        guard geteuid() == 0 else { return print("skipped: only root can mount a small disk") }
        let folder = scratch.path
        let found = onThrowAwayThread {
            // Mounted for this thread alone: the mount goes with it.
            guard clinux_unshare_mounts() == 0, mount("tmpfs", folder, "tmpfs", 0, "size=64k") == 0 else {
                return ["skipped: no mounts of its own here"]
            }
            let path = "\(folder)/ledger"
            do {
                try SystemFiles().replace(path, with: Array("old".utf8), permissions: 0o600)
                try SystemFiles().replace(path, with: [UInt8](repeating: 1, count: 1 << 20), permissions: 0o600)
                return ["no error"]
            } catch {
                let names = (try? SystemFiles().list(folder)) ?? []
                let text = (try? SystemFiles().read(path)).map { String(decoding: $0, as: UTF8.self) } ?? "gone"
                return ["\((error as? KernelError)?.errno?.description ?? "?")", text] + names
            }
        }
        #expect(found == ["ENOSPC", "old", "ledger"])
    }
}

@Suite struct LockTests {
    let files = SystemFiles()
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test("a second lock is refused with the name of the process that holds the first")
    func namesHolder() throws {
        let held = try files.lock(scratch.path)
        let error = #expect(throws: KernelError.self) { try files.lock(scratch.path) }
        #expect(error?.errno == .again)
        let command = try String(decoding: files.read("/proc/self/comm").dropLast(), as: UTF8.self)
        #expect(
            error?.description == "lock \(scratch.path): held by process \(getpid()) (\(command)) (EAGAIN)")
        withExtendedLifetime(held) {}
    }

    @Test("a lock ends with the last reference to it")
    func endsWithReference() throws {
        var held: HeldLock? = try files.lock(scratch.path)
        #expect(held != nil)
        held = nil
        #expect(throws: Never.self) { try files.lock(scratch.path) }
    }

    @Test("who may only read the folder can lock it and keeps nobody out")
    func readersDoNotCount() throws {
        let reader = open(scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(reader) }
        #expect(flock(reader, LOCK_EX | LOCK_NB) == 0)
        #expect(throws: Never.self) { try files.lock(scratch.path) }
    }

    @Test("the lock is on a file that its owner alone can open, and that stays")
    func ownFile() throws {
        for _ in 1...2 { _ = try files.lock(scratch.path) }
        #expect(try files.list(scratch.path) == ["lock"])
        #expect(try files.status("\(scratch.path)/lock").permissions == 0o600)
    }

    @Test("with the lock goes what a crash left of any file, and nothing that others made")
    func sweeps() throws {
        let others = ["..1a2b.tmp", ".1a2b.tmp", ".a.UP.tmp", "a.json.1a2b.tmp", "a.json"]
        for name in others + [".a.json.1a2b.tmp", ".b.3w5e11264sgsf.tmp"] { _ = try scratch.file(name, "") }
        let held = try files.lock(scratch.path)
        #expect(try files.list(scratch.path) == (others + ["lock"]).sorted())
        // Not while another writes there.
        _ = try scratch.file(".a.json.1a2b.tmp", "")
        #expect(throws: KernelError.self) { try files.lock(scratch.path) }
        #expect(try files.list(scratch.path).contains(".a.json.1a2b.tmp"))
        withExtendedLifetime(held) {}
    }

    @Test("a link in the place of the lock is not followed")
    func link() throws {
        symlink("\(scratch.path)/other", "\(scratch.path)/lock")
        let error = #expect(throws: KernelError.self) { try files.lock(scratch.path) }
        #expect(error?.errno == .tooManyLinks)
        #expect(try files.list(scratch.path) == ["lock"])
    }

    @Test("root takes no lock where others may write", arguments: [0o775, 0o757, 0o1777, nil] as [UInt32?])
    func refusesForeignFolder(permissions: UInt32?) throws {
        guard geteuid() == 0 else { return print("skipped: it matters to root alone") }
        #expect(chmod(scratch.path, permissions ?? 0o755) == 0)
        if permissions == nil { #expect(chown(scratch.path, 65534, 65534) == 0) }
        let error = #expect(throws: KernelError.self) { try files.lock(scratch.path) }
        let reason = "others than root may write there, expected a folder of root's own"
        #expect(error?.description == "lock \(scratch.path): \(reason)")
        #expect(try files.list(scratch.path).isEmpty)
    }

    @Test("a lock needs a folder")
    func needsFolder() throws {
        let file = try scratch.file("file", "")
        for path in [file, "\(scratch.path)/none"] {
            #expect(throws: KernelError.self) { try files.lock(path) }
        }
    }
}
