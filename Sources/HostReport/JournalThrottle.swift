package import HostModel

/// Keeps a setting that flaps, or a thousand disks at once, from flooding the journal: what is left out is counted, and
/// told at a later pass. Times are seconds of a clock that only goes forward.
package struct JournalThrottle: Sendable {
    private struct Topic: Hashable {
        let id: SettingID
        let to: State?

        var word: String { to?.rawValue ?? "gone" }
    }

    private struct Count {
        let start: Double
        var told = 0
        var untold = 0
    }

    /// A topic is told so many times in a window, which starts with the first.
    private let window = 600.0
    private let repeats = 3
    /// For all topics together.
    private let burst = 200.0
    private let refillPerSecond = 2.0

    private var counts: [Topic: Count] = [:]
    /// Of windows that have ended.
    private var untold: [Topic: Int] = [:]
    private var tokens: Double
    private var lastRefill: Double?
    private var others = 0

    package init() { tokens = burst }

    /// Which of these changes to log.
    package mutating func take(_ changes: [Change], at time: Double) -> [Change] {
        refill(at: time)
        return changes.filter { change in
            let topic = Topic(id: change.setting.id, to: change.to)
            endWindow(of: topic, at: time)
            if counts[topic, default: Count(start: time)].told >= repeats {
                counts[topic]?.untold += 1
                return false
            }
            counts[topic, default: Count(start: time)].told += 1
            return spend(for: 1)
        }
    }

    /// What to log of what was left out: `block/sda/scheduler: drifted 57 more times in 10 min`.
    package mutating func summaries(at time: Double) -> [String] {
        refill(at: time)
        for topic in Array(counts.keys) { endWindow(of: topic, at: time) }
        var lines: [String] = []
        for (topic, count) in untold.sorted(by: { Self.order($0.key) < Self.order($1.key) }) where spend(for: count) {
            let times = count == 1 ? "1 more time" : "\(count) more times"
            lines.append("\(visible(topic.id.description)): \(topic.word) \(times) in 10 min")
        }
        untold = [:]
        if others > 0 { lines.append(others == 1 ? "and 1 other change" : "and \(others) other changes") }
        others = 0
        return lines
    }

    private static func order(_ topic: Topic) -> (SettingID, String) { (topic.id, topic.word) }

    private mutating func endWindow(of topic: Topic, at time: Double) {
        guard let count = counts[topic], time - count.start >= window else { return }
        counts[topic] = nil
        if count.untold > 0 { untold[topic, default: 0] += count.untold }
    }

    /// Whether there is room for one more line; if not, the changes that it would have told are others.
    private mutating func spend(for changes: Int) -> Bool {
        guard tokens >= 1 else {
            others += changes
            return false
        }
        tokens -= 1
        return true
    }

    private mutating func refill(at time: Double) {
        tokens = min(burst, tokens + (time - (lastRefill ?? time)) * refillPerSecond)
        lastRefill = time
    }
}
