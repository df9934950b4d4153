/// A name in the order in which people count: sda2 before sda10, nvme0n1 before nvme10n1, sdz before sdaa.
struct NaturalName: Comparable {
    let text: String
    private let parts: [Part]

    private enum Part: Comparable {
        case text(Substring)
        /// The counting letters of a disk, as the kernel counts them: a is 1, z is 26, aa is 27.
        case letters(Int)
        case number(Int)
    }

    init(_ text: String) {
        self.text = text
        var parts: [Part] = []
        var rest = text[...]
        if let (prefix, letters) = Self.disk(rest) {
            parts = [.text(prefix), .letters(letters.reduce(0) { $0 * 26 + Int($1) - 96 })]
            rest = rest.dropFirst(prefix.count + letters.count)
        }
        while let first = rest.first {
            let digits = rest.prefix { $0.isASCIIDigit }
            // Digits too many for an Int are no count but an identity.
            if first.isASCIIDigit, let number = Int(digits) {
                parts.append(.number(number))
                rest = rest.dropFirst(digits.count)
            } else {
                let run = digits.isEmpty ? rest.prefix { !$0.isASCIIDigit } : digits
                parts.append(.text(run))
                rest = rest.dropFirst(run.count)
            }
        }
        self.parts = parts
    }

    static func < (left: Self, right: Self) -> Bool {
        if left.parts == right.parts { return left.text < right.text }
        return left.parts.lexicographicallyPrecedes(right.parts)
    }

    /// The kernel's prefix and counting letters, where the name begins like a disk's: `sd` and `ab` of `sdab1`.
    private static func disk(_ name: Substring) -> (Substring, Substring.UTF8View)? {
        for prefix in ["xvd", "sd", "vd", "hd"] where name.hasPrefix(prefix) {
            let after = name.dropFirst(prefix.count)
            let letters = after.prefix { ("a"..."z").contains($0) }
            guard (1...4).contains(letters.count), after.dropFirst(letters.count).allSatisfy(\.isASCIIDigit) else {
                continue
            }
            return (name.prefix(prefix.count), letters.utf8)
        }
        return nil
    }

    /// Which count is one more in the next name while all else is the same; nil where that is not so.
    fileprivate func step(to next: Self) -> Int? {
        guard parts.count == next.parts.count else { return nil }
        let changed = parts.indices.filter { parts[$0] != next.parts[$0] }
        guard let index = changed.first, changed.count == 1 else { return nil }
        switch (parts[index], next.parts[index]) {
        case (.letters(let one), .letters(let two)) where two == one + 1: return index
        case (.number(let one), .number(let two)) where two == one + 1: return index
        default: return nil
        }
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

/// These names in natural order, four or more in a row as a range: `sda..sdx`.
func ranges(_ names: [String]) -> [String] {
    let names = names.map(NaturalName.init).sorted()
    var result: [String] = []
    var first = 0
    while first < names.count {
        var last = first
        var counting: Int?
        while last + 1 < names.count, let step = names[last].step(to: names[last + 1]), counting ?? step == step {
            counting = step
            last += 1
        }
        if last - first >= 3 {
            result.append("\(names[first].text)..\(names[last].text)")
            first = last + 1
        } else {
            result.append(names[first].text)
            first += 1
        }
    }
    return result
}
