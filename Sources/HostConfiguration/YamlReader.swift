import CYaml
import HostModel

/// One event of libyaml, as Swift values.
struct YamlEvent {
    enum Kind {
        case document, streamEnd
        case scalar(String, isPlain: Bool)
        /// Of the anchor of that name.
        case alias(String)
        case sequence, mapping
        /// Of the sequence or mapping that is open.
        case end
    }

    var kind: Kind
    var anchor: String?
    var tag: String?
    let origin: Origin
}

/// libyaml's parser over bytes in memory: the only place that holds its pointers.
struct YamlReader: ~Copyable {
    private let file: String
    /// Where the text ends. libyaml sees another line after a last one that no line feed ends.
    private let end: Origin
    /// Both stay where they are as long as this lives: the parser points to itself and to its input.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>

    /// Takes UTF-8 without a byte order mark.
    init(_ bytes: some Collection<UInt8>, file: String) {
        self.file = file
        end = endOfText(bytes, file: file)
        input = .allocate(capacity: bytes.count)
        _ = input.initialize(from: bytes)
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        // Without memory it stays in its error state, and the first event says so.
        _ = yaml_parser_initialize(parser)
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, UnsafePointer(input.baseAddress), input.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    /// The next event that means something. Not to be called after `streamEnd` or an error.
    mutating func next() throws(Problem) -> YamlEvent {
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxProblem() }
            defer { yaml_event_delete(&event) }
            guard event.type != YAML_NO_EVENT else {
                throw Problem("there is no memory to read it", at: origin(event.start_mark))
            }
            if let result = converted(event) { return result }
        }
    }

    private func converted(_ event: yaml_event_t) -> YamlEvent? {
        let origin = origin(event.start_mark)
        switch event.type {
        case YAML_DOCUMENT_START_EVENT: return YamlEvent(kind: .document, origin: origin)
        case YAML_STREAM_END_EVENT: return YamlEvent(kind: .streamEnd, origin: origin)
        case YAML_ALIAS_EVENT:
            return YamlEvent(kind: .alias(text(event.data.alias.anchor) ?? ""), origin: origin)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let value = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return YamlEvent(
                kind: .scalar(value, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE),
                anchor: text(scalar.anchor), tag: text(scalar.tag), origin: origin)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            return YamlEvent(kind: .sequence, anchor: text(start.anchor), tag: text(start.tag), origin: origin)
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            return YamlEvent(kind: .mapping, anchor: text(start.anchor), tag: text(start.tag), origin: origin)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return YamlEvent(kind: .end, origin: origin)
        default: return nil
        }
    }

    /// What the scanner found where, and where began what it was reading.
    private func syntaxProblem() -> Problem {
        let state = parser.pointee
        var message = state.problem.map { String(cString: $0) } ?? "this is no YAML"
        // The mark counts characters, not bytes: the line is looked through instead.
        if message.hasPrefix("found character that cannot start"), isTab(at: state.problem_mark) {
            return Problem("a tab, expected spaces: YAML indents with nothing else", at: origin(state.problem_mark))
        }
        if message == "mapping values are not allowed in this context" {
            message = "a second value here, expected other indentation, or quotes around a text with a colon"
        }
        if let context = state.context.map({ String(cString: $0) }) {
            message += " \(context)"
            let (began, ended) = (origin(state.context_mark), origin(state.problem_mark))
            if began.line != ended.line { message += " that began in line \(began.line)" }
        }
        return Problem(message, at: origin(state.problem_mark))
    }

    private func isTab(at mark: yaml_mark_t) -> Bool {
        let lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard mark.line < lines.count else { return false }
        return String(decoding: lines[mark.line], as: UTF8.self).unicodeScalars.dropFirst(mark.column).first == "\t"
    }

    /// libyaml counts from zero.
    private func origin(_ mark: yaml_mark_t) -> Origin {
        let origin = Origin(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
        return origin.line > end.line ? end : origin
    }

    private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(decodingCString: $0, as: UTF8.self) }
    }
}
