import ArgumentParser
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
        let byID = Dictionary(settings.map { ($0.setting.id, $0) }, uniquingKeysWith: { first, _ in first })
        return attempts.compactMap { attempt in
            byID[attempt.id].map { assessed in
                PlannedChange(
                    id: attempt.id, from: attempt.before.description, to: attempt.wanted.description,
                    disruption: assessed.setting.disruption, source: assessed.setting.origin,
                    result: assessed.outcome.state == .inSync ? "done" : assessed.outcome.state.rawValue)
            }
        }
    }

    /// Why drifted settings were left as they are.
    var reasonsForNotWriting: [String] {
        let observed = settings.filter { $0.setting.mode == .observe && $0.outcome.state == .drifted }.count
        guard observed > 0 else { return [] }
        let what = observed == 1 ? "1 setting that differs is" : "\(observed) settings that differ are"
        let why = inventory.observeOnly ?? "the mode is observe; --mode apply overrules the file-wide mode once"
        return ["\(what) only observed: \(why)."]
    }
}
