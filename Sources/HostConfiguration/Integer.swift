/// Reads a number exactly as a person and the kernel would both read it: decimal digits, perhaps after a minus.
///
/// The kernel takes more than that and makes something else of it; the refusal says what. Holds -2^63 to 2^64-1, which
/// is what any kernel file may hold.
package func parseInteger(_ text: String) -> Result<Int128, Refusal> {
    let isNegative = text.hasPrefix("-")
    let digits = isNegative ? text.dropFirst() : text[...]
    let leading = digits.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard !leading.isEmpty, leading.count == digits.utf8.count else {
        return .failure(Refusal(whyNotDigits(text, isNegative ? "-" : "", digits, leading: Substring(leading))))
    }
    if digits.count > 1, digits.hasPrefix("0") {
        let octal = Int128(digits, radix: 8).map { "be read as octal \(isNegative ? "-" : "")\(String($0, radix: 10))" }
        return .failure(Refusal("\(shown(text)) would \(octal ?? "be refused as octal") by the kernel"))
    }
    guard let number = Int128(text), (-(1 << 63)...(1 << 64) - 1).contains(number) else {
        return .failure(Refusal("\(shown(text)) is beyond what the kernel holds (-2^63 to 2^64-1)"))
    }
    return .success(number)
}

/// `leading` are the digits at its start.
private func whyNotDigits(_ text: String, _ sign: String, _ digits: Substring, leading: Substring) -> String {
    if text.isEmpty { return "nothing here" }
    if digits.hasPrefix("0x") || digits.hasPrefix("0X"), let number = Int128(digits.dropFirst(2), radix: 16) {
        return "\(shown(text)) would be read as hexadecimal \(sign)\(number) by the kernel"
    }
    if text.hasPrefix("+"), Int128(text) != nil {
        return "\(shown(text)) would be read as \(text.dropFirst()) or refused by the kernel"
    }
    guard !leading.isEmpty else { return "\(quoted(text)) is no number" }
    return "\(shown(text)) would be read as \(sign)\(shown(leading)) or refused by the kernel"
}

/// A number needs no quotes; what is long or holds a space does.
private func shown(_ text: some StringProtocol) -> String {
    let isPlain = text.utf8.count <= 60 && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    return isPlain ? String(text) : quoted(String(text))
}
