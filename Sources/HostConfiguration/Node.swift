package import HostModel

/// A value of a configuration file, and where it stands. Types are not guessed: whoever reads a scalar says what it is.
package struct Node: Sendable {
    package struct Entry: Sendable {
        package let name: String
        /// Of the key.
        package let origin: Origin
        package let value: Node

        package init(name: String, origin: Origin, value: Node) {
            self.name = name
            self.origin = origin
            self.value = value
        }
    }

    package enum Content: Sendable {
        /// Plain is what has no quotes and is no block: only there are `true` and `null` words of YAML.
        case scalar(String, isPlain: Bool)
        case sequence([Node])
        /// In the order of the file; no name comes twice.
        case mapping([Entry])
    }

    package let content: Content
    package let origin: Origin

    package init(_ content: Content, at origin: Origin) {
        self.content = content
        self.origin = origin
    }

    /// Whether a person wrote nothing here: no value, `~` or `null`.
    package var isNothing: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }
}

// MARK: - Reading a node as what it should be. Each reports why not, under the key's path, and returns nil.

extension Node {
    package func entries(
        _ key: String, _ problems: inout Problems, expected: String = "a mapping"
    ) -> [Entry]? {
        if case .mapping(let entries) = content { return entries }
        return refuse(key, &problems, expected: expected)
    }

    package func items(_ key: String, _ problems: inout Problems, expected: String = "a list") -> [Node]? {
        if case .sequence(let items) = content { return items }
        return refuse(key, &problems, expected: expected)
    }

    /// Any scalar, as it is written.
    package func text(_ key: String, _ problems: inout Problems, expected: String = "a text") -> String? {
        if case .scalar(let text, _) = content, !isNothing { return text }
        return refuse(key, &problems, expected: expected)
    }

    /// `true` or `false`, without quotes; `yes` and `on` are texts.
    package func boolean(_ key: String, _ problems: inout Problems) -> Bool? {
        switch content {
        case .scalar("true", isPlain: true): true
        case .scalar("false", isPlain: true): false
        default: refuse(key, &problems, expected: "true or false")
        }
    }

    /// A number as `parseInteger` takes it, within a range where there is one; quotes make no difference.
    package func integer(
        _ key: String, _ problems: inout Problems, in range: ClosedRange<Int128>? = nil
    ) -> Int128? {
        let expected = range.map { "a whole number from \($0.lowerBound) to \($0.upperBound)" } ?? "a whole number"
        guard let text = text(key, &problems, expected: expected) else { return nil }
        switch parseInteger(text) {
        case .failure(let refusal):
            problems.error("\(refusal), expected \(expected)", at: origin, key: key)
            return nil
        case .success(let number):
            if let range, !range.contains(number) { return refuse(key, &problems, expected: expected) }
            return number
        }
    }

    /// One of a type's words.
    package func choice<Word: CaseIterable & RawRepresentable<String>>(
        _ key: String, of type: Word.Type, _ problems: inout Problems
    ) -> Word? {
        word(key, among: type.allCases.map(\.rawValue), &problems).flatMap(Word.init(rawValue:))
    }

    /// One of a few words.
    package func word(_ key: String, among words: [String], _ problems: inout Problems) -> String? {
        let all = words.joined(separator: ", ")
        guard let text = text(key, &problems, expected: "one of \(all)") else { return nil }
        if words.contains(text) { return text }
        problems.error("unknown word \(quoted(text)), \(advice(for: text, among: words))", at: origin, key: key)
        return nil
    }

    /// One pattern or a list of them, at least one.
    package func globs(_ key: String, _ problems: inout Problems) -> [Glob]? {
        let expected = "a pattern such as \"sd*\", or a list of them"
        var nodes = [self]
        if case .sequence(let items) = content { nodes = items }
        guard !nodes.isEmpty else {
            problems.error("an empty list matches nothing, expected \(expected)", at: origin, key: key)
            return nil
        }
        let globs = nodes.compactMap { node -> Glob? in
            guard let text = node.text(key, &problems, expected: expected) else { return nil }
            do {
                return try Glob(text)
            } catch {
                problems.error("\(error)", at: node.origin, key: key)
                return nil
            }
        }
        return globs.count == nodes.count ? globs : nil
    }

    /// Reports what is here instead of what was expected. Always nil, so that a reader can return it.
    package func refuse<Value>(_ key: String, _ problems: inout Problems, expected: String) -> Value? {
        let found = isNothing ? "nothing here" : "found \(self)"
        problems.error("\(found), expected \(expected)", at: origin, key: key)
        return nil
    }
}

extension Node: CustomStringConvertible {
    /// For errors: what it is, in a few words.
    package var description: String {
        switch content {
        case .scalar(let text, _): quoted(text)
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// A text of the file as an error shows it: on one line, and not all of a long one.
package func quoted(_ text: String) -> String {
    var shown = "\""
    for scalar in text.unicodeScalars.prefix(60) {
        shown += scalar.properties.generalCategory == .control ? scalar.escaped(asASCII: true) : String(scalar)
    }
    return shown + (text.unicodeScalars.count > 60 ? "…\"" : "\"")
}
