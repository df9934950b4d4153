import CLinux
import Glibc
package import HostModel

/// Rings, channels, features and all else of links that ethtool changes, by netlink or by ioctl, of the network namespace
/// in which this was made; not the MTU. The group `monitor` of the kernel's `ethtool` family
package final class EthtoolEvents: EventSource {
    private let socket: OpaquePointer
    private let family: GenericFamily
    private var buffer = [UInt8](repeating: 0, count: 32768)

    /// ENOENT where the kernel has no netlink for ethtool: the slow pass finds it all then.
    package init() throws(KernelError) {
        family = try GenericFamily.find(ETHTOOL_GENL_NAME, NetlinkSocket(bus: NETLINK_GENERIC))
        guard var group = family.groups[ETHTOOL_MCGRP_MONITOR_NAME] else {
            throw KernelError("find", "netlink group monitor of ethtool", errno: .noEntry)
        }
        let socket = try call(
            "socket", "netlink",
            pointer: {
                mnl_socket_open2(NETLINK_GENERIC, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
            })
        // From here on it is closed by the end of this object.
        self.socket = socket
        _ = try call("bind", "netlink") { mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) }
        _ = try call("join", "netlink") {
            mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, socklen_t(MemoryLayout<UInt32>.size))
        }
    }

    deinit { mnl_socket_close(socket) }

    package var descriptor: Int32 { mnl_socket_get_fd(socket) }

    /// One event, whatever the number of links. What did not fit the kernel's queue was about links too.
    package func drain() throws(KernelError) -> [HostEvent] {
        var isStale = false
        // So many that a storm of them does not keep the loop: it asks again.
        for _ in 0..<64 {
            do throws(KernelError) {
                let size = try call("recv", "netlink") { mnl_socket_recvfrom(socket, &buffer, buffer.count) }
                // What is no message is nobody's news.
                let messages = (try? NetlinkMessage.split(buffer[..<size])) ?? []
                if messages.contains(where: { $0.type == family.id }) { isStale = true }
            } catch let error where error.errno == .again {
                break
            } catch let error where [.noBuffers, .noSpace].contains(error.errno) {
                // Lost by the kernel (ENOBUFS), or longer than the buffer (ENOSPC).
                isStale = true
            }
        }
        return isStale ? [.links] : []
    }
}
