import ArgumentParser
import HostReport
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

    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var common: PrintOptions
    @OptionGroup var state: StateOptions

    func run() throws {
        try reporting {
            let pass = try Reconciler(files, state, common).check()
            try finish(PassResult(pass, fingerprinted: common.output != .table), common)
        }
    }
}
