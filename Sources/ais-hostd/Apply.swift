import ArgumentParser
import HostConfiguration
import HostModel
import HostReport
import HostTuning

struct Apply: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Writes what differs, and prints each change with its disruption.",
        discussion: """
            What was found before the first write is kept, and `revert` puts it back. What no file asks for any more goes
            back by itself: --config is the whole configuration. Settings in the mode observe are not written; a
            configuration that names no mode means apply.

            Example:
              ais-hostd apply --dry-run
              ais-hostd apply --only 'sysctl/net.*'
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var state: StateOptions

    @Flag(help: "Say what would be written, and write nothing.")
    var dryRun = false

    @Option(help: ArgumentHelp("Allow this disruption too (repeatable).", valueName: "class"))
    var allow: [AllowedDisruption] = []

    @Option(help: "Overrule the file-wide mode once: observe, apply or enforce.")
    var mode: Mode?

    func run() throws {
        try reporting {
            var reconciler = Reconciler(common, state)
            reconciler.overrulingMode = mode
            reconciler.allowing = Set(allow.map(\.disruption))
            if dryRun { return try plan(reconciler) }
            try needRoot(reconciler, to: "apply")
            let lock = try reconciler.lock()
            defer { withExtendedLifetime(lock) {} }
            let pass = try reconciler.apply()
            try finish(pass, common, changes: pass.made, after: pass.reasonsForNotWriting)
        }
    }

    private func plan(_ reconciler: Reconciler) throws {
        let (pass, disturbed) = try reconciler.plan()
        let changes = pass.settings.compactMap { assessed -> PlannedChange? in
            guard let cause = disturbed[assessed.setting.id] else {
                return assessed.isToWrite ? PlannedChange(assessed) : nil
            }
            var change = PlannedChange(assessed)
            change.result = "after \(cause) resets it"
            return change
        }
        try finish(
            pass, common, changes: changes, after: pass.reasonsForNotWriting + ["Dry run: nothing was written."])
    }
}

/// Only root can write to the kernel's files; better said once than for every file.
func needRoot(_ reconciler: Reconciler, to verb: String) throws {
    guard reconciler.host.userID == 0 else {
        throw CommandError("only root may \(verb); `ais-hostd check` compares as any user")
    }
}

extension PlannedChange {
    init(_ assessed: Assessed) {
        self.init(
            id: assessed.setting.id, from: assessed.outcome.held?.description ?? "", to: assessed.desired,
            disruption: assessed.setting.disruption, source: assessed.setting.origin,
            isRestoration: assessed.setting.isRestoration)
    }
}

extension Reconciler.Pass {
    /// What was written, and what became of it.
    var made: [PlannedChange] {
        let attempted = Set(attempts.map(\.id))
        return settings.filter { attempted.contains($0.setting.id) }.compactMap { assessed in
            var change = PlannedChange(assessed)
            change.from = before[assessed.setting.id]?.description ?? change.from
            // Another write had disturbed it on the way.
            if change.from == change.to { return nil }
            let state = assessed.outcome.state
            change.result =
                state == .inSync ? "done" : [state.rawValue, assessed.outcome.detail ?? ""].joined(separator: ": ")
            return change
        }
    }

    /// Why what differs was left as it is.
    var reasonsForNotWriting: [String] {
        let observed = settings.filter { $0.setting.mode == .observe && $0.outcome.state == .drifted }
        var reasons: [String] = []
        func add(_ settings: [Assessed], _ why: String) {
            guard !settings.isEmpty else { return }
            let what = settings.count == 1 ? "1 setting that differs is" : "\(settings.count) settings that differ are"
            reasons.append("\(what) only observed: \(why).")
        }
        if let observeOnly = inventory.observeOnly {
            add(observed, observeOnly)
        } else if policy.mode == .observe {
            add(observed, "the mode is observe; --mode apply overrules the file-wide mode once")
        } else {
            let rules = Set(observed.map(\.setting.origin.description)).sorted().joined(separator: ", ")
            add(observed, "their own mode is observe (\(rules))")
        }
        return reasons
            + leftAlone.map {
                "\($0.id) holds something else than our \($0.written), so it is left alone; revert puts back \($0.original)."
            }
    }
}
