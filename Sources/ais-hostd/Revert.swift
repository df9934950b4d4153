import ArgumentParser
import HostModel
import HostTuning

struct Revert: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revert",
        abstract: "Puts back what was found before the first write, and holds until the next apply.",
        discussion: """
            Also removes the file that early boot reads. A disk that is not here keeps its original for when it is back.

            Example:
              ais-hostd revert --only 'block/*'
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var state: StateOptions

    @Option(help: ArgumentHelp("Allow this disruption too (repeatable).", valueName: "class"))
    var allow: [AllowedDisruption] = []

    func run() throws {
        try reporting {
            var reconciler = Reconciler(common, state)
            reconciler.allowing = Set(allow.map(\.disruption))
            try needRoot(reconciler, to: "revert")
            let lock = try reconciler.lock()
            defer { withExtendedLifetime(lock) {} }
            let pass = try reconciler.revert()
            try finish(pass, common, changes: pass.made)
        }
    }
}
