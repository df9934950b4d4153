import ArgumentParser
import HostConfiguration
import HostTuning

struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Checks the configuration alone, without looking at the kernel.",
        discussion: """
            Prints every error as FILE:LINE:COLUMN: KEY: what was wrong, what was expected.

            Example:
              ais-hostd validate --config ./config.yaml
            """)

    @OptionGroup var common: CommonOptions

    func run() throws {
        try reporting {
            var problems = Problems()
            let rules = try Reconciler(common, StateOptions.parse([])).load(problems: &problems)
            printProblems(problems)
            guard !common.quiet else { return }
            let files = rules.configuration.files
            print("valid: \(rules.rules.count) rules in \(files.count == 1 ? "1 file" : "\(files.count) files")")
            if common.verbose { for file in files { print("  \(file)") } }
        }
    }
}
