import Glibc
import HostKernel
import HostModel
import Testing

@Suite struct SystemFilesTests {
    let files = SystemFiles()
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test("a sysctl reads as the kernel prints it")
    func readsSysctl() throws {
        var name = utsname()
        #expect(uname(&name) == 0)
        let release = withUnsafeBytes(of: name.release) { Array($0.prefix { $0 != 0 }) }
        #expect(try files.read("/proc/sys/kernel/osrelease") == release + [UInt8(ascii: "\n")])
    }

    @Test("a file longer than one read is whole", arguments: [0, 1, 4095, 4096, 4097, 20_480, 20_481, 1 << 20])
    func readsWhole(length: Int) throws {
        let contents = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try files.replace("\(scratch.path)/file", with: contents, permissions: 0o600)
        #expect(try files.read("\(scratch.path)/file") == contents)
    }

    @Test(
        "a kernel file that answers only the first read is asked anew where it does not fit", arguments: [4096, 9000])
    func readsAnew(length: Int) throws {
        let contents = [UInt8](repeating: UInt8(ascii: "1"), count: length)
        try files.createFolder("\(scratch.path)/proc/sys", permissions: 0o755)
        let tree = SystemFiles(root: scratch.path)
        try tree.replace("/proc/sys/ports", with: contents, permissions: 0o644)
        #expect(try tree.read("/proc/sys/ports") == contents)
    }

    @Test("more than 16 MiB is EFBIG", arguments: ["/file", "/sys/file"])
    func refusesHuge(path: String) throws {
        try files.createFolder("\(scratch.path)/sys", permissions: 0o755)
        let tree = SystemFiles(root: scratch.path)
        try tree.replace(path, with: [UInt8](repeating: 0, count: 16 << 20 + 1), permissions: 0o644)
        let error = #expect(throws: KernelError.self) { try tree.read(path) }
        #expect(error?.errno?.description == "EFBIG")
    }

    @Test("the mounts of this process, more than one page of them, end with a newline")
    func readsSequenceFile() throws {
        let mounts = try files.read("/proc/self/mountinfo")
        #expect(mounts.last == UInt8(ascii: "\n"))
        #expect(try files.read("/proc/self/maps").count > 4096)
    }

    @Test(
        "an error names the call, the path and the errno",
        arguments: [
            ("/nonexistent", "open /nonexistent (ENOENT)"), ("/proc", "read /proc (EISDIR)"),
            ("/etc/passwd/x", "open /etc/passwd/x (ENOTDIR)"), ("/etc\0/passwd", "open /etc\0/passwd (EINVAL)"),
        ])
    func namesErrors(path: String, text: String) {
        let error = #expect(throws: KernelError.self) { try files.read(path) }
        #expect(error?.description == text)
    }

    @Test("a value is written over what is there, and nothing is created or cut")
    func writes() throws {
        let path = try scratch.file("knob", "previous\n")
        try files.write("4096", to: path)
        #expect(try files.read(path) == Array("4096ious\n".utf8))
        let error = #expect(throws: KernelError.self) { try files.write("1", to: "\(scratch.path)/none") }
        #expect(error?.errno == .noEntry)
        #expect(error?.wanted == "1")
        #expect(try files.list(scratch.path) == ["knob"])
    }

    @Test("an empty value reaches the kernel as an empty line")
    func writesEmpty() throws {
        let path = try scratch.file("knob", "x")
        try files.write("", to: path)
        #expect(try files.read(path) == [UInt8(ascii: "\n")])
    }

    @Test("what the kernel refuses carries the wanted value")
    func carriesWanted() {
        let error = #expect(throws: KernelError.self) { try files.write("42", to: "/dev/full") }
        #expect(error?.description == "write /dev/full: wanted 42 (ENOSPC)")
    }

    @Test("a folder lists its names in order, without dots")
    func lists() throws {
        for name in ["b", ".hidden", "a"] { _ = try scratch.file(name, "") }
        #expect(try files.list(scratch.path) == [".hidden", "a", "b"])
        #expect(throws: KernelError.self) { try files.list("\(scratch.path)/none") }
    }

    @Test("a status tells kind, permissions and the numbers of devices")
    func tellsStatus() throws {
        let path = try scratch.file("file", "")
        #expect(try files.status(path).kind == .file)
        #expect(try files.status(path).permissions == 0o644)
        #expect(try files.status("/proc").kind == .folder)
        #expect(try files.status("/dev/null").represents == "1:3")
        #expect(try files.status("/dev/null").kind == .other)
        #expect(try files.status(path).represents == nil)
    }

    @Test("links resolve within a tree and never out of it")
    func resolves() throws {
        try files.createFolder("\(scratch.path)/real/disk", permissions: 0o755)
        symlink("real/disk", "\(scratch.path)/inside")
        symlink("/proc", "\(scratch.path)/outside")
        let tree = SystemFiles(root: scratch.path)
        #expect(try tree.resolve("/inside") == "/real/disk")
        #expect(try tree.resolve("/inside/../..") == "/")
        let error = #expect(throws: KernelError.self) { try tree.resolve("/outside") }
        #expect(error?.errno == .noEntry)
        #expect(try files.resolve("/proc/self") == "/proc/\(getpid())")
    }

    @Test("each missing folder is made, the last with the permissions asked, and a second time is no error")
    func makesFolders() throws {
        let path = "\(scratch.path)/a/b/c"
        try files.createFolder(path, permissions: 0o2770)
        try files.createFolder(path, permissions: 0o700)
        #expect(try files.status(path).permissions == 0o2770)
        #expect(try files.status("\(scratch.path)/a").permissions == 0o755)
        let file = try scratch.file("file", "")
        let error = #expect(throws: KernelError.self) { try files.createFolder(file, permissions: 0o755) }
        #expect(error?.errno == .notDirectory)
    }

    @Test("removing what is not there is no error")
    func removes() throws {
        let path = try scratch.file("file", "")
        try files.remove(path)
        try files.remove(path)
        try files.remove("\(scratch.path)/none/file")
        #expect(try files.list(scratch.path).isEmpty)
        try files.createFolder("\(scratch.path)/folder", permissions: 0o755)
        #expect(throws: KernelError.self) { try files.remove("\(scratch.path)/folder") }
    }
}
