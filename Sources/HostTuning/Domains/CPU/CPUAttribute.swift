import HostConfiguration
import HostModel

/// The attributes of a cpufreq policy that can be asked for. (Documentation/admin-guide/pm/cpufreq.rst)
enum CPUAttribute: String, CaseIterable {
    case governor
    case preference = "energy_performance_preference"

    /// Of the policy's folder.
    var file: String { self == .governor ? "scaling_governor" : rawValue }

    /// The file that lists what can be written.
    var offersFile: String {
        self == .governor ? "scaling_available_governors" : "energy_performance_available_preferences"
    }

    private var known: [String] {
        switch self {
        case .governor: ["performance", "powersave", "schedutil", "ondemand", "conservative", "userspace"]
        case .preference: ["performance", "balance_performance", "balance_power", "power"]
        }
    }

    private var kind: (name: String, expected: String) {
        switch self {
        case .governor: ("governor", "a governor such as performance, or a list of them")
        case .preference: ("preference", "a preference such as balance_performance, or a list of them")
        }
    }

    /// One word, or several of which the first that the policy offers is taken.
    func decode(_ node: Node, key: String, problems: inout Problems) -> Demand? {
        var nodes = [node]
        if case .sequence(let items) = node.content { nodes = items }
        var words: [String] = []
        var isWhole = true
        for node in nodes {
            let text = node.text(key, &problems, expected: kind.expected)
            if let text, let fault = fault(in: text) {
                problems.error(fault, at: node.origin, key: key)
                isWhole = false
            } else if let text {
                words.append(text)
            } else {
                isWhole = false
            }
        }
        guard isWhole else { return nil }
        guard let first = words.first else {
            problems.error("an empty list, expected \(kind.expected)", at: node.origin, key: key)
            return nil
        }
        return .requirement(words.count == 1 ? .exactly(.word(first)) : .firstOffered(words))
    }

    /// What is wrong with a word; governors exist outside the kernel's tree, so that of those only slips are.
    private func fault(in word: String) -> String? {
        if known.contains(word) { return nil }
        if self == .preference {
            // Both are taken and read back otherwise: store_energy_performance_preference() of intel_pstate.c.
            if word == "default" {
                return "default is the firmware's choice, which can't be compared with what is then held, "
                    + "expected one of \(known.joined(separator: ", "))"
            }
            if !word.isEmpty, word.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
                return "\(quoted(word)) is a number, of which the kernel makes a word where it has one, "
                    + "expected one of \(known.joined(separator: ", "))"
            }
        }
        // The kernel ignores case and cuts after 15 letters (CPUFREQ_NAME_LEN), so that another name is then held.
        if let meant = nearest(to: word, among: known) { return "unknown \(kind.name) \(word), did you mean \(meant)?" }
        func isPart(_ byte: UInt8) -> Bool {
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5F || byte == 0x2D
        }
        let isName = word.utf8.first.map { (0x61...0x7A).contains($0) } ?? false
        guard isName, word.utf8.allSatisfy(isPart), self != .governor || word.utf8.count < 16 else {
            return "\(quoted(word)) is no name of a \(kind.name), expected \(kind.expected)"
        }
        return nil
    }
}
