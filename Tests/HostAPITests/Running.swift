import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import HostAPI

/// A server of `run` that listens on a unix socket and, as no real one does, on TCP too.
final class Running: Sendable {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let board: Board
    let server: HTTPServer
    let scratch: Scratch
    let port: Int
    let asked: Asked
    private let isRunning = Atomic(true)

    final class Asked: Sendable {
        let all = Mutex<[(command: Command, tell: @Sendable (Progress) -> Void)]>([])
        var count: Int { all.withLock(\.count) }
        var first: (command: Command, tell: @Sendable (Progress) -> Void)? { all.withLock(\.first) }
    }

    init(
        board: Board = sampleBoard(), limits: Limits = Limits(), scratch: Scratch = Scratch()
    ) throws {
        self.board = board
        self.scratch = scratch
        let asked = Asked()
        self.asked = asked
        server = HTTPServer(routes: Routes(board: board), loop: group.next(), limits: limits) { command, tell in
            asked.all.withLock { $0.append((command, tell)) }
        }
        try server.listen(unix: listening(on: scratch.socket))
        port = try server.listen(host: "127.0.0.1", port: 0)
    }

    deinit { stop() }

    func stop() {
        guard isRunning.exchange(false, ordering: .relaxed) else { return }
        server.close()
        try? group.syncShutdownGracefully()
    }

    func local() throws -> RawClient { try RawClient(path: scratch.socket) }
    func network() throws -> RawClient { try RawClient(port: port) }

    /// Whether a new client is still answered.
    func answers() throws -> Bool {
        let overNetwork = try network().get("/healthz", host: "127.0.0.1:\(port)")
        let overSocket = try local().get("/v1/status")
        return overNetwork?.body == "ok\n" && overSocket?.status == 200
    }
}

/// Limits that a test can wait for.
func short() -> Limits {
    var limits = Limits()
    limits.head = .milliseconds(150)
    limits.body = .milliseconds(150)
    limits.idle = .milliseconds(150)
    limits.stalled = .milliseconds(150)
    limits.drain = .milliseconds(100)
    limits.heartbeat = .milliseconds(20)
    return limits
}

extension Scratch: @unchecked Sendable {}
