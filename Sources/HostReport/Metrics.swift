package import FoundationEssentials

/// What the daemon counts; the rest of the metrics is in its report.
package struct Counters: Hashable, Sendable {
    package var version: String
    /// Whether the newest files are the ones in force.
    package var isConfigurationValid = true
    /// By domain.
    package var drifts: [String: Int] = [:]
    package var writes: [Write: Int] = [:]
    package var passes = Histogram(bounds: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60])
    package var lastPass: Date?

    package struct Write: Hashable, Sendable {
        package var domain: String
        /// Whether the kernel took it.
        package var isDone: Bool

        package init(domain: String, isDone: Bool) {
            self.domain = domain
            self.isDone = isDone
        }
    }

    package init(version: String) { self.version = version }
}

/// Counts of durations up to each bound, as Prometheus wants them. Seconds.
package struct Histogram: Hashable, Sendable {
    package let bounds: [Double]
    /// One more than bounds: the last counts what is beyond them.
    package private(set) var counts: [Int]
    package private(set) var sum = 0.0

    package init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    package mutating func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }
}

extension Histogram {
    /// How many values were at most each bound, and how many there were at all: what Prometheus calls buckets.
    var cumulated: (upTo: [(bound: Double, count: Int)], all: Int) {
        var all = 0
        let upTo = zip(bounds, counts).map { bound, count in
            all += count
            return (bound, all)
        }
        return (upTo, counts.reduce(0, +))
    }
}
