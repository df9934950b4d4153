import NIOCore

/// Stands between the socket and the decoder: gives it bytes in small pieces, so that a connection can stop it between
/// two requests, and counts what the decoder does not (blanks, chunk extensions, empty lines).
final class Wire: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    enum Overflow: Error {
        case uri, head, body
    }

    /// The shortest request has 27 bytes, so that at most 19 are decoded after it became full.
    private static let pieceBytes = 512

    private let limits: Limits
    private var context: ChannelHandlerContext?
    private var kept = ByteBuffer()
    private var isFeeding = false
    private var hasHeldRead = false
    private var hasHeldEnd = false

    private var isInBody = false
    /// Of the head or the body that is being read.
    private var bytesIn = 0
    private var hasLine = false
    private var droppedBytes = 0

    /// All that was ever written.
    private(set) var bytesOut = 0
    /// Whether as many requests wait as may.
    var isFull = false
    /// Whether nothing that comes is of interest any more.
    var isDropping = false

    init(limits: Limits) { self.limits = limits }

    /// Whether a head has begun and not ended.
    var hasPartialHead: Bool { !isInBody && bytesIn > 0 }

    func headEnded() { begin(body: true) }

    func messageEnded() { begin(body: false) }

    private func begin(body: Bool) {
        isInBody = body
        bytesIn = 0
        hasLine = false
    }

    /// Goes on after being full.
    func resume() {
        guard let context, !isFeeding else { return }
        feed(context)
        if hasHeldRead, !mustHold {
            hasHeldRead = false
            context.read()
        }
    }

    /// When all that was written so far is the kernel's, or the connection is gone.
    func whenSent(_ done: @escaping () -> Void) {
        guard let context else { return }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in done() }
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(ByteBuffer())), promise: sent)
    }

    private var mustHold: Bool {
        isDropping ? droppedBytes > limits.drainedBytes : isFull || kept.readableBytes > 0
    }

    private func feed(_ context: ChannelHandlerContext) {
        isFeeding = true
        defer { isFeeding = false }
        while !isFull, !isDropping, let piece = kept.readSlice(length: min(Self.pieceBytes, kept.readableBytes)),
            piece.readableBytes > 0
        {
            bytesIn += piece.readableBytes
            hasLine = hasLine || piece.readableBytesView.contains(UInt8(ascii: "\n"))
            context.fireChannelRead(wrapInboundOut(piece))
            if let overflow, !isDropping { context.fireErrorCaught(overflow) }
        }
        if isDropping {
            droppedBytes += kept.readableBytes
            kept = ByteBuffer()
        }
        if kept.readableBytes == 0, hasHeldEnd {
            hasHeldEnd = false
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
    }

    /// The start line counts as part of the head. A body in chunks of a byte is six times as long as what it says.
    private var overflow: Overflow? {
        if isInBody { return bytesIn > 8 * limits.bodyBytes + limits.headBytes ? .body : nil }
        if !hasLine { return bytesIn > limits.uriBytes + 2 * Self.pieceBytes ? .uri : nil }
        return bytesIn > limits.headBytes + limits.uriBytes + Self.pieceBytes ? .head : nil
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if kept.readableBytes == 0 { kept = bytes } else { kept.writeBuffer(&bytes) }
        if !isFeeding { feed(context) }
    }

    func read(context: ChannelHandlerContext) {
        if mustHold { hasHeldRead = true } else { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed, kept.readableBytes > 0 {
            hasHeldEnd = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        bytesOut += unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }
}
