import ArgumentParser
import HostConfiguration
import HostReport
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

    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var common: PrintOptions

    func run() throws {
        try reporting {
            var problems = Problems()
            let rules = try? Reconciler(files, StateOptions.parse([]), common).load(problems: &problems)
            let validation = Validation(
                files: rules?.configuration.files ?? [], rules: rules?.rules.count ?? 0,
                findings: problems.list.map {
                    Validation.Finding(
                        origin: $0.origin, key: $0.key, message: $0.message, isError: $0.severity == .error)
                })
            printProblems(problems)
            if !common.quiet { try show(validation) }
            if !validation.isValid { throw ExitCode(EX.error) }
        }
    }

    private func show(_ validation: Validation) throws {
        switch common.output {
        case .json: print(json(validation), terminator: "")
        case .yaml: print(try yaml(validation), terminator: "")
        case .table:
            guard validation.isValid else { return }
            let files = validation.files.count == 1 ? "1 file" : "\(validation.files.count) files"
            print("valid: \(validation.rules == 1 ? "1 rule" : "\(validation.rules) rules") in \(files)")
            if common.verbose { for file in validation.files { print("  \(file)") } }
        }
    }
}
