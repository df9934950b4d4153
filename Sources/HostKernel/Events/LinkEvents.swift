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
    /// A message that is cut short ends it, as one whose length is not true. Not by `mnl_nlmsg_ok`, which takes a length
    /// beyond 2 GiB for a negative one and lets it pass: `mnl_nlmsg_next` then stays where it is for ever.
    private static func concernsLinks(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.withUnsafeBytes { bytes in
            let size = MemoryLayout<nlmsghdr>.size
            var offset = 0
            while bytes.count - offset >= size {
                let header = bytes.loadUnaligned(fromByteOffset: offset, as: nlmsghdr.self)
                let length = Int(header.nlmsg_len)
                guard length >= size, length <= bytes.count - offset else { return false }
                let isLink = [RTM_NEWLINK, RTM_DELLINK].contains(Int(header.nlmsg_type))
                // The first byte of its `ifinfomsg`.
                if isLink, length >= size + MemoryLayout<ifinfomsg>.size, bytes[offset + size] == AF_UNSPEC {
                    return true
                }
                offset += (length + 3) & ~3
            }
            return false
        }
    }
}
