import CLinux
import FoundationEssentials
import Glibc
import HostKernel
import HostModel
import Testing

/// SplitMix64: the same mutations in every run.
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Frames of a real kernel, which each name the command that recorded them.
private enum Frame: String, CaseIterable {
    case rings = "rings-virtio"
    case channels = "channels-veth"
    case error = "error-channels"
    case family = "family-ethtool"
    case newLink = "newlink-veth"

    var bytes: [UInt8] {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        guard let text = try? SystemFiles().read("\(path)/Golden/netlink/\(rawValue).hex") else { return [] }
        let lines = text.split(separator: UInt8(ascii: "\n")).map { $0.prefix { $0 != UInt8(ascii: "#") } }
        return lines.flatMap { $0.split(separator: UInt8(ascii: " ")) }
            .compactMap { UInt8(String(decoding: $0, as: UTF8.self), radix: 16) }
    }

    var message: NetlinkMessage {
        get throws { try #require(try NetlinkMessage.split(bytes[...]).first) }
    }
}

@Suite("What the kernel answers, byte by byte") struct NetlinkTests {
    @Test("the rings of a virtio link")
    func rings() throws {
        let amount = LinkAmount(current: 256, maximum: 256)
        #expect(try EthtoolCommand.rings.values(Frame.rings.message, of: 4) == [.rx: amount, .tx: amount])
        #expect(throws: Malformed.self) { try EthtoolCommand.rings.values(Frame.rings.message, of: 5) }
        #expect(throws: Malformed.self) { try EthtoolCommand.channels.values(Frame.rings.message, of: 4) }
    }

    @Test("what a captured host answered byte by byte is what was made of it then")
    func captured() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        let text = try SystemFiles().read("\(path)/Fixtures/hosts/vm/capture.txt")
        let archive = try CaptureArchive(parsing: String(decoding: text, as: UTF8.self))
        var compared = 0
        for (place, entry) in archive.entries
        where place.hasPrefix("\(CapturedLink.ethtoolFolder)/") && !place.hasSuffix("/driver") {
            let parts = place.split(separator: "/")
            guard case .bytes(let bytes) = entry, parts.count == 3, let index = UInt32(parts[1]),
                case .text(let lines) = archive.entries["\(CapturedLink.folder)/\(index)"]
            else {
                Issue.record("\(place)")
                continue
            }
            let link = CapturedLink(index: index, lines: lines)
            let answer = try AttributeReader(bytes[...])
            switch parts[2] {
            case "rings": #expect(try EthtoolCommand.rings.values(answer) == link?.rings)
            case "channels": #expect(try EthtoolCommand.channels.values(answer) == link?.channels)
            default: continue
            }
            compared += 1
        }
        #expect(compared == 2)
    }

    @Test("the channels of a veth, and the request for them")
    func channels() throws {
        let amount = LinkAmount(current: 4, maximum: 4)
        #expect(try EthtoolCommand.channels.values(Frame.channels.message, of: 3) == [.rx: amount, .tx: amount])
        let family = try GenericFamily(Frame.family.message)
        let request = EthtoolCommand.channels.setRequest(family, 3, [.tx: 2, .combined: 1])
        #expect(
            hex(request.encoded(sequence: 7, port: 0))
                == """
                30000000 1500 0500 07000000 00000000 \
                12 01 0000 \
                0c000180 08000100 03000000 \
                08000700 02000000 \
                08000900 01000000
                """.replacing(" ", with: ""))
        #expect(request.attribute(at: 20) == "link" && request.attribute(at: 31) == "link")
        #expect(request.attribute(at: 32) == "tx" && request.attribute(at: 40) == "combined")
        #expect(request.attribute(at: 0) == "byte 0" && request.attribute(at: 52) == "byte 52")
        #expect(request.attribute(at: .max) == "byte \(Int.max)")
    }

    @Test("a refusal has the kernel's words, also behind the request that it repeats")
    func refusal() throws {
        let answer = try Acknowledgement(Frame.error.message)
        #expect(answer.errno == .invalid && answer.message == "requested channel count exceeds maximum")
        #expect(answer.offset == 32 && answer.missing == nil)
    }

    @Test("the family ethtool has a number and a group to listen to")
    func family() throws {
        let family = try GenericFamily(Frame.family.message)
        #expect(family.id == 21 && family.groups.keys.sorted() == ["monitor"])
    }

    @Test("a link as ip(8) gets it")
    func newLink() throws {
        let message = try LinkMessage(Frame.newLink.message)
        var expected = Link(index: 3, name: "v0", mtu: 1500)
        expected.alternativeNames = ["storage-left"]
        expected.address = "02:00:00:00:00:01"
        expected.kind = "veth"
        (expected.minimumMTU, expected.maximumMTU, expected.lower) = (68, 65535, 2)
        expected.carrierChanges = 1
        #expect(message.link == expected && !message.mayBeHardware)
    }

    @Test(
        "attributes that can't be are errors",
        arguments: [
            [0], [4, 0, 1], [0, 0, 1, 0], [3, 0, 1, 0], [5, 0, 1, 0], [8, 0, 1, 0, 1, 2, 3], [0xFF, 0xFF, 1, 0],
            [4, 0, 1, 0, 9], [6, 0, 1, 0, 1, 2, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]])
    func hostile(_ bytes: [UInt8]) {
        #expect(throws: Malformed.self) { try AttributeReader(bytes[...]) }
    }

    @Test("attributes are read by their exact length, the last of a type counts, flags are taken off")
    func values() throws {
        let reader = try AttributeReader(
            [
                4, 0, 1, 0, 5, 0, 2, 0x80, 7, 0, 0, 0, 6, 0, 3, 0x40, 1, 2, 0, 0, 8, 0, 4, 0, 1, 0, 0, 0, 8, 0, 4, 0, 9,
                0, 0, 0, 7, 0, 5, 0, 97, 0, 98,
            ])
        #expect(reader.bytes(1)?.isEmpty == true && reader.string(1)?.isEmpty == true && reader.bytes(9) == nil)
        #expect(try reader.u8(2) == 7 && reader.u16(3) == 0x0201 && reader.u32(4) == 9 && reader.u32(6) == nil)
        #expect(reader.string(5) == "a")
        #expect(throws: Malformed.self) { try reader.u32(1) }
        #expect(throws: Malformed.self) { try reader.u32(2) }
        #expect(throws: Malformed.self) { try reader.u8(4) }
        #expect(throws: Malformed.self) { try reader.nested(3) }
        #expect(try reader.nested(1)?.attributes.isEmpty == true && reader.nested(9) == nil)
    }

    @Test("whatever is cut off or changed, it is an error or an answer, and never a trap", arguments: Frame.allCases)
    fileprivate func mutations(_ frame: Frame) {
        let bytes = frame.bytes
        #expect(readAll(bytes) > 0)
        for count in 0..<bytes.count {
            readAll(Array(bytes[..<count]))
            // Also where the header's length agrees with what is there.
            if count >= 16 { readAll(Array(withUnsafeBytes(of: UInt32(count)) { Array($0) } + bytes[4..<count])) }
        }
        var dice = Generator(state: UInt64(bytes.count))
        for _ in 0..<10_000 / Frame.allCases.count {
            var copy = bytes
            for _ in 0..<Int.random(in: 1...8, using: &dice) {
                let place = Int.random(in: 0..<copy.count, using: &dice)
                switch Int.random(in: 0..<4, using: &dice) {
                case 0: copy[place] = UInt8.random(in: 0...255, using: &dice)
                case 1: copy[place] = [0, 1, 3, 4, 5, 0x7F, 0x80, 0xFF].randomElement(using: &dice) ?? 0
                case 2: copy.remove(at: place)
                default: copy.insert(UInt8.random(in: 0...255, using: &dice), at: place)
                }
                if copy.isEmpty { break }
            }
            readAll(copy)
        }
    }

    @Test(
        "a representor is one by the name of its port",
        arguments: [
            ("pf0vf1", true), ("c1pf0vf0", true), ("pf0sf88", true), ("pf0", true), ("c1pf0", true), ("p0", false),
            ("p0s1", false), ("pf", false), ("pf0vf", false), ("pf0vf1x", false), ("", false), ("c1p0", false),
        ])
    func representors(_ name: String, _ isOne: Bool) {
        var link = Link(index: 1, name: "a", mtu: 1500)
        link.portName = name
        #expect(!link.isRepresentor)
        link.switchID = "aabb"
        #expect(link.isRepresentor == isOne)
    }

    @Test(
        "the address on the PCI bus is the last in the path",
        arguments: [
            ("/sys/devices/pci0000:00/0000:00:03.0/virtio2", "0000:00:03.0"),
            ("/sys/devices/pci0000:5d/0000:5d:00.0/0000:5e:00.1", "0000:5e:00.1"),
            ("/sys/devices/pci0000:00/10000:e1:1f.7", "10000:e1:1f.7"), ("/sys/devices/platform/soc/a.ethernet", nil),
        ])
    func addresses(_ path: String, _ address: String?) {
        var link = Link(index: 1, name: "a", mtu: 1500)
        link.devicePath = path
        #expect(link.pciAddress == address)
    }
}

@Suite("Asking the kernel") struct NetlinkClientTests {
    @Test("answers to other questions and to others are passed over")
    func strangers() throws {
        let kernel = ScriptedKernel { request, port in
            let good = message(21, sequence: request, port: port, [1])
            return [
                message(21, sequence: request &- 1, port: port, [9])
                    + message(21, sequence: request, port: port + 1, [9]),
                refusal(request &- 1, port, 22), good, refusal(request, port, 0),
            ]
        }
        var client = NetlinkClient(kernel)
        for _ in 0..<3 { #expect(try client.ask(question, "get", "link 1").map { Array($0.payload) } == [[1]]) }
        #expect(kernel.asked == 3)
    }

    @Test("a refusal ends it, with words or without")
    func refused() throws {
        var client = NetlinkClient(ScriptedKernel { [refusal($0, $1, 95)] })
        let error = #expect(throws: KernelError.self) { try client.ask(question, "get rings of", "link 1") }
        #expect(error == KernelError("get rings of", "link 1", errno: .notSupported))
    }

    @Test("a list comes in parts; one that was disturbed is asked for again, and not for ever")
    func lists() throws {
        let list = NetlinkRequest(18, flags: NLM_F_DUMP, UInt32(0))
        let kernel = ScriptedKernel { sequence, port in
            let flags = sequence < 3 ? NLM_F_DUMP_INTR : 0
            return [
                message(16, sequence: sequence, port: port, [1], flags: NLM_F_MULTI)
                    + message(16, sequence: sequence, port: port, [2], flags: NLM_F_MULTI | flags),
                message(16, sequence: sequence, port: port, [UInt8(sequence)], flags: NLM_F_MULTI),
                message(3, sequence: sequence, port: port, [0, 0, 0, 0], flags: NLM_F_MULTI),
            ]
        }
        var client = NetlinkClient(kernel)
        #expect(try client.ask(list, "list", "links").map { Array($0.payload) } == [[1], [2], [3]])
        #expect(kernel.asked == 3)
        let restless = ScriptedKernel { [message(3, sequence: $0, port: $1, [0, 0, 0, 0], flags: NLM_F_DUMP_INTR)] }
        client = NetlinkClient(restless)
        let error = #expect(throws: KernelError.self) { try client.ask(list, "list", "links") }
        #expect(error?.errno == .again && restless.asked == 16)
        let failing = ScriptedKernel { [message(3, sequence: $0, port: $1, [0xF4, 0xFF, 0xFF, 0xFF])] }
        client = NetlinkClient(failing)
        #expect(throws: KernelError("list", "links", errno: .noMemory)) { try client.ask(list, "list", "links") }
    }

    @Test("a list that the kernel lost is asked for again; a write that it may have done is not")
    func lost() throws {
        let kernel = ScriptedKernel { sequence, port in
            sequence == 1 ? nil : [message(3, sequence: sequence, port: port, [0, 0, 0, 0])]
        }
        var client = NetlinkClient(kernel)
        #expect(try client.ask(NetlinkRequest(18, flags: NLM_F_DUMP, UInt32(0)), "list", "links").isEmpty)
        let deaf = ScriptedKernel { _, _ in nil }
        client = NetlinkClient(deaf)
        #expect(throws: KernelError("recv", "netlink", errno: .noBuffers)) { try client.ask(question, "set", "link 1") }
        #expect(deaf.asked == 1)
    }

    @Test("what can't be read is an error about the subject")
    func unreadable() throws {
        var client = NetlinkClient(ScriptedKernel { _, _ in [[1, 2, 3]] })
        let error = #expect(throws: KernelError.self) { try client.ask(question, "get", "link 1") }
        #expect(
            error?.description
                == "get link 1: the kernel's answer can't be read: 3 bytes are left, where a message begins with 16")
    }

    @Test("a link that is on its way out keeps nobody from being told of the others")
    func leaving() throws {
        func link(_ index: UInt32, _ name: String) -> [UInt8] {
            let header = [0, 0, 1, 0] + withUnsafeBytes(of: index) { Array($0) } + [UInt8](repeating: 0, count: 8)
            return header + [8, 0, 3, 0] + name.utf8.prefix(4) + [8, 0, 4, 0, 0xDC, 5, 0, 0]
        }
        let kernel = ScriptedKernel { sequence, port in
            [
                message(16, sequence: sequence, port: port, link(2, "eth0"), flags: NLM_F_MULTI)
                    + message(16, sequence: sequence, port: port, link(3, "eth1"), flags: NLM_F_MULTI),
                message(3, sequence: sequence, port: port, [0, 0, 0, 0], flags: NLM_F_MULTI),
            ]
        }
        let links = SystemLinks(files: LeavingFiles()) { _ throws(KernelError) in kernel }
        #expect(try links.links().map(\.name) == ["eth0", "eth1"])
    }

    @Test("where ethtool has no netlink, ioctl is found by itself, and asked for once only")
    func fallback() throws {
        let kernel = ScriptedKernel { [refusal($0, $1, 2)] }
        let links = SystemLinks { _ throws(KernelError) in kernel }
        for _ in 0..<3 {
            #expect(throws: KernelError("get rings of", "link lo", errno: .notSupported)) { try links.rings(of: 1) }
        }
        #expect(kernel.asked == 1)
        let netlink = SystemLinks(way: .netlink) { _ throws(KernelError) in kernel }
        #expect(throws: KernelError("find", "netlink family ethtool", errno: .noEntry)) { try netlink.rings(of: 1) }
    }
}

private let question = NetlinkRequest(21, UInt32(0))

/// sysfs of links that are being unregistered.
private struct LeavingFiles: Files {
    func read(_ path: String) throws(KernelError) -> [UInt8] { throw KernelError("read", path, errno: .invalid) }
    func list(_ folder: String) throws(KernelError) -> [String] { [] }
    func write(_ value: String, to path: String) throws(KernelError) {}
    func resolve(_ path: String) throws(KernelError) -> String { path }
    func status(_ path: String) throws(KernelError) -> FileStatus {
        throw KernelError("status", path, errno: .noEntry)
    }
    func replace(
        _ path: String, with contents: [UInt8], permissions: UInt32, owner: FileOwner?
    ) throws(KernelError) {}
    func remove(_ path: String) throws(KernelError) {}
    func createFolder(_ path: String, permissions: UInt32) throws(KernelError) {}
    func lock(_ folder: String) throws(KernelError) -> HeldLock { HeldLock {} }
}

/// A kernel that is one function: a sequence number and a port in, datagrams out; nil is ENOBUFS.
private final class ScriptedKernel: NetlinkTransport, @unchecked Sendable {
    // Used by one thread of one test.
    let port: UInt32 = 4711
    private(set) var asked = 0
    private let answer: (UInt32, UInt32) -> [[UInt8]]?
    private var waiting: [[UInt8]] = []
    private var isLost = false

    init(_ answer: @escaping (UInt32, UInt32) -> [[UInt8]]?) { self.answer = answer }

    func send(_ bytes: [UInt8]) throws(KernelError) {
        asked += 1
        let sequence = bytes.count >= 12 ? bytes[8..<12].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) } : 0
        if let datagrams = answer(sequence, port) { waiting += datagrams } else { isLost = true }
    }

    func receive() throws(KernelError) -> [UInt8] {
        defer { isLost = false }
        if isLost || waiting.isEmpty { throw KernelError("recv", "netlink", errno: isLost ? .noBuffers : .timedOut) }
        return waiting.removeFirst()
    }
}

private func message(
    _ type: UInt16, sequence: UInt32, port: UInt32, _ payload: [UInt8], flags: Int32 = 0
) -> [UInt8] {
    let header = nlmsghdr(
        nlmsg_len: UInt32(16 + payload.count), nlmsg_type: type, nlmsg_flags: UInt16(flags), nlmsg_seq: sequence,
        nlmsg_pid: port)
    let bytes = withUnsafeBytes(of: header) { Array($0) } + payload
    return bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
}

private func refusal(_ sequence: UInt32, _ port: UInt32, _ number: Int32) -> [UInt8] {
    message(
        2, sequence: sequence, port: port,
        withUnsafeBytes(of: -number) { Array($0) } + [UInt8](repeating: 0, count: 16), flags: NLM_F_CAPPED)
}

private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
