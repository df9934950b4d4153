import HostModel

/// What a file may hold at most: far beyond any configuration, and little enough to read without harm.
private enum Limit {
    static let bytes = 1 << 20
    /// Lists and mappings inside one another.
    static let depth = 32
    /// Keys and values, those that aliases repeat counted each time.
    static let nodes = 50_000
}

/// Reads a file of YAML 1.1 as one tree. Nil after an error, and where a file holds nothing but comments.
///
/// Refuses what would be read otherwise than it looks: several documents, keys twice, merge keys, tags.
package func parseYaml(_ bytes: [UInt8], file: String, problems: inout Problems) -> Node? {
    problems.reading(file)
    do {
        var composer = Composer(reader: YamlReader(try checked(bytes, file: file), file: file))
        defer { composer.problems.forEach { problems.add($0) } }
        return try composer.root()
    } catch {
        problems.add(error)
        return nil
    }
}

/// The bytes without a byte order mark, if they are text at all.
private func checked(_ bytes: [UInt8], file: String) throws(Problem) -> ArraySlice<UInt8> {
    let start = Origin(file: file, line: 1)
    guard bytes.count <= Limit.bytes else { throw Problem("larger than 1 MiB, expected a smaller file", at: start) }
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
        throw Problem("encoded as UTF-16, expected UTF-8 text", at: start)
    }
    let text = bytes.dropFirst(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)
    if let problem = problemOfText(text, file: file) { throw problem }
    return text
}

/// Makes a tree of events. Throws what leaves no tree; what can be read over is only noted.
private struct Composer: ~Copyable {
    private var reader: YamlReader
    private(set) var problems: [Problem] = []
    private var nodeCount = 0
    private var anchors: [String: Node] = [:]
    /// Anchors of what is still being read: an alias of one would hold itself.
    private var open: [String] = []

    init(reader: consuming YamlReader) { self.reader = reader }

    /// The one document, nil where there is none.
    mutating func root() throws(Problem) -> Node? {
        guard case .document = try reader.next().kind else { return nil }
        let root = try node(try reader.next(), depth: 1)
        let after = try reader.next()
        if case .document = after.kind {
            throw Problem("a second document in this file, expected only one", at: after.origin)
        }
        if case .scalar("", isPlain: true) = root.content { return nil }
        return root
    }

    private mutating func node(_ event: YamlEvent, depth: Int) throws(Problem) -> Node {
        try count(1, at: event.origin)
        if let tag = event.tag {
            note("the tag \(quoted(tag)) is not taken, expected a value without one", at: event.origin)
        }
        if let anchor = event.anchor { open.append(anchor) }
        let node = Node(try content(event, depth: depth), at: event.origin)
        if let anchor = event.anchor {
            open.removeLast()
            anchors[anchor] = node
        }
        return node
    }

    private mutating func content(_ event: YamlEvent, depth: Int) throws(Problem) -> Node.Content {
        switch event.kind {
        case .scalar(let text, let isPlain):
            if let why = text.unicodeScalars.lazy.compactMap(whyRefused).first { note(why, at: event.origin) }
            return .scalar(text, isPlain: isPlain)
        case .alias(let name):
            return try expanded(name, at: event.origin, depth: depth)
        case .sequence:
            try checkDepth(depth, at: event.origin)
            return .sequence(try items(depth: depth + 1))
        case .mapping:
            try checkDepth(depth, at: event.origin)
            return .mapping(try entries(depth: depth + 1))
        case .document, .streamEnd, .end:
            // libyaml's grammar gives none of them here.
            throw Problem("nothing here, expected a value", at: event.origin)
        }
    }

    private mutating func items(depth: Int) throws(Problem) -> [Node] {
        var items: [Node] = []
        while let event = try nextInside() { items.append(try node(event, depth: depth)) }
        return items
    }

    private mutating func entries(depth: Int) throws(Problem) -> [Node.Entry] {
        var entries: [Node.Entry] = []
        var lines: [String: Int] = [:]
        while let event = try nextInside() {
            let key = try node(event, depth: depth)
            let value = try node(try reader.next(), depth: depth)
            guard let name = name(of: key) else { continue }
            if let first = lines.updateValue(lines[name] ?? key.origin.line, forKey: name) {
                note("the key \(quoted(name)) is here twice, first in line \(first)", at: key.origin)
            } else {
                entries.append(Node.Entry(name: name, origin: key.origin, value: value))
            }
        }
        return entries
    }

    /// The next event inside a list or a mapping, nil at its end.
    private mutating func nextInside() throws(Problem) -> YamlEvent? {
        let event = try reader.next()
        if case .end = event.kind { return nil }
        return event
    }

    private mutating func name(of key: Node) -> String? {
        switch key.content {
        case .scalar("<<", isPlain: true):
            note("merge keys are not taken, expected the keys themselves", at: key.origin)
        case .scalar(let text, _) where key.isNothing || text.isEmpty:
            note("an empty key, expected a name", at: key.origin)
        case .scalar(let text, _) where text.unicodeScalars.contains { $0.properties.generalCategory == .control }:
            note("the key \(quoted(text)) is no single line, expected a name", at: key.origin)
        case .scalar(let text, _): return text
        case .sequence, .mapping:
            note("found \(key) as a key, expected a name", at: key.origin)
        }
        return nil
    }

    /// A copy of what an alias stands for, within the limits: an alias of aliases of aliases grows without end.
    private mutating func expanded(
        _ name: String, at origin: Origin, depth: Int
    ) throws(Problem) -> Node.Content {
        guard !open.contains(name) else {
            throw Problem("the alias *\(name) stands inside its own anchor, expected no circle", at: origin)
        }
        guard let anchored = anchors[name] else {
            throw Problem("the alias *\(name) has no anchor &\(name) before it", at: origin)
        }
        let size = anchored.size
        try count(size.nodes - 1, at: origin)
        try checkDepth(depth - 1 + size.depth, at: origin)
        return anchored.content
    }

    private mutating func count(_ more: Int, at origin: Origin) throws(Problem) {
        nodeCount += more
        guard nodeCount <= Limit.nodes else {
            throw Problem("more than \(Limit.nodes) values, aliases counted each time, expected fewer", at: origin)
        }
    }

    private func checkDepth(_ depth: Int, at origin: Origin) throws(Problem) {
        guard depth <= Limit.depth else {
            throw Problem("more than \(Limit.depth) levels of lists and mappings, expected fewer", at: origin)
        }
    }

    private mutating func note(_ message: String, at origin: Origin) { problems.append(Problem(message, at: origin)) }
}

extension Node {
    /// The keys and values in it, itself too, and the levels of lists and mappings.
    fileprivate var size: (nodes: Int, depth: Int) {
        let inner: [Node]
        var nodes = 1
        switch content {
        case .scalar: return (1, 0)
        case .sequence(let items): inner = items
        case .mapping(let entries):
            inner = entries.map(\.value)
            nodes += entries.count
        }
        return inner.map(\.size).reduce((nodes: nodes, depth: 1)) { ($0.nodes + $1.nodes, max($0.depth, $1.depth + 1)) }
    }
}
