import CLinux

/// What is asked, before it has a sequence number.
package struct NetlinkRequest: Sendable {
    package enum Value: Sendable {
        case u32(UInt32)
        case string(String)
        case nested([(type: Int, value: Value)])
    }

    package var type: Int
    /// Beside NLM_F_REQUEST: NLM_F_DUMP, NLM_F_ACK.
    package var flags: Int
    /// The family's own: `ifinfomsg`, `genlmsghdr`.
    package var header: [UInt8]
    package var attributes: [(type: Int, value: Value)]
    /// What people call the attributes, for the errors of the kernel, which point at one.
    package var names: [Int: String] = [:]

    package init<Header: BitwiseCopyable>(
        _ type: Int, flags: Int32 = NLM_F_ACK, _ header: Header, _ attributes: [(type: Int, value: Value)] = []
    ) {
        self.type = type
        self.flags = Int(flags)
        self.header = withUnsafeBytes(of: header) { Array($0) }
        self.attributes = attributes
    }

    package var isList: Bool { flags & Int(NLM_F_DUMP) == Int(NLM_F_DUMP) }

    /// The bytes for the socket. Requests of ours are far shorter than a page.
    package func encoded(sequence: UInt32, port: UInt32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.capacity) { buffer, count in
            guard let message = mnl_nlmsg_put_header(buffer.baseAddress) else { return }
            message.pointee.nlmsg_type = UInt16(truncatingIfNeeded: type)
            message.pointee.nlmsg_flags = UInt16(truncatingIfNeeded: Int(NLM_F_REQUEST) | flags)
            message.pointee.nlmsg_seq = sequence
            message.pointee.nlmsg_pid = port
            if let place = mnl_nlmsg_put_extra_header(message, header.count) {
                place.copyMemory(from: header, byteCount: header.count)
            }
            Self.put(attributes, into: message)
            count = Int(message.pointee.nlmsg_len)
        }
    }

    private static func put(_ attributes: [(type: Int, value: Value)], into message: UnsafeMutablePointer<nlmsghdr>) {
        for (type, value) in attributes {
            let type = UInt16(truncatingIfNeeded: type)
            switch value {
            case .u32(let number): precondition(mnl_attr_put_u32_check(message, capacity, type, number))
            case .string(let text): precondition(mnl_attr_put_strz_check(message, capacity, type, text))
            case .nested(let inner):
                let start = mnl_attr_nest_start_check(message, capacity, type)
                put(inner, into: message)
                mnl_attr_nest_end(message, start)
            }
        }
    }

    private static let capacity = 1024

    /// The name of the attribute that stands at this place of the encoded request, or around it.
    package func attribute(at offset: Int) -> String {
        let start = MemoryLayout<nlmsghdr>.size + (header.count + 3) & ~3
        let bytes = encoded(sequence: 0, port: 0)
        if offset >= start, let attributes = try? AttributeReader(bytes.dropFirst(start)).attributes,
            let hit = attributes.last(where: {
                $0.value.startIndex - 4 <= offset && offset < max($0.value.endIndex, $0.value.startIndex)
            })
        {
            return names[hit.type] ?? "attribute \(hit.type)"
        }
        return "byte \(offset)"
    }
}
