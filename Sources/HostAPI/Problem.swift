import FoundationEssentials
import NIOCore
import NIOHTTP1

/// Why a request is not answered as asked: `application/problem+json` of RFC 9457.
struct Problem: Codable, Hashable {
    var type = "about:blank"
    var title: String
    var status: Int
    /// For people: what was wrong with this request, and what would have been right.
    var detail: String

    init(_ status: HTTPResponseStatus, _ detail: String) {
        title = status.reasonPhrase
        self.status = Int(status.code)
        self.detail = detail
    }

    init?(json bytes: [UInt8]) {
        guard let problem = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else { return nil }
        self = problem
    }

    var json: String { encoded(self) + "\n" }
}

/// `{"errors":[…]}`, why a command did nothing.
struct CommandErrors: Codable, Hashable {
    var errors: [String]
}

/// On one line.
func encoded(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Texts and numbers can always be encoded.
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
}

/// A text as JSON.
func quoted(_ text: String) -> String { encoded(text) }
