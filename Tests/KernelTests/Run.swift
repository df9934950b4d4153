import Foundation
import Glibc

/// What came of a command.
struct Output {
    let code: Int32
    let out: String
    let err: String

    var lines: [String] { out.split(separator: "\n").map(String.init) }
}

struct CannotRun: Error, CustomStringConvertible {
    let description: String
}

/// A child process. Its output goes to files without a name, so that no pipe can fill and no other child holds one open.
final class Child {
    let processID: pid_t
    private let out: Int32
    private let err: Int32
    private var isOver = false

    /// `posix_spawnp(3)`; an input without a value is empty. `arguments[0]` is looked for in PATH.
    init(_ arguments: [String], input: Int32? = nil, environment: [String: String] = [:]) throws {
        out = try Self.nameless()
        err = try Self.nameless()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, out, 1)
        posix_spawn_file_actions_adddup2(&actions, err, 2)
        // An environment of our own: neither the language nor NO_COLOR of whoever runs the tests counts.
        var variables = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"]
        variables.merge(environment) { $1 }
        let argv = Self.strings(arguments)
        let envp = Self.strings(variables.map { "\($0)=\($1)" })
        defer { for pointer in argv + envp { free(pointer) } }
        var child = pid_t()
        let error = posix_spawnp(&child, arguments[0], &actions, nil, argv, envp)
        guard error == 0 else { throw CannotRun(description: "\(arguments[0]): \(String(cString: strerror(error)))") }
        processID = child
    }

    deinit {
        if !isOver {
            kill(processID, SIGKILL)
            _ = wait()
        }
        close(out)
        close(err)
    }

    /// Waits for its end; the code of one that a signal ended is 128 and the signal's number, as in a shell.
    func wait() -> Output {
        var status: Int32 = 0
        while !isOver, waitpid(processID, &status, 0) == -1, errno == EINTR {}
        isOver = true
        let signal = status & 0x7F
        return Output(
            code: signal == 0 ? (status >> 8) & 0xFF : 128 + signal, out: Self.text(of: out), err: Self.text(of: err))
    }

    /// What it has printed so far.
    var printed: String { Self.text(of: out) }
    var complained: String { Self.text(of: err) }

    /// Whether it has ended; it stays until it is waited for.
    var hasEnded: Bool {
        var state = siginfo_t()
        return isOver || waitid(P_PID, id_t(processID), &state, WEXITED | WNOHANG | WNOWAIT) == 0 && state.si_signo != 0
    }

    private static func nameless() throws -> Int32 {
        let name = "/tmp/ais-hostd-output-\(UInt64.random(in: .min ... .max))"
        let file = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw CannotRun(description: "open \(name): \(String(cString: strerror(errno)))") }
        unlink(name)
        return file
    }

    private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        texts.map { strdup($0) } + [nil]
    }

    private static func text(of file: Int32) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let taken = pread(file, &buffer, buffer.count, off_t(bytes.count))
            guard taken > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<taken]
        }
    }
}

/// Runs a command to its end, or for a minute.
func runToItsEnd(_ arguments: [String], environment: [String: String] = [:]) throws -> Output {
    try Child(["timeout", "--foreground", "--signal=KILL", "60"] + arguments, environment: environment).wait()
}
