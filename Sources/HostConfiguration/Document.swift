import HostModel

/// The domains that a key at the top of a file can name.
struct DomainNames {
    let built: [String]
    /// Promised to the outside, not built yet.
    let planned: [String]
}

/// A profile that a file asks for.
struct ProfileWish {
    let name: String
    let origin: Origin
    /// Of the file that asks.
    var conditions: [Condition] = []
}

/// One file as read: its layer, and the profiles that it asks for.
struct Document {
    private(set) var layer: Layer
    private(set) var profiles: [ProfileWish] = []

    /// What can't be read says nothing.
    init(unreadable file: String, isProfile: Bool) { layer = Layer(file: file, isProfile: isProfile) }

    /// Reads what the bytes say; what they say wrong is in `problems`. A file that says nothing is wrong too: it may
    /// have been cut off on its way here, and what nobody asks for any more is put back.
    init(_ bytes: [UInt8], file: String, isProfile: Bool, domains: DomainNames, problems: inout Problems) {
        self.init(unreadable: file, isProfile: isProfile)
        let before = problems.list.count
        guard let root = parseYaml(bytes, file: file, problems: &problems) else {
            if problems.list.count == before {
                problems.error(
                    "nothing in this file, expected \(Self.version)", at: Origin(file: file, line: 1), key: "apiVersion"
                )
            }
            return
        }
        guard let entries = root.entries("", &problems) else { return }
        if !entries.contains(where: { $0.name == "apiVersion" }) {
            problems.error("missing, expected \(Self.version)", at: root.origin, key: "apiVersion")
        }
        for entry in entries { read(entry, domains, &problems) }
        for index in profiles.indices { profiles[index].conditions = layer.conditions }
    }

    private static let version = "ais-hostd/v1"
    private static let words = ["apiVersion", "profiles", "mode", "allow", "interval", "when"]
    /// Decided for the host, not by what is shipped to many.
    private static let notInProfile = ["profiles", "mode", "allow", "interval"]

    private mutating func read(_ entry: Node.Entry, _ domains: DomainNames, _ problems: inout Problems) {
        let (name, node) = (entry.name, entry.value)
        if layer.isProfile, Self.notInProfile.contains(name) {
            problems.error("not taken in a profile, expected in the configuration", at: entry.origin, key: name)
            return
        }
        switch name {
        case "apiVersion":
            if let text = node.text(name, &problems, expected: Self.version), text != Self.version {
                problems.error("found \(quoted(text)), expected \(Self.version)", at: node.origin, key: name)
            }
        case "profiles": profiles = Self.profiles(node, name, &problems)
        case "mode": readMode(node, name, domains, &problems)
        case "allow": layer.allow = Self.allow(node, name, &problems)
        case "interval": layer.interval = Self.interval(node, name, &problems)
        case "when": layer.conditions = Condition.decode(node, key: name, problems: &problems) ?? []
        default: readSection(entry, domains, &problems)
        }
    }

    private mutating func readSection(_ entry: Node.Entry, _ domains: DomainNames, _ problems: inout Problems) {
        guard
            Self.isBuilt(entry, key: entry.name, domains, others: Self.words, &problems)
        else { return }
        layer.sections.append(Section(domain: entry.name, origin: entry.origin, node: entry.value))
    }

    /// Whether a key names a domain that is built; reports it if not. `others` are what else could be meant here.
    private static func isBuilt(
        _ entry: Node.Entry, key: String, _ domains: DomainNames, others: [String], _ problems: inout Problems
    ) -> Bool {
        if domains.built.contains(entry.name) { return true }
        if domains.planned.contains(entry.name) {
            let built = domains.built.joined(separator: ", ")
            problems.error("not built in this version, expected one of \(built)", at: entry.origin, key: key)
        } else {
            problems.unknownKey(entry, key: key, expected: others + domains.built)
        }
        return false
    }

    /// A word for the whole host, or a mapping of domains with `default` for the others.
    private mutating func readMode(_ node: Node, _ key: String, _ domains: DomainNames, _ problems: inout Problems) {
        guard case .mapping(let entries) = node.content else {
            layer.mode = node.choice(key, of: Mode.self, &problems)
            return
        }
        for entry in entries {
            let key = "\(key).\(entry.name)"
            if entry.name == "default" {
                layer.mode = entry.value.choice(key, of: Mode.self, &problems)
            } else if Self.isBuilt(entry, key: key, domains, others: ["default"], &problems) {
                layer.domainModes[entry.name] = entry.value.choice(key, of: Mode.self, &problems)
            }
        }
    }

    private static func allow(_ node: Node, _ key: String, _ problems: inout Problems) -> Set<Disruption>? {
        let words = Disruption.allCases.filter { $0 != .none }.map(\.rawValue)
        let items = node.items(key, &problems, expected: "a list of \(words.joined(separator: ", "))")
        return items.map { items in
            Set(items.compactMap { $0.word(key, among: words, &problems).flatMap(Disruption.init(rawValue:)) })
        }
    }

    private static func interval(_ node: Node, _ key: String, _ problems: inout Problems) -> Int? {
        let expected = "a time from 1s to 1h, such as 60s, 5m or 1h"
        guard let text = node.text(key, &problems, expected: expected) else { return nil }
        let seconds: [Character: Int128] = ["s": 1, "m": 60, "h": 3600]
        guard let unit = text.last.flatMap({ seconds[$0] }),
            case .success(let number) = parseInteger(String(text.dropLast())), (1...3600 / unit).contains(number)
        else { return node.refuse(key, &problems, expected: expected) }
        return Int(number * unit)
    }

    private static func profiles(_ node: Node, _ key: String, _ problems: inout Problems) -> [ProfileWish] {
        let expected = "a profile as NAME/vN, such as ais-hdd/v1"
        let items = node.items(key, &problems, expected: "a list of profiles") ?? []
        return items.compactMap { item in
            guard let text = item.text(key, &problems, expected: expected) else { return nil }
            guard isProfileName(text) else { return item.refuse(key, &problems, expected: expected) }
            return ProfileWish(name: text, origin: item.origin)
        }
    }
}

/// Whether it is `[a-z0-9-]+/v[1-9][0-9]*`, and so can't lead out of the profiles' folder.
func isProfileName(_ text: String) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Array.init)
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
    guard parts.count == 2, !parts[0].isEmpty, parts[1].count > 1 else { return false }
    return parts[0].allSatisfy { letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "-") }
        && parts[1][0] == UInt8(ascii: "v") && parts[1][1] != UInt8(ascii: "0")
        && parts[1].dropFirst().allSatisfy(digits.contains)
}
