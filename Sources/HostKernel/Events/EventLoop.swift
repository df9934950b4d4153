import CLinux
import Glibc
package import HostModel

/// What the main thread is woken for.
package enum LoopEvent<Message: Sendable>: Sendable {
    case message(Message)
    /// SIGTERM, SIGINT or SIGHUP.
    case signal(Int32)
    case timer
    case host(HostEvent)
    /// A source has failed and is no longer listened to: what it told of is found by the slow pass alone.
    case lost(KernelError)
}

/// The signal by which a daemon is told to read its configuration again.
package let hangUp = SIGHUP

/// Where the main thread waits. Belongs to one thread; others reach it by its mailbox.
///
/// At rest nothing wakes it. `epoll(7)`
package final class EventLoop<Message: Sendable> {
    package let mailbox: Mailbox<Message>
    private let epoll: Descriptor
    private let signals: Descriptor
    private let timer: Descriptor
    private var sources: [Int32: any EventSource] = [:]

    /// Takes the signals off what they do by themselves. Before any thread starts, since each inherits it; so does a
    /// child process, which must be given an empty mask.
    ///
    /// SIGPIPE is ignored: who hangs up is met as EPIPE.
    package static func blockSignals() {
        var signals = caughtSignals
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    package init() throws(KernelError) {
        mailbox = try Mailbox()
        epoll = try Descriptor("epoll_create", "epoll") { epoll_create1(Int32(EPOLL_CLOEXEC)) }
        var caught = caughtSignals
        signals = try Descriptor("signalfd", "signals") {
            signalfd(-1, &caught, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        }
        // Time in suspend counts: what was due meanwhile is done on waking up.
        timer = try Descriptor("timerfd_create", "timer") {
            timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC | TFD_NONBLOCK))
        }
        try add(mailbox.descriptor, EPOLLIN.rawValue, "mailbox")
        try add(signals.number, EPOLLIN.rawValue, "signals")
        try add(timer.number, EPOLLIN.rawValue, "timer")
    }

    /// Listens to a source from now on, and keeps it until it fails.
    package func watch(_ source: any EventSource) throws(KernelError) {
        try add(source.descriptor, source.interest, "\(type(of: source))")
        sources[source.descriptor] = source
    }

    /// Asks for one `timer` after a time, in place of what was asked before; nil asks for none. `timerfd_settime(2)`
    package func arm(after delay: Duration?) throws(KernelError) {
        var setting = itimerspec()
        // All zero would disarm it.
        if let delay { setting.it_value = timespec(max(delay, .nanoseconds(1))) }
        _ = try call("timerfd_settime", "timer") { timerfd_settime(timer.number, 0, &setting, nil) }
    }

    /// Waits until something has happened, and answers all of it: never nothing. `epoll_wait(2)`
    package func next() throws(KernelError) -> [LoopEvent<Message>] {
        var ready = [epoll_event](repeating: epoll_event(), count: 16)
        var happened: [LoopEvent<Message>] = []
        while happened.isEmpty {
            let count = try call("epoll_wait", "epoll") { epoll_wait(epoll.number, &ready, Int32(ready.count), -1) }
            for event in ready.prefix(Int(count)) {
                happened += try take(event.data.fd, isHungUp: event.events & EPOLLHUP.rawValue != 0)
            }
        }
        return happened
    }

    private func take(_ number: Int32, isHungUp: Bool) throws(KernelError) -> [LoopEvent<Message>] {
        switch number {
        case mailbox.descriptor: return try mailbox.take().map { .message($0) }
        case signals.number: return try takeSignals()
        case timer.number: return try takeCount(timer) > 0 ? [.timer] : []
        default:
            guard let source = sources[number] else { return [] }
            do throws(KernelError) {
                let events = try source.drain()
                // Nothing takes that off the descriptor: it would be ready for ever.
                if isHungUp { throw KernelError("read", "\(type(of: source))", message: "hung up") }
                return events.map { .host($0) }
            } catch {
                _ = try call("epoll_ctl", "\(type(of: source))") { epoll_ctl(epoll.number, EPOLL_CTL_DEL, number, nil) }
                sources[number] = nil
                return [.lost(error)]
            }
        }
    }

    private func takeSignals() throws(KernelError) -> [LoopEvent<Message>] {
        var taken: [LoopEvent<Message>] = []
        while true {
            var record = signalfd_siginfo()
            let size = MemoryLayout<signalfd_siginfo>.size
            do throws(KernelError) {
                guard try call("read", "signals", { read(signals.number, &record, size) }) == size else { return taken }
            } catch let error where error.errno == .again {
                return taken
            }
            taken.append(.signal(Int32(truncatingIfNeeded: record.ssi_signo)))
        }
    }

    private func add(_ number: Int32, _ interest: UInt32, _ name: String) throws(KernelError) {
        var event = epoll_event(events: interest, data: epoll_data_t(fd: number))
        _ = try call("epoll_ctl", name) { epoll_ctl(epoll.number, EPOLL_CTL_ADD, number, &event) }
    }
}

/// What a `timerfd` or an `eventfd` has counted since the last time; it asks no more after that.
func takeCount(_ descriptor: borrowing Descriptor) throws(KernelError) -> UInt64 {
    var count: UInt64 = 0
    let number = descriptor.number
    do throws(KernelError) {
        _ = try call("read", descriptor.path) { read(number, &count, MemoryLayout<UInt64>.size) }
    } catch let error where error.errno == .again {
        return 0
    }
    return count
}

private var caughtSignals: sigset_t {
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&signals, signal) }
    return signals
}
