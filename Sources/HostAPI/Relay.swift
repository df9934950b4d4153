import HostModel
import NIOCore
import NIOHTTP1

/// Passes one stream of events on as it comes, and reads no more than its client takes.
final class Relay: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let exchange: Exchange
    private let path: String
    private let timeout: TimeAmount
    private var isStreaming = false
    /// An answer that is no stream: why there is none.
    private var answer: UpstreamAnswer?
    private var timer: Scheduled<Void>?
    private var mayRead = true

    private static let problemBytes = 64 * 1024

    init(_ exchange: Exchange, path: String, timeout: TimeAmount) {
        self.exchange = exchange
        self.path = path
        self.timeout = timeout
    }

    func channelActive(context: ChannelHandlerContext) {
        guard exchange.isOpen else { return context.close(promise: nil) }
        exchange.onGone = { context.close(promise: nil) }
        exchange.onWritable = { [unowned self] in readMore(context) }
        var headers: HTTPHeaders = ["Host": "localhost"]
        if let last = exchange.request.headers["Last-Event-ID"].last { headers.add(name: "Last-Event-ID", value: last) }
        let uri = exchange.request.location.uri
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [unowned self] in expire(context) }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            timer?.cancel()
            let type = head.headers.first(name: "Content-Type") ?? ""
            isStreaming = head.status == .ok && type.hasPrefix("text/event-stream")
            if isStreaming {
                exchange.begin(Response(.ok, headers: ["Content-Type": type]))
            } else {
                answer = UpstreamAnswer(status: head.status, headers: head.headers, body: ByteBuffer())
            }
        case .body(var bytes):
            if isStreaming {
                exchange.send(bytes)
            } else if bytes.readableBytes + (answer?.body.readableBytes ?? 0) <= Self.problemBytes {
                answer?.body.writeBuffer(&bytes)
            }
        case .end:
            if let answer { exchange.respond(answer.response) } else { exchange.end() }
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        mayRead = true
        readMore(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        guard exchange.isOpen else { return }
        // A client that resumes later loses nothing.
        if isStreaming { return exchange.end() }
        fail(KernelError("read", path, message: "closed before an answer"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// One read at a time, and only while there is room for what comes of it.
    private func readMore(_ context: ChannelHandlerContext) {
        guard mayRead, exchange.isWritable || !isStreaming else { return }
        mayRead = false
        context.read()
    }

    private func expire(_ context: ChannelHandlerContext) {
        fail(KernelError("read", path, errno: .timedOut, message: "no stream of events began"))
        context.close(promise: nil)
    }

    private func fail(_ error: KernelError) {
        exchange.respond(.problem(.serviceUnavailable, Proxy.reason(error)))
    }
}
