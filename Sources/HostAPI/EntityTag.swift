/// `"REVISION-INSTANCE"`: a revision alone would repeat when the process starts again, with other content.
struct EntityTag: Hashable, CustomStringConvertible {
    /// With its quotation marks.
    let description: String

    init(revision: Int, instance: String) { description = "\"\(revision)-\(instance)\"" }

    /// As a server sent it; nil where it is none.
    init?(_ text: String) {
        guard text.count > 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return nil }
        description = text
    }

    /// Whether one who has these need not be sent this one. By RFC 9110, section 13.1.2: a list, or a star; weak tags
    /// count as much as strong ones.
    func isKnown(to ifNoneMatch: [String]) -> Bool {
        ifNoneMatch.contains { value in
            // Our own tags hold no comma, so that cutting a foreign one in pieces can't make one of ours.
            value.split(separator: ",").contains { part in
                let tag = trimmed(part)
                return tag == "*" || tag == description || tag == "W/" + description
            }
        }
    }
}

/// Without the blanks around it, as lists in headers are written.
func trimmed(_ text: some StringProtocol) -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    let start = text.drop(while: isBlank)
    return String(start.prefix(start.count - start.reversed().prefix(while: isBlank).count))
}
