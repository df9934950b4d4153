import CLinux
import Glibc
package import HostModel

/// What a service and its manager tell each other; without a manager nothing is told and nothing is asked.
package enum Systemd {
    /// Tells the manager, a line for each: `READY=1`, `STATUS=…`, `STOPPING=1`, `WATCHDOG=1`. False where there is no
    /// manager. `sd_notify(3)`
    @discardableResult
    package static func notify(_ state: String) throws(KernelError) -> Bool {
        guard getenv("NOTIFY_SOCKET") != nil else { return false }
        return try check("notify", clinux_sd_notify(state)) > 0
    }

    /// What says that the configuration is being read anew; `READY=1` ends it. The time tells the manager which of
    /// several reloads that was.
    package static var reloading: String {
        "RELOADING=1\nMONOTONIC_USEC=\(Int64(monotonicNow() / .microseconds(1)))"
    }

    /// How often the manager must hear `WATCHDOG=1` at least, or it kills us: say it twice as often. nil where it does
    /// not ask for it. `sd_watchdog_enabled(3)`
    package static func watchdogInterval() throws(KernelError) -> Duration? {
        var microseconds: UInt64 = 0
        guard getenv("WATCHDOG_USEC") != nil,
            try check("watchdog", clinux_sd_watchdog_enabled(&microseconds)) > 0
        else { return nil }
        return .microseconds(Int64(clamping: microseconds))
    }

    /// The sockets that the manager listens on for us, by the names in their units. Once, before any thread starts: it
    /// changes the environment, so that no child takes them for its own. `sd_listen_fds_with_names(3)`
    package static func listeningSockets() throws(KernelError) -> [(name: String, descriptor: Int32)] {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        guard getenv("LISTEN_FDS") != nil else { return [] }
        let count = try check("listen", clinux_sd_listen_fds_with_names(&names))
        defer { free(names) }
        return (0..<count).map { index in
            let name = names?[Int(index)]
            defer { free(name) }
            return (name.map { String(cString: $0) } ?? "unknown", SD_LISTEN_FDS_START + index)
        }
    }

    /// Their way to fail: a negative error number.
    private static func check(_ operation: String, _ result: Int32) throws(KernelError) -> Int32 {
        guard result >= 0 else { throw KernelError(operation, "systemd", errno: Errno(rawValue: -result)) }
        return result
    }
}
