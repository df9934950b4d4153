import ArgumentParser
import HostAPI
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
            configuration that names no mode means apply. Where the daemon runs, it reads its files again and does it.

            Example:
              ais-hostd apply --dry-run
              ais-hostd apply --only 'sysctl/net.*'
            """)

    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var common: PrintOptions
    @OptionGroup var state: StateOptions
    @OptionGroup var socket: SocketOptions

    @Flag(help: "Say what would be written, and write nothing.")
    var dryRun = false

    @Option(help: ArgumentHelp("Allow this disruption too (repeatable).", valueName: "class"))
    var allow: [AllowedDisruption] = []

    @Option(help: "Overrule the file-wide mode once: observe, apply or enforce.")
    var mode: Mode?

    func run() throws {
        try reporting {
            var reconciler = Reconciler(files, state, common)
            reconciler.overrulingMode = mode
            reconciler.allowing = Set(allow.map(\.disruption))
            if dryRun { return try plan(reconciler) }
            try needRoot(reconciler, to: "apply")
            let options = CommandOptions(only: common.only.map(\.text), allow: reconciler.allowing, mode: mode)
            let result = try carryOut(.apply(options), by: reconciler, socket, files, common) {
                PassResult(applied: try reconciler.apply())
            }
            try finish(result, common)
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
        let notes = pass.reasonsForNotWriting + ["Dry run: nothing was written."]
        try finish(
            PassResult(pass, fingerprinted: common.output != .table, changes: changes, notes: notes), common)
    }
}

/// Only root can write to the kernel's files; better said once than for every file.
func needRoot(_ reconciler: Reconciler, to verb: String) throws {
    guard reconciler.host.userID == 0 else {
        throw CommandError("only root may \(verb); `ais-hostd check` compares as any user")
    }
}
