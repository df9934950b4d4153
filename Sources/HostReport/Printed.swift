import FoundationEssentials
package import HostModel

extension SettingID {
    /// From its description. Where an object holds slashes of its own (`path=a/b,name=x`) it can't be told from the
    /// attribute: the id prints the same all the same, and is only ever compared whole.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2 else { return nil }
        let domain = parts[0]
        let hasObject = parts.count == 3 && domain != "sysctl"
        self.init(
            domain: domain, object: hasObject ? parts[1] : nil,
            attribute: hasObject ? parts[2] : parts.dropFirst().joined(separator: "/"))
    }
}

/// `DOMAIN/OBJECT/ATTRIBUTE`
struct PrintedID: Decodable {
    let value: SettingID

    init(from decoder: any Decoder) throws { value = try decoder.parsed("an id", SettingID.init) }
}

/// `FILE:LINE`
struct PrintedOrigin: Decodable {
    let value: Origin

    init(from decoder: any Decoder) throws {
        value = try decoder.parsed("FILE:LINE") { text in
            guard let colon = text.lastIndex(of: ":"), let line = Int(text[text.index(after: colon)...]) else {
                return nil
            }
            return Origin(file: String(text[..<colon]), line: line)
        }
    }
}

/// `2026-11-23T18:03:11.120Z`
struct PrintedTime: Decodable {
    let value: Date

    init(from decoder: any Decoder) throws {
        value = try decoder.parsed("a time") { text in
            guard let time = try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)) else {
                return nil
            }
            // The nearest Double to these milliseconds, however the parser came to them.
            return Date(timeIntervalSince1970: (time.timeIntervalSince1970 * 1000).rounded() / 1000)
        }
    }
}

extension Decoder {
    fileprivate func parsed<Value>(_ what: String, _ parse: (String) -> Value?) throws -> Value {
        let container = try singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = parse(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is not \(what)")
        }
        return value
    }
}
