package import HostModel

/// What carries requests to the kernel: a socket, or a test that answers for it.
package protocol NetlinkTransport {
    /// Our address, which answers bear.
    var port: UInt32 { get }
    func send(_ bytes: [UInt8]) throws(KernelError)
    /// The next datagram that the kernel has sent, whole.
    func receive() throws(KernelError) -> [UInt8]
}
