package import HostConfiguration
package import HostModel

/// The words that may stand beside any value or in any rule.
package struct RuleOptions: Sendable {
    package var mode: Mode?
    package var required = false
    /// Overrules a guard-rail.
    package var force = false
    package var keepOnRemoval = false
    /// All must hold, the file's own among them.
    package var conditions: [Condition]

    package static let keys = ["mode", "required", "force", "keepOnRemoval", "when"]

    package init(conditions: [Condition] = []) { self.conditions = conditions }

    /// Takes one entry if it is one of ours, and says whether it was.
    package mutating func take(_ entry: Node.Entry, key: String, problems: inout Problems) -> Bool {
        let key = "\(key).\(entry.name)"
        switch entry.name {
        case "mode": mode = entry.value.choice(key, of: Mode.self, &problems) ?? mode
        case "required": required = entry.value.boolean(key, &problems) ?? required
        case "force": force = entry.value.boolean(key, &problems) ?? force
        case "keepOnRemoval": keepOnRemoval = entry.value.boolean(key, &problems) ?? keepOnRemoval
        case "when": conditions += Condition.decode(entry.value, key: key, problems: &problems) ?? []
        default: return false
        }
        return true
    }
}

/// A value by itself, or `{value: …, mode: …}`, or `{include: […]}`.
struct Wish {
    var demand: Demand
    var options: RuleOptions

    /// `value` decodes what may stand alone; `members`, where the attribute is a set, what may be included.
    static func decode(
        _ node: Node, key: String, options inherited: RuleOptions, problems: inout Problems,
        value: (Node, inout Problems) -> Demand?, members: ((Node, inout Problems) -> SettingValue?)?
    ) -> Wish? {
        if case .scalar("unset", _) = node.content { return Wish(demand: .unset, options: inherited) }
        guard case .mapping(let entries) = node.content else {
            return value(node, &problems).map { Wish(demand: $0, options: inherited) }
        }
        var options = inherited
        var demand: Demand?
        var isComplete = false
        for entry in entries where !options.take(entry, key: key, problems: &problems) {
            switch entry.name {
            case "value", "include":
                if isComplete {
                    problems.error(
                        "value and include exclude each other, expected one of them", at: entry.origin, key: key)
                }
                isComplete = true
                if case .scalar("unset", isPlain: true) = entry.value.content {
                    demand = .unset
                } else if entry.name == "value" {
                    demand = value(entry.value, &problems)
                } else if let members {
                    demand = members(entry.value, &problems).map { .requirement(.including($0)) }
                } else {
                    problems.error("not a set, so nothing can be included, expected value", at: entry.origin, key: key)
                }
            default:
                problems.unknownKey(
                    entry, key: "\(key).\(entry.name)", expected: ["value", "include"] + RuleOptions.keys)
            }
        }
        if !isComplete {
            problems.error(
                "no value, expected \(members == nil ? "value" : "value or include") beside what is said of it",
                at: node.origin, key: key)
        }
        return demand.map { Wish(demand: $0, options: options) }
    }
}
