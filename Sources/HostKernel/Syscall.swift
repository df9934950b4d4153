import Glibc
import HostModel

/// The one place that retries what a signal interrupted and that reads `errno`, on the line after the call.
///
/// The call answers nil for failure.
func call<Result>(_ operation: String, _ subject: String, pointer body: () -> Result?) throws(KernelError) -> Result {
    while true {
        if let result = body() { return result }
        let number = errno
        guard number == EINTR else { throw KernelError(operation, subject, errno: Errno(rawValue: number)) }
    }
}

/// The same for the calls that answer -1 for failure.
func call<Result: SignedInteger>(
    _ operation: String, _ subject: String, _ body: () -> Result
) throws(KernelError) -> Result {
    try call(
        operation, subject,
        pointer: {
            let result = body()
            return result == -1 ? nil : result
        })
}

/// Nil where the thing is not there; every other failure is one.
func present<Value>(_ body: () throws(KernelError) -> Value) throws(KernelError) -> Value? {
    do throws(KernelError) {
        return try body()
    } catch let error where error.errno?.isAbsence == true {
        return nil
    }
}

/// An open file, closed at the end of its life.
struct Descriptor: ~Copyable {
    /// For calls that have no method here. It is closed with this value.
    let number: Int32
    /// What errors name.
    let path: String

    /// `open(2)`, always with `O_CLOEXEC`
    init(opening path: String, _ flags: Int32) throws(KernelError) {
        number = try call("open", path) { open(path, flags | O_CLOEXEC) }
        self.path = path
    }

    /// Takes what a call made that is not `open(2)`: `epoll`, `signalfd`, a socket.
    init(_ operation: String, _ subject: String, _ body: () -> Int32) throws(KernelError) {
        number = try call(operation, subject, body)
        path = subject
    }

    /// Creates a file in a folder, where none of that name may be. `openat(2)` with `O_EXCL`
    init(creating name: String, in folder: borrowing Descriptor) throws(KernelError) {
        let (parent, path) = (folder.number, "\(folder.path)/\(name)")
        number = try call("create", path) { openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        self.path = path
    }

    /// Opens a file in a folder, and creates it for its owner alone where there is none; never through a link.
    init(keeping name: String, in folder: borrowing Descriptor) throws(KernelError) {
        let (parent, path) = (folder.number, "\(folder.path)/\(name)")
        number = try call("open", path) { openat(parent, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600) }
        self.path = path
    }

    deinit { close(number) }

    /// One `read(2)`, or `pread(2)` where an offset is given; empty at the end of the file.
    func read(upTo count: Int, at offset: Int? = nil) throws(KernelError) -> [UInt8] {
        // The closure of the standard library would erase the type of a thrown error.
        let outcome = withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { buffer in
            Result { () throws(KernelError) -> [UInt8] in
                let taken = try call("read", path) {
                    if let offset {
                        pread(number, buffer.baseAddress, count, offset)
                    } else {
                        Glibc.read(number, buffer.baseAddress, count)
                    }
                }
                return Array(buffer[..<taken])
            }
        }
        return try outcome.get()
    }

    /// One `write(2)`; answers how many bytes were taken.
    func write(_ bytes: ArraySlice<UInt8>) throws(KernelError) -> Int {
        try call("write", path) { bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) } }
    }

    /// `fsync(2)`
    func sync() throws(KernelError) { _ = try call("fsync", path) { fsync(number) } }

    /// `fchmod(2)`
    func setPermissions(_ permissions: UInt32) throws(KernelError) {
        _ = try call("chmod", path) { fchmod(number, permissions) }
    }

    /// `fchown(2)`
    func setOwner(_ owner: FileOwner) throws(KernelError) {
        _ = try call("chown", path) { fchown(number, owner.user, owner.group) }
    }

    /// Takes the exclusive lock without waiting. `flock(2)`
    func lock() throws(KernelError) { _ = try call("lock", path) { flock(number, LOCK_EX | LOCK_NB) } }

    /// The number of the file, and of what it lies on.
    func identity() throws(KernelError) -> (inode: UInt64, device: dev_t) {
        let record = try status()
        return (UInt64(record.st_ino), record.st_dev)
    }

    /// Whether it is root's and nobody else may write it.
    func isRootsAlone() throws(KernelError) -> Bool {
        let record = try status()
        return record.st_uid == 0 && record.st_mode & (S_IWGRP | S_IWOTH) == 0
    }

    /// Whether a file of this folder is a regular one and ours; a link is neither. `fstatat(2)`
    func holdsOwnFile(_ name: String) throws(KernelError) -> Bool {
        var record = stat()
        _ = try call("stat", "\(path)/\(name)") { fstatat(number, name, &record, AT_SYMLINK_NOFOLLOW) }
        return record.st_mode & S_IFMT == S_IFREG && record.st_uid == geteuid()
    }

    /// `fstat(2)`
    private func status() throws(KernelError) -> stat {
        var record = stat()
        _ = try call("stat", path) { fstat(number, &record) }
        return record
    }

    /// The path as the kernel knows it, without links. `readlink(2)` of `/proc/self/fd`
    func realPath() throws(KernelError) -> String {
        let link = "/proc/self/fd/\(number)"
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try call("resolve", path) { readlink(link, &target, target.count) }
        return String(decoding: target[..<count], as: UTF8.self)
    }

    /// Renames within this folder. `renameat(2)`
    func rename(_ name: String, to other: String) throws(KernelError) {
        _ = try call("rename", "\(path)/\(other)") { renameat(number, name, number, other) }
    }

    /// Removes a file of this folder. `unlinkat(2)`
    func unlink(_ name: String) throws(KernelError) {
        _ = try call("unlink", "\(path)/\(name)") { unlinkat(number, name, 0) }
    }
}
