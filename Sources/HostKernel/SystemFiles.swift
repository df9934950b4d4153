import CLinux
import Glibc
package import HostModel

/// The files of this system, or of a tree that looks like one.
package struct SystemFiles: Files {
    /// Comes before every path. Links that name an absolute path leave the tree, so captured ones are relative.
    private let root: String

    package init(root: String = "") { self.root = root }

    package func read(_ path: String) throws(KernelError) -> [UInt8] {
        let file = try Descriptor(opening: located(path), O_RDONLY)
        var size = 4096
        var contents = try file.read(upTo: size)
        if Self.answersOnce(path) {
            // What did not fit is lost to later reads: ask for all of it again.
            while contents.count == size, size <= Self.limit {
                size = min(size * 8, Self.limit + 1)
                contents = try file.read(upTo: size, at: 0)
            }
        } else {
            while contents.count <= Self.limit {
                let more = try file.read(upTo: 16384)
                if more.isEmpty { break }
                contents += more
            }
        }
        guard contents.count <= Self.limit else {
            throw KernelError("read", file.path, errno: Errno(rawValue: EFBIG), message: "larger than 16 MiB")
        }
        return contents
    }

    package func write(_ value: String, to path: String) throws(KernelError) {
        do throws(KernelError) {
            let file = try Descriptor(opening: located(path), O_WRONLY)
            // No byte at all would never reach the kernel's parser, which takes an empty line for "nothing".
            let bytes = value.isEmpty ? [UInt8(ascii: "\n")] : Array(value.utf8)
            let taken = try file.write(bytes[...])
            guard taken == bytes.count else {
                throw KernelError("write", file.path, message: "only \(taken) of \(bytes.count) bytes were taken")
            }
        } catch {
            var error = error
            error.wanted = value
            throw error
        }
    }

    package func list(_ folder: String) throws(KernelError) -> [String] {
        let path = try located(folder)
        let stream = try call("open", path, pointer: { opendir(path) })
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            var entry: UnsafeMutablePointer<dirent>?
            _ = try call("read", path) {
                errno = 0
                entry = readdir(stream)
                return entry == nil && errno != 0 ? -1 : 0
            }
            guard let entry, let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { return names.sorted() }
            let name = String(cString: (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self))
            if name != ".", name != ".." { names.append(name) }
        }
    }

    package func resolve(_ path: String) throws(KernelError) -> String {
        let real = try realPath(located(path))
        guard !root.isEmpty else { return real }
        let realRoot = try realPath(root)
        guard real == realRoot || real.hasPrefix(realRoot + "/") else {
            throw KernelError("resolve", path, errno: .noEntry, message: "leads out of \(root)")
        }
        return real == realRoot ? "/" : String(real.dropFirst(realRoot.count))
    }

    package func status(_ path: String) throws(KernelError) -> FileStatus {
        let path = try located(path)
        var record = stat()
        _ = try call("stat", path) { stat(path, &record) }
        let kind: FileStatus.Kind =
            switch record.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFBLK: .blockDevice
            default: .other
            }
        let isNode = kind == .blockDevice || record.st_mode & S_IFMT == S_IFCHR
        return FileStatus(
            kind: kind, permissions: record.st_mode & 0o7777, device: deviceNumber(record.st_dev),
            represents: isNode ? deviceNumber(record.st_rdev) : nil, inode: UInt64(record.st_ino),
            user: record.st_uid, group: record.st_gid)
    }

    /// The path as the system knows it. A NUL would cut it short without a word.
    func located(_ path: String) throws(KernelError) -> String {
        guard !path.utf8.contains(0) else { throw KernelError("open", path, errno: .invalid) }
        return root.isEmpty ? path : root + path
    }

    /// Asks the kernel, which walks the path once. `realpath(3)` makes a call for each part, and those of sysfs have a
    /// dozen.
    private func realPath(_ path: String) throws(KernelError) -> String {
        try Descriptor(opening: path, clinux_O_PATH).realPath()
    }

    /// A node of Kubernetes has some hundred overlay mounts, of 4 kB in mountinfo each.
    private static let limit = 16 << 20

    /// Whether the first read is all that the kernel says: attributes of sysfs, and sysctls, which answer nothing at an
    /// offset.
    private static func answersOnce(_ path: String) -> Bool { path.hasPrefix("/sys/") || path.hasPrefix("/proc/sys/") }
}

/// As sysfs writes them: `8:0`.
func deviceNumber(_ device: dev_t) -> String { "\(clinux_major(device)):\(clinux_minor(device))" }
