package import HostModel

/// When which pass is due. One at a time; commands go first, events wait a moment after the last pass, so that a storm of
/// them costs a pass a second.
///
/// A value that is told the time: seconds of a clock that nobody sets.
package struct Schedule<Command> {
    package enum Job {
        case command(Command)
        case pass(Daemon.Reason)
    }

    private var commands: [Command] = []
    package private(set) var wantsReload = false
    private var events: Set<HostEvent> = []
    private var isBusy = false
    /// When the next slow pass is due.
    private var nextPass: Double
    /// Before this events wait.
    private var eventsFrom: Double

    /// The least time from the end of a pass to one for events alone.
    private static var eventSpacing: Double { 1 }

    /// The first pass is not its business.
    package init(at uptime: Double) {
        nextPass = .infinity
        eventsFrom = uptime
    }

    package mutating func add(_ command: Command) { commands.append(command) }
    package mutating func add(_ event: HostEvent) { events.insert(event) }
    package mutating func reload() { wantsReload = true }

    /// What is to be done now; nil while something is being done, or nothing is due.
    package mutating func next(at uptime: Double) -> Job? {
        guard !isBusy else { return nil }
        if !commands.isEmpty {
            isBusy = true
            return .command(commands.removeFirst())
        }
        if wantsReload {
            (isBusy, wantsReload) = (true, false)
            return .pass(.reload)
        }
        if uptime >= nextPass {
            (isBusy, events) = (true, [])
            return .pass(.schedule)
        }
        guard !events.isEmpty, uptime >= eventsFrom else { return nil }
        defer { (isBusy, events) = (true, []) }
        return .pass(.events(events))
    }

    package mutating func begin() { isBusy = true }

    /// A pass has ended. The next slow one comes an interval after a full one, give or take a tenth (`jitter` is from 0
    /// to 1): nodes that were started together must not stay so.
    package mutating func end(wasFull: Bool, interval: Int, jitter: Double, at uptime: Double) {
        isBusy = false
        eventsFrom = uptime + Self.eventSpacing
        // Events hold up no slow pass, and a shorter interval counts at once.
        let next = uptime + Double(interval) * (0.9 + 0.2 * jitter)
        nextPass = wasFull ? next : min(nextPass, next)
    }

    /// When `next` is to be asked again, if nothing else happens.
    package var wakeup: Double? {
        if isBusy { return nil }
        let next = events.isEmpty ? nextPass : min(nextPass, eventsFrom)
        return next.isFinite ? next : nil
    }
}
