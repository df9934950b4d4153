/// The network links of this host, in the network namespace of the calling thread.
///
/// A link is named by its index and never by its name, which may be another's by now. Errors are about `link NAME`, with
/// the kernel's own words where it has some; a link that is not there is ENODEV, and what its driver does not have is
/// EOPNOTSUPP, both `Errno.isAbsence`.
package protocol Links: Sendable {
    /// All of them, by index. RTM_GETLINK of `rtnetlink(7)`
    func links() throws(KernelError) -> [Link]
    /// Nil where there is none.
    func link(_ index: UInt32) throws(KernelError) -> Link?
    /// ETHTOOL_MSG_RINGS_GET
    func rings(of index: UInt32) throws(KernelError) -> Rings
    /// ETHTOOL_MSG_CHANNELS_GET
    func channels(of index: UInt32) throws(KernelError) -> Channels
    /// What ethtool's netlink answers: the attributes as the kernel sent them, but for those that say which link it is. For
    /// captures: there may be more in them than this program knows of. EOPNOTSUPP also where the kernel has no netlink for
    /// it.
    func answer(to question: EthtoolQuestion, of index: UInt32) throws(KernelError) -> [UInt8]
    /// ETHTOOL_GDRVINFO
    func driver(of index: UInt32) throws(KernelError) -> LinkDriver
    /// Sets these and leaves the others, in one change: most drivers drop the link for each. What the driver made of them
    /// is to be read afterwards: some round. ETHTOOL_MSG_RINGS_SET
    func setRings(_ values: [RingParameter: UInt32], of index: UInt32) throws(KernelError)
    /// Sets these and leaves the others, in one change. ETHTOOL_MSG_CHANNELS_SET
    func setChannels(_ values: [ChannelParameter: UInt32], of index: UInt32) throws(KernelError)
    /// Bytes. IFLA_MTU of RTM_SETLINK
    func setMTU(_ mtu: UInt32, of index: UInt32) throws(KernelError)
    /// Waits until the link carries again after a write that dropped it, also in the eyes of its bond. False where it has
    /// not, after so many seconds.
    func awaitCarrier(of index: UInt32, seconds: Double) throws(KernelError) -> Bool
}

/// What a capture asks of ethtool's netlink, in ethtool's words. Neither `wol`, which may answer with a password, nor `rss`,
/// which does with a key, nor a module's memory, which has its serial.
package enum EthtoolQuestion: String, CaseIterable, Sendable {
    case rings, channels, coalesce, pause, linkmodes, linkstate, fec, privflags
}
