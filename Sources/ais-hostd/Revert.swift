import ArgumentParser
import HostAPI
import HostModel
import HostReport
import HostTuning

struct Revert: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revert",
        abstract: "Puts back what was found before the first write, and holds until the next apply.",
        discussion: """
            Also removes the file that early boot reads. A disk that is not here keeps its original for when it is back.
            With --only the rest stays as it is, and is held too.

            Example:
              ais-hostd revert --only 'block/*'
            """)

    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var common: PrintOptions
    @OptionGroup var state: StateOptions
    @OptionGroup var socket: SocketOptions

    @Option(help: ArgumentHelp("Allow this disruption too (repeatable).", valueName: "class"))
    var allow: [AllowedDisruption] = []

    @Flag(help: "Say what would be put back, and write nothing.")
    var dryRun = false

    func run() throws {
        try reporting {
            var reconciler = Reconciler(files, state, common)
            reconciler.allowing = Set(allow.map(\.disruption))
            if dryRun {
                let pass = try reconciler.planRevert()
                let changes = pass.settings.filter(\.isToWrite).map { PlannedChange($0) }
                let verdict = changes.isEmpty ? "nothing to put back" : "\(changes.count) to put back"
                return try finish(
                    PassResult(pass, changes: changes, verdict: verdict, notes: ["Dry run: nothing was written."]),
                    common)
            }
            try needRoot(reconciler, to: "revert")
            let options = CommandOptions(only: common.only.map(\.text), allow: reconciler.allowing)
            let result = try carryOut(.revert(options), by: reconciler, socket, files, common) {
                PassResult(reverted: try reconciler.revert())
            }
            try finish(result, common)
        }
    }
}
