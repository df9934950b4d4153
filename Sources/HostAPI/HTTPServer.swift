package import HostModel
package import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The HTTP of both processes: listeners, and one loop that serves all of their clients.
package final class HTTPServer: Sendable {
    private let service: any Service
    private let loop: any EventLoop
    private let limits: Limits
    private let listeners = Mutex<[any Channel]>([])
    private let clients: Clients

    /// Of `run`: answers by itself, and hands commands to whoever carries them out. `perform` is called on the loop's
    /// thread and may not wait; what it is given may be called by any thread, and after the client has gone.
    package init(
        routes: Routes, loop: any EventLoop = socketLoop(), limits: Limits = Limits(),
        perform: @escaping @Sendable (Command, @escaping @Sendable (Progress) -> Void) -> Void
    ) {
        service = LocalService(routes: routes, limits: limits, perform: perform)
        self.loop = loop
        self.limits = limits
        clients = Clients()
    }

    /// Of `serve`: asks `run`.
    package init(proxy: Proxy, limits: Limits = Limits()) {
        service = proxy
        loop = proxy.loop
        self.limits = limits
        clients = Clients()
    }

    /// Takes over a unix socket that is bound and listens already. Who asks is known by `SO_PEERCRED`.
    package func listen(unix descriptor: Int32) throws(KernelError) {
        try listen("descriptor \(descriptor)", as: nil) { $0.withBoundSocket(descriptor) }
    }

    /// Takes over a TCP socket that is bound and listens already, as systemd hands it over.
    package func listen(network descriptor: Int32, as names: [String]) throws(KernelError) {
        try listen("descriptor \(descriptor)", as: names) { $0.withBoundSocket(descriptor) }
    }

    /// Answers the port, which the kernel chooses for 0.
    @discardableResult
    package func listen(host: String, port: Int) throws(KernelError) -> Int {
        try listen("\(host):\(port)", as: [host]) { $0.bind(host: host, port: port) } ?? port
    }

    /// Closes everything and waits for it, once. Not on the loop's thread, and not after the loop has ended.
    package func close() {
        let listeners = listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
        if listeners.isEmpty { return }
        for channel in listeners { try? channel.close().wait() }
        let clients = clients
        try? loop.submit { clients.closeAll() }.wait()
    }

    /// How many are connected. Not on the loop's thread.
    var clientCount: Int {
        let clients = clients
        return (try? loop.submit { clients.count }.wait()) ?? 0
    }

    /// `names` is nil for the unix socket.
    @discardableResult
    private func listen(
        _ subject: String, as names: [String]?, _ bind: (ServerBootstrap) -> EventLoopFuture<any Channel>
    ) throws(KernelError) -> Int? {
        let (service, limits, clients) = (service, limits, clients)
        let bootstrap = ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Where descriptors run out, accepting pauses for a second instead of trying for ever.
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                guard let names else {
                    return Peer.user(of: channel).flatMapThrowing { user in
                        let reception = Reception(caller: .local(user: user), names: nil)
                        try clients.take(channel, reception, service: service, limits: limits)
                    }
                }
                return channel.eventLoop.makeCompletedFuture {
                    let port = channel.localAddress?.port ?? channel.parent?.localAddress?.port ?? 0
                    let reception = Reception(caller: .network, names: HostNames(names, port: port))
                    try clients.take(channel, reception, service: service, limits: limits)
                }
            }
        do {
            let channel = try bind(bootstrap).wait()
            listeners.withLock { $0.append(channel) }
            return channel.localAddress?.port
        } catch {
            throw KernelError(connecting: error, "listen", subject)
        }
    }
}

/// The one thread of sockets; it lives as long as the process.
func socketLoop() -> any EventLoop { MultiThreadedEventLoopGroup(numberOfThreads: 1).next() }

/// Who is connected. Of the loop's thread.
// Safe: only what runs on the loop touches it, and there is one loop.
private final class Clients: @unchecked Sendable {
    private var channels: [ObjectIdentifier: any Channel] = [:]

    var count: Int { channels.count }

    /// Beyond the limit a client is told so and let go: one that is left in the kernel's queue would wait for nothing,
    /// and fill the queue for those who come when there is room again.
    func take(_ channel: any Channel, _ reception: Reception, service: any Service, limits: Limits) throws {
        let room = limits.connections + (reception.caller.isRoot ? limits.reservedForRoot : 0)
        guard channels.count < room else {
            return try channel.pipeline.syncOperations.addHandler(Refusing(limit: limits.connections))
        }
        let id = ObjectIdentifier(channel)
        channels[id] = channel
        channel.closeFuture.assumeIsolated().whenComplete { _ in self.channels[id] = nil }

        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderFieldSize = limits.headBytes
        decoding.maxHeaderListSize = limits.headBytes + limits.uriBytes
        decoding.maxHeaderFieldCount = limits.headerCount
        let wire = Wire(limits: limits)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandlers([
            wire, HTTPResponseEncoder(),
            ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: decoding)),
            HTTPConnection(service: service, reception: reception, limits: limits, wire: wire),
        ])
    }

    func closeAll() {
        for channel in channels.values { channel.close(promise: nil) }
    }
}

/// Says that there is no room, and closes.
private final class Refusing: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func channelActive(context: ChannelHandlerContext) {
        let problem = Problem(.serviceUnavailable, "there are \(limit) connections already").json
        let text = """
            HTTP/1.1 503 Service Unavailable\r
            Content-Type: application/problem+json\r
            Content-Length: \(problem.utf8.count)\r
            Connection: close\r
            Retry-After: 1\r
            \r
            \(problem)
            """
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: written)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}

/// Who is on the other end of a unix socket.
enum Peer {
    /// `struct ucred` of `unix(7)`.
    private struct Credentials {
        var process: Int32 = 0
        var user: UInt32 = 0
        var group: UInt32 = 0
    }

    /// `SO_PEERCRED`, 17 on every architecture that Swift has: as whom it connected, not who it may be since.
    static func user(of channel: any Channel) -> EventLoopFuture<UInt32> {
        guard let socket = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        let credentials: EventLoopFuture<Credentials> = socket.unsafeGetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: 17))
        return credentials.map(\.user)
    }
}

extension KernelError {
    /// What went wrong with a socket.
    init(connecting error: any Error, _ operation: String, _ subject: String) {
        switch error {
        case let error as KernelError: self = error
        case let error as IOError:
            let errno = Errno(rawValue: error.errnoCode)
            self.init(
                operation, subject, errno: errno, message: errno == .connectionRefused ? "nobody listens there" : nil)
        case ChannelError.connectTimeout: self.init(operation, subject, errno: .timedOut)
        default: self.init(operation, subject, message: "\(error)")
        }
    }
}
