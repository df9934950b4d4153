import CLinux
import Glibc
import HostModel

/// What ethtool could do before it had netlink (5.6). It names a link by its name only, so that is asked for right
/// before, and it is checked after that it is still that link's. SIOCETHTOOL of `linux/ethtool.h`
struct EthtoolIoctl: ~Copyable {
    private let socket: Descriptor

    /// Any socket does, and the daemon's unit lets it have one of these.
    init() throws(KernelError) {
        socket = try Descriptor("socket", "ethtool") {
            Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        }
    }

    func rings(of index: UInt32) throws(KernelError) -> Rings { Self.rings(try ringRecord("get", of: index)) }

    func channels(of index: UInt32) throws(KernelError) -> Channels {
        Self.channels(try channelRecord("get", of: index))
    }

    /// Nothing is written that is there already: some drivers drop the link all the same.
    func setRings(_ values: [RingParameter: UInt32], of index: UInt32) throws(KernelError) {
        var record = try ringRecord("set", of: index)
        let before = Self.rings(record).mapValues(\.current)
        guard values.contains(where: { before[$0.key] != $0.value }) else { return }
        record.cmd = UInt32(ETHTOOL_SRINGPARAM)
        record.rx_pending = values[.rx] ?? record.rx_pending
        record.rx_mini_pending = values[.rxMini] ?? record.rx_mini_pending
        record.rx_jumbo_pending = values[.rxJumbo] ?? record.rx_jumbo_pending
        record.tx_pending = values[.tx] ?? record.tx_pending
        try perform(&record, "set rings of", index)
    }

    func setChannels(_ values: [ChannelParameter: UInt32], of index: UInt32) throws(KernelError) {
        var record = try channelRecord("set", of: index)
        let before = Self.channels(record).mapValues(\.current)
        guard values.contains(where: { before[$0.key] != $0.value }) else { return }
        record.cmd = UInt32(ETHTOOL_SCHANNELS)
        record.rx_count = values[.rx] ?? record.rx_count
        record.tx_count = values[.tx] ?? record.tx_count
        record.other_count = values[.other] ?? record.other_count
        record.combined_count = values[.combined] ?? record.combined_count
        try perform(&record, "set channels of", index)
    }

    func driver(of index: UInt32) throws(KernelError) -> LinkDriver {
        var record = ethtool_drvinfo()
        record.cmd = UInt32(ETHTOOL_GDRVINFO)
        try perform(&record, "get driver of", index)
        func text(_ field: some BitwiseCopyable) -> String {
            withUnsafeBytes(of: field) { AttributeReader.text(Array($0)[...]) }
        }
        return LinkDriver(
            driver: text(record.driver), version: text(record.version), firmwareVersion: text(record.fw_version))
    }

    /// What it is called now. SIOCGIFNAME of `netdevice(7)`
    func name(of index: UInt32) throws(KernelError) -> String {
        let request = try request("get name of", index)
        return withUnsafeBytes(of: request.ifr_ifrn) { AttributeReader.text(Array($0.prefix(Int(IF_NAMESIZE)))[...]) }
    }

    /// With the link's name in it.
    private func request(_ operation: String, _ index: UInt32) throws(KernelError) -> ifreq {
        let number = socket.number
        var request = ifreq()
        request.ifr_ifru.ifru_ivalue = Int32(bitPattern: index)
        _ = try call(operation, "link \(index)") { ioctl(number, UInt(SIOCGIFNAME), &request) }
        return request
    }

    /// As read for a purpose, which errors name.
    private func ringRecord(_ verb: String, of index: UInt32) throws(KernelError) -> ethtool_ringparam {
        var record = ethtool_ringparam()
        record.cmd = UInt32(ETHTOOL_GRINGPARAM)
        try perform(&record, "\(verb) rings of", index)
        return record
    }

    private func channelRecord(_ verb: String, of index: UInt32) throws(KernelError) -> ethtool_channels {
        var record = ethtool_channels()
        record.cmd = UInt32(ETHTOOL_GCHANNELS)
        try perform(&record, "\(verb) channels of", index)
        return record
    }

    private func perform<Record: BitwiseCopyable>(
        _ record: inout Record, _ operation: String, _ index: UInt32
    ) throws(KernelError) {
        let (number, subject) = (socket.number, "link \(index)")
        var request = try self.request(operation, index)
        var again = request
        let outcome = withUnsafeMutablePointer(to: &record) { record in
            Result { () throws(KernelError) in
                request.ifr_ifru.ifru_data = UnsafeMutableRawPointer(record).assumingMemoryBound(to: CChar.self)
                _ = try call(operation, subject) { ioctl(number, UInt(SIOCETHTOOL), &request) }
            }
        }
        let isSame =
            ioctl(number, UInt(SIOCGIFINDEX), &again) == 0 && again.ifr_ifru.ifru_ivalue == Int32(bitPattern: index)
        try outcome.get()
        guard isSame else {
            throw KernelError(
                operation, subject, errno: .again, message: "renamed meanwhile: another may have been meant")
        }
    }

    private static func rings(_ record: ethtool_ringparam) -> Rings {
        [
            .rx: LinkAmount(current: record.rx_pending, maximum: record.rx_max_pending),
            .rxMini: LinkAmount(current: record.rx_mini_pending, maximum: record.rx_mini_max_pending),
            .rxJumbo: LinkAmount(current: record.rx_jumbo_pending, maximum: record.rx_jumbo_max_pending),
            .tx: LinkAmount(current: record.tx_pending, maximum: record.tx_max_pending),
        ].filter { $0.value.maximum > 0 }
    }

    private static func channels(_ record: ethtool_channels) -> Channels {
        [
            .rx: LinkAmount(current: record.rx_count, maximum: record.max_rx),
            .tx: LinkAmount(current: record.tx_count, maximum: record.max_tx),
            .other: LinkAmount(current: record.other_count, maximum: record.max_other),
            .combined: LinkAmount(current: record.combined_count, maximum: record.max_combined),
        ].filter { $0.value.maximum > 0 }
    }
}
