import Glibc

/// Since boot, without the time in suspend. `clock_gettime(2)` with CLOCK_MONOTONIC
package func monotonicNow() -> Duration {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return .seconds(now.tv_sec) + .nanoseconds(now.tv_nsec)
}

extension timespec {
    /// What is negative is zero, what is beyond 100 years is those: the kernel refuses some of it.
    init(_ duration: Duration) {
        let parts = min(max(duration, .zero), .seconds(100 * 366 * 86400)).components
        self.init(tv_sec: Int(parts.seconds), tv_nsec: Int(parts.attoseconds / 1_000_000_000))
    }
}
