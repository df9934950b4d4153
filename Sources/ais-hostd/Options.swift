import ArgumentParser
import HostConfiguration
import HostKernel
import HostModel
import HostTuning

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("Read this file instead of /etc/ais-hostd (repeatable).", valueName: "file"))
    var configurationFiles: [String] = []

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

enum OutputFormat: String, CaseIterable, ExpressibleByArgument { case table, json, yaml }

struct OnlyGlob: ExpressibleByArgument {
    let glob: Glob

    init?(argument: String) {
        guard let glob = try? Glob(argument) else { return nil }
        self.glob = glob
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
    init(_ common: CommonOptions, _ state: StateOptions) {
        let files = common.configurationFiles
        self.init(host: systemHost(), source: files.isEmpty ? .standard : .files(files), stateFolder: state.stateDir)
        isSelected = { common.selects($0) }
        isPartial = !common.only.isEmpty
    }
}
