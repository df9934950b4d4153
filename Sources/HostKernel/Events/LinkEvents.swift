import CLinux
import Glibc
package import HostModel

/// Network links that come, go or change, of the network namespace in which this was made. RTNLGRP_LINK of
/// `rtnetlink(7)`
package final class LinkEvents: EventSource {
    private let socket: OpaquePointer
    private var buffer = [UInt8](repeating: 0, count: 32768)

    package init() throws(KernelError) {
        socket = try call(
            "socket", "netlink",
            pointer: {
                mnl_socket_open2(NETLINK_ROUTE, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
            })
        do throws(KernelError) {
            _ = try call("bind", "netlink") { mnl_socket_bind(socket, UInt32(RTMGRP_LINK), MNL_SOCKET_AUTOPID) }
        } catch {
            mnl_socket_close(socket)
            throw error
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
                if Self.concernsLinks(buffer[..<size]) { isStale = true }
            } catch let error where error.errno == .again {
                break
            } catch let error where [.noBuffers, .noSpace].contains(error.errno) {
                // Lost by the kernel (ENOBUFS), or longer than the buffer (ENOSPC).
                isStale = true
            }
        }
        return isStale ? [.links] : []
    }

    /// Whether any of these messages is about a link itself. A bridge tells of its ports' states in a family of its own.
    ///
    /// A message that is cut short ends it, as one whose length is not true: `mnl_nlmsg_ok`
    static func concernsLinks(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var message = bytes.baseAddress?.assumingMemoryBound(to: nlmsghdr.self)
            var rest = Int32(clamping: bytes.count)
            while let here = message, mnl_nlmsg_ok(here, rest) {
                let isLink = [RTM_NEWLINK, RTM_DELLINK].contains(Int(here.pointee.nlmsg_type))
                if isLink, mnl_nlmsg_get_payload_len(here) >= MemoryLayout<ifinfomsg>.size {
                    let family = mnl_nlmsg_get_payload(here).load(as: UInt8.self)
                    if Int32(family) == AF_UNSPEC { return true }
                }
                message = UnsafePointer(mnl_nlmsg_next(here, &rest))
            }
            return false
        }
    }
}
