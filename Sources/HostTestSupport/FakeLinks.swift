package import HostModel

package final class FakeLinks: Links {
    package init() {}
    package func links() throws(KernelError) -> [Link] { [] }
    package func link(_ index: UInt32) throws(KernelError) -> Link? { nil }
    package func rings(of index: UInt32) throws(KernelError) -> Rings { [:] }
    package func channels(of index: UInt32) throws(KernelError) -> Channels { [:] }
    package func setRings(_ values: [RingParameter: UInt32], of index: UInt32) throws(KernelError) {}
    package func setChannels(_ values: [ChannelParameter: UInt32], of index: UInt32) throws(KernelError) {}
    package func setMTU(_ mtu: UInt32, of index: UInt32) throws(KernelError) {}
}
