/// Finds everything that pseudonyms stand for, wherever it stands.
struct Scrubber {
    /// What a text may hold that only looks like a secret: paths anything, versions four numbers with points.
    enum Sort { case text, version, path }

    private typealias Pair = (secret: [UInt8], name: [UInt8])

    /// By the first byte, the longest first: one secret may begin with another.
    private var words: [UInt8: [Pair]] = [:]
    /// As they may stand in bytes.
    private var bytes: [[UInt8]] = []

    init(_ names: Pseudonyms) {
        for (kind, given) in names.given where kind.isSought || kind == .network {
            for (real, name) in given where real.utf8.count >= 4 && real != name {
                bytes.append(Array(real.utf8))
                guard kind == .address else {
                    if kind.isSought { add(real, name) }
                    continue
                }
                for separator in [":", "-", ""] {
                    let parts = [real, name].map { $0.split(separator: ":").joined(separator: separator) }
                    add(parts[0], parts[1])
                }
                let address = real.split(separator: ":").compactMap { UInt8($0, radix: 16) }
                // Zeros in a row are a number.
                if address.count > 3, !address.starts(with: [0, 0, 0]) { bytes.append(address) }
            }
        }
        for first in words.keys { words[first]?.sort { $0.secret.count > $1.secret.count } }
    }

    /// Bare numbers of few digits are part of too much else.
    private mutating func add(_ real: String, _ name: String) {
        let secret = real.utf8.map(Self.lower)
        if secret.count >= 6 || !secret.allSatisfy(Self.isDigit) {
            words[secret[0], default: []].append((secret, Array(name.utf8)))
        }
    }

    /// Replaces every secret that stands as a word, in any case, and what has the look of one.
    func scrubbed(_ text: String, _ sort: Sort = .text) -> String {
        let bytes = Array(text.utf8)
        let lower = bytes.map(Self.lower)
        var done: [UInt8] = []
        var next = 0
        while next < bytes.count {
            let isStart = next == 0 || !Self.isPart(bytes[next - 1])
            let known = isStart ? words[lower[next], default: []] : []
            let pair = known.first { pair in
                let end = next + pair.secret.count
                return lower[next...].starts(with: pair.secret) && (end == bytes.count || !Self.isPart(bytes[end]))
            }
            done += pair?.name ?? [bytes[next]]
            next += pair?.secret.count ?? 1
        }
        return String(
            decoding: sort == .path ? done : blurred(done, isVersion: sort == .version), as: UTF8.self)
    }

    /// Overwrites the secrets in bytes, so that all else stays where it is.
    func scrubbed(_ text: [UInt8]) -> [UInt8] {
        var text = text
        for secret in bytes where text.count >= secret.count {
            for start in 0...text.count - secret.count where text[start...].starts(with: secret) {
                for place in start..<start + secret.count { text[place] = UInt8(ascii: "X") }
            }
        }
        return text
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    private static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }
    private static func isPart(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x7a).contains(lower(byte)) || byte >= 0x80
    }
}

/// Masks what has the look of an address, a UUID or a world-wide name, word by word.
private func blurred(_ bytes: [UInt8], isVersion: Bool) -> [UInt8] {
    var done: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        let word = rest.prefix { mayBeSecret.contains($0) }
        // The shortest is 1.1.1.1.
        let isMasked = word.count > 6 && hasLookOfSecret(String(decoding: word, as: UTF8.self), isVersion)
        done += isMasked ? Array("MASKED".utf8)[...] : word
        rest = rest.dropFirst(word.count)
        done += rest.prefix { !mayBeSecret.contains($0) }
        rest = rest.drop { !mayBeSecret.contains($0) }
    }
    return done
}

private let mayBeSecret = Set("0123456789abcdefABCDEF:.-x".utf8)

private func hasLookOfSecret(_ word: String, _ isVersion: Bool) -> Bool {
    // As in a list or at the end of a sentence.
    let parts = word.split(separator: "-").map { $0.split(separator: ".").joined(separator: ".") }
    let lengths = parts.map(\.utf8.count)
    let isUUID = lengths.indices.contains { lengths[$0...].starts(with: [8, 4, 4, 4, 12]) }
    return isUUID || lengths == [2, 2, 2, 2, 2, 2] || parts.contains { isAddress($0, isVersion) || isWorldWide($0) }
}

private func isAddress(_ part: String, _ isVersion: Bool) -> Bool {
    if part.hasPrefix("02:00:00:00:") || part.allSatisfy({ $0 == "0" || $0 == ":" }) { return false }
    let fields = part.split(separator: ":", omittingEmptySubsequences: false)
    if fields.count == 6, fields.allSatisfy({ $0.count == 2 }) { return true }
    // IPv6: PCI's 0000:5e:00.0 has a point, SCSI's 0:0:0:0 is short.
    if fields.contains(""), fields.count > 2, !part.contains(".") { return true }
    if fields.count > 3, !part.contains("."), part.count > 7 { return true }
    return !isVersion
        && fields.contains { field in
            let numbers = field.split(separator: ".", omittingEmptySubsequences: false)
            return numbers.count == 4 && numbers.allSatisfy { UInt8($0) != nil }
        }
}

private func isWorldWide(_ part: String) -> Bool {
    let digits = part.hasPrefix("0x") ? part.dropFirst(2) : part[...]
    return digits.count >= 16 && digits.allSatisfy(\.isHexDigit) && digits.contains { $0 != "0" }
}
