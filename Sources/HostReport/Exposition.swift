/// Metrics in Prometheus' text format 0.0.4: each with its HELP and TYPE, its samples sorted.
struct Exposition {
    enum Kind: String { case gauge, counter }

    private(set) var text = ""

    /// A metric without samples is left out.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        if samples.isEmpty { return }
        head(name, kind.rawValue, help)
        // A series that comes twice makes Prometheus refuse all of them.
        let values = Dictionary(samples.map { ($0.labels, $0.value) }, uniquingKeysWith: { $1 })
        for (labels, value) in values.sorted(by: { $0.key < $1.key }) { text += "\(name)\(labels) \(value)\n" }
    }

    mutating func add(_ name: String, _ help: String, _ histogram: Histogram) {
        head(name, "histogram", help)
        let (upTo, all) = histogram.cumulated
        for (bound, count) in upTo { text += "\(name)_bucket{le=\"\(printed(bound))\"} \(count)\n" }
        text += "\(name)_bucket{le=\"+Inf\"} \(all)\n\(name)_sum \(printed(histogram.sum))\n\(name)_count \(all)\n"
    }

    private mutating func head(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }
}

/// One series and its value.
struct Sample {
    /// As printed: `{domain="block",state="drifted"}`.
    let labels: String
    let value: String

    private init(_ labels: [(String, String)], printing value: String) {
        let list = labels.map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",")
        self.labels = list.isEmpty ? "" : "{\(list)}"
        self.value = value
    }

    init(_ labels: [(String, String)], _ value: Int) { self.init(labels, printing: String(value)) }
    init(_ value: Int) { self.init([], printing: String(value)) }
    init(_ value: Double) { self.init([], printing: printed(value)) }
    init(flag: Bool) { self.init(flag ? 1 : 0) }
}

/// The characters that can't stand for themselves between quotation marks.
private func escaped(_ label: String) -> String {
    var result = ""
    for scalar in label.unicodeScalars {
        switch scalar {
        case "\\": result += "\\\\"
        case "\"": result += "\\\""
        case "\n": result += "\\n"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// As Go prints it, without a fraction where there is none: labels are compared as texts.
private func printed(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? String(number) }
