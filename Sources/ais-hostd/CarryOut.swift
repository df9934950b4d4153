import HostAPI
import HostConfiguration
import HostKernel
import HostModel
import HostReport
import HostTuning

/// Has the daemon do it where one runs; else does it here, under the lock that keeps the writer single.
func carryOut(
    _ command: Command, by reconciler: Reconciler, _ socket: SocketOptions, _ options: CommonOptions,
    here work: () throws -> PassResult
) throws -> PassResult {
    do {
        return try ask(command, socket, options)
    } catch let error as KernelError where error.isNobodyThere {
        let lock = try reconciler.lock()
        defer { withExtendedLifetime(lock) {} }
        return try work()
    }
}

/// Tells of each change on standard error while it is made, where somebody watches; what is printed in the end has all
/// of them.
private func ask(_ command: Command, _ socket: SocketOptions, _ options: CommonOptions) throws -> PassResult {
    let client = Client(socket: socket.path)
    _ = try client.get("/healthz")
    guard options.configurationFiles.isEmpty else {
        throw CommandError("the daemon runs and has its own files: --config takes --dry-run here")
    }
    var result: PassResult?
    var refusals: [String] = []
    let isWatched = Terminal.standardError.isTerminal && !options.quiet
    try client.stream("POST", command.path, body: Array(command.body.utf8)) { event in
        switch event.name {
        case "change":
            if isWatched, let change = try? PlannedChange(json: Array(event.data.utf8)) {
                Terminal.writeError("\(change.id): \(change.result ?? "")\n")
            }
        case "result": result = try PassResult(json: Array(event.data.utf8))
        case "error": refusals = try commandErrors(json: Array(event.data.utf8))
        default: break
        }
        return result == nil && refusals.isEmpty
    }
    if !refusals.isEmpty { throw CommandRefused(lines: refusals) }
    guard let result else { throw CommandError("the daemon went away before it was done: ais-hostd status") }
    return result
}

/// What the daemon says against a command: the configuration's errors, a line each.
struct CommandRefused: Error {
    let lines: [String]
}

extension KernelError {
    /// Whether no daemon listens at all; one that does not answer is another thing.
    var isNobodyThere: Bool { errno == .noEntry || errno == .connectionRefused }
}
