import CYaml
package import HostModel

/// The report as YAML, in the contract's order: the same content as `json(_:)`, by libyaml's emitter.
package func yaml(_ report: Report) throws -> String { try yaml(Document(report)) }

func yaml(_ document: Document) throws -> String {
    var output: [UInt8] = []
    try withUnsafeMutablePointer(to: &output) { output in
        var emitter = yaml_emitter_t()
        guard yaml_emitter_initialize(&emitter) == 1 else { throw EmitterError(problem: "out of memory") }
        defer { yaml_emitter_delete(&emitter) }
        yaml_emitter_set_output(&emitter, append, output)
        yaml_emitter_set_unicode(&emitter, 1)
        // Unlimited: a wrapped scalar is the same value, but no longer one that grep finds.
        yaml_emitter_set_width(&emitter, -1)
        try emit(&emitter) { yaml_stream_start_event_initialize(&$0, YAML_UTF8_ENCODING) }
        try emit(&emitter) { yaml_document_start_event_initialize(&$0, nil, nil, nil, 1) }
        try emit(document, to: &emitter)
        try emit(&emitter) { yaml_document_end_event_initialize(&$0, 1) }
        try emit(&emitter) { yaml_stream_end_event_initialize(&$0) }
    }
    return String(decoding: output, as: UTF8.self)
}

private struct EmitterError: Error, CustomStringConvertible {
    let problem: String
    var description: String { "write YAML: \(problem)" }
}

/// libyaml's write handler; `data` is the array that `yaml(_:)` lent it.
private func append(_ data: UnsafeMutableRawPointer?, _ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int) -> Int32 {
    guard let data, let bytes else { return 0 }
    data.assumingMemoryBound(to: [UInt8].self).pointee += UnsafeBufferPointer(start: bytes, count: count)
    return 1
}

/// Makes one event and hands it over; the emitter frees it, also when it fails.
private func emit(_ emitter: inout yaml_emitter_t, _ make: (inout yaml_event_t) -> Int32) throws {
    var event = yaml_event_t()
    guard make(&event) == 1 else { throw EmitterError(problem: "out of memory") }
    guard yaml_emitter_emit(&emitter, &event) == 1 else {
        throw EmitterError(problem: emitter.problem.map { String(cString: $0) } ?? "the emitter failed")
    }
}

private func emit(_ document: Document, to emitter: inout yaml_emitter_t) throws {
    switch document {
    case .null: try emit("null", to: &emitter)
    case .flag(let flag): try emit(flag ? "true" : "false", to: &emitter)
    case .integer(let number): try emit(String(number), to: &emitter)
    case .text(let text): try emit(text, quoted: !readsAsText(text), to: &emitter)
    case .list(let elements):
        try emit(&emitter) { yaml_sequence_start_event_initialize(&$0, nil, nil, 1, YAML_BLOCK_SEQUENCE_STYLE) }
        for element in elements { try emit(element, to: &emitter) }
        try emit(&emitter) { yaml_sequence_end_event_initialize(&$0) }
    case .fields(let fields):
        try emit(&emitter) { yaml_mapping_start_event_initialize(&$0, nil, nil, 1, YAML_BLOCK_MAPPING_STYLE) }
        for (name, value) in fields {
            try emit(name, to: &emitter)
            try emit(value, to: &emitter)
        }
        try emit(&emitter) { yaml_mapping_end_event_initialize(&$0) }
    }
}

/// Quotes for the characters' sake (`a: b`, control characters) the emitter adds itself.
private func emit(_ text: String, quoted: Bool = false, to emitter: inout yaml_emitter_t) throws {
    guard let length = Int32(exactly: text.utf8.count) else { throw EmitterError(problem: "a text of 2 GiB") }
    let style = quoted ? YAML_SINGLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE
    try emit(&emitter) { yaml_scalar_event_initialize(&$0, nil, nil, text, length, 1, 1, style) }
}

/// Whether every reader, of YAML 1.1 or 1.2, takes this for a string without quotes.
///
/// All numbers, dates, `~` and `.inf` start with something else than a letter or a slash.
private func readsAsText(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, first.isASCII else { return false }
    guard first == "/" || first.properties.isAlphabetic else { return false }
    return !["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(text.lowercased())
}
