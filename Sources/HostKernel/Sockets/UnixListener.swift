import CLinux
import Glibc
package import HostModel

/// A local socket that is listened on.
package struct UnixListener: Hashable, Sendable {
    /// The caller's to close. Does not block.
    package var descriptor: Int32
    /// False where there is no such group: it is root's alone then.
    package var hasGroup: Bool
}

/// Listens on a socket at `path`, in place of what another left there; never where another still answers.
///
/// Nobody can connect before its owner and permissions are those asked. Where the group is not known here, or none is
/// asked, only the owner may. The folder is made where it is missing. `unix(7)`
package func openUnixListener(
    _ path: String, group: String?, permissions: UInt32 = 0o660
) throws(KernelError) -> UnixListener {
    try prepareFolder(of: path)
    try refuseUnlessStale(path)
    let groupID = try group.flatMap { name throws(KernelError) in try identifier(ofGroup: name) }
    // One name is enough: who may write the folder holds the lock, too.
    let new = "\(path).new"
    var address = try socketAddress(new)
    let socket = try newSocket(new)
    do throws(KernelError) {
        try SystemFiles().remove(new)
        // The file gets the permissions of the socket, less the umask: never more than these.
        _ = try call("chmod", new) { fchmod(socket, 0o600) }
        _ = try call("bind", new) { withAddress(&address) { bind(socket, $0, $1) } }
        do throws(KernelError) {
            if let groupID { _ = try call("chown", new) { lchown(new, geteuid(), groupID) } }
            _ = try call("chmod", new) { chmod(new, groupID == nil ? permissions & 0o700 : permissions) }
            _ = try call("listen", new) { listen(socket, SOMAXCONN) }
            _ = try call("rename", path) { rename(new, path) }
        } catch {
            unlink(new)
            throw error
        }
    } catch {
        close(socket)
        throw error
    }
    return UnixListener(descriptor: socket, hasGroup: groupID != nil)
}

private func prepareFolder(of path: String) throws(KernelError) {
    let end = path.lastIndex(of: "/") ?? path.startIndex
    let folder = end == path.startIndex ? "/" : String(path[..<end])
    try SystemFiles().createFolder(folder, permissions: 0o755)
    let isSafe = try Descriptor(opening: folder, O_RDONLY | O_DIRECTORY).isRootsAlone()
    guard isSafe || geteuid() != 0 else {
        throw KernelError(
            "listen", path, message: "others than root may write in \(folder), expected a folder of root's own")
    }
}

/// A socket that nobody answers on may go; all else is somebody's.
private func refuseUnlessStale(_ path: String) throws(KernelError) {
    var record = stat()
    do throws(KernelError) {
        _ = try call("stat", path) { lstat(path, &record) }
    } catch let error where error.errno == .noEntry {
        return
    }
    guard record.st_mode & S_IFMT == S_IFSOCK else {
        throw KernelError("listen", path, errno: .exists, message: "something is there that is no socket")
    }
    var address = try socketAddress(path)
    let socket = try newSocket(path)
    defer { close(socket) }
    do throws(KernelError) {
        _ = try call("connect", path) { withAddress(&address) { connect(socket, $0, $1) } }
    } catch let error where error.errno == .connectionRefused || error.errno == .noEntry {
        return
    } catch let error where error.errno == .again {
        // Somebody listens, and has more to do than the queue holds.
    }
    throw KernelError("listen", path, errno: .addressInUse, message: "another ais-hostd answers there")
}

private func newSocket(_ path: String) throws(KernelError) -> Int32 {
    let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    return try call("socket", path) { socket(AF_UNIX, Int32(kind), 0) }
}

private func socketAddress(_ path: String) throws(KernelError) -> sockaddr_un {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
        // The kernel looks for a NUL at the end.
        guard bytes.count < room.count, !bytes.contains(0) else { return false }
        room.copyBytes(from: bytes)
        return true
    }
    guard fits else { throw KernelError("bind", path, errno: .invalid, message: "a path of 1 to 107 bytes is asked") }
    return address
}

private func withAddress(
    _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    return withUnsafePointer(to: &address) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
    }
}

/// nil where `/etc/group` has no group of that name. Not by getgrnam(3), which may load modules that ask servers over a
/// network that is not up yet: the group of a package is in the file.
private func identifier(ofGroup name: String) throws(KernelError) -> gid_t? {
    let text = String(decoding: try SystemFiles().read("/etc/group"), as: UTF8.self)
    for line in text.split(separator: "\n") {
        // NAME:PASSWORD:GID:MEMBERS
        let fields = line.split(separator: ":", omittingEmptySubsequences: false)
        if fields.count >= 3, fields[0] == name { return gid_t(fields[2]) }
    }
    return nil
}
