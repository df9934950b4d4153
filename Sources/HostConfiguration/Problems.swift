package import HostModel

/// One thing wrong in the configuration: where, about which key, and in words what was found and what was expected.
package struct Problem: Error, Hashable, Sendable {
    package enum Severity: Sendable { case error, warning }

    /// Nil where it is about no place in a file: a file that can't be read.
    package let origin: Origin?
    /// The path of the key (`block.scheduler`), empty where it is about the file.
    package let key: String
    package let message: String
    package let severity: Severity

    package init(_ message: String, at origin: Origin?, key: String = "", severity: Severity = .error) {
        self.origin = origin
        self.key = key
        self.message = message
        self.severity = severity
    }
}

extension Problem: Comparable {
    package static func < (left: Self, right: Self) -> Bool {
        (left.place, left.key) == (right.place, right.key)
            ? left.message < right.message : (left.place, left.key) < (right.place, right.key)
    }

    private var place: Place { Place(origin) }
}

/// An origin as something to sort by; what has none comes first.
private struct Place: Comparable {
    let file: String
    let line: Int
    let column: Int

    init(_ origin: Origin?) {
        file = origin?.file ?? ""
        line = origin?.line ?? 0
        column = origin?.column ?? 0
    }

    static func < (left: Self, right: Self) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}

extension Problem: CustomStringConvertible {
    /// `FILE:LINE:COLUMN: KEY: message`
    package var description: String {
        var parts: [String] = []
        if let origin { parts.append("\(origin):\(origin.column)") }
        if severity == .warning { parts.append("warning") }
        if !key.isEmpty { parts.append(key) }
        return (parts + [message]).joined(separator: ": ")
    }
}

/// Collects everything wrong, so that a person sees all of it at once.
package struct Problems: Sendable {
    private var found: Set<Problem> = []
    /// Files in the order they were read: the order in which a person looks through them.
    private var order: [String: Int] = [:]

    package init() {}

    /// Notes that a file is read now, which gives its problems their place in `list`.
    package mutating func reading(_ file: String) {
        if order[file] == nil { order[file] = order.count }
    }

    package mutating func add(_ problem: Problem) {
        if let file = problem.origin?.file { reading(file) }
        found.insert(problem)
    }

    package mutating func error(_ message: String, at origin: Origin?, key: String = "") {
        add(Problem(message, at: origin, key: key))
    }

    package mutating func warn(_ message: String, at origin: Origin?, key: String = "") {
        add(Problem(message, at: origin, key: key, severity: .warning))
    }

    /// Reports a key that nobody knows, with the nearest of those expected. `key` is its whole path.
    package mutating func unknownKey(_ entry: Node.Entry, key: String, expected: [String]) {
        error("unknown key, \(advice(for: entry.name, among: expected))", at: entry.origin, key: key)
    }

    package var hasErrors: Bool { found.contains { $0.severity == .error } }

    /// By file in the order they were read, then by line and column; what is about no file comes first.
    package var list: [Problem] {
        found.sorted { left, right in
            let (first, second) = (rank(left), rank(right))
            return first == second ? left < right : first < second
        }
    }

    private func rank(_ problem: Problem) -> Int {
        guard let file = problem.origin?.file else { return -1 }
        return order[file] ?? order.count
    }
}

/// A configuration that must not be used. Prints all its problems, one a line.
package struct InvalidConfiguration: Error, Sendable, CustomStringConvertible {
    package let problems: Problems

    package init(_ problems: Problems) { self.problems = problems }

    package var description: String { problems.list.map(\.description).joined(separator: "\n") }
}

/// Why a text is not what it should be, in words that follow a key: `010 would be read as octal 8 by the kernel`.
package struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
