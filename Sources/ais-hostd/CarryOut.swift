import HostAPI
import HostConfiguration
import HostKernel
import HostModel
import HostReport
import HostTuning

/// Has the daemon do it where one runs; else does it here, under the lock that keeps the writer single.
func carryOut(
    _ command: Command, by reconciler: Reconciler, _ socket: SocketOptions, _ files: ConfigurationOptions,
    _ options: PrintOptions,
    here work: () throws -> PassResult
) throws -> PassResult {
    do {
        // A client starts threads, and mostly there is not even a socket.
        _ = try reconciler.host.files.status(socket.path)
        return try ask(command, socket, files, options)
    } catch let error as KernelError where error.isNobodyThere {
        let lock = try reconciler.lock()
        defer { withExtendedLifetime(lock) {} }
        return try work()
    }
}

/// On a terminal each change is told of while it is made; what is printed in the end has all of them.
private func ask(
    _ command: Command, _ socket: SocketOptions, _ files: ConfigurationOptions, _ options: PrintOptions
) throws -> PassResult {
    let client = Client(socket: socket.path)
    _ = try client.get("/healthz")
    guard files.configurationFiles.isEmpty else {
        throw CommandError("the daemon runs and reads its own files: with it --config is for --dry-run only")
    }
    let isWatched = Terminal.isErrorWatched && !options.quiet
    return try client.perform(command) { change in
        if isWatched { Terminal.writeError("\(change.id): \(change.result ?? "")\n") }
    }
}

extension KernelError {
    /// Whether no daemon listens at all; one that does not answer is another thing.
    var isNobodyThere: Bool { errno == .noEntry || errno == .connectionRefused }
}
