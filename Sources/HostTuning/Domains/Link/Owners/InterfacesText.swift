/// The bytes of a file of interfaces(5), with lines of ours in them or without. All others stay as they are.
///
/// A comment is a line of its own there: what follows a value is part of it. `mtu 9000 # ours` becomes `ip link set dev
/// eth0 mtu 9000 # ours up` for a shell, and the link stays down. (tried with ifupdown 0.8.41)
struct InterfacesText: Equatable {
    /// As they are, each with its line feed; the last one may have none.
    private var lines: [ArraySlice<UInt8>]
    /// What each is called in the file as it is, from one.
    private var numbers: [Int]

    private static let marker = "# ais-hostd: the next line is from its configuration, `ais-hostd revert` removes both."

    /// Without lines of ours.
    init(_ bytes: [UInt8]) {
        self.init(asItIs: bytes)
        var index = 0
        while index < lines.count {
            guard Self.isMarker(lines[index]) else {
                index += 1
                continue
            }
            let ends = index + 1 < lines.count && Self.mtu(in: lines[index + 1]) != nil ? index + 2 : index + 1
            // Behind the last line, which has no line feed of its own: the one before ours is ours.
            if ends == lines.count, lines[ends - 1].last != 0x0A, index > 0 {
                let feed = lines[index].suffix(2) == [0x0D, 0x0A] ? 2 : 1
                lines[index - 1].removeLast(min(feed, lines[index - 1].count))
            }
            lines.removeSubrange(index..<ends)
            numbers.removeSubrange(index..<ends)
        }
    }

    var bytes: [UInt8] { Array(lines.joined()) }

    private init(asItIs bytes: [UInt8]) {
        lines = Self.split(bytes)
        numbers = Array(1...(lines.count + 1))
    }

    /// Our MTUs in a file as it is, by the name in the iface line before each.
    static func persisted(in bytes: [UInt8]) -> [String: String] {
        let text = InterfacesText(asItIs: bytes)
        var found: [String: String] = [:]
        var link: String?
        for line in text.logicalLines() {
            if line.words.first == "iface", line.words.count > 1 { link = line.words[1] }
            guard line.first > 0, isMarker(text.lines[line.first - 1]), let mtu = mtu(in: text.lines[line.first]),
                let link
            else { continue }
            found[link] = mtu
        }
        return found
    }

    /// Puts ours behind the iface line of a stanza, so that its options stay together.
    mutating func insert(_ option: String, into stanza: Interfaces.Stanza) {
        let last = lines[stanza.end - 1]
        let feed: [UInt8] =
            (last.last == 0x0A ? last : lines.first { $0.last == 0x0A } ?? [0x0A]).suffix(2) == [0x0D, 0x0A]
            ? [0x0D, 0x0A] : [0x0A]
        let indentation = indentation(behind: stanza.end)
        var ours = [Self.marker, option].map { (indentation + Array($0.utf8) + feed)[...] }
        if last.last != 0x0A {
            lines[stanza.end - 1] = last + feed
            ours[1].removeLast(feed.count)
        }
        lines.insert(contentsOf: ours, at: stanza.end)
        numbers.insert(contentsOf: [0, 0], at: stanza.end)
    }

    private func indentation(behind index: Int) -> [UInt8] {
        guard index < lines.count, !Self.words(lines[index]).isEmpty else { return Array("    ".utf8) }
        let blanks = lines[index].prefix { $0 == 0x20 || $0 == 0x09 }
        return blanks.isEmpty ? Array("    ".utf8) : Array(blanks)
    }

    // MARK: Lines

    /// A line, and those that a backslash at its end makes part of it.
    struct Line {
        /// In the file as it is, from one.
        var number: Int
        /// From zero, without ours; the end is the line after it.
        var first: Int
        var end: Int
        var words: [String]
        /// Behind the first word.
        var rest: String
        /// Ends in a backslash at the end of the file.
        var isCut: Bool
    }

    func logicalLines() -> [Line] {
        var found: [Line] = []
        var index = 0
        while index < lines.count {
            let first = index
            var text = Self.content(lines[index])
            index += 1
            // A comment is never continued.
            if text.first(where: { !Self.isBlank($0) }) == UInt8(ascii: "#") { continue }
            while text.last == UInt8(ascii: "\\"), index < lines.count {
                text = text.dropLast() + Self.content(lines[index])
                index += 1
            }
            let words = Self.words(text)
            let start = text.firstIndex { !Self.isBlank($0) } ?? text.endIndex
            let rest = text[start...].drop { !Self.isBlank($0) }
            found.append(
                Line(
                    number: numbers[first], first: first, end: index, words: words,
                    rest: String(decoding: rest, as: UTF8.self).trimmed,
                    isCut: text.last == UInt8(ascii: "\\")))
        }
        return found
    }

    private static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 0x0A).map { $0 + 1 } ?? rest.endIndex
            lines.append(rest[..<end])
            rest = rest[end...]
        }
        return lines
    }

    private static func content(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        line.last == 0x0A ? line.dropLast() : line
    }

    /// As isspace(3) has it.
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func words(_ line: ArraySlice<UInt8>) -> [String] {
        line.split(whereSeparator: isBlank).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func isMarker(_ line: ArraySlice<UInt8>) -> Bool {
        String(decoding: line, as: UTF8.self).trimmed == marker
    }

    /// Of the second line of ours.
    private static func mtu(in line: ArraySlice<UInt8>) -> String? {
        let words = words(line)
        guard words.count == 10, words.starts(with: ["post-up", "ip", "link", "set", "dev"]), words[6] == "mtu" else {
            return nil
        }
        return words[7]
    }
}
