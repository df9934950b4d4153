import ArgumentParser
import HostTuning

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Compares this host with its configuration. Never writes.",
        discussion: """
            As an ordinary user it compares what it may read. Exits with 2 when something differs.

            Example:
              ais-hostd check --only 'block/*' --output json
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var state: StateOptions

    func run() throws {
        try reporting { try finish(try Reconciler(common, state).check(), common) }
    }
}
