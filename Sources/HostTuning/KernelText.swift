/// How the kernel writes values in its text files. Parsed here, at the edge, and nowhere else.
enum KernelText {
    /// `none [mq-deadline] kyber`: the current word in brackets; by itself where there is no choice.
    static func choice(_ text: String) -> (current: String, offered: [String]) {
        let words = text.split(whereSeparator: \.isWhitespace)
        let names = words.map { String($0.hasPrefix("[") ? $0.dropFirst().dropLast() : $0) }
        let current = words.firstIndex { $0.hasPrefix("[") }.map { names[$0] }
        return (current ?? names.first ?? "", names)
    }

    /// A number as the kernel prints it. What 64 bits can't hold is none, so that no sum of two can overflow here.
    static func integer(_ text: some StringProtocol) -> Int128? {
        Int128(text).flatMap { (-(1 << 63)..<(1 << 64)).contains($0) ? $0 : nil }
    }
}

extension String {
    /// Without white space at the ends: kernel files end in a newline.
    var trimmed: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
