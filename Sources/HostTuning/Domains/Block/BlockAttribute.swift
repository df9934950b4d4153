import HostConfiguration
import HostModel

/// The attributes of a queue that can be asked for. Meaning and bounds: Documentation/ABI/stable/sysfs-block.
enum BlockAttribute: String, CaseIterable {
    case scheduler
    case nrRequests = "nr_requests"
    case readAhead = "read_ahead_kb"
    case rqAffinity = "rq_affinity"
    case maxSectors = "max_sectors_kb"
    case noMerges = "nomerges"
    case addRandom = "add_random"
    case ioStats = "iostats"
    case writebackLatency = "wbt_lat_usec"
    case ioTimeout = "io_timeout"
    case discardMax = "discard_max_bytes"

    /// What the kernel takes without mangling it.
    private var range: ClosedRange<Int128> {
        switch self {
        case .scheduler: 0...0
        case .nrRequests, .ioTimeout, .maxSectors: 1...Int128(UInt32.max)
        case .readAhead, .discardMax: 0...Int128(UInt64.max)
        case .rqAffinity, .noMerges: 0...2
        case .addRandom, .ioStats: 0...1
        // -1 asks for the default, which can't be compared with what is then held.
        case .writebackLatency: 0...Int128(Int64.max)
        }
    }

    /// The file that tells the most it takes.
    var maximumFile: String? {
        switch self {
        case .maxSectors: "max_hw_sectors_kb"
        case .discardMax: "discard_max_hw_bytes"
        default: nil
        }
    }

    func decode(_ node: Node, key: String, problems: inout Problems) -> Demand? {
        if self == .scheduler { return schedulers(node, key: key, problems: &problems) }
        if case .scalar("max", _) = node.content {
            if maximumFile != nil { return .requirement(.maximum) }
            problems.error(
                "max, but no device tells the most it takes, expected a whole number", at: node.origin, key: key)
            return nil
        }
        if case .scalar("physical-cores", _) = node.content, range.upperBound > 2 {
            return .workedOut([.physicalCores])
        }
        return node.integer(key, &problems, in: range).map { .requirement(.exactly(.integer($0))) }
    }

    /// One name, or several of which the first that the device offers is taken.
    private func schedulers(_ node: Node, key: String, problems: inout Problems) -> Demand? {
        var nodes = [node]
        if case .sequence(let items) = node.content { nodes = items }
        let expected = "a scheduler such as mq-deadline, or a list of them"
        var words: [String] = []
        for node in nodes {
            guard let word = node.text(key, &problems, expected: expected) else { return nil }
            if ["noop", "deadline", "cfq"].contains(word) {
                problems.error(
                    "\(word) left the kernel with the single queue (5.0), expected \(Self.successor[word] ?? "")",
                    at: node.origin, key: key)
                return nil
            }
            guard !word.isEmpty, word.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x5B && $0 != 0x5D }) else {
                problems.error(
                    "\(quoted(word)) is no name of a scheduler, expected \(expected)", at: node.origin, key: key)
                return nil
            }
            // Others exist outside the kernel's tree, so that only what looks like a slip is refused.
            if !Self.known.contains(word), let meant = nearest(to: word, among: Self.known) {
                problems.error("unknown scheduler \(word), did you mean \(meant)?", at: node.origin, key: key)
                return nil
            }
            words.append(word)
        }
        guard !words.isEmpty else {
            problems.error("an empty list, expected \(expected)", at: node.origin, key: key)
            return nil
        }
        return .requirement(words.count == 1 ? .exactly(.word(words[0])) : .firstOffered(words))
    }

    private static let known = ["none", "mq-deadline", "kyber", "bfq"]
    private static let successor = ["noop": "none", "deadline": "mq-deadline", "cfq": "bfq"]
}
