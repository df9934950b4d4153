import CLinux
package import HostModel

/// Something of the kernel that tells of changes by a descriptor.
package protocol EventSource: AnyObject {
    /// Belongs to the source, and never blocks.
    var descriptor: Int32 { get }
    /// What of `epoll_ctl(2)` means that there is something to drain.
    var interest: UInt32 { get }
    /// What has changed since the last time, each once. Takes enough off the descriptor that it does not ask again for
    /// the same; an error ends the source.
    func drain() throws(KernelError) -> [HostEvent]
}

extension EventSource {
    package var interest: UInt32 { EPOLLIN.rawValue }
}
