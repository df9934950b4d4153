import ArgumentParser
import HostAPI
import HostKernel
import HostModel

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "The HTTP endpoint: answers from what the daemon knows, and can change nothing.",
        discussion: """
            Takes no root. systemd hands it its socket; without systemd it listens by itself. Only loopback addresses,
            until there is TLS.

            Example:
              ais-hostd serve --listen 127.0.0.1:9847
            """)

    @OptionGroup var socket: SocketOptions

    @Option(help: ArgumentHelp("Listen here (repeatable; default 127.0.0.1:9847).", valueName: "host:port"))
    var listen: [ListenAddress] = []

    func validate() throws {
        for address in listen where !address.isLoopback {
            throw ValidationError(
                "\(address) is not a loopback address: beyond this host it takes TLS, which is not built yet")
        }
    }

    func run() throws {
        try reporting {
            EventLoop<Never>.blockSignals()
            let sockets = try Systemd.listeningSockets()
            guard sockets.isEmpty || listen.isEmpty else {
                throw CommandError("--listen with sockets of systemd: which of them is meant?")
            }
            let loop = try EventLoop<Never>()
            let server = HTTPServer(proxy: Proxy(path: socket.path))
            for socket in sockets { try server.listen(network: socket.descriptor, as: ["127.0.0.1"]) }
            let addresses = listen.isEmpty ? [ListenAddress.standard] : listen
            for address in sockets.isEmpty ? addresses : [] {
                try server.listen(host: address.host, port: address.port)
            }
            let places = sockets.isEmpty ? addresses.map(\.description).joined(separator: ", ") : "systemd's socket"
            Terminal.writeError("serving on \(places) what \(socket.path) says\n")
            // A manager that can't be told is no reason to stop.
            _ = try? Systemd.notify("READY=1")
            releaseCode()
            while true {
                for event in try loop.next() {
                    guard case .signal(let number) = event, number != hangUp else { continue }
                    _ = try? Systemd.notify("STOPPING=1")
                    return server.close()
                }
            }
        }
    }
}

/// `127.0.0.1:9847`, `[::1]:9847`
struct ListenAddress: ExpressibleByArgument, CustomStringConvertible {
    let host: String
    let port: Int

    static let standard = ListenAddress(host: "127.0.0.1", port: 9847)

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"), let port = UInt16(argument[argument.index(after: colon)...])
        else { return nil }
        var host = argument[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    /// Names are looked up by whoever owns the resolver: only `localhost` is known to stay here.
    var isLoopback: Bool { host == "localhost" || host == "::1" || isIPv4Loopback }

    private var isIPv4Loopback: Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
