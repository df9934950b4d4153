import CLinux
import Glibc
import HostModel

/// Mounts and a network of the calling thread's own.
func unshareAll() -> Bool { clinux_unshare_mounts() == 0 && clinux_unshare_network() == 0 }

/// Runs a tool in the namespaces of the calling thread.
func run(_ tool: String, _ arguments: [String]) -> Bool { output(tool, arguments) != nil }

/// What a tool prints, in the namespaces of the calling thread; nil where it fails.
func output(_ tool: String, _ arguments: [String]) -> String? {
    var ends: [Int32] = [-1, -1]
    // pipe2(2) is not for Swift; without CLOEXEC a tool of another test would hold the end open.
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else { return nil }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var process = pid_t()
    let words = ([tool] + arguments).map { strdup($0) }
    defer { for word in words { free(word) } }
    var list = words + [nil]
    let started = posix_spawnp(&process, tool, &actions, nil, &list, environ)
    close(ends[1])
    defer { close(ends[0]) }
    guard started == 0 else { return nil }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
        let taken = read(ends[0], &piece, piece.count)
        if taken > 0 { bytes += piece[..<taken] } else if taken == 0 || errno != EINTR { break }
    }
    var status: Int32 = -1
    while waitpid(process, &status, 0) == -1 && errno == EINTR {}
    return status == 0 ? String(decoding: bytes, as: UTF8.self) : nil
}

/// Runs in a network of its own, and answers the lines for an expectation.
func inNetwork(_ body: @escaping @Sendable () throws -> [String]) -> [String] {
    onThrowAwayThread {
        guard unshareAll() else { return ["no namespace"] }
        do { return try body() } catch { return ["\(error)"] }
    }
}

/// `ip` with these words, or an error that says them.
func ip(_ words: String) throws {
    guard run("ip", words.split(separator: " ").map(String.init)) else { throw KernelError("run", "ip \(words)") }
}

/// What an operation was refused with, in words.
func refusal(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "done"
    } catch { return "\(error)" }
}
