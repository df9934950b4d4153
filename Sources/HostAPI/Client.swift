package import HostModel
package import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks `run`, for commands: blocks the thread that asks. Throws `KernelError` where there is nobody to ask, with the
/// errno of the socket.
package final class Client: Sendable {
    private let path: String
    private let limits: ClientLimits
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    package init(socket path: String, limits: ClientLimits = ClientLimits()) {
        self.path = path
        self.limits = limits
    }

    deinit { try? group.syncShutdownGracefully() }

    /// The whole answer, whatever its status.
    package func get(_ uri: String, headers: [(String, String)] = []) throws(KernelError) -> Answer {
        let connection = try open("GET", uri, headers, body: nil)
        defer { connection.close() }
        return try whole(try connection.head(), connection, limits.answer)
    }

    /// Each event as it comes, until there are no more or `onEvent` answers false. It runs on the thread that called, and
    /// may ask other things meanwhile. Throws `Answer` where the answer is no stream.
    ///
    /// A stream may end without a last word: a command whose `result` or `error` did not come is not known to have ended.
    package func stream(
        _ method: String, _ uri: String, headers: [(String, String)] = [], body: [UInt8]? = nil,
        onEvent: (ServerSentEvent) throws -> Bool
    ) throws {
        let connection = try open(method, uri, headers, body: body)
        defer { connection.close() }
        let head = try connection.head()
        guard head.status == .ok, head.headers.first(name: "Content-Type")?.hasPrefix("text/event-stream") == true
        else {
            throw try whole(head, connection, limits.answer)
        }
        var parser = ServerSentEventParser()
        parser.maximumBytes = limits.answerBytes
        while let bytes = try connection.body(within: limits.silence) {
            let events: [ServerSentEvent]
            do {
                events = try parser.feed(bytes.readableBytesView)
            } catch {
                throw KernelError("read", path, message: "an event is longer than \(limits.answerBytes) bytes")
            }
            for event in events where try !onEvent(event) { return }
        }
    }

    private func open(
        _ method: String, _ uri: String, _ headers: [(String, String)], body: [UInt8]?
    ) throws(KernelError) -> Connection {
        var head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: uri)
        head.headers = HTTPHeaders([("Host", "localhost"), ("Connection", "close")] + headers)
        if let body {
            head.headers.add(name: "Content-Type", value: "application/json")
            head.headers.add(name: "Content-Length", value: String(body.count))
        }
        return try Connection(path: path, loop: group.next(), limits: limits, head, body)
    }

    private func whole(
        _ head: HTTPResponseHead, _ connection: Connection, _ timeout: TimeAmount
    ) throws(KernelError) -> Answer {
        var answer = Answer(
            status: Int(head.status.code), headers: head.headers.map { ($0.name, $0.value) }, body: [])
        while let bytes = try connection.body(within: timeout) {
            answer.body += bytes.readableBytesView
            if answer.body.count > limits.answerBytes {
                throw KernelError("read", path, message: "the answer is longer than \(limits.answerBytes) bytes")
            }
        }
        return answer
    }
}

package struct ClientLimits: Sendable {
    package var connect = TimeAmount.seconds(5)
    /// Without a byte of an answer, which comes from memory.
    package var answer = TimeAmount.seconds(10)
    /// Of a stream: four heartbeats.
    package var silence = TimeAmount.seconds(60)
    package var answerBytes = 64 * 1024 * 1024

    package init() {}
}

/// What `run` answered to a command.
package struct Answer: Error, Sendable, CustomStringConvertible {
    package var status: Int
    package var headers: [(String, String)]
    package var body: [UInt8]

    package func header(_ name: String) -> String? {
        headers.first { $0.0.lowercased() == name.lowercased() }?.1
    }

    /// Why it was refused.
    package var description: String { Problem(json: body)?.detail ?? "ais-hostd run answers with \(status)" }
}

/// One request and its answer, bit by bit.
private struct Connection {
    let path: String
    let limits: ClientLimits
    let channel: any Channel
    let mailbox: NIOLoopBound<Mailbox>

    init(
        path: String, loop: any EventLoop, limits: ClientLimits, _ head: HTTPRequestHead, _ body: [UInt8]?
    ) throws(KernelError) {
        self.path = path
        self.limits = limits
        do {
            let opened = ClientBootstrap(group: loop).connectTimeout(limits.connect).channelOption(
                .autoRead, value: false
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder()),
                        Mailbox(loop: channel.eventLoop),
                    ])
                }
            }
            .connect(unixDomainSocketPath: path)
            (channel, mailbox) = try opened.flatMapThrowing { channel in
                let mailbox = try channel.pipeline.syncOperations.handler(type: Mailbox.self)
                return (channel, NIOLoopBound(mailbox, eventLoop: channel.eventLoop))
            }.wait()
        } catch {
            throw KernelError(connecting: error, "connect", path)
        }
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if let body { channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil) }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    func head() throws(KernelError) -> HTTPResponseHead {
        guard case .head(let head)? = try next(within: limits.answer) else {
            throw KernelError("read", path, errno: .reset, message: "closed before an answer")
        }
        return head
    }

    /// Nil at the end.
    func body(within timeout: TimeAmount) throws(KernelError) -> ByteBuffer? {
        switch try next(within: timeout) {
        case .body(let bytes)?: return bytes
        case .end?: return nil
        case .head?, nil: throw KernelError("read", path, errno: .reset, message: "closed in the middle of an answer")
        }
    }

    func close() { channel.close(promise: nil) }

    private func next(within timeout: TimeAmount) throws(KernelError) -> HTTPClientResponsePart? {
        let mailbox = mailbox
        do {
            return try channel.eventLoop.flatSubmit { mailbox.value.next(within: timeout) }.wait()
        } catch {
            var error = KernelError(connecting: error, "read", path)
            if error.errno == .timedOut {
                error.message = "nothing came for \(timeout.nanoseconds / 1_000_000_000) s"
            }
            throw error
        }
    }
}

/// Keeps what came until it is taken, and reads no more before that.
private final class Mailbox: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let loop: any EventLoop
    private var context: ChannelHandlerContext?
    private var parts: [HTTPClientResponsePart] = []
    private var waiter: EventLoopPromise<HTTPClientResponsePart?>?
    private var timer: Scheduled<Void>?
    /// Why nothing more comes, and nil where it is the end.
    private var end: Result<HTTPClientResponsePart?, any Error>?

    init(loop: any EventLoop) { self.loop = loop }

    /// Nil where the connection has ended.
    func next(within timeout: TimeAmount) -> EventLoopFuture<HTTPClientResponsePart?> {
        let promise = loop.makePromise(of: HTTPClientResponsePart?.self)
        waiter = promise
        deliver()
        if waiter != nil {
            timer = loop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in
                self?.finish(.failure(ChannelError.connectTimeout(timeout))) ?? ()
            }
            context?.read()
        }
        return promise.futureResult
    }

    private func deliver() {
        guard let waiter else { return }
        if !parts.isEmpty {
            waiter.succeed(parts.removeFirst())
        } else if let end {
            waiter.completeWith(end)
        } else {
            return
        }
        timer?.cancel()
        (self.waiter, timer) = (nil, nil)
    }

    private func finish(_ end: Result<HTTPClientResponsePart?, any Error>) {
        if self.end == nil { self.end = end }
        deliver()
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        parts.append(unwrapInboundIn(data))
        deliver()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if waiter != nil { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) { finish(.success(nil)) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(.failure(error))
        context.close(promise: nil)
    }
}
