import CLinux
package import HostModel

/// Who is at the other end of a local socket, as it was when they connected.
package struct Peer: Hashable, Sendable {
    package var userID: UInt32
    package var groupID: UInt32
    /// 0 for a process of another namespace; by now it may be another's.
    package var processID: Int32

    /// SO_PEERCRED of `unix(7)`
    package init(of socket: Int32) throws(KernelError) {
        var peer = clinux_peer()
        _ = try call("peer", "socket \(socket)") { clinux_peer(socket, &peer) }
        (userID, groupID, processID) = (peer.user, peer.group, peer.process)
    }
}
