/// An answer that is not what the kernel's headers promise.
package struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}

/// The attributes of a netlink message, or of an attribute that holds others: each a length, a type and bytes, padded
/// to four. `struct nlattr` of `linux/netlink.h`
///
/// All of it is checked before anything is answered: whatever the bytes are, it ends, and reads none but these.
package struct AttributeReader: Sendable {
    package struct Attribute: Sendable {
        /// Without the flags for nesting and byte order.
        package let type: Int
        package let value: ArraySlice<UInt8>
    }

    /// In the order in which they came; a type may be there more than once.
    package let attributes: [Attribute]

    package init(_ bytes: ArraySlice<UInt8>) throws(Malformed) {
        var attributes: [Attribute] = []
        var rest = bytes
        while !rest.isEmpty {
            guard let length = rest.load(UInt16.self), let type = rest.load(UInt16.self, at: 2) else {
                throw Malformed("\(rest.count) bytes are left, where an attribute begins with 4")
            }
            // Less than its own header: 0 would be read for ever.
            guard length >= Self.headerSize, Int(length) <= rest.count else {
                throw Malformed("an attribute of type \(type & Self.typeMask) and \(length) bytes in \(rest.count)")
            }
            attributes.append(
                Attribute(
                    type: Int(type & Self.typeMask), value: rest.dropFirst(Self.headerSize).prefix(Int(length) - 4)))
            rest = rest.dropFirst((Int(length) + 3) & ~3)
        }
        self.attributes = attributes
    }

    /// The last of this type, as the kernel itself reads them.
    package func bytes(_ type: Int) -> ArraySlice<UInt8>? { attributes.last { $0.type == type }?.value }

    package func u8(_ type: Int) throws(Malformed) -> UInt8? { try number(type) }
    package func u16(_ type: Int) throws(Malformed) -> UInt16? { try number(type) }
    package func u32(_ type: Int) throws(Malformed) -> UInt32? { try number(type) }
    package func i32(_ type: Int) throws(Malformed) -> Int32? { try number(type) }

    /// Up to the first NUL, which need not be there. Bytes that are no UTF-8 are replaced, so it is to be shown and not
    /// to be looked up.
    package func string(_ type: Int) -> String? { bytes(type).map(Self.text) }

    package static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// The attributes in this one; nil where it is not there.
    package func nested(_ type: Int) throws(Malformed) -> AttributeReader? {
        guard let bytes = bytes(type) else { return nil }
        return try AttributeReader(bytes)
    }

    private func number<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Int) throws(Malformed) -> Number? {
        guard let bytes = bytes(type) else { return nil }
        guard bytes.count == MemoryLayout<Number>.size, let number = bytes.load(Number.self) else {
            throw Malformed(
                "attribute \(type) has \(bytes.count) bytes, where a number has \(MemoryLayout<Number>.size)")
        }
        return number
    }

    private static let headerSize = 4
    /// NLA_TYPE_MASK, a macro with a complement that Swift does not take.
    private static let typeMask: UInt16 = 0x3FFF
}

extension ArraySlice<UInt8> {
    /// A C structure or a number in the host's byte order, so many bytes after the first; nil where there are too few.
    func load<Value: BitwiseCopyable>(_ type: Value.Type, at offset: Int = 0) -> Value? {
        guard offset >= 0, count - offset >= MemoryLayout<Value>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
    }
}
