import CLinux
package import HostModel

/// One message of those that came together. `struct nlmsghdr` of `linux/netlink.h`
package struct NetlinkMessage: Sendable {
    package let type: Int
    package let flags: Int
    /// Of the request that it answers, and who asked.
    package let sequence: UInt32
    package let port: UInt32
    package let payload: ArraySlice<UInt8>

    /// The messages of one datagram.
    package static func split(_ datagram: ArraySlice<UInt8>) throws(Malformed) -> [NetlinkMessage] {
        var messages: [NetlinkMessage] = []
        var rest = datagram
        let size = MemoryLayout<nlmsghdr>.size
        while !rest.isEmpty {
            guard let header = rest.load(nlmsghdr.self) else {
                throw Malformed("\(rest.count) bytes are left, where a message begins with \(size)")
            }
            guard Int(header.nlmsg_len) >= size, Int(header.nlmsg_len) <= rest.count else {
                throw Malformed("a message of \(header.nlmsg_len) bytes in \(rest.count)")
            }
            messages.append(
                NetlinkMessage(
                    type: Int(header.nlmsg_type), flags: Int(header.nlmsg_flags), sequence: header.nlmsg_seq,
                    port: header.nlmsg_pid, payload: rest.prefix(Int(header.nlmsg_len)).dropFirst(size)))
            rest = rest.dropFirst((Int(header.nlmsg_len) + 3) & ~3)
        }
        return messages
    }

    /// What follows the family's own header, which is so long.
    package func attributes(after header: Int) throws(Malformed) -> AttributeReader {
        guard payload.count >= header else {
            throw Malformed("a message of \(payload.count) bytes, where \(header) begin")
        }
        return try AttributeReader(payload.dropFirst((header + 3) & ~3))
    }
}

/// How a request ended: NLMSG_ERROR, or NLMSG_DONE after a list.
package struct Acknowledgement: Sendable {
    /// Nil for success.
    package let errno: Errno?
    /// The kernel's own words. NLMSGERR_ATTR_MSG
    package let message: String?
    /// Where in the request the attribute stands that it did not like. NLMSGERR_ATTR_OFFS
    package let offset: Int?
    /// The attribute that it missed. NLMSGERR_ATTR_MISS_TYPE
    package let missing: Int?

    package init(_ answer: NetlinkMessage) throws(Malformed) {
        guard let number = answer.payload.load(Int32.self) else {
            // The end of a list carries its result since 2.6.
            guard answer.type == Int(NLMSG_DONE), answer.payload.isEmpty else {
                throw Malformed("an acknowledgement of \(answer.payload.count) bytes")
            }
            (errno, message, offset, missing) = (nil, nil, nil, nil)
            return
        }
        // Negative, but for the smallest number, which has no other sign.
        errno = number == 0 ? nil : Errno(rawValue: number == .min ? .max : abs(number))
        var skipped = MemoryLayout<Int32>.size
        if answer.type == Int(NLMSG_ERROR) {
            // The request's header, and the request itself unless NETLINK_CAP_ACK spares it.
            guard let request = answer.payload.load(nlmsghdr.self, at: skipped) else {
                throw Malformed("an error of \(answer.payload.count) bytes")
            }
            skipped += MemoryLayout<nlmsghdr>.size
            if number != 0, answer.flags & Int(NLM_F_CAPPED) == 0 {
                skipped += max(0, (Int(request.nlmsg_len) + 3) & ~3 - MemoryLayout<nlmsghdr>.size)
            }
        }
        guard answer.flags & Int(NLM_F_ACK_TLVS) != 0 else {
            (message, offset, missing) = (nil, nil, nil)
            return
        }
        let attributes = try answer.attributes(after: skipped)
        message = attributes.string(Int(NLMSGERR_ATTR_MSG.rawValue))
        offset = try attributes.u32(Int(NLMSGERR_ATTR_OFFS.rawValue)).map(Int.init)
        missing = try attributes.u32(Int(NLMSGERR_ATTR_MISS_TYPE.rawValue)).map(Int.init)
    }
}
