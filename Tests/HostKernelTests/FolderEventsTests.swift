import Glibc
import HostKernel
import HostModel
import Testing

@Suite struct FolderEventsTests {
    let scratch: Scratch
    let files = SystemFiles()

    init() throws { scratch = try Scratch() }

    private var root: String { "\(scratch.path)/etc/ais-hostd" }

    @Test("whatever happens to a file below a folder is one event")
    func changes() throws {
        try files.createFolder("\(root)/profiles/ours", permissions: 0o755)
        let events = try FolderEvents(folders: [root])
        let file = "\(root)/profiles/ours/v1.yaml"
        #expect(try events.drain() == [])
        for change: () throws -> Void in [
            { try files.replace(file, with: [1], permissions: 0o644) },
            { write(file, "2") }, { chmod(file, 0o600) }, { rename(file, "\(file)~") }, { symlink("/x", file) },
            { unlink(file) }, { try files.remove("\(file)~") },
        ] {
            try change()
            #expect(try events.drain() == [.configuration])
            #expect(try events.drain() == [])
        }
    }

    @Test("reading is no event")
    func reading() throws {
        try files.createFolder(root, permissions: 0o755)
        try files.replace("\(root)/config.yaml", with: [1], permissions: 0o644)
        let events = try FolderEvents(folders: [root])
        _ = try files.read("\(root)/config.yaml")
        _ = try files.list(root)
        _ = try files.status("\(root)/config.yaml")
        #expect(try events.drain() == [])
    }

    @Test("a folder that is not there is awaited, level by level, and its neighbours are not told of")
    func awaited() throws {
        let events = try FolderEvents(folders: ["\(root)/config.d", "\(root)/profiles"])
        try files.createFolder("\(scratch.path)/other", permissions: 0o755)
        #expect(try events.drain() == [])
        try files.createFolder("\(scratch.path)/etc", permissions: 0o755)
        #expect(try events.drain() == [])
        try files.createFolder("\(scratch.path)/etc/other", permissions: 0o755)
        _ = try scratch.file("etc/passwd", "x")
        #expect(try events.drain() == [])
        try files.createFolder("\(root)/config.d", permissions: 0o755)
        #expect(try events.drain() == [.configuration])
        try files.replace("\(root)/config.d/x.yaml", with: [1], permissions: 0o644)
        #expect(try events.drain() == [.configuration])
        // The other one is still awaited, beside what is of no concern.
        try files.replace("\(root)/other", with: [1], permissions: 0o644)
        #expect(try events.drain() == [])
        try files.createFolder("\(root)/profiles", permissions: 0o755)
        #expect(try events.drain() == [.configuration])
    }

    @Test("a folder that is removed, moved away or replaced is told of, and its successor is watched")
    func successors() throws {
        try files.createFolder(root, permissions: 0o755)
        let events = try FolderEvents(folders: [root])
        rmdir(root)
        #expect(try events.drain() == [.configuration])
        try files.createFolder(root, permissions: 0o755)
        #expect(try events.drain() == [.configuration])
        rename(root, "\(root).old")
        #expect(try events.drain() == [.configuration])
        write("\(root).old/x", "y")
        #expect(try events.drain() == [])
        try files.createFolder("\(root).new", permissions: 0o755)
        write("\(root).new/x", "y")
        #expect(try events.drain() == [])
        rename("\(root).new", root)
        #expect(try events.drain() == [.configuration])
        write("\(root)/x", "z")
        #expect(try events.drain() == [.configuration])
    }

    @Test("a folder that is made with its files at once is not missed, however deep")
    func atOnce() throws {
        try files.createFolder(root, permissions: 0o755)
        let events = try FolderEvents(folders: [root])
        try files.createFolder("\(root)/profiles/ours", permissions: 0o755)
        #expect(try events.drain() == [.configuration])
        write("\(root)/profiles/ours/v1.yaml", "x")
        #expect(try events.drain() == [.configuration])
    }

    @Test("a listed folder may be a link; links below it are not followed, and those that lead nowhere are awaited")
    func links() throws {
        try files.createFolder("\(scratch.path)/real/below", permissions: 0o755)
        try files.createFolder("\(scratch.path)/etc", permissions: 0o755)
        symlink("../real", root)
        symlink("..", "\(scratch.path)/real/round")
        symlink("self", "\(scratch.path)/etc/self")
        let events = try FolderEvents(folders: [root, "\(scratch.path)/etc/self", "\(scratch.path)/etc/self/x"])
        write("\(scratch.path)/real/below/x", "y")
        #expect(try events.drain() == [.configuration])
        _ = try scratch.file("outside", "x")
        #expect(try events.drain() == [])
    }

    @Test("a file in the place of a folder is no error, and the folder is awaited")
    func fileInPlace() throws {
        try files.createFolder("\(scratch.path)/etc", permissions: 0o755)
        write(root, "x")
        let events = try FolderEvents(folders: [root, "\(root)/config.d"])
        unlink(root)
        try files.createFolder(root, permissions: 0o755)
        #expect(try events.drain() == [.configuration])
    }

    @Test("more events than the kernel keeps are still one, and a folder that came among the lost is watched")
    func overflow() throws {
        try files.createFolder(root, permissions: 0o755)
        for number in 0..<7 { write("\(root)/\(number)", "x") }
        let events = try FolderEvents(folders: [root])
        let limit = try String(decoding: files.read("/proc/sys/fs/inotify/max_queued_events").dropLast(), as: UTF8.self)
        for number in 0...(Int(limit) ?? 16384) { write("\(root)/\(number % 7)", "x") }
        try files.createFolder("\(root)/later", permissions: 0o755)
        var seen: [[HostEvent]] = []
        repeat { seen.append(try events.drain()) } while seen.last != []
        #expect(Set(seen) == [[.configuration], []])
        write("\(root)/later/x", "y")
        #expect(try events.drain() == [.configuration])
    }

    private func write(_ path: String, _ text: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        #expect(file >= 0 && Glibc.write(file, text, text.utf8.count) == text.utf8.count)
        close(file)
    }
}
