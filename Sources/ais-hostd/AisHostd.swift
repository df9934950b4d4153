import ArgumentParser
import HostKernel

@main
struct AisHostd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ais-hostd",
        abstract: "Keeps a storage node tuned for AIStore: compares, applies, verifies, puts back.",
        discussion: """
            Settings come from /etc/ais-hostd. `check` never writes; `apply --dry-run` says what would be written.

            Exit codes: 0 all is well, 2 something differs, 1 an error, 4 the daemon can't be reached, 64 wrong usage.
            """,
        version: "ais-hostd \(version)",
        // Each names itself: a name that the parser has to derive from the type costs a millisecond at every start.
        subcommands: [
            Status.self, Check.self, Apply.self, Revert.self, Validate.self, Explain.self, Capture.self, Run.self,
            Serve.self,
        ])

    static let version = "0.1.0"

    /// Commands of the contract that this version has not.
    private static let planned: Set<String> = [
        "import-ansible", "disks", "preflight", "fleet",
    ]

    /// Runs the command that is named first, if all is well with its arguments. The root's parser looks through every
    /// command's options before it comes to one; help and errors are its to word, with the whole name.
    private static func run(_ arguments: [String]) {
        let command = configuration.subcommands.first { $0.configuration.commandName == arguments.first }
        guard var parsed = try? command?.parse(Array(arguments.dropFirst())) else { return }
        do { try parsed.run() } catch { exit(withError: error) }
        exit()
    }

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let command = arguments.first, planned.contains(command) {
            Terminal.writeError("ais-hostd: error: `\(command)` is not part of version \(version)\n")
            exit(withError: ExitCode(EX.usage))
        }
        run(arguments)
        main(arguments)
    }
}

/// Exit codes, as the contract has them; 64 is EX_USAGE of sysexits(3).
enum EX {
    static let error: Int32 = 1
    static let differs: Int32 = 2
    /// The daemon can't be reached.
    static let unreachable: Int32 = 4
    static let usage: Int32 = 64
}
