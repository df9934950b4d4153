import HostModel

/// What a link must not be dropped for: the main routes, and the connections that go by them.
struct Routes {
    private struct Route {
        var link: String
        /// Its first `length` of `width` bits count.
        var network: UInt128
        var length: Int
        var width: Int

        func leads(to end: End) -> Bool {
            width == end.width && (length == 0 || (network ^ end.address) >> (width - length) == 0)
        }
    }

    /// One end of a connection.
    private struct End: Hashable {
        var address: UInt128
        var width: Int
    }

    private var routes: [Route] = []

    /// `/proc/net/route`, `/proc/net/ipv6_route`
    init(in files: any Files) throws(KernelError) {
        let attributes = Attributes(files: files)
        for fields in try attributes.lines("/proc/net/route").dropFirst() where fields.count > 7 {
            guard let network = Self.word(fields[1]), let mask = Self.word(fields[7]) else { continue }
            let length = mask.nonzeroBitCount
            routes.append(Route(link: fields[0], network: UInt128(network), length: length, width: 32))
        }
        let sixth = try present { () throws(KernelError) in try attributes.lines("/proc/net/ipv6_route") } ?? []
        for fields in sixth where fields.count > 9 && fields[9] != "lo" {
            guard let network = UInt128(fields[0], radix: 16), let length = Int(fields[1], radix: 16), length <= 128
            else { continue }
            routes.append(Route(link: fields[9], network: network, length: length, width: 128))
        }
    }

    var defaultLinks: Set<String> { Set(routes.filter { $0.length == 0 }.map(\.link)) }

    /// The links by which established TCP connections go: sessions, NFS, iSCSI, NBD. Both ends tell: to the other leads
    /// a route, and to ours that of the network in which it is, where the other's is in a table of its own.
    ///
    /// `/proc/net/tcp`, `/proc/net/tcp6`: long on a busy host, so it is asked for only where a link may be dropped.
    func linksOfConnections(in files: any Files) throws(KernelError) -> Set<String> {
        var ends: Set<End> = []
        let sixth = try present { () throws(KernelError) in try files.read("/proc/net/tcp6") } ?? []
        for bytes in [try files.read("/proc/net/tcp"), sixth] {
            for line in bytes.split(separator: UInt8(ascii: "\n")).dropFirst() {
                let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 4)
                // TCP_ESTABLISHED
                guard fields.count > 3, fields[3].elementsEqual("01".utf8) else { continue }
                for field in fields[1...2] { if let end = Self.end(field) { ends.insert(end) } }
            }
        }
        var links: Set<String> = []
        for end in ends {
            let leading = routes.filter { $0.leads(to: end) }
            let longest = leading.map(\.length).max()
            links.formUnion(leading.filter { $0.length == longest }.map(\.link))
        }
        return links
    }

    /// `0100007F:0016`: 127.0.0.1. Words of 32 bits, each in the order of the host; an address of IPv4 may be one of IPv6.
    private static func end(_ field: ArraySlice<UInt8>) -> End? {
        let digits = Array(field.prefix { $0 != UInt8(ascii: ":") })
        var address: UInt128 = 0
        for start in stride(from: 0, to: digits.count, by: 8) {
            guard let word = word(String(decoding: digits[start...].prefix(8), as: UTF8.self)) else { return nil }
            address = address << 32 | UInt128(word)
        }
        let isFourth = digits.count == 8 || address >> 32 == 0xFFFF
        return End(address: isFourth ? address & 0xFFFF_FFFF : address, width: isFourth ? 32 : 128)
    }

    private static func word(_ text: String) -> UInt32? { UInt32(text, radix: 16).map { UInt32(bigEndian: $0) } }
}
