import NIOCore
import NIOHTTP1

/// Answers requests, on the thread of the sockets.
protocol Service: Sendable {
    /// How many bytes of a body this request may have; or why it is refused before one is read.
    func admit(_ request: Request, limit: Int) -> Result<Int, RefusedResponse>

    /// Answers now or later, whole or bit by bit; must end it once.
    func answer(_ exchange: Exchange)
}

/// A request and the way back to who asked. Of the loop's thread.
final class Exchange {
    let request: Request
    let loop: any EventLoop
    /// Nil once the answer is whole, or nobody waits for it any more.
    private var connection: HTTPConnection?
    private var heartbeat: RepeatedTask?

    /// Who asked is gone.
    var onGone: (() -> Void)?
    /// There is room again.
    var onWritable: (() -> Void)?
    /// Whether who asked may stop reading for as long as it likes.
    var isPatient = false

    init(_ request: Request, on connection: HTTPConnection, loop: any EventLoop) {
        self.request = request
        self.connection = connection
        self.loop = loop
    }

    var isOpen: Bool { connection != nil }
    var isWritable: Bool { connection?.isWritable ?? false }
    /// Written and not yet taken by the kernel.
    var bufferedBytes: Int { connection?.bufferedBytes ?? 0 }

    /// The whole answer.
    func respond(_ response: Response) {
        let connection = connection
        detach()
        connection?.finish(response)
    }

    /// The head of an answer whose end is not known. HEAD has no more than that.
    func begin(_ response: Response) {
        connection?.begin(response)
        if request.method == .HEAD { end() }
    }

    func send(_ bytes: ByteBuffer) { connection?.send(bytes) }

    func end() {
        let connection = connection
        detach()
        connection?.endStream()
    }

    /// Ends an answer that can't be brought to its end, so that it is not taken for whole.
    func abort() {
        let connection = connection
        detach()
        connection?.abort()
    }

    func gone() {
        let onGone = onGone
        detach()
        onGone?()
    }

    private func detach() {
        connection = nil
        heartbeat?.cancel()
        (heartbeat, onGone, onWritable) = (nil, nil, nil)
    }
}

// MARK: - Events

extension Exchange {
    /// The head of a stream of events and a first line, so that a client sees at once that it is connected.
    func beginEvents(heartbeat interval: TimeAmount, resumeFrom id: EventID? = nil) {
        begin(Response(.ok, headers: ["Content-Type": "text/event-stream"]))
        // An id without data makes no event, but is where a client resumes that was cut off before the first.
        let start = id.map { "\nid: \($0)" } ?? ""
        send(ByteBuffer(string: ": ais-hostd\(start)\n\n"))
        guard isOpen else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        heartbeat = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in bound.value.beat() }
    }

    func send(_ event: ServerSentEvent) { send(ByteBuffer(string: event.text)) }

    private func beat() {
        if isWritable { send(ByteBuffer(string: ":\n\n")) }
    }
}
