package import HostModel
package import HostReport

/// What the daemon knows after a pass.
package struct Snapshot: Sendable {
    /// Nil until the first pass is done.
    package var report: Report?
    /// The merged configuration, ready to print: every rule with its origin.
    package var rules: [RuleReport]
    package var counters: Counters
    /// Seconds between two full passes.
    package var interval: Int
    /// Why the last pass came to nothing, if so.
    package var failure: String?

    package init(
        report: Report?, rules: [RuleReport], counters: Counters, interval: Int, failure: String? = nil
    ) {
        self.failure = failure
        self.report = report
        self.rules = rules
        self.counters = counters
        self.interval = interval
    }
}

/// What a client asks the daemon to do.
package enum Command: Hashable, Sendable {
    case apply(CommandOptions)
    case revert(CommandOptions)
    case reload
}

package struct CommandOptions: Hashable, Sendable {
    /// Globs of setting ids; all where empty.
    package var only: [String]
    /// Allowed beyond what the configuration allows.
    package var allow: Set<Disruption>
    /// Overrules the file-wide mode once.
    package var mode: Mode?

    package init(only: [String] = [], allow: Set<Disruption> = [], mode: Mode? = nil) {
        self.only = only
        self.allow = allow
        self.mode = mode
    }
}

/// What a command tells while it is carried out; `finished` or `failed` is the last.
package enum Progress: Sendable {
    case change(PlannedChange)
    case finished(PassResult)
    /// Why nothing was done, a line each.
    case failed([String])
}
