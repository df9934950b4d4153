import Glibc
import Synchronization

final class Counter: Sendable {
    private let count = Mutex(0)
    func add() { count.withLock { $0 += 1 } }
    var value: Int { count.withLock(\.self) }
}

/// Runs a program to its end. `posix_spawnp(3)`
func run(_ arguments: [String]) -> (code: Int32, out: String) {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_addclose(&actions, ends[0])
    posix_spawn_file_actions_addclose(&actions, ends[1])
    let strings = arguments.map { strdup($0) } + [nil]
    defer { for string in strings { free(string) } }
    var child = pid_t()
    let error = posix_spawnp(&child, arguments[0], &actions, nil, strings, environ)
    close(ends[1])
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = read(ends[0], &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
    close(ends[0])
    guard error == 0 else { return (127, "") }
    var status: Int32 = 0
    waitpid(child, &status, 0)
    return (status >> 8 & 0xFF, String(decoding: bytes, as: UTF8.self))
}

/// A thread of its own, since what waits for a socket would hold up other tests.
func thread(_ body: @escaping @Sendable () -> Void) {
    var id = pthread_t()
    let work = Unmanaged.passRetained(Work(body)).toOpaque()
    pthread_create(
        &id, nil,
        { pointer in
            if let pointer { Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body() }
            return nil
        }, work)
    pthread_detach(id)
}

private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
