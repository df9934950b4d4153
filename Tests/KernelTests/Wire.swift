import Foundation
import Glibc

/// A bare connection to one of the daemon's sockets: it can say what no HTTP library would, say nothing, and stay.
final class Wire {
    private let descriptor: Int32
    private var bytes: [UInt8] = []
    /// Whether the other side has hung up.
    private(set) var isOver = false

    /// To a socket of this path, as seen from here.
    init(unix path: String, isPatient: Bool = true) throws {
        descriptor = Glibc.socket(AF_UNIX, isPatient ? Self.kind : Self.kind | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
        try connect(&address, path)
    }

    /// To a port of 127.0.0.1 in the sandbox.
    init(port: UInt16, in sandbox: Sandbox, isPatient: Bool = true) throws {
        descriptor = Self.socket(in: sandbox.networkNamespace)
        if !isPatient { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        try connect(&address, "port \(port)")
    }

    deinit { close(descriptor) }

    private static let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

    /// A socket stays of the namespace in which it was made: made by a thread that enters it and ends there.
    private static func socket(in namespace: String) -> Int32 {
        nonisolated(unsafe) var made: Int32 = -1
        let isDone = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            defer { isDone.signal() }
            // Not among what Swift sees of sched.h.
            guard let address = dlsym(nil, "setns") else { return }
            let enter = unsafeBitCast(address, to: (@convention(c) (Int32, Int32) -> Int32).self)
            let file = open(namespace, O_RDONLY | O_CLOEXEC)
            defer { close(file) }
            if enter(file, 0) == 0 { made = Glibc.socket(AF_INET, kind, 0) }
        }
        isDone.wait()
        return made
    }

    private func connect<Address>(_ address: inout Address, _ name: String) throws {
        let size = socklen_t(MemoryLayout<Address>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, size) }
        }
        // One that does not wait may be connected later, or never.
        guard result == 0 || errno == EINPROGRESS else {
            throw CannotRun(description: "connect \(name): \(String(cString: strerror(errno)))")
        }
    }

    /// False where the other side takes no more.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard isReady(for: POLLOUT, within: 30) else { return false }
            let sent = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            guard sent > 0 || errno == EAGAIN else { return false }
            rest = rest.dropFirst(max(sent, 0))
        }
        return true
    }

    /// Asks as HTTP/1.0 has it: the answer ends with the connection, and is not cut in chunks.
    func ask(_ uri: String, method: String = "GET", headers: [String] = [], host: String = "localhost") {
        send((["\(method) \(uri) HTTP/1.0", "Host: \(host)"] + headers).joined(separator: "\r\n") + "\r\n\r\n")
    }

    /// All that has come, once `isEnough` says so, the other side has hung up, or nothing more is waited for.
    func read(within seconds: Double = 30, until isEnough: (String) -> Bool = { _ in false }) -> String {
        let end = monotonicSeconds() + seconds
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !isOver, !isEnough(text), monotonicSeconds() < end {
            guard isReady(for: POLLIN, within: end - monotonicSeconds()) else { break }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 { bytes += buffer[..<count] } else { isOver = true }
        }
        return text
    }

    private var text: String { String(decoding: bytes, as: UTF8.self) }

    private func isReady(for event: Int32, within seconds: Double) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        return poll(&wanted, 1, Int32(max(0, seconds * 1000))) == 1
    }
}

/// What a server answered.
struct WebAnswer {
    let status: Int
    let head: String
    let body: String

    init(_ text: String) throws {
        guard let end = text.range(of: "\r\n\r\n"),
            let status = text.split(separator: " ").dropFirst().first.map(String.init),
            let number = Int(status)
        else { throw CannotRun(description: "no answer of HTTP: \(text.prefix(200))") }
        (self.status, head, body) = (number, String(text[..<end.lowerBound]), String(text[end.upperBound...]))
    }

    func header(_ name: String) -> String? {
        head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("\(name.lowercased()): ") }
            .map { String($0.dropFirst(name.count + 2)) }
    }
}

func monotonicSeconds() -> Double { ProcessInfo.processInfo.systemUptime }

/// Looks until it is so, for longer than any machine takes. Nothing is timed by it.
func eventually(within seconds: Double = 30, _ isSo: () throws -> Bool) rethrows -> Bool {
    let end = monotonicSeconds() + seconds
    repeat {
        if try isSo() { return true }
        usleep(10_000)
    } while monotonicSeconds() < end
    return try isSo()
}
