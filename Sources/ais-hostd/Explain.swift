import ArgumentParser
import HostConfiguration
import HostModel
import HostReport
import HostTuning

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says where a setting's value comes from, who else sets it, and what changing it takes.",
        discussion: """
            Example:
              ais-hostd explain sysctl/net.core.somaxconn
            """)

    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var common: PrintOptions
    @OptionGroup var state: StateOptions

    @Argument(help: "A setting's id, as `check --verbose` prints it.")
    var id: String

    func run() throws {
        try reporting {
            let explanation: Explanation
            switch try Reconciler(files, state, common).explain(id) {
            case .setting(let found): explanation = found
            case .elsewhere(let rules):
                let places = rules.map { rule in
                    "\(rule.origin) asks for it, only where \(rule.options.conditions.map(\.description).joined(separator: " and "))"
                }
                throw CommandError("nothing on this host asks for \(id): \(places.joined(separator: "; "))")
            case .leftOut(let rule, let reason):
                throw CommandError("\(rule.origin) does not take it: \(reason)")
            case .unknown(let known):
                let advice = nearest(to: id, among: known.map(\.description)).map { ", did you mean \($0)?" }
                throw CommandError("nothing here asks for \(id)\(advice ?? "")")
            }
            guard !common.quiet else { return }
            switch common.output {
            case .table: print(table(explanation, style: .terminal()), terminator: "")
            case .json: print(json(explanation), terminator: "")
            case .yaml: print(try yaml(explanation), terminator: "")
            }
        }
    }
}
