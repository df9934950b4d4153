import NIOCore

/// One timer for what a client is expected to do next. It is set anew only where it would ring too late, so that a
/// request costs no timer; where nothing is expected there is none.
final class ConnectionClock {
    struct Phase: Equatable {
        enum Name {
            case idle, head, body, answering, sending, draining
        }

        var name: Name
        /// Tells one head from the next.
        var round = 0
        var limit: TimeAmount?
    }

    private let loop: any EventLoop
    private let onExpiry: () -> Void
    private(set) var phase: Phase?
    /// Bytes that had been taken when it was looked at last.
    var progress = 0
    private var deadline: NIODeadline?
    private var timer: (at: NIODeadline, task: Scheduled<Void>)?

    init(loop: any EventLoop, onExpiry: @escaping () -> Void) {
        self.loop = loop
        self.onExpiry = onExpiry
    }

    func enter(_ phase: Phase) {
        guard phase != self.phase else { return }
        self.phase = phase
        restart()
    }

    func restart() {
        deadline = phase?.limit.map { .now() + $0 }
        guard let deadline else { return stop() }
        if let timer, timer.at <= deadline { return }
        timer?.task.cancel()
        schedule(deadline)
    }

    func stop() {
        timer?.task.cancel()
        timer = nil
    }

    private func schedule(_ deadline: NIODeadline) {
        let task = loop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in self?.ring() ?? () }
        timer = (deadline, task)
    }

    private func ring() {
        timer = nil
        guard let deadline else { return }
        if deadline <= .now() { onExpiry() } else { schedule(deadline) }
    }
}
