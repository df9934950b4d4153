package import HostModel

/// What a `when:` asks of the host before anything under it counts.
package enum Condition: Hashable, Sendable {
    package enum Relation: String, CaseIterable, Sendable {
        case less = "<"
        case atMost = "<="
        case more = ">"
        case atLeast = ">="
        case equal = "=="
    }

    /// Bytes, and how they were written.
    case memory(Relation, Int128, written: String)
    /// Only as many numbers as are given count: `== 5.10` holds on 5.10.205, and `> 5.10` first on 5.11.
    case kernel(Relation, [Int])
    case hostname([Glob])
    /// The machine's product name; a host that has none never fits.
    case model([Glob])
    case all([Condition])
    case any([Condition])

    package func holds(on inventory: Inventory) -> Bool {
        switch self {
        case .memory(let relation, let bytes, _): return relation.holds(inventory.installedMemory, bytes)
        case .kernel(let relation, let wanted):
            guard let numbers = KernelVersion(inventory.kernelRelease)?.numbers else { return false }
            for (index, number) in wanted.enumerated() {
                let here = index < numbers.count ? numbers[index] : 0
                if here != number { return relation.holds(here, number) }
            }
            return relation.holds(0, 0)
        case .hostname(let globs): return globs.contains { $0.matches(inventory.hostname) }
        case .model(let globs): return globs.contains { inventory.model.map($0.matches) ?? false }
        case .all(let conditions): return conditions.allSatisfy { $0.holds(on: inventory) }
        case .any(let conditions): return conditions.contains { $0.holds(on: inventory) }
        }
    }
}

extension Condition.Relation {
    fileprivate func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
        switch self {
        case .less: left < right
        case .atMost: left <= right
        case .more: left > right
        case .atLeast: left >= right
        case .equal: left == right
        }
    }
}

extension Condition: CustomStringConvertible {
    package var description: String {
        switch self {
        case .memory(let relation, _, let written): "memory \(relation.rawValue) \(written)"
        case .kernel(let relation, let numbers):
            "kernel \(relation.rawValue) \(numbers.map(String.init).joined(separator: "."))"
        case .hostname(let globs): "hostname \(globs.map(\.pattern).joined(separator: "|"))"
        case .model(let globs): "model \(globs.map(\.pattern).joined(separator: "|"))"
        case .all(let conditions): conditions.map(\.description).joined(separator: " and ")
        case .any(let conditions): conditions.map { "(\($0))" }.joined(separator: " or ")
        }
    }
}

extension [Condition] {
    /// Whether all of them hold.
    package func hold(on inventory: Inventory) -> Bool { allSatisfy { $0.holds(on: inventory) } }
}

// MARK: - Reading

extension Condition {
    /// Reads the mapping of a `when:`, of a file or of one rule. All that it says must hold.
    package static func decode(_ node: Node, key: String, problems: inout Problems) -> [Condition]? {
        guard let entries = node.entries(key, &problems) else { return nil }
        var conditions: [Condition] = []
        for entry in entries {
            let key = "\(key).\(entry.name)"
            let condition: Condition? =
                switch entry.name {
                case "memory": memory(entry.value, key, &problems)
                case "kernel": kernel(entry.value, key, &problems)
                case "hostname": entry.value.globs(key, &problems).map(Condition.hostname)
                case "model": entry.value.globs(key, &problems).map(Condition.model)
                default: nil
                }
            if let condition { conditions.append(condition) }
            if !fields.contains(entry.name) { problems.unknownKey(entry, key: key, expected: fields) }
        }
        return conditions.count == entries.count ? conditions : nil
    }

    private static let fields = ["memory", "kernel", "hostname", "model"]

    private static func memory(_ node: Node, _ key: String, _ problems: inout Problems) -> Condition? {
        let expected = "a comparison such as \">= 64 GiB\", in KiB, MiB, GiB or TiB"
        guard let text = node.text(key, &problems, expected: expected) else { return nil }
        guard let (relation, rest) = relation(of: text) else { return node.refuse(key, &problems, expected: expected) }
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        let unit = trimmed(rest.dropFirst(digits.count))
        guard case .success(let number) = parseInteger(String(digits)), let shift = memoryUnits[String(unit)] else {
            return node.refuse(key, &problems, expected: expected)
        }
        return .memory(relation, number << shift, written: "\(digits) \(unit)")
    }

    private static let memoryUnits: [String: Int] = ["KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40]

    private static func kernel(_ node: Node, _ key: String, _ problems: inout Problems) -> Condition? {
        let expected = "a comparison such as \">= 5.10\""
        guard let text = node.text(key, &problems, expected: expected) else { return nil }
        guard let (relation, rest) = relation(of: text) else { return node.refuse(key, &problems, expected: expected) }
        let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part -> Int? in
            guard case .success(let number) = parseInteger(String(part)), number >= 0 else { return nil }
            return Int(exactly: number)
        }
        guard numbers.count == parts.count, (1...3).contains(parts.count) else {
            return node.refuse(key, &problems, expected: expected)
        }
        return .kernel(relation, numbers)
    }

    /// The sign that a comparison begins with, and what it compares with.
    private static func relation(of text: String) -> (Relation, Substring)? {
        let sign = text.prefix { "<=>".contains($0) }
        return Relation(rawValue: String(sign)).map { ($0, trimmed(text.dropFirst(sign.count))) }
    }

    private static func trimmed(_ text: Substring) -> Substring { text.drop { $0 == " " } }
}
