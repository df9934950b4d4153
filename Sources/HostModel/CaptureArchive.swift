/// What `capture` found, as one text that a person can read before sending it and that a test can load as a host: the
/// paths of a node with what is there. docs/capture.md has the format; it is node_exporter's ttar, with a few words more.
package struct CaptureArchive: Hashable, Sendable {
    package enum Entry: Hashable, Sendable {
        /// Lines without their newlines.
        case text([String])
        case bytes([UInt8])
        case link(to: String)
        case folder
        /// Folders named after the path, from 0: `memory0`, `memory1`, …
        case folders(Int)
        /// The number of a device node: `8:0`.
        case blockDevice(String)
        /// It is there, and reading it fails so.
        case unreadable(Errno)
    }

    package var entries: [String: Entry] = [:]
    /// Whether root made it. Who is not root sees less.
    package var isRoot = true
    package var pageSize = 4096
    /// For people: what it is, what could not be read.
    package var remarks: [String] = []

    package init() {}

    private static let heading = "# ais-hostd capture 1"
}

extension CaptureArchive {
    package var text: String {
        var lines = [Self.heading] + remarks.map { "# \($0)" }
        lines += ["User: \(isRoot ? "root" : "ordinary")", "PageSize: \(pageSize)"]
        for (path, entry) in entries.sorted(by: { $0.key < $1.key }) {
            lines.append("Path: \(path)")
            switch entry {
            case .text(let text): lines += ["Lines: \(text.count)"] + text
            case .bytes(let bytes): lines.append(bytes.isEmpty ? "Hex:" : "Hex: \(hexadecimal(bytes))")
            case .link(let target): lines.append("SymlinkTo: \(target)")
            case .folder: lines.append("Directory:")
            case .folders(let count): lines.append("Directories: \(count)")
            case .blockDevice(let number): lines.append("BlockDevice: \(number)")
            case .unreadable(let errno): lines.append("Error: \(errno.rawValue) \(errno)")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Why a text is no capture, with its line.
    package struct Malformed: Error, Hashable, CustomStringConvertible {
        package let description: String
        package init(description: String) { self.description = description }
    }

    package init(parsing text: String) throws(Malformed) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.first == Self.heading else { throw Malformed(description: "1: expected \(Self.heading)") }
        var next = 1
        var path: String?
        while next < lines.count {
            let line = lines[next]
            next += 1
            if line.isEmpty { continue }
            if line.hasPrefix("#") {
                if path == nil { remarks.append(String(line.dropFirst(line.hasPrefix("# ") ? 2 : 1))) }
                continue
            }
            let pair = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let value = pair.count > 1 ? String(pair[1].drop { $0 == " " }) : ""
            func number(upTo limit: Int) throws(Malformed) -> Int {
                guard let number = Int(value), (0...limit).contains(number) else {
                    throw Malformed(description: "\(next): \(line): expected a number up to \(limit)")
                }
                return number
            }
            var entry: Entry?
            switch pair[0] {
            case "User": isRoot = value == "root"
            case "PageSize": pageSize = try number(upTo: 1 << 20)
            case "Path": path = value
            case "Lines":
                let count = try number(upTo: lines.count - next)
                entry = .text(Array(lines[next..<next + count]))
                next += count
            case "Hex":
                var bytes: [UInt8] = []
                for word in value.split(separator: " ") {
                    guard let byte = UInt8(word, radix: 16) else {
                        throw Malformed(description: "\(next): \(word) is no byte")
                    }
                    bytes.append(byte)
                }
                entry = .bytes(bytes)
            case "SymlinkTo": entry = .link(to: value)
            case "Directory": entry = .folder
            case "Directories": entry = .folders(try number(upTo: 1 << 16))
            case "BlockDevice": entry = .blockDevice(value)
            case "Error":
                guard let errno = Int32(value.prefix { $0 != " " }) else {
                    throw Malformed(description: "\(next): \(line): expected the number of an error")
                }
                entry = .unreadable(Errno(rawValue: errno))
            default: throw Malformed(description: "\(next): \(line): an unknown word")
            }
            if let entry {
                guard let path, path.hasPrefix("/") else {
                    throw Malformed(description: "\(next): \(line): expected a Path before it")
                }
                entries[path] = entry
            }
        }
    }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}
