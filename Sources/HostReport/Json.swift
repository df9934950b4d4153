package import HostModel

/// The report as the contract's JSON, keys sorted, one final newline.
package func json(_ report: Report) -> String { json(Document(report)) }

/// Looks as FoundationEssentials' encoder would print it. Ours, because that one takes a sixth of a whole `check` to
/// look up at run time what is plain here.
func json(_ document: Document) -> String {
    var bytes: [UInt8] = []
    document.print(to: &bytes, lineStart: "\n")
    return String(decoding: bytes, as: UTF8.self) + "\n"
}

/// All of it on one line, for streams of many; who streams ends it.
func jsonLine(_ document: Document) -> String {
    var bytes: [UInt8] = []
    document.print(to: &bytes, lineStart: nil)
    return String(decoding: bytes, as: UTF8.self)
}

extension Document {
    /// A new line of what belongs to this document begins with `lineStart`; nil keeps to one line.
    fileprivate func print(to bytes: inout [UInt8], lineStart: String?) {
        switch self {
        case .null: bytes += "null".utf8
        case .flag(let flag): bytes += (flag ? "true" : "false").utf8
        case .integer(let number): bytes += String(number).utf8
        case .text(let content): printQuoted(content, to: &bytes)
        case .list(let elements):
            print(elements, between: ("[", "]"), to: &bytes, lineStart: lineStart) { element, bytes, lineStart in
                element.print(to: &bytes, lineStart: lineStart)
            }
        case .fields(let fields):
            let sorted = fields.sorted { $0.0 < $1.0 }
            print(sorted, between: ("{", "}"), to: &bytes, lineStart: lineStart) { field, bytes, lineStart in
                printQuoted(field.0, to: &bytes)
                bytes += (lineStart == nil ? ":" : " : ").utf8
                field.1.print(to: &bytes, lineStart: lineStart)
            }
        }
    }

    private func print<Item>(
        _ items: [Item], between ends: (String, String), to bytes: inout [UInt8], lineStart: String?,
        _ printItem: (Item, inout [UInt8], String?) -> Void
    ) {
        bytes += ends.0.utf8
        let inner = lineStart.map { $0 + "  " }
        for (index, item) in items.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += (inner ?? "").utf8
            printItem(item, &bytes, inner)
        }
        if items.isEmpty, lineStart != nil { bytes += "\n".utf8 }
        bytes += (lineStart ?? "").utf8
        bytes += ends.1.utf8
    }
}

/// By RFC 8259, section 7: a quotation mark, a backslash and control characters can't stand for themselves.
private func printQuoted(_ content: String, to bytes: inout [UInt8]) {
    bytes += "\"".utf8
    if content.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
        for scalar in content.unicodeScalars { printEscaped(scalar, to: &bytes) }
    } else {
        bytes += content.utf8
    }
    bytes += "\"".utf8
}

private func printEscaped(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
    switch scalar {
    case "\"": bytes += "\\\"".utf8
    case "\\": bytes += "\\\\".utf8
    case "\n": bytes += "\\n".utf8
    case "\t": bytes += "\\t".utf8
    case "\r": bytes += "\\r".utf8
    case "\u{8}": bytes += "\\b".utf8
    case "\u{C}": bytes += "\\f".utf8
    case ..<" ": bytes += ((scalar.value < 16 ? "\\u000" : "\\u00") + String(scalar.value, radix: 16)).utf8
    default: bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
    }
}
