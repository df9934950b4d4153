/// Which devices a rule is about: `match: {name: "sd*", rotational: true, driver: [nvme, virtio_blk]}`.
///
/// All fields must fit; of a field's patterns, one. Without fields it takes every device.
package struct Match: Hashable, Sendable {
    /// What a domain lets a rule ask of its devices.
    ///
    /// An address may be written in capitals, as it is on labels.
    package enum Field: Sendable { case glob, flag, address }

    private enum Test: Hashable, CustomStringConvertible {
        case globs([Glob])
        case flag(Bool)

        var description: String {
            switch self {
            case .globs(let globs): globs.map(\.pattern).joined(separator: "|")
            case .flag(let flag): String(flag)
            }
        }
    }

    private struct Criterion: Hashable {
        let field: String
        let test: Test
    }

    /// The name first, the others in order, so that equal matches are equal however they were written.
    private let criteria: [Criterion]

    private init(_ criteria: [Criterion]) {
        self.criteria = criteria.sorted { ($0.field == "name" ? "" : $0.field) < ($1.field == "name" ? "" : $1.field) }
    }

    package static let everything = Match([])

    /// Asks for each field's value by name, a flag's as `true` or `false`; a device that has none never fits.
    package func accepts(_ value: (String) -> String?) -> Bool { accepts { value($0).map { [$0] } ?? [] } }

    /// The same where a field may have several values: one of them has to fit.
    package func accepts(_ values: (String) -> [String]) -> Bool {
        criteria.allSatisfy { criterion in
            values(criterion.field).contains { value in
                switch criterion.test {
                case .globs(let globs): globs.contains { $0.matches(value) }
                case .flag(let wanted): value == String(wanted)
                }
            }
        }
    }

    /// Whether the rule names this device itself, not by a pattern that happens to fit.
    package func names(exactly name: String) -> Bool {
        criteria.contains { criterion in
            guard criterion.field == "name", case .globs(let globs) = criterion.test else { return false }
            return globs.contains { $0.exactText == name }
        }
    }
}

extension Match: CustomStringConvertible {
    /// `sd*` where only the name is asked, else `name=sd*,rotational=true`; `*` where nothing is.
    package var description: String {
        guard let first = criteria.first else { return "*" }
        if criteria.count == 1, first.field == "name" { return "\(first.test)" }
        return criteria.map { "\($0.field)=\($0.test)" }.joined(separator: ",")
    }
}

extension Match {
    /// Reads the mapping of a `match:` with the fields that its domain knows.
    package static func decode(
        _ node: Node, key: String, fields: [String: Field], problems: inout Problems
    ) -> Match? {
        guard let entries = node.entries(key, &problems) else { return nil }
        var criteria: [Criterion] = []
        for entry in entries {
            let key = "\(key).\(entry.name)"
            let test: Test? =
                switch fields[entry.name] {
                case .glob: entry.value.globs(key, &problems).map(Test.globs)
                case .flag: entry.value.boolean(key, &problems).map(Test.flag)
                case .address: entry.value.globs(key, &problems).map { Test.globs($0.map(\.lowercased)) }
                case nil: nil
                }
            if let test { criteria.append(Criterion(field: entry.name, test: test)) }
            if fields[entry.name] == nil {
                problems.unknownKey(entry, key: key, expected: fields.keys.sorted())
            }
        }
        return criteria.count == entries.count ? Match(criteria) : nil
    }
}
