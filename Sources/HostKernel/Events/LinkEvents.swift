import CLinux
import Glibc
package import HostModel

/// Network links that come, go or change, of the network namespace in which this was made.
package final class LinkEvents: EventSource {
    private let socket: OpaquePointer
    private let isNews: @Sendable (NetlinkMessage) -> Bool
    private var buffer = [UInt8](repeating: 0, count: 32768)

    private init(
        _ bus: Int32, group: UInt32, isNews: @escaping @Sendable (NetlinkMessage) -> Bool
    ) throws(KernelError) {
        // From here on it is closed by the end of this object.
        socket = try call(
            "socket", "netlink",
            pointer: { mnl_socket_open2(bus, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)) })
        self.isNews = isNews
        var group = group
        _ = try call("bind", "netlink") { mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) }
        _ = try call("join", "netlink") {
            mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, socklen_t(MemoryLayout<UInt32>.size))
        }
    }

    deinit { mnl_socket_close(socket) }

    /// What a link is and its MTU; not what a bridge tells of its ports, in a family of its own. RTNLGRP_LINK of
    /// `rtnetlink(7)`
    package static func rtnetlink() throws(KernelError) -> LinkEvents {
        try LinkEvents(NETLINK_ROUTE, group: RTNLGRP_LINK.rawValue) { message in
            [RTM_NEWLINK, RTM_DELLINK].contains(message.type)
                && message.payload.load(ifinfomsg.self)?.ifi_family == UInt8(AF_UNSPEC)
        }
    }

    /// Rings, channels, features and all else that ethtool changes, by netlink or by ioctl; not the MTU. The group
    /// `monitor` of the kernel's `ethtool` family
    ///
    /// ENOENT where the kernel has no netlink for ethtool: the slow pass finds it all then.
    package static func ethtool() throws(KernelError) -> LinkEvents {
        let family = try GenericFamily.find(ETHTOOL_GENL_NAME, NetlinkSocket(bus: NETLINK_GENERIC))
        guard let group = family.groups[ETHTOOL_MCGRP_MONITOR_NAME] else {
            throw KernelError("find", "netlink group monitor of ethtool", errno: .noEntry)
        }
        return try LinkEvents(NETLINK_GENERIC, group: group) { $0.type == family.id }
    }

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
                if messages.contains(where: isNews) { isStale = true }
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
