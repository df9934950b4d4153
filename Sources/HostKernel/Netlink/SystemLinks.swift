import CLinux
import Glibc
package import HostModel
import Synchronization

/// The links of the network namespace of the calling thread.
///
/// Each call has a socket of its own, 11 of the 19 µs that reading the rings takes: a driver that hangs holds nobody
/// else's, and a thread asks the network that it is in. All of 1,001 links take 14 ms.
package final class SystemLinks: Links {
    /// How rings and channels are reached.
    package enum Way: Sendable {
        /// Netlink, and ioctl where the kernel has no netlink for it (before 5.6).
        case automatic
        case netlink, ioctl
    }

    package typealias Open = @Sendable (_ bus: Int32) throws(KernelError) -> any NetlinkTransport

    private let way: Way
    private let files: any Files
    private let open: Open
    /// What is not there will not come: neither changes between two boots.
    private let known = Mutex(Known.unasked)

    private enum Known { case unasked, missing, family(GenericFamily) }

    /// `files` is where sysfs is, and `open` makes what carries the questions: tests have others.
    package init(
        way: Way = .automatic, files: any Files = SystemFiles(),
        open: @escaping Open = { bus throws(KernelError) in try NetlinkSocket(bus: bus) }
    ) {
        self.way = way
        self.files = files
        self.open = open
    }

    package func links() throws(KernelError) -> [Link] {
        try describe(route(LinkMessage.list, "list", "links")).sorted { $0.index < $1.index }
    }

    package func link(_ index: UInt32) throws(KernelError) -> Link? {
        do throws(KernelError) {
            return try describe(route(LinkMessage.get(index), "get", "link \(index)")).first
        } catch let error where error.errno == .noDevice {
            return nil
        }
    }

    package func rings(of index: UInt32) throws(KernelError) -> Rings {
        try get(.rings, index) { (ioctl) throws(KernelError) in try ioctl.rings(of: index) }
    }

    package func channels(of index: UInt32) throws(KernelError) -> Channels {
        try get(.channels, index) { (ioctl) throws(KernelError) in try ioctl.channels(of: index) }
    }

    package func answer(to question: EthtoolQuestion, of index: UInt32) throws(KernelError) -> [UInt8] {
        try naming(index) { () throws(KernelError) in
            let (operation, subject) = ("get \(question) of", "link \(index)")
            guard let family = try family() else { throw KernelError(operation, subject, errno: .notSupported) }
            var client = NetlinkClient(try open(NETLINK_GENERIC))
            guard let answer = try client.ask(question.request(family, index), operation, subject).first else {
                throw KernelError(operation, subject, message: "the kernel has nothing to say")
            }
            return try understood(operation, subject) { () throws(Malformed) in try question.attributes(answer) }
        }
    }

    package func driver(of index: UInt32) throws(KernelError) -> LinkDriver { try EthtoolIoctl().driver(of: index) }

    package func setRings(_ values: [RingParameter: UInt32], of index: UInt32) throws(KernelError) {
        try set(.rings, values, index) { (ioctl) throws(KernelError) in try ioctl.setRings(values, of: index) }
    }

    package func setChannels(_ values: [ChannelParameter: UInt32], of index: UInt32) throws(KernelError) {
        try set(.channels, values, index) { (ioctl) throws(KernelError) in try ioctl.setChannels(values, of: index) }
    }

    package func setMTU(_ mtu: UInt32, of index: UInt32) throws(KernelError) {
        try naming(index, wanted: "\(mtu)") { () throws(KernelError) in
            _ = try route(LinkMessage.set(index, mtu: mtu), "set mtu of", "link \(index)")
        }
    }

    /// Looks every 50 ms: the work waits here and nothing else does.
    package func awaitCarrier(of index: UInt32, seconds: Double) throws(KernelError) -> Bool {
        let end = monotonicNow() + .seconds(seconds)
        while true {
            if try link(index)?.carries == true { return true }
            if monotonicNow() >= end { return false }
            var pause = timespec(.milliseconds(50))
            nanosleep(&pause, nil)
        }
    }

    // MARK: Ethtool

    private func get<Parameter>(
        _ command: EthtoolCommand<Parameter>, _ index: UInt32,
        otherwise ioctl: (borrowing EthtoolIoctl) throws(KernelError) -> [Parameter: LinkAmount]
    ) throws(KernelError) -> [Parameter: LinkAmount] {
        try naming(index) { () throws(KernelError) in
            guard let family = try family() else { return try ioctl(EthtoolIoctl()) }
            let (operation, subject) = ("get \(command.name) of", "link \(index)")
            var client = NetlinkClient(try open(NETLINK_GENERIC))
            guard let answer = try client.ask(command.getRequest(family, index), operation, subject).first else {
                throw KernelError(operation, subject, message: "the kernel has nothing to say")
            }
            return try understood(operation, subject) { () throws(Malformed) in try command.values(answer, of: index) }
        }
    }

    private func set<Parameter>(
        _ command: EthtoolCommand<Parameter>, _ values: [Parameter: UInt32], _ index: UInt32,
        otherwise ioctl: (borrowing EthtoolIoctl) throws(KernelError) -> Void
    ) throws(KernelError) {
        let words = Parameter.allCases.compactMap { name in values[name].map { "\(name.rawValue) \($0)" } }
        try naming(index, wanted: words.joined(separator: " ")) { () throws(KernelError) in
            guard let family = try family() else { return try ioctl(EthtoolIoctl()) }
            var client = NetlinkClient(try open(NETLINK_GENERIC))
            _ = try client.ask(
                command.setRequest(family, index, values), "set \(command.name) of", "link \(index)")
        }
    }

    /// Nil where ioctl it is.
    private func family() throws(KernelError) -> GenericFamily? {
        if way == .ioctl { return nil }
        switch known.withLock({ $0 }) {
        case .family(let family): return family
        case .missing: return nil
        case .unasked: break
        }
        do throws(KernelError) {
            let family = try GenericFamily.find(ETHTOOL_GENL_NAME, open(NETLINK_GENERIC))
            known.withLock { $0 = .family(family) }
            return family
        } catch let error where error.errno == .noEntry && way == .automatic {
            known.withLock { $0 = .missing }
            return nil
        }
    }

    // MARK: Rtnetlink

    private func route(
        _ request: NetlinkRequest, _ operation: String, _ subject: String
    ) throws(KernelError) -> [LinkMessage] {
        var client = NetlinkClient(try open(NETLINK_ROUTE))
        let answers = try client.ask(request, operation, subject)
        return try understood(operation, subject) { () throws(Malformed) in
            var messages: [LinkMessage] = []
            for answer in answers { messages.append(try LinkMessage(answer)) }
            return messages
        }
    }

    private func describe(_ messages: [LinkMessage]) throws(KernelError) -> [Link] {
        var links: [Link] = []
        for message in messages {
            var link = message.link
            if message.mayBeHardware {
                try LinkHardware(files: files).describe(&link)
                // Representors and some paravirtual devices have no driver of their own in sysfs.
                if link.devicePath != nil, link.driver == nil {
                    let driver = try present { () throws(KernelError) in try self.driver(of: link.index).driver }
                    link.driver = driver?.isEmpty == false ? driver : nil
                }
            }
            links.append(link)
        }
        return links
    }

    /// Looks up what people call the link, once something is to be said about it.
    private func naming<Value>(
        _ index: UInt32, wanted: String? = nil, _ body: () throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        do throws(KernelError) {
            return try body()
        } catch {
            var error = error
            error.wanted = wanted
            if error.subject == "link \(index)", let name = try? EthtoolIoctl().name(of: index) {
                error.subject = "link \(name)"
            }
            throw error
        }
    }
}
