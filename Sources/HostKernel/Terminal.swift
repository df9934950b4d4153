import CLinux
import Glibc

/// What standard output is, and how much fits on it.
package struct Terminal: Sendable {
    /// Columns. What is no terminal is as wide as `COLUMNS` says, or as it takes: a line for each thing, for grep(1).
    package let width: Int
    /// Only on a terminal, and unless `NO_COLOR` is set or the terminal is `dumb`.
    package let hasColor: Bool
    package let isUnicode: Bool
    /// Whether a person sees what is printed.
    package let isTerminal: Bool

    /// Asks the terminal by TIOCGWINSZ, the rest from the environment. (https://no-color.org, locale(7))
    package static var standardOutput: Terminal {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        var size = winsize()
        let hasSize = isTerminal && ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap(environment).first { !$0.isEmpty } ?? ""
        return Terminal(
            width: hasSize
                ? max(40, Int(size.ws_col)) : environment("COLUMNS").flatMap { Int($0) } ?? (isTerminal ? 80 : 1000),
            hasColor: isTerminal && (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb",
            isUnicode: isTerminal && locale.lowercased().contains("utf"), isTerminal: isTerminal)
    }

    /// Empties the screen, for what is drawn anew. (ECMA-48: ED, CUP)
    package static func clear() { print("\u{1b}[H\u{1b}[2J", terminator: "") }

    /// What is printed to a pipe is kept back otherwise until there are 4 KiB. `fflush(3)`
    package static func flush() { fflush(nil) }

    /// Waits, for somebody who looks on.
    package static func pause(seconds: UInt32) { sleep(seconds) }

    /// Whether a person may be reading standard error.
    package static var isErrorWatched: Bool { isatty(STDERR_FILENO) == 1 }

    private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// To standard error, in one `write(2)`, so that lines of several processes do not mix.
    package static func writeError(_ text: String) {
        var bytes = Array(text.utf8)
        _ = bytes.withUnsafeMutableBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
