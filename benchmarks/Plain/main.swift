// What NIO allows: answers every request on 127.0.0.1:PORT with the bytes of a file, or with 304 where the client sends
// any If-None-Match, and does nothing else.
//
//   plain-http PORT FILE
import HostKernel
import NIOCore
import NIOHTTP1
import NIOPosix

final class Answer: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let body: ByteBuffer
    private var isKnown = false

    init(_ body: ByteBuffer) { self.body = body }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): isKnown = head.headers.contains(name: "If-None-Match")
        case .body: break
        case .end:
            var head = HTTPResponseHead(version: .http1_1, status: isKnown ? .notModified : .ok)
            head.headers.add(name: "ETag", value: "\"1\"")
            if !isKnown {
                head.headers.add(name: "Content-Type", value: "application/json")
                head.headers.add(name: "Content-Length", value: "\(body.readableBytes)")
            }
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if !isKnown { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}

let arguments = CommandLine.arguments
guard arguments.count == 3, let port = Int(arguments[1]) else { fatalError("usage: plain-http PORT FILE") }
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let body = ByteBuffer(bytes: try SystemFiles().read(arguments[2]))
let server = try ServerBootstrap(group: group)
    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
    .childChannelInitializer { channel in
        channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
            try channel.pipeline.syncOperations.addHandler(Answer(body))
        }
    }
    .bind(host: "127.0.0.1", port: port).wait()
try server.closeFuture.wait()
