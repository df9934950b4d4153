/// A shell pattern over a whole text: `*`, `?`, `[abc]`, `[a-z]`, `[!a]`, and a backslash before what is meant as it
/// is.
///
/// Compares Unicode scalars, so that `?` takes one letter of any script. Slashes and leading dots are nothing special.
package struct Glob: Hashable, Sendable {
    private enum Piece: Hashable {
        case one(Unicode.Scalar)
        case any
        case anyOf([ClosedRange<Unicode.Scalar>], negated: Bool)
        case star
    }

    private let pieces: [Piece]
    /// As it was written.
    package let pattern: String
    /// The text that it matches, where it matches only one.
    package let exactText: String?

    package init(_ pattern: String) throws(Refusal) {
        guard !pattern.isEmpty else { throw Refusal("an empty pattern matches nothing") }
        self.pattern = pattern
        var rest = pattern.unicodeScalars[...]
        var pieces: [Piece] = []
        while let next = rest.popFirst() {
            switch next {
            case "*": if pieces.last != .star { pieces.append(.star) }
            case "?": pieces.append(.any)
            case "[": pieces.append(try Self.bracket(&rest, of: pattern))
            default: pieces.append(.one(try Self.literal(next, &rest, of: pattern)))
            }
        }
        self.pieces = pieces
        exactText = Self.exactText(of: pieces)
    }

    private static func exactText(of pieces: [Piece]) -> String? {
        var text = ""
        for piece in pieces {
            guard case .one(let scalar) = piece else { return nil }
            text.unicodeScalars.append(scalar)
        }
        return text
    }

    package var isExact: Bool { exactText != nil }

    /// Of small letters only.
    var lowercased: Glob { (try? Glob(pattern.lowercased())) ?? self }

    /// Takes at most the product of both lengths: only the last star is ever tried again.
    package func matches(_ text: String) -> Bool {
        if let exactText { return exactText.utf8.elementsEqual(text.utf8) }
        let text = Array(text.unicodeScalars)
        var (position, index) = (0, 0)
        var retry: (index: Int, position: Int)?
        while position < text.count {
            if index < pieces.count, pieces[index] == .star {
                retry = (index + 1, position)
                index += 1
            } else if index < pieces.count, Self.accepts(text[position], pieces[index]) {
                (position, index) = (position + 1, index + 1)
            } else if let last = retry {
                retry = (last.index, last.position + 1)
                (position, index) = (last.position + 1, last.index)
            } else {
                return false
            }
        }
        return pieces[index...].allSatisfy { $0 == .star }
    }

    private static func accepts(_ scalar: Unicode.Scalar, _ piece: Piece) -> Bool {
        switch piece {
        case .one(let wanted): scalar == wanted
        case .any: true
        case .anyOf(let ranges, let negated): ranges.contains { $0.contains(scalar) } != negated
        case .star: false
        }
    }
}

extension Glob {
    private typealias Rest = String.UnicodeScalarView.SubSequence

    private static func literal(
        _ scalar: Unicode.Scalar, _ rest: inout Rest, of pattern: String
    ) throws(Refusal) -> Unicode.Scalar {
        guard scalar == "\\" else { return scalar }
        guard let escaped = rest.popFirst() else {
            throw Refusal("the pattern \(quoted(pattern)) ends in a backslash, expected what it stands before")
        }
        return escaped
    }

    /// What follows an opening bracket, to its end. A `]` in the first place is a member, as in the shell.
    private static func bracket(_ rest: inout Rest, of pattern: String) throws(Refusal) -> Piece {
        let negated = rest.first == "!"
        if negated { rest.removeFirst() }
        if rest.first == "^" { throw Refusal("the pattern \(quoted(pattern)) holds [^, expected [! for all others") }
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        while let next = rest.popFirst() {
            if next == "]", !ranges.isEmpty { return .anyOf(ranges, negated: negated) }
            let lower = try literal(next, &rest, of: pattern)
            guard rest.first == "-", let after = rest.dropFirst().first, after != "]" else {
                ranges.append(lower...lower)
                continue
            }
            rest.removeFirst(2)
            let upper = try literal(after, &rest, of: pattern)
            guard lower <= upper else {
                throw Refusal("the pattern \(quoted(pattern)) holds the empty range \(lower)-\(upper)")
            }
            ranges.append(lower...upper)
        }
        throw Refusal("the pattern \(quoted(pattern)) never closes its bracket, expected ]")
    }
}

extension Glob: CustomStringConvertible {
    package var description: String { pattern }
}
