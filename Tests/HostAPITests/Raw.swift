import Glibc
import Testing

/// A client that sends bytes and looks at bytes, over a real socket. Nothing waits for longer than 20 s.
final class RawClient {
    let descriptor: Int32
    private var received: [UInt8] = []
    private(set) var isEnded = false

    struct Failed: Error {
        var call: String
        var errno: Int32
    }

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        try connect(&address)
    }

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = unixAddress(path)
        try connect(&address)
    }

    private func connect(_ address: inout some Any) throws {
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let size = socklen_t(MemoryLayout.size(ofValue: address))
        let result = withUnsafeBytes(of: &address) { bytes in
            bytes.baseAddress.map { Glibc.connect(descriptor, $0.assumingMemoryBound(to: sockaddr.self), size) } ?? -1
        }
        if result != 0 { throw Failed(call: "connect", errno: errno) }
    }

    deinit { Glibc.close(descriptor) }

    /// Whether all of it was taken.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes with a reset instead of an end.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    }

    /// One read; false at the end, however it came.
    private func receive() throws -> Bool {
        if isEnded { return false }
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0, errno == EAGAIN { throw Failed(call: "recv", errno: EAGAIN) }
        isEnded = count <= 0
        if count > 0 { received += buffer[..<count] }
        return count > 0
    }

    /// Everything up to and with this text, taken out of what came; nil where the end came first.
    func take(through text: String) throws -> String? {
        let mark = Array(text.utf8)
        while true {
            if let range = received.firstRange(of: mark) {
                let taken = String(decoding: received[..<range.upperBound], as: UTF8.self)
                received.removeFirst(range.upperBound)
                return taken
            }
            guard try receive() else { return nil }
        }
    }

    func take(count: Int) throws -> [UInt8]? {
        while received.count < count {
            guard try receive() else { return nil }
        }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }

    /// All that comes until the connection ends.
    func rest() throws -> String {
        while try receive() {}
        defer { received = [] }
        return String(decoding: received, as: UTF8.self)
    }

    struct Answer {
        var status: Int
        var head: String
        var body: String

        func header(_ name: String) -> String? {
            for line in head.split(separator: "\r\n").dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts[0].lowercased() == name.lowercased() { return String(parts[1].drop { $0 == " " }) }
            }
            return nil
        }
    }

    /// One answer; nil where the connection ended first.
    func answer(toHead: Bool = false) throws -> Answer? {
        guard let head = try take(through: "\r\n\r\n") else { return nil }
        let status = try #require(Int(head.split(separator: " ")[1]))
        var answer = Answer(status: status, head: head, body: "")
        if toHead || status == 304 || status == 100 { return answer }
        if answer.header("Transfer-Encoding") == "chunked" {
            while let line = try take(through: "\r\n"), let size = Int(line.dropLast(), radix: 16) {
                guard let chunk = try take(count: size + 2) else { return nil }
                if size == 0 { break }
                answer.body += String(decoding: chunk.dropLast(2), as: UTF8.self)
            }
        } else if let length = answer.header("Content-Length").flatMap({ Int($0) }) {
            guard let body = try take(count: length) else { return nil }
            answer.body = String(decoding: body, as: UTF8.self)
        } else {
            answer.body = try rest()
        }
        return answer
    }

    func get(_ path: String, headers: String = "", host: String = "localhost") throws -> Answer? {
        send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(headers)\r\n")
        return try answer()
    }
}

func unixAddress(_ path: String) -> sockaddr_un {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return address
}

/// A unix socket that listens.
func listening(on path: String) -> Int32 {
    unlink(path)
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = unixAddress(path)
    let size = socklen_t(MemoryLayout.size(ofValue: address))
    withUnsafeBytes(of: &address) { bytes in
        if let base = bytes.baseAddress { _ = bind(descriptor, base.assumingMemoryBound(to: sockaddr.self), size) }
    }
    chmod(path, 0o666)
    listen(descriptor, 1024)
    return descriptor
}

/// A folder that is removed at the end.
final class Scratch {
    let path: String

    init() {
        var template = Array("/tmp/ais-hostd-api-XXXXXX".utf8CString)
        _ = mkdtemp(&template)
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
        chmod(path, 0o755)
    }

    deinit {
        unlink("\(path)/api.sock")
        rmdir(path)
    }

    var socket: String { "\(path)/api.sock" }
}

/// Waits for what another thread brings about; a test that waits in vain fails after 20 s.
func eventually(_ isTrue: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<4000 {
        if try isTrue() { return true }
        usleep(5000)
    }
    return false
}
