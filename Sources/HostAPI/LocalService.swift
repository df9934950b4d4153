import HostModel
import HostReport
import NIOCore
import NIOHTTP1
import Synchronization

/// `run`: what the board shows, and commands for the one that decides.
final class LocalService: Service {
    private let routes: Routes
    private let limits: Limits
    private let perform: @Sendable (Command, @escaping @Sendable (Progress) -> Void) -> Void

    init(
        routes: Routes, limits: Limits,
        perform: @escaping @Sendable (Command, @escaping @Sendable (Progress) -> Void) -> Void
    ) {
        self.routes = routes
        self.limits = limits
        self.perform = perform
    }

    func admit(_ request: Request, limit: Int) -> Result<Int, RefusedResponse> { routes.admit(request, limit: limit) }

    func answer(_ exchange: Exchange) {
        switch routes.answer(exchange.request) {
        case .response(let response): exchange.respond(response)
        case .events(let after):
            guard routes.board.subscriberCount < limits.streams else {
                let detail = "there are \(limits.streams) streams of events already"
                return exchange.respond(.problem(.serviceUnavailable, detail))
            }
            EventStream(exchange, board: routes.board).begin(after: after, heartbeat: limits.heartbeat)
        case .command(let command): tell(exchange, of: command)
        }
    }

    /// Each word of the one that decides becomes an event. The work goes on where nobody listens any more.
    private func tell(_ exchange: Exchange, of command: Command) {
        exchange.isPatient = true
        exchange.beginEvents(heartbeat: limits.heartbeat)
        let (loop, limit) = (exchange.loop, limits.commandBytes)
        let bound = NIOLoopBound(exchange, eventLoop: loop)
        perform(command) { progress in
            loop.execute {
                let exchange = bound.value
                guard exchange.isOpen else { return }
                guard exchange.bufferedBytes < limit else { return exchange.abort() }
                let (event, isLast) = Self.event(progress)
                exchange.send(event)
                if isLast { exchange.end() }
            }
        }
    }

    private static func event(_ progress: Progress) -> (ServerSentEvent, isLast: Bool) {
        switch progress {
        case .change(let change): (ServerSentEvent(name: "change", data: jsonLine(change)), false)
        case .finished(let result): (ServerSentEvent(name: "result", data: jsonLine(result)), true)
        case .failed(let lines): (ServerSentEvent(name: "error", data: encoded(CommandErrors(errors: lines))), true)
        }
    }
}

/// One listener to changes of state. It keeps no events of its own: those that it has not sent yet are the board's, and
/// a client that reads so slowly that the board has dropped them is let go. It can resume, and will be told of the gap.
private final class EventStream {
    private let exchange: Exchange
    private let board: Board
    private var last: EventID
    private var subscriber: Int?

    init(_ exchange: Exchange, board: Board) {
        self.exchange = exchange
        self.board = board
        last = board.lastEvent
    }

    func begin(after text: String?, heartbeat: TimeAmount) {
        // First, so that nothing comes in between.
        let bound = NIOLoopBound(self, eventLoop: exchange.loop)
        let loop = exchange.loop
        let subscriber = board.subscribe { loop.execute { bound.value.pump() } }
        self.subscriber = subscriber
        let board = board
        exchange.onGone = { board.unsubscribe(subscriber) }
        exchange.onWritable = { self.pump() }

        let newest = board.lastEvent
        var gap: String?
        if let text {
            if let known = EventID(text), board.events(after: known) != nil {
                last = known
            } else {
                last = newest
                gap = reason(text)
            }
        } else {
            last = newest
        }
        exchange.beginEvents(heartbeat: heartbeat, resumeFrom: last)
        if let gap { tell(gap) }
        pump()
    }

    private struct Gap: Encodable {
        var reason: String
    }

    private func reason(_ text: String) -> String {
        guard let id = EventID(text) else { return "\(text) is no id of an event: read /v1/status" }
        guard id.instance == board.instance else { return "the daemon has started since: read /v1/status" }
        return tooMany
    }

    private var tooMany: String { "only the last \(board.capacity) changes are kept: read /v1/status" }

    private func pump() {
        guard exchange.isOpen else { return }
        guard let events = board.events(after: last) else { return overtaken() }
        for event in events {
            guard exchange.isWritable else { return }
            last.sequence = event.sequence
            exchange.send(ServerSentEvent(id: last.description, name: "state", data: event.line))
        }
    }

    /// More changed than the board keeps. One that keeps up is told so, one that does not read is let go.
    private func overtaken() {
        guard exchange.isWritable else {
            if let subscriber { board.unsubscribe(subscriber) }
            return exchange.abort()
        }
        last = board.lastEvent
        tell(tooMany)
    }

    private func tell(_ gap: String) {
        exchange.send(ServerSentEvent(id: last.description, name: "gap", data: encoded(Gap(reason: gap))))
    }
}
