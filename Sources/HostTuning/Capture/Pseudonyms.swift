/// Names in place of those that say whose node this is. The same name gets the same one again, so that what belongs
/// together still does.
struct Pseudonyms {
    enum Kind: String {
        case serial = "SERIAL"
        case wwid = "WWID"
        case uuid = "UUID"
        case address = "02:00:00:00"
        case host = "node"
        case place = "PLACE"
        case folder = "DIR"
        case source = "SOURCE"
        case volume = "VOLUME"
        case network = "net"

        /// Those that may stand in the middle of another text, and are unlikely to be a word of it.
        fileprivate var isSought: Bool { [.serial, .wwid, .uuid, .address, .host].contains(self) }
    }

    private var given: [Kind: [String: String]] = [:]

    mutating func name(_ real: String, _ kind: Kind) -> String {
        let real = kind == .address ? real.lowercased() : real
        if let known = given[kind]?[real] { return known }
        let number = given[kind, default: [:]].count + 1
        let name: String
        switch kind {
        case .host: name = "node"
        case .network: name = "net\(number)"
        case .address:
            func pair(_ byte: Int) -> String { (byte < 16 ? "0" : "") + String(byte & 0xff, radix: 16) }
            name = "02:00:00:00:\(pair(number >> 8)):\(pair(number & 0xff))"
        default: name = "\(kind.rawValue)-\(number)"
        }
        given[kind, default: [:]][real] = name
        return name
    }

    /// Those of nobody stay: all zeros, and the broadcast.
    mutating func address(_ real: String) -> String {
        let digits = Set(real.lowercased()).subtracting([":"])
        return digits == ["0"] || digits == ["f"] ? real : name(real, .address)
    }

    /// Replaces every secret that is known by now wherever it stands as a word, and what has the look of one.
    func scrubbed(_ text: String, alsoByLook: Bool = true) -> String {
        var text = text
        for (kind, names) in given where kind.isSought {
            for (real, name) in names {
                text = replacing(real, in: text, by: name)
                if kind == .address {
                    text = replacing(real.filter { $0 != ":" }, in: text, by: name.filter { $0 != ":" })
                }
            }
        }
        return alsoByLook ? blurred(text) : text
    }

    /// Short ones and bare numbers of few digits are part of too much else.
    private func replacing(_ real: String, in text: String, by name: String) -> String {
        guard real.utf8.count >= 4, !(real.utf8.count < 6 && real.allSatisfy(\.isNumber)), real != name else {
            return text
        }
        var (done, rest) = ("", text[...])
        let (lower, wanted) = (text.lowercased(), real.lowercased())
        // A text whose length changes with its case has no secrets of ours in it.
        guard lower.utf8.count == text.utf8.count, lower.contains(wanted) else { return text }
        while let start = rest.indices.first(where: { rest[$0...].lowercased().hasPrefix(wanted) }) {
            let end = rest.index(start, offsetBy: real.count)
            let before = start > rest.startIndex ? rest[rest.index(before: start)] : done.last
            let isWord = !(before.map(isPart) ?? false) && !(end < rest.endIndex && isPart(rest[end]))
            done += rest[..<start] + (isWord ? name : String(rest[start..<end]))
            rest = rest[end...]
        }
        return done + rest
    }

    private func isPart(_ character: Character) -> Bool { character.isLetter || character.isNumber }
}

/// Masks what has the look of an address, a UUID or a world-wide name, word by word.
private func blurred(_ text: String) -> String {
    var (done, word) = ("", "")
    for character in text + "\u{0}" {
        if character.isHexDigit || character == ":" || character == "." || character == "-" || character == "x" {
            word.append(character)
        } else {
            done += hasLookOfSecret(word) ? "MASKED" : word
            word = ""
            if character != "\u{0}" { done.append(character) }
        }
    }
    return done
}

private func hasLookOfSecret(_ word: String) -> Bool {
    if word.hasPrefix("02:00:00:00:") || word.allSatisfy({ $0 == "0" || $0 == ":" }) { return false }
    let colons = word.split(separator: ":", omittingEmptySubsequences: false)
    if colons.count == 6, colons.allSatisfy({ $0.count == 2 }) { return true }
    // IPv6: PCI's 0000:5e:00.0 has a point.
    if colons.count > 3, !word.contains("."), word.count > 7 { return true }
    let points = word.split(separator: ".", omittingEmptySubsequences: false)
    if points.count == 4, points.allSatisfy({ UInt8($0) != nil }) { return true }
    let parts = word.split(separator: "-").map(\.count)
    if parts == [8, 4, 4, 4, 12] { return true }
    let digits = word.hasPrefix("0x") ? word.dropFirst(2) : word[...]
    return digits.count >= 16 && digits.allSatisfy(\.isHexDigit) && digits.contains { $0 != "0" }
}
