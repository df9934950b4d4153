import FoundationEssentials
import HostAPI
import HostConfiguration
import HostKernel
import HostModel
import HostReport
import HostTuning

/// What reaches the main thread from others.
enum Message: Sendable {
    case command(Command, @Sendable (Progress) -> Void)
    /// A pass has ended.
    case ended(PassEnd)
    /// A target that had not answered in time does so again.
    case answered(String)
}

struct PassEnd: Sendable {
    /// Whether everything was read.
    var wasFull: Bool
    var wasReload: Bool
    /// Seconds, until the next slow pass.
    var interval: Int
    /// For `systemctl status`.
    var summary: String
}

/// What the reconciler's thread is asked to do.
enum Job: Sendable {
    case pass(Daemon.Reason)
    case command(Command, @Sendable (Progress) -> Void)
}

/// The main thread of `run`: waits, decides what is done when, feeds the watchdog. It touches no device and no file, so
/// that nothing that hangs can stop it.
struct Supervisor {
    private let loop: EventLoop<Message>
    private let jobs: Inbox<Job>
    /// Tells a pass that is under way to begin nothing more.
    private let stop: @Sendable () -> Void
    private var schedule: Schedule<(Command, @Sendable (Progress) -> Void)>
    private var isBusy = true
    private var isStopping = false
    /// By then the service counts as started, whatever the first pass is waiting for: it must not hold up a boot.
    private var readyBy: Double?
    private var isReloading = false
    private var stopBy: Double?
    private let watchdog: Double?
    private var nextFeed: Double?
    private var summary = "the first pass is under way"

    private static let longestStart = 30.0
    /// A disk that hangs must not keep a service from being stopped.
    private static let longestStop = 5.0

    init(_ loop: EventLoop<Message>, jobs: Inbox<Job>, stop: @escaping @Sendable () -> Void) throws(KernelError) {
        self.loop = loop
        self.jobs = jobs
        self.stop = stop
        let now = uptime()
        schedule = Schedule(at: now)
        readyBy = now + Self.longestStart
        // Twice as often as asked.
        watchdog = try Systemd.watchdogInterval().map { $0 / .seconds(2) }
        nextFeed = watchdog.map { now + $0 }
        schedule.begin()
        jobs.send(.pass(.start))
    }

    /// Until it is told to stop.
    mutating func run() throws(KernelError) {
        while true {
            try advance()
            if isStopping, !isBusy || uptime() >= stopBy ?? 0 { return }
            for event in try loop.next() { take(event) }
        }
    }

    private mutating func take(_ event: LoopEvent<Message>) {
        switch event {
        case .message(.command(let command, let reply)): schedule.add((command, reply))
        case .message(.ended(let end)): finish(end)
        case .message(.answered(let target)): schedule.add(.answered(target))
        case .host(let event): schedule.add(event)
        case .signal(let number) where number == hangUp:
            schedule.reload()
            isReloading = true
            Self.notify(Systemd.reloading)
        case .signal:
            guard !isStopping else { return }
            isStopping = true
            stopBy = uptime() + Self.longestStop
            stop()
            Self.notify("STOPPING=1")
        case .timer: break
        case .lost(let error): Journal().send(.warning, "\(error): its events are found by the slow pass only")
        }
    }

    private mutating func finish(_ end: PassEnd) {
        isBusy = false
        schedule.end(
            wasFull: end.wasFull, interval: end.interval, jitter: Double.random(in: 0...1), at: uptime())
        // One that was asked for meanwhile is still to come.
        let isReloaded = isReloading && end.wasReload && !schedule.wantsReload
        if readyBy != nil || isReloaded {
            readyBy = nil
            if isReloaded { isReloading = false }
            summary = end.summary
            Self.notify("READY=1\nSTATUS=\(summary)")
        } else if summary != end.summary {
            summary = end.summary
            Self.notify("STATUS=\(summary)")
        }
    }

    /// A manager that can't be told is no reason to stop.
    private static func notify(_ state: String) { _ = try? Systemd.notify(state) }

    /// Does what is due, and asks to be woken for what is due next.
    private mutating func advance() throws(KernelError) {
        let now = uptime()
        if let due = readyBy, now >= due {
            readyBy = nil
            Self.notify("READY=1\nSTATUS=\(summary)")
        }
        if let due = nextFeed, let watchdog, now >= due {
            nextFeed = now + watchdog
            Self.notify("WATCHDOG=1")
        }
        if !isStopping, let job = schedule.next(at: now) {
            isBusy = true
            switch job {
            case .pass(let reason): jobs.send(.pass(reason))
            case .command(let (command, reply)): jobs.send(.command(command, reply))
            }
        }
        let wakeups = [isStopping ? stopBy : schedule.wakeup, readyBy, nextFeed].compactMap(\.self)
        try loop.arm(after: wakeups.min().map { .seconds($0 - now) })
    }
}

/// Seconds of a clock that nobody sets.
func uptime() -> Double { monotonicNow() / .seconds(1) }
