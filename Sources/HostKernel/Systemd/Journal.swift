import CLinux
import Glibc

/// Where the daemon says what it did: the journal, with fields to search by, or else standard error.
///
/// Never both. Standard error is for a person who runs it on a terminal, and for where there is no journal.
package struct Journal: Sendable {
    /// As syslog(3) numbers them.
    package enum Priority: Int32, Sendable { case error = 3, warning, notice, information, debug }

    package init() {}

    /// Writes one record. A message is one line, whatever a disk's serial holds; fields keep their values byte by byte.
    ///
    /// Fields are named by capitals, digits and underscores, as the journal takes them: the rest of a name becomes
    /// underscores.
    package func send(_ priority: Priority, _ message: String, fields: [String: String] = [:]) {
        let line = Self.singleLine(message)
        let isTerminal = isatty(STDERR_FILENO) == 1
        if !isTerminal, access(Self.socket, F_OK) == 0 {
            var record = ["MESSAGE=\(line)", "PRIORITY=\(priority.rawValue)"]
            for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
                record.append("\(Self.fieldName(name))=\(value)")
            }
            if Self.write(record.map { Array($0.utf8) }) { return }
        }
        // A service manager takes the number off; a person has no need of it.
        Terminal.writeError(isTerminal ? "\(line)\n" : "<\(priority.rawValue)>\(line)\n")
    }

    private static let socket = "/run/systemd/journal/socket"

    /// `sd_journal_sendv(3)`, which takes a length for each: a newline in a value ends nothing.
    private static func write(_ record: [[UInt8]]) -> Bool {
        var bytes = record.flatMap { $0 }
        return bytes.withUnsafeMutableBytes { bytes in
            var vectors: [iovec] = []
            var offset = 0
            for field in record {
                vectors.append(iovec(iov_base: bytes.baseAddress.map { $0 + offset }, iov_len: field.count))
                offset += field.count
            }
            return clinux_sd_journal_sendv(&vectors, Int32(vectors.count)) == 0
        }
    }

    private static func fieldName(_ name: String) -> String {
        String(
            decoding: name.utf8.map { byte -> UInt8 in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
                default: UInt8(ascii: "_")
                }
            }, as: UTF8.self)
    }

    /// The text with its control characters spelled out: `\n`, `\x1b`.
    static func singleLine(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": line += "\\n"
            case "\t": line += "\\t"
            case "\r": line += "\\r"
            case _ where scalar.properties.generalCategory == .control:
                line += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            // Unicode's own ends of a line.
            case "\u{2028}", "\u{2029}": line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line
    }
}
