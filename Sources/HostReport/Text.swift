import HostModel

/// The text with control and other invisible characters spelt out, so that no value can move the cursor or hide;
/// the empty text as `""`.
func visible(_ text: String) -> String {
    if text.isEmpty { return "\"\"" }
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case "\r": result += "\\r"
        case " "..."~": result.unicodeScalars.append(scalar)
        default:
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
    return result
}

/// The text in lines of at most `width`, broken at spaces; a longer word after a comma or slash, at worst anywhere.
func wrapped(_ text: String, to width: Int) -> [String] {
    var lines: [String] = []
    var line: Substring?
    for var word in text.split(separator: " ", omittingEmptySubsequences: false) {
        if let begun = line {
            if begun.count + 1 + word.count <= width {
                line = begun + " " + word
                continue
            }
            lines.append(String(begun))
        }
        while word.count > width {
            let start = piece(of: word, width: width)
            lines.append(String(start))
            word = word[start.endIndex...]
        }
        line = word
    }
    if let line { lines.append(String(line)) }
    return lines
}

private func piece(of word: Substring, width: Int) -> Substring {
    let start = word.prefix(width)
    guard let seam = start.lastIndex(where: { $0 == "," || $0 == "/" }) else { return start }
    let nice = start[...seam]
    return nice.count > width / 2 ? nice : start
}

/// `FILE:LINE` in what still tells files apart: our folder and the way to a profile go without saying.
func short(_ origin: Origin) -> String {
    let parts = origin.file.split(separator: "/")
    if parts.count > 3, parts[parts.count - 3] == "profiles", origin.file.hasSuffix(".yaml") {
        return "\(parts[parts.count - 2])/\(parts[parts.count - 1].dropLast(5)):\(origin.line)"
    }
    let ours = "/etc/ais-hostd/"
    let file = origin.file.hasPrefix(ours) ? String(origin.file.dropFirst(ours.count)) : origin.file
    return "\(file):\(origin.line)"
}

/// Who asked for it; what nobody asks for any more was asked there once.
func source(_ origin: Origin, isRestoration: Bool) -> String { (isRestoration ? "was " : "") + short(origin) }
