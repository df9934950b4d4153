import ArgumentParser
import HostConfiguration
import HostKernel
import HostModel
import HostTuning

/// Which configuration.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("Read this file instead of /etc/ais-hostd (repeatable).", valueName: "file"))
    var configurationFiles: [String] = []

    var source: ConfigurationSource { configurationFiles.isEmpty ? .standard : .files(configurationFiles) }
}

/// What is printed, and how.
struct PrintOptions: ParsableArguments {
    @Option(help: "How to print: table, json or yaml.")
    var output: OutputFormat = .table

    @Option(
        help: ArgumentHelp("Only settings whose id matches, as block/sd*/scheduler (repeatable).", valueName: "glob"))
    var only: [OnlyGlob] = []

    @Flag(help: "Print nothing but errors; the exit code tells.")
    var quiet = false

    @Flag(help: "Print settings that are in sync too.")
    var verbose = false

    func selects(_ id: SettingID) -> Bool { only.isEmpty || only.contains { $0.glob.matches(id.description) } }
}

/// Where the ledger and the single writer's lock are.
struct StateOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where the originals are kept.", valueName: "dir"))
    var stateDir = "/var/lib/ais-hostd"
}

/// Where the daemon listens.
struct SocketOptions: ParsableArguments {
    @Option(name: .customLong("socket"), help: ArgumentHelp("Where the daemon listens.", valueName: "path"))
    var path = "/run/ais-hostd/api.sock"
}

enum OutputFormat: String, CaseIterable, ExpressibleByArgument { case table, json, yaml }

struct OnlyGlob: ExpressibleByArgument {
    let text: String
    let glob: Glob

    init?(argument: String) {
        guard let glob = try? Glob(argument) else { return nil }
        (text, self.glob) = (argument, glob)
    }
}

extension Mode: ExpressibleByArgument {}

/// A disruption that can be allowed.
struct AllowedDisruption: ExpressibleByArgument {
    let disruption: Disruption

    init?(argument: String) {
        guard let disruption = Disruption(rawValue: argument), disruption != .none else { return nil }
        self.disruption = disruption
    }

    static var allValueStrings: [String] { Disruption.allCases.filter { $0 != .none }.map(\.rawValue) }
}

extension Reconciler {
    /// On this machine, with what the command line says.
    init(_ configuration: ConfigurationOptions, _ state: StateOptions, _ printing: PrintOptions) {
        self.init(host: systemHost(), source: configuration.source, stateFolder: state.stateDir)
        isSelected = { printing.selects($0) }
        isPartial = !printing.only.isEmpty
    }
}
