package import HostModel

/// What `apply` and `revert` tell of themselves, wherever they did it.
package struct PassResult: Hashable, Sendable {
    package var report: Report
    /// What was written, and what came of each.
    package var changes: [PlannedChange]
    /// Lines for people: why something was not written, what is held.
    package var notes: [String]
    /// What is to be said instead of the rest of the table, where all else is well: "5 put back".
    package var verdict: String?
    /// The configuration's warnings, as `FILE:LINE:COLUMN: KEY: message`.
    package var warnings: [String]
    /// What went wrong beside the settings themselves; the command exits with 1 for it.
    package var errors: [String]

    package init(
        report: Report, changes: [PlannedChange] = [], notes: [String] = [], verdict: String? = nil,
        warnings: [String] = [], errors: [String] = []
    ) {
        self.report = report
        self.changes = changes
        self.notes = notes
        self.verdict = verdict
        self.warnings = warnings
        self.errors = errors
    }
}
