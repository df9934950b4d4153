import NIOCore
import NIOHTTP1

/// One client: takes its requests in order, answers them in order, and bounds what it may cost.
final class HTTPConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    let limits: Limits
    let wire: Wire
    private let service: any Service
    private let reception: Reception

    private var context: ChannelHandlerContext?
    /// Oldest first; the last may not be whole yet.
    private var waiting: [Incoming] = []
    private var current: Incoming?
    private var exchange: Exchange?
    private var isAdvancing = false
    private var isInputClosed = false
    /// Whether the last answer is written, and nothing is read any more.
    private var isClosing = false
    private var isDraining = false
    private var requestCount = 0
    private var clock: ConnectionClock?

    init(service: any Service, reception: Reception, limits: Limits, wire: Wire) {
        self.service = service
        self.reception = reception
        self.limits = limits
        self.wire = wire
    }

    // MARK: What comes

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        clock = ConnectionClock(loop: context.eventLoop) { [unowned self] in expire() }
        if context.channel.isActive { retime() }
    }

    func channelActive(context: ChannelHandlerContext) { retime() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch part {
        case .head: wire.headEnded()
        case .end: wire.messageEnded()
        case .body: break
        }
        guard !wire.isDropping else { return }
        switch part {
        case .head(let head):
            requestCount += 1
            waiting.append(reception.receive(head, service: service, limits: limits))
        case .body(let bytes): waiting.mutateLast { $0.append(bytes) }
        case .end: waiting.mutateLast { $0.isWhole = true }
        }
        if waiting.last?.refusal != nil { wire.isDropping = true }
        advance()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        retime()
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event as? ChannelEvent == .inputClosed else { return context.fireUserInboundEventTriggered(event) }
        isInputClosed = true
        if isDraining { context.close(promise: nil) } else { advance() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let refusal = Reception.refusal(error) else { return context.close(promise: nil) }
        refuse(refusal)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            exchange?.onWritable?()
            advance()
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        clock?.stop()
        let exchange = exchange
        (self.exchange, self.context, waiting) = (nil, nil, [])
        exchange?.gone()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// The request that is not whole can't become so.
    private func refuse(_ response: Response) {
        guard !wire.isDropping else { return }
        wire.isDropping = true
        if waiting.last?.isWhole != false { waiting.append(Incoming(refusal: response)) }
        waiting.mutateLast { $0.refuse(response) }
        advance()
    }

    // MARK: What goes

    /// Answers what can be answered, in order. Stops where an answer is under way or the client does not read.
    private func advance() {
        guard !isAdvancing else { return }
        isAdvancing = true
        while let context, current == nil, !isClosing, context.channel.isWritable, let next = waiting.first {
            guard next.refusal != nil || next.isWhole else {
                askForBody(context, next)
                break
            }
            waiting.removeFirst()
            current = next
            if let refusal = next.refusal {
                finish(refusal)
            } else if let request = next.request {
                let exchange = Exchange(request, on: self, loop: context.eventLoop)
                self.exchange = exchange
                service.answer(exchange)
            }
        }
        isAdvancing = false
        wire.isFull = waiting.count >= limits.pipelined
        wire.resume()
        if isInputClosed, current == nil, waiting.isEmpty, !isClosing { end() }
        retime()
    }

    private func askForBody(_ context: ChannelHandlerContext, _ next: Incoming) {
        guard next.expectsBody else { return }
        waiting[0].expectsBody = false
        context.writeAndFlush(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
    }

    func finish(_ response: Response) {
        let hasBody = current?.method != .HEAD && response.status != .notModified
        var response = response
        if response.status != .notModified {
            response.headers.replaceOrAdd(name: "Content-Length", value: String(response.body.readableBytes))
        }
        begin(response)
        if hasBody, response.body.readableBytes > 0 { write(.body(.byteBuffer(response.body))) }
        endStream()
    }

    func begin(_ response: Response) {
        guard let current else { return }
        var head = HTTPResponseHead(version: current.version, status: response.status, headers: response.headers)
        head.headers.add(name: "Cache-Control", value: "no-cache")
        head.headers.add(name: "X-Content-Type-Options", value: "nosniff")
        if !head.headers.contains(name: "Content-Security-Policy") {
            head.headers.add(name: "Content-Security-Policy", value: "default-src 'none'")
        }
        let isBounded = response.status == .notModified || head.headers.contains(name: "Content-Length")
        // HTTP/1.0 has no chunks: the end of the connection is the end of such an answer.
        if !isBounded, !current.version.isPersistent { self.current?.isLast = true }
        if isInputClosed, waiting.isEmpty { self.current?.isLast = true }
        if self.current?.isLast == true {
            head.headers.add(name: "Connection", value: "close")
        } else if !current.version.isPersistent {
            head.headers.add(name: "Connection", value: "keep-alive")
        }
        write(.head(head))
    }

    func send(_ bytes: ByteBuffer) {
        write(.body(.byteBuffer(bytes)))
        context?.flush()
        retime()
    }

    func endStream() {
        guard let context else { return }
        let isLast = current?.isLast ?? true
        (current, exchange) = (nil, nil)
        guard isLast else {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            return advance()
        }
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        end()
    }

    /// No more answers: closes once they are sent.
    private func end() {
        isClosing = true
        wire.isDropping = true
        waiting = []
        wire.whenSent { self.drain() }
        retime()
    }

    func abort() { context?.close(promise: nil) }

    /// A connection that is closed with bytes unread is reset, and the reset may overtake the answer: so the client is
    /// told that nothing more comes, and what it still sends is dropped for a moment.
    private func drain() {
        guard let context else { return }
        if isInputClosed { return close() }
        isDraining = true
        context.close(mode: .output, promise: nil)
        retime()
        wire.resume()
    }

    private func close() { context?.close(promise: nil) }

    private func write(_ part: HTTPServerResponsePart) { context?.write(wrapOutboundOut(part), promise: nil) }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    var bufferedBytes: Int {
        // Every channel of NIO's own knows.
        (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    // MARK: Time

    /// What the client is expected to do next, and until when.
    private func retime() {
        guard context != nil else { return }
        clock?.enter(phase)
    }

    private var phase: ConnectionClock.Phase {
        if isDraining { return .init(name: .draining, limit: limits.drain) }
        if bufferedBytes > 0, exchange?.isPatient != true { return .init(name: .sending, limit: limits.stalled) }
        if current != nil || isClosing { return .init(name: .answering, limit: nil) }
        if !waiting.isEmpty { return .init(name: .body, round: requestCount, limit: limits.body) }
        if wire.hasPartialHead { return .init(name: .head, round: requestCount, limit: limits.head) }
        return .init(name: .idle, round: requestCount, limit: requestCount == 0 ? limits.head : limits.idle)
    }

    private func expire() {
        guard let clock, context != nil else { return }
        switch clock.phase?.name {
        case .sending:
            let taken = wire.bytesOut - bufferedBytes
            if taken > clock.progress {
                clock.progress = taken
                clock.restart()
            } else {
                close()
            }
        case .head: refuse(.problem(.requestTimeout, "the head of a request takes too long"))
        case .body: refuse(.problem(.requestTimeout, "the body of a request takes too long"))
        default: close()
        }
    }
}

extension Array {
    fileprivate mutating func mutateLast(_ change: (inout Element) -> Void) {
        if let last = indices.last { change(&self[last]) }
    }
}
