import CLinux
import Glibc
package import HostModel

/// A socket for requests, of the network namespace in which it was made. Belongs to one thread. `netlink(7)`
package final class NetlinkSocket: NetlinkTransport {
    private let socket: OpaquePointer
    private var buffer = [UInt8](repeating: 0, count: 32768)

    /// `bus` is NETLINK_ROUTE or NETLINK_GENERIC.
    package init(bus: Int32) throws(KernelError) {
        let socket = try call("socket", "netlink", pointer: { mnl_socket_open2(bus, Int32(SOCK_CLOEXEC.rawValue)) })
        self.socket = socket
        _ = try call("bind", "netlink") { mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) }
        // Words for errors (4.12), without the request in each (4.3), and no attribute of ours ignored (4.20): older
        // kernels do without.
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK] {
            var isOn: Int32 = 1
            mnl_socket_setsockopt(socket, option, &isOn, socklen_t(MemoryLayout<Int32>.size))
        }
        // An answer is there when the request has been taken. This only keeps a kernel that gives none from holding us.
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        _ = try call("setsockopt", "netlink") {
            setsockopt(
                mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    deinit { mnl_socket_close(socket) }

    package var port: UInt32 { mnl_socket_get_portid(socket) }

    package func send(_ bytes: [UInt8]) throws(KernelError) {
        _ = try call("send", "netlink") { mnl_socket_sendto(socket, bytes, bytes.count) }
    }

    package func receive() throws(KernelError) -> [UInt8] {
        while true {
            let number = mnl_socket_get_fd(socket)
            // One link can have more names than fit any buffer that we would keep: ask how long it is.
            let size = try wait { recv(number, nil, 0, Int32(MSG_PEEK | MSG_TRUNC)) }
            if size > buffer.count { buffer = [UInt8](repeating: 0, count: size) }
            var sender = sockaddr_nl()
            let taken = try wait {
                var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
                return withUnsafeMutablePointer(to: &sender) { sender in
                    sender.withMemoryRebound(to: sockaddr.self, capacity: 1) { sender in
                        recvfrom(number, &buffer, buffer.count, Int32(MSG_TRUNC), sender, &length)
                    }
                }
            }
            guard taken <= buffer.count else {
                throw KernelError("recv", "netlink", message: "\(taken) bytes, where \(size) were announced")
            }
            // Root of another namespace of users can write to us as well.
            if sender.nl_pid == 0 { return Array(buffer[..<taken]) }
        }
    }

    private func wait(_ body: () -> Int) throws(KernelError) -> Int {
        do throws(KernelError) {
            return try call("recv", "netlink", body)
        } catch let error where error.errno == .again {
            throw KernelError("recv", "netlink", errno: .timedOut, message: "the kernel has not answered")
        }
    }
}
