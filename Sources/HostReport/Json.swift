import FoundationEssentials
package import HostModel

/// The report as the contract's JSON, keys sorted, one final newline.
package func json(_ report: Report) throws -> String { try json(Document(report)) }

func json(_ document: Document) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
}

extension Document: Encodable {
    func encode(to encoder: any Encoder) throws {
        switch self {
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .flag(let flag): try flag.encode(to: encoder)
        case .integer(let number): try number.encode(to: encoder)
        case .text(let text): try text.encode(to: encoder)
        case .list(let elements): try elements.encode(to: encoder)
        case .fields(let fields):
            var container = encoder.container(keyedBy: Key.self)
            for (name, value) in fields { try container.encode(value, forKey: Key(stringValue: name)) }
        }
    }
}

private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
