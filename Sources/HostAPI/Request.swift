import NIOCore
import NIOHTTP1

/// Who asks.
package enum Caller: Hashable, Sendable {
    /// By the unix socket, as this user of this host.
    case local(user: UInt32)
    case network

    var isRoot: Bool { self == .local(user: 0) }
}

/// One request, whole.
struct Request {
    var method: HTTPMethod
    var location: Location
    var headers: HTTPHeaders
    var body = ByteBuffer()
    var caller: Caller

    /// HEAD is GET without a body, which only the connection needs to know.
    var isRead: Bool { method == .GET || method == .HEAD }
}

/// A path and a query, taken apart and decoded.
struct Location: Hashable {
    /// As it was sent, to be sent on.
    var uri: String
    var path: String
    var query: [QueryItem]

    struct QueryItem: Hashable {
        var name: String
        var value: String
    }

    /// Nil where an escape is none, or what comes of it is no text.
    init?(_ uri: String) {
        self.uri = uri
        guard uri.hasPrefix("/"), !uri.contains("#") else { return nil }
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = Self.decoded(parts[0]) else { return nil }
        self.path = path
        query = []
        guard parts.count == 2 else { return }
        for item in parts[1].split(separator: "&") {
            let sides = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(sides[0]), let value = Self.decoded(sides.count == 2 ? sides[1] : "") else {
                return nil
            }
            query.append(QueryItem(name: name, value: value))
        }
    }

    private static func decoded(_ text: Substring) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let first = rest.popFirst() {
            guard first == UInt8(ascii: "%") else {
                bytes.append(first)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// One answer, whole.
struct Response {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: ByteBuffer

    init(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    init(_ status: HTTPResponseStatus = .ok, type: String, _ body: ByteBuffer) {
        self.init(status, headers: ["Content-Type": type], body: body)
    }

    static func problem(_ status: HTTPResponseStatus, _ detail: String) -> Self {
        Self(status, type: "application/problem+json", ByteBuffer(string: Problem(status, detail).json))
    }

    static func notAllowed(_ method: HTTPMethod, _ path: String, allow: String) -> Self {
        var response = problem(.methodNotAllowed, "\(path) takes \(allow), not \(method.rawValue)")
        response.headers.add(name: "Allow", value: allow)
        return response
    }

    /// Bytes that whoever has this tag need not be sent again.
    static func tagged(_ tag: EntityTag, type: String, _ body: ByteBuffer, for request: Request) -> Self {
        if tag.isKnown(to: request.headers["If-None-Match"]) {
            return Self(.notModified, headers: ["ETag": tag.description])
        }
        return Self(.ok, headers: ["Content-Type": type, "ETag": tag.description], body: body)
    }
}
