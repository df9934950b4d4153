import HostModel
import NIOCore
import NIOHTTP1
import NIOPosix

/// What `run` answered.
struct UpstreamAnswer {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: ByteBuffer

    var response: Response {
        var response = Response(status, body: body)
        for name in ["Content-Type", "ETag", "Allow"] {
            if let value = headers.first(name: name) { response.headers.add(name: name, value: value) }
        }
        return response
    }
}

/// One connection to `run` that is kept, made where it is needed, and asked one thing after another. Of the loop's
/// thread.
final class Upstream {
    typealias Result = Swift.Result<UpstreamAnswer, KernelError>

    private let path: String
    private let loop: any EventLoop
    private let limits: ProxyLimits

    private var queue: [Query] = []
    private var lastNumber = 0
    private var current: Query?
    private var answer: UpstreamAnswer?
    private var channel: (any Channel)?
    private var isConnecting = false
    /// Whether the connection has answered before, so that it may have been closed just now for being idle.
    private var isUsed = false
    private var clock: ConnectionClock?

    private struct Query {
        var number: Int
        var uri: String
        var tags: [String]
        var isRetry = false
        var completion: (Result) -> Void
    }

    init(path: String, loop: any EventLoop, limits: ProxyLimits) {
        self.path = path
        self.loop = loop
        self.limits = limits
    }

    /// Answers a number to cancel it by.
    @discardableResult
    func get(_ uri: String, ifNoneMatch tags: [String], _ completion: @escaping (Result) -> Void) -> Int {
        lastNumber += 1
        let number = lastNumber
        queue.append(Query(number: number, uri: uri, tags: tags, completion: completion))
        next()
        return number
    }

    /// Asks no more what was not asked yet; `completion` is not called then, and this answers true.
    func cancel(_ number: Int) -> Bool {
        guard let index = queue.firstIndex(where: { $0.number == number }) else { return false }
        queue.remove(at: index)
        return true
    }

    func close() { channel?.close(promise: nil) }

    private func next() {
        guard current == nil, !isConnecting, !queue.isEmpty else { return }
        guard let channel else { return connect() }
        let query = queue.removeFirst()
        current = query
        answer = nil
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: query.uri, headers: ["Host": "localhost"])
        for tag in query.tags { head.headers.add(name: "If-None-Match", value: tag) }
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        clock?.enter(ConnectionClock.Phase(name: .answering, limit: limits.answer))
    }

    private func connect() {
        isConnecting = true
        Self.bootstrap(loop, limits) { UpstreamHandler(NIOLoopBound(self, eventLoop: self.loop)) }
            .connect(unixDomainSocketPath: path).assumeIsolated().whenComplete { result in
                self.isConnecting = false
                switch result {
                case .success(let channel):
                    self.channel = channel
                    self.isUsed = false
                    self.clock = ConnectionClock(loop: self.loop) { [unowned self] in expire() }
                    self.next()
                case .failure(let error): self.failAll(KernelError(connecting: error, "connect", self.path))
                }
            }
    }

    /// A client of `run` on a loop; `last` makes the handler that gets the parts of answers.
    static func bootstrap(
        _ loop: any EventLoop, _ limits: ProxyLimits, last: @escaping () -> some ChannelHandler
    ) -> ClientBootstrap {
        let last = NIOLoopBound(last, eventLoop: loop)
        return ClientBootstrap(group: loop).connectTimeout(limits.answer).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers([
                    HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder()), last.value(),
                ])
            }
        }
    }

    // MARK: What the connection tells

    func receive(_ part: HTTPClientResponsePart, from channel: any Channel) {
        guard channel === self.channel, current != nil else { return channel.close(promise: nil) }
        clock?.restart()
        switch part {
        case .head(let head):
            answer = UpstreamAnswer(status: head.status, headers: head.headers, body: ByteBuffer())
        case .body(var bytes):
            guard (answer?.body.readableBytes ?? 0) + bytes.readableBytes <= limits.answerBytes else {
                return fail(KernelError("read", path, message: "the answer is longer than \(limits.answerBytes) bytes"))
            }
            answer?.body.writeBuffer(&bytes)
        case .end: finish()
        }
    }

    func closed(_ channel: any Channel) {
        guard channel === self.channel else { return }
        forget()
        guard var query = current else { return }
        if isUsed, answer == nil, !query.isRetry {
            query.isRetry = true
            current = nil
            queue.insert(query, at: 0)
            next()
        } else {
            fail(KernelError("read", path, message: "closed in the middle of an answer"))
        }
    }

    private func finish() {
        guard let query = current, let answer else { return }
        (current, self.answer, isUsed) = (nil, nil, true)
        clock?.enter(ConnectionClock.Phase(name: .idle))
        if answer.headers[canonicalForm: "Connection"].contains(where: { $0.lowercased() == "close" }) { drop() }
        query.completion(.success(answer))
        next()
    }

    private func fail(_ error: KernelError) {
        drop()
        let query = current
        (current, answer) = (nil, nil)
        query?.completion(.failure(error))
        next()
    }

    /// Who waits behind one that is not answered would not be answered either, and need not wait as long again.
    private func failAll(_ error: KernelError) {
        drop()
        let all = [current].compactMap(\.self) + queue
        (current, answer, queue) = (nil, nil, [])
        for query in all { query.completion(.failure(error)) }
        next()
    }

    private func expire() {
        let seconds = limits.answer.nanoseconds / 1_000_000_000
        failAll(KernelError("read", path, errno: .timedOut, message: "nothing came for \(seconds) s"))
    }

    private func drop() {
        let channel = channel
        forget()
        channel?.close(promise: nil)
    }

    private func forget() {
        clock?.stop()
        (channel, clock) = (nil, nil)
    }
}

private final class UpstreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let upstream: NIOLoopBound<Upstream>

    init(_ upstream: NIOLoopBound<Upstream>) { self.upstream = upstream }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        upstream.value.receive(unwrapInboundIn(data), from: context.channel)
    }

    func channelInactive(context: ChannelHandlerContext) { upstream.value.closed(context.channel) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
