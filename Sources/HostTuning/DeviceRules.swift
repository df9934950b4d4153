import HostConfiguration
import HostModel

/// A section that is a list of rules, each with a match of devices and what is asked of them: what all such sections
/// have in common.
struct DeviceRules<Attribute> {
    let domain: String
    /// What a match may ask for.
    let fields: [String: Match.Field]
    /// The words of `include:`.
    let roles: [Claim.Role]
    let keys: [String]
    /// For who forgot one.
    let example: (match: String, attribute: String)
    /// Looks further at a match.
    var review: (Node, inout Problems) -> Void = { _, _ in }
    /// What one key asks for, with its name in an id; nil where that is no attribute.
    let attributes: (Node.Entry, inout Problems) -> [Asked]?
    let decode: (Attribute, _ value: Node, _ key: String, inout Problems) -> Demand?

    struct Asked {
        var name: String
        var attribute: Attribute
        var entry: Node.Entry
    }

    func rules(of section: Section, conditions: [Condition], problems: inout Problems) -> [Rule] {
        let expected = "a list of rules, each with match and attributes"
        let items = section.node.items(domain, &problems, expected: expected) ?? []
        return items.flatMap { rules(of: $0, conditions: conditions, problems: &problems) }
    }

    private func rules(of node: Node, conditions: [Condition], problems: inout Problems) -> [Rule] {
        guard let entries = node.entries(domain, &problems, expected: "a rule with match and attributes") else {
            return []
        }
        let common = ["match", "include"] + RuleOptions.keys
        var options = RuleOptions(conditions: conditions)
        var match: Match?
        var include: Set<Claim.Role> = []
        var asked: [Asked] = []
        for entry in entries where !options.take(entry, key: domain, problems: &problems) {
            if entry.name == "match" {
                match = Match.decode(entry.value, key: "\(domain).match", fields: fields, problems: &problems)
                review(entry.value, &problems)
            } else if entry.name == "include" {
                include = included(entry.value, problems: &problems)
            } else if let attributes = attributes(entry, &problems) {
                asked += attributes
            } else {
                problems.unknownKey(entry, key: "\(domain).\(entry.name)", expected: keys + common)
            }
        }
        if !entries.contains(where: { $0.name == "match" }) {
            problems.error("no match, expected for example \(example.match)", at: node.origin, key: domain)
        }
        if asked.isEmpty, entries.allSatisfy({ common.contains($0.name) }) {
            problems.error("no attribute, expected for example \(example.attribute)", at: node.origin, key: domain)
        }
        return asked.compactMap { asked in
            let key = "\(domain).\(asked.name)"
            let wish = Wish.decode(
                asked.entry.value, key: key, options: options, problems: &problems,
                value: { decode(asked.attribute, $0, key, &$1) }, members: nil)
            guard let wish, let match else { return nil }
            return Rule(
                domain: domain, attribute: asked.name, match: match, include: include, demand: wish.demand,
                options: wish.options, origin: asked.entry.origin)
        }
    }

    private func included(_ node: Node, problems: inout Problems) -> Set<Claim.Role> {
        let key = "\(domain).include"
        let items = node.items(key, &problems, expected: "a list such as [virtual, member]") ?? []
        let words = roles.map(\.rawValue)
        return Set(items.compactMap { $0.word(key, among: words, &problems).flatMap(Claim.Role.init) })
    }
}
