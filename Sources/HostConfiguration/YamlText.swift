import HostModel

/// The first place where bytes are no text that a person could have meant, if there is one.
///
/// Stricter than YAML: what does not show in an editor, or what some editors take for the end of a line and others do
/// not, would make a value or a position something else than what is seen.
func problemOfText(_ bytes: some Sequence<UInt8>, file: String) -> Problem? {
    var iterator = bytes.makeIterator()
    var parser = Unicode.UTF8.ForwardParser()
    var (line, column, offset) = (1, 1, 0)
    var afterReturn = false
    while true {
        let here = Origin(file: file, line: line, column: column)
        switch parser.parseScalar(from: &iterator) {
        case .emptyInput:
            return afterReturn ? Problem(loneReturn, at: here) : nil
        case .error:
            return Problem("byte \(offset + 1) of the file is not UTF-8, expected UTF-8 text", at: here)
        case .valid(let encoded):
            let scalar = Unicode.UTF8.decode(encoded)
            if afterReturn, scalar != "\n" { return Problem(loneReturn, at: here) }
            if let why = whyRefused(scalar) { return Problem(why, at: here) }
            // libyaml compares each %TAG with all before it: a file of them would take a minute.
            if scalar == "%", column == 1 { return Problem("directives are not taken, expected none", at: here) }
            afterReturn = scalar == "\r"
            offset += encoded.count
            (line, column) = scalar == "\n" ? (line + 1, 1) : (line, column + 1)
        }
    }
}

/// The place after the last character.
func endOfText(_ bytes: some Collection<UInt8>, file: String) -> Origin {
    var (line, column) = (1, 1)
    for byte in bytes {
        if byte == UInt8(ascii: "\n") {
            (line, column) = (line + 1, 1)
        } else if byte & 0b1100_0000 != 0b1000_0000 {
            column += 1
        }
    }
    return Origin(file: file, line: line, column: column)
}

private let loneReturn = "a carriage return without a line feed, expected lines to end in a line feed"

/// Why a scalar has no place in a file or, written as an escape, in a value.
func whyRefused(_ scalar: Unicode.Scalar) -> String? {
    switch scalar {
    case "\t", "\n", "\r": nil
    case "\u{2028}", "\u{2029}": "the line separator \(name(scalar)), expected lines to end in a line feed"
    case "\u{FEFF}", "\u{FFFE}", "\u{FFFF}": "the invisible character \(name(scalar)), expected text"
    // Unicode's category Cc, which is these for ever.
    case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}": "the control character \(name(scalar)), expected text"
    default: nil
    }
}

private func name(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
}
