import HostConfiguration
import HostModel

/// How a sysctl's value is written in the configuration. Strict: what the kernel would accept and mangle is refused
/// here.
enum SysctlValues {
    static func decode(_ node: Node, of name: String, key: String, problems: inout Problems) -> Demand? {
        switch SysctlKind(of: name) {
        case .text: return line(node, key, &problems).map { .requirement(.exactly(.word($0.trimmed))) }
        case .ranges, .words:
            return set(node, of: name, key: key, problems: &problems).map { .requirement(.exactly($0)) }
        case .integer, .vector, nil: break
        }
        if case .scalar(let text, isPlain: true) = node.content, Self.truths.contains(text.lowercased()) {
            problems.error("\(text), expected a number such as 1 or 0", at: node.origin, key: key)
            return nil
        }
        guard let words = fields(node, key: key, problems: &problems) else { return nil }
        if let text = unknownText(words, of: name) { return .requirement(.exactly(.word(text))) }
        let terms = words.compactMap { term($0.text, of: name, at: $0.origin, key: key, problems: &problems) }
        guard terms.count == words.count else { return nil }
        if let expected = count(of: name), terms.count != expected {
            let what = terms.count == 1 ? "one number" : "\(terms.count) numbers"
            problems.error(
                "\(what), expected \(expected == 1 ? "one" : "\(expected) numbers")", at: node.origin, key: key)
            return nil
        }
        let numbers = terms.compactMap { if case .number(let number) = $0 { number } else { nil } }
        guard numbers.count == terms.count else { return .workedOut(terms) }
        if isAscending(name), numbers != numbers.sorted() {
            problems.error("not in ascending order, expected the least first", at: node.origin, key: key)
            return nil
        }
        return .requirement(.exactly(numbers.count == 1 ? .integer(numbers[0]) : .integers(numbers)))
    }

    /// A set of ranges or words, as a list or in one text.
    static func set(_ node: Node, of name: String, key: String, problems: inout Problems) -> SettingValue? {
        var texts: [(text: String, origin: Origin)] = []
        if case .sequence(let items) = node.content {
            for item in items {
                guard let text = line(item, key, &problems) else { return nil }
                texts.append((text, item.origin))
            }
        } else {
            guard let text = line(node, key, &problems) else { return nil }
            texts = [(text, node.origin)]
        }
        if SysctlKind(of: name) == .words {
            return .words(Set(texts.flatMap { $0.text.split(whereSeparator: \.isWhitespace).map(String.init) }))
        }
        var all = IntegerRanges()
        for (text, origin) in texts {
            guard let ranges = SysctlKind.ranges(text.trimmed), ranges.ranges.allSatisfy({ $0.upperBound <= 65535 })
            else {
                problems.error(
                    "\(text) is no list of ranges, expected for example 51080-51083,9847", at: origin, key: key)
                return nil
            }
            all = all.union(ranges)
        }
        return .ranges(all)
    }

    /// A text of one line: sysctl.d(5) has no other, and the kernel takes the first one alone.
    private static func line(
        _ node: Node, _ key: String, _ problems: inout Problems, expected: String = "a text"
    ) -> String? {
        guard let text = node.text(key, &problems, expected: expected) else { return nil }
        guard !text.trimmed.contains(where: \.isNewline) else {
            problems.error("a line break, expected one line", at: node.origin, key: key)
            return nil
        }
        return text
    }

    private static let truths: Set<String> = ["true", "false", "yes", "no", "on", "off"]

    /// Least, at start or under pressure, most: the kernel takes them in any order and does something else.
    private static func isAscending(_ name: String) -> Bool {
        name == "net.ipv4.ip_local_port_range" || SysctlKind(of: name) == .vector(3)
    }

    private struct Field {
        var text: String
        var origin: Origin
    }

    /// The fields of a list or of one text. `1% of memory` is one field.
    private static func fields(_ node: Node, key: String, problems: inout Problems) -> [Field]? {
        if case .sequence(let items) = node.content {
            var fields: [Field] = []
            for item in items {
                guard let text = line(item, key, &problems) else { return nil }
                fields.append(Field(text: text.trimmed, origin: item.origin))
            }
            guard !fields.isEmpty else {
                problems.error("an empty list, expected numbers", at: node.origin, key: key)
                return nil
            }
            return fields
        }
        guard let text = line(node, key, &problems, expected: "a value, such as 65535 or [4096, 262144]") else {
            return nil
        }
        if text.contains("%") || text.trimmed.isEmpty { return [Field(text: text.trimmed, origin: node.origin)] }
        return text.split(whereSeparator: \.isWhitespace).map { Field(text: String($0), origin: node.origin) }
    }

    /// The text of a key that no table knows, if nothing in it looks like a number.
    private static func unknownText(_ fields: [Field], of name: String) -> String? {
        guard SysctlKind(of: name) == nil else { return nil }
        let isText = fields.allSatisfy { field in
            !(field.text.utf8.first.map { (48...57).contains($0) || $0 == 0x2D || $0 == 0x2B } ?? true)
                && field.text != "max" && field.text != "physical-cores"
        }
        return isText ? fields.map(\.text).joined(separator: " ") : nil
    }

    private static func term(
        _ text: String, of name: String, at origin: Origin, key: String, problems: inout Problems
    ) -> Demand.Term? {
        if text == "physical-cores" { return .physicalCores }
        if text == "max" {
            problems.error("max, but the kernel tells no maximum of a sysctl, expected a number", at: origin, key: key)
            return nil
        }
        if text.contains("%") { return share(text, of: name, at: origin, key: key, problems: &problems) }
        switch parseInteger(text) {
        case .success(let number): return .number(number)
        case .failure(let malformed):
            problems.error("\(malformed), expected a number", at: origin, key: key)
            return nil
        }
    }

    private static func share(
        _ text: String, of name: String, at origin: Origin, key: String, problems: inout Problems
    ) -> Demand.Term? {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 3, words[1] == "of", words[2] == "memory", let share = Percentage(words[0]) else {
            problems.error("\(text), expected for example 1% of memory", at: origin, key: key)
            return nil
        }
        guard let unit = SysctlKind.memoryUnit(of: name) else {
            problems.error("\(text), but this key is not counted in memory, expected a number", at: origin, key: key)
            return nil
        }
        return .memory(share, unit)
    }

    private static func count(of name: String) -> Int? {
        switch SysctlKind(of: name) {
        case .integer: 1
        case .vector(let count): count
        case .ranges, .words, .text, nil: nil
        }
    }
}
