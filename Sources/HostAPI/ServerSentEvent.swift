/// One event of a `text/event-stream`.
package struct ServerSentEvent: Hashable, Sendable {
    /// Where to resume; nil where it is not said.
    package var id: String?
    package var name: String
    package var data: String

    package init(id: String? = nil, name: String, data: String) {
        self.id = id
        self.name = name
        self.data = data
    }

    /// As it is sent. Data of several lines becomes several fields.
    var text: String {
        var text = id.map { "id: \($0)\n" } ?? ""
        text += "event: \(name)\n"
        // Swift takes a return and a line feed as one character; other separators of lines mean nothing here.
        for line in data.split(omittingEmptySubsequences: false, whereSeparator: { ["\n", "\r", "\r\n"].contains($0) })
        {
            text += "data: \(line)\n"
        }
        return text + "\n"
    }
}

/// Takes a `text/event-stream` apart as it comes, by the rules of HTML, section 9.2.6.
struct ServerSentEventParser {
    /// One line may be a whole result: a report of 10,000 settings is 4 MB.
    var maximumBytes = 64 * 1024 * 1024

    private var line: [UInt8] = []
    private var isAfterReturn = false
    private var isAtStart = true
    private var name = ""
    private var data: [String] = []
    private var dataBytes = 0
    /// Stays until another one comes.
    private(set) var lastID: String?

    struct TooLong: Error {}

    /// The events that are whole with these bytes.
    mutating func feed(_ bytes: some Sequence<UInt8>) throws -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            let isRest = isAfterReturn && byte == UInt8(ascii: "\n")
            isAfterReturn = byte == UInt8(ascii: "\r")
            if isRest { continue }
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if let event = endLine() { events.append(event) }
            } else {
                guard line.count + dataBytes < maximumBytes else { throw TooLong() }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        var text = String(decoding: line, as: UTF8.self)[...]
        line.removeAll(keepingCapacity: true)
        if isAtStart, text.unicodeScalars.first == "\u{FEFF}" { text = Substring(text.unicodeScalars.dropFirst()) }
        isAtStart = false
        if text.isEmpty { return dispatch() }
        let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
        let field = text[..<(colon ?? text.endIndex)]
        var value = colon.map { text[text.utf8.index(after: $0)...] } ?? ""
        if value.utf8.first == UInt8(ascii: " ") { value = Substring(value.utf8.dropFirst()) }
        switch field {
        case "event": name = String(value)
        case "data":
            data.append(String(value))
            dataBytes += value.utf8.count + 1
        case "id" where !value.utf8.contains(0): lastID = String(value)
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer { (name, data, dataBytes) = ("", [], 0) }
        if data.isEmpty { return nil }
        return ServerSentEvent(
            id: lastID, name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"))
    }
}
