import CLinux
import Glibc
package import HostModel

/// What is mounted and unmounted: for the host, or for us alone where the host's table may not be opened.
/// `proc_pid_mountinfo(5)`
package final class MountEvents: EventSource {
    private let table: Descriptor

    /// A table is of the mounts that its process has: a unit may have others than the host.
    package init(paths: [String] = ["/proc/1/mountinfo", "/proc/self/mountinfo"]) throws(KernelError) {
        table = try Self.open(paths[...])
    }

    private static func open(_ paths: ArraySlice<String>) throws(KernelError) -> Descriptor {
        guard let path = paths.first else { throw KernelError("open", "mountinfo", errno: .noEntry) }
        do throws(KernelError) {
            return try Descriptor(opening: path, O_RDONLY)
        } catch let error {
            if paths.count == 1 { throw error }
            return try open(paths.dropFirst())
        }
    }

    package var descriptor: Int32 { table.number }

    /// Not EPOLLIN, as which the table is always ready.
    package var interest: UInt32 { EPOLLPRI.rawValue | EPOLLERR.rawValue }

    /// The kernel tells of a change once for each open table, to the `poll` that finds it: nothing is to be read.
    package func drain() -> [HostEvent] { [.mounts] }
}
