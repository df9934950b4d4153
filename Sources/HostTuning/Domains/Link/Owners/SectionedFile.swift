import HostModel

/// A file of `[Section]` and `Key=Value` lines, as systemd and NetworkManager have them. (systemd.syntax(7), and the
/// key files of GLib)
struct SectionedFile {
    struct Entry {
        var section: String
        var key: String
        var value: String
        var origin: Origin
    }

    let entries: [Entry]

    /// Only systemd's lines go on behind a backslash; in a key file it may end a password.
    init(_ bytes: [UInt8], file: String, continues: Bool = true) {
        var entries: [Entry] = []
        var section = ""
        /// What a backslash at its end makes one line of.
        var begun: (text: String, line: Int)?
        for (index, bytes) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let line = String(decoding: bytes, as: UTF8.self).trimmed
            // A comment may stand between the parts of a line, and is none of them.
            if line.first == "#" || line.first == ";" { continue }
            let text = (begun.map { $0.text + " " } ?? "") + line
            let number = begun?.line ?? index + 1
            begun = nil
            if continues, text.last == "\\" {
                begun = (String(text.dropLast()), number)
            } else if text.first == "[", text.last == "]" {
                section = String(text.dropFirst().dropLast())
            } else if let equals = text.firstIndex(of: "=") {
                entries.append(
                    Entry(
                        section: section, key: String(text[..<equals]).trimmed,
                        value: String(text[text.index(after: equals)...]).trimmed,
                        origin: Origin(file: file, line: number)))
            }
        }
        self.entries = entries
    }

    /// Nil where there is no such file.
    init?(_ path: String, in files: any Files, continues: Bool = true) throws(KernelError) {
        guard let bytes = try present({ () throws(KernelError) in try files.read(path) }) else { return nil }
        self.init(bytes, file: path, continues: continues)
    }

    /// The last one wins, as in most of these files.
    func last(_ key: String, in section: String) -> Entry? {
        entries.last { $0.section == section && $0.key == key }
    }
}
