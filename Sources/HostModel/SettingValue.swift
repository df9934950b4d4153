/// A parsed value, so that `==` is the comparison: text from the kernel or a file is parsed at the edge, once.
package enum SettingValue: Hashable, Sendable {
    /// One number. 128 bits hold both ends of what the kernel prints: negative `long` and full `unsigned long`.
    case integer(Int128)
    /// A vector of fixed length, as `net.ipv4.tcp_rmem`.
    case integers([Int128])
    /// A set of numbers, as `net.ipv4.ip_local_reserved_ports`.
    case ranges(IntegerRanges)
    /// One choice or a free text, compared whole.
    case word(String)
    /// A set of words, as `net.ipv4.tcp_allowed_congestion_control`; order means nothing.
    case words(Set<String>)
}

extension SettingValue {
    /// Both sets together; nil where either is no set or they are of different kinds.
    package func union(_ other: Self) -> Self? {
        switch (self, other) {
        case (.ranges(let left), .ranges(let right)): .ranges(left.union(right))
        case (.words(let left), .words(let right)): .words(left.union(right))
        default: nil
        }
    }
}

extension SettingValue: CustomStringConvertible {
    /// What the kernel would print, with single spaces; also what is written to it.
    package var description: String {
        switch self {
        case .integer(let value): String(value)
        case .integers(let values): values.map { String($0) }.joined(separator: " ")
        case .ranges(let ranges): ranges.description
        case .word(let text): text
        case .words(let words): words.sorted().joined(separator: " ")
        }
    }
}

/// A set of whole numbers as ranges, in order, merged where they touch: `9847,51080-51083`.
package struct IntegerRanges: Hashable, Sendable {
    package private(set) var ranges: [ClosedRange<Int>] = []

    package init(_ ranges: some Sequence<ClosedRange<Int>> = []) {
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = self.ranges.last, range.lowerBound - 1 <= last.upperBound {
                self.ranges[self.ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                self.ranges.append(range)
            }
        }
    }

    package func union(_ other: Self) -> Self { Self(ranges + other.ranges) }

    package func contains(_ number: Int) -> Bool { ranges.contains { $0.contains(number) } }
}

extension IntegerRanges: CustomStringConvertible {
    package var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }
}
