import Glibc
import NIOCore
import Testing

@testable import HostAPI

/// Bytes that no well-meant client sends.
struct Hostile: CustomTestStringConvertible, Sendable {
    var what: String
    var bytes: String
    /// Of each answer, in order; none where the connection just ends.
    var statuses: [Int]
    /// Whether the client ends its side, as one that goes away does.
    var ends = false

    init(_ what: String, _ bytes: String, _ statuses: Int..., ends: Bool = false) {
        (self.what, self.bytes, self.statuses, self.ends) = (what, bytes, statuses, ends)
    }

    var testDescription: String { what }

    private static let end = "\r\n\r\n"
    private static let ok = "GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n"
    private static let post = "POST /v1/apply HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n"
    private static func get(_ headers: String) -> String { "GET /healthz HTTP/1.1\r\nHost: HOST\r\n\(headers)\r\n\r\n" }

    /// HOST is replaced by what the server listens as.
    static let corpus: [Hostile] = [
        // Request lines.
        .init("nothing at all", "", ends: true),
        .init("a letter", "G", 400, ends: true),
        .init("a word", "GET\r\n\r\n", 501),
        .init("no version", "GET /healthz\r\nHost: HOST\r\n\r\n", 505),
        .init("HTTP/0.9", "GET /healthz HTTP/0.9\r\nHost: HOST\r\n\r\n", 505),
        .init("HTTP/2.0", "GET /healthz HTTP/2.0\r\nHost: HOST\r\n\r\n", 505),
        .init("HTTP/9.9", "GET /healthz HTTP/9.9\r\nHost: HOST\r\n\r\n", 505),
        .init("no digits in the version", "GET /healthz HTTP/x.y\r\nHost: HOST\r\n\r\n", 505),
        .init("another protocol", "GET /healthz HTCPCP/1.0\r\nHost: HOST\r\n\r\n", 400),
        .init("an unknown method", "BREW /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", 501),
        .init("a method in small letters", "get /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", 501),
        .init("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        .init("a TLS hello", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\r\n\r\n", 501),
        .init("two blanks", "GET  /healthz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", 200),
        .init("a tab for a blank", "GET\t/healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", 501),
        .init("a blank in front", " GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", 501),
        .init("NUL in the path", "GET /health\u{0}z HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        .init("a control character in the path", "GET /health\u{1}z HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        .init("bytes beyond ASCII in the path", "GET /healthä HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        .init("a bad escape", "GET /%zz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", 400),
        .init("a fragment", "GET /healthz#x HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        .init("dots", "GET /../../etc/passwd HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", 404),
        .init(
            "a path of 9 KiB", "GET /" + String(repeating: "a", count: 9 << 10) + " HTTP/1.1\r\nHost: HOST\r\n\r\n", 414
        ),
        .init("a path without an end", "GET /" + String(repeating: "a", count: 1 << 17), 414),
        .init("empty lines without an end", String(repeating: "\r\n", count: 1 << 16), 431),
        .init("a CONNECT", "CONNECT HOST HTTP/1.1\r\nHost: HOST\r\n\r\n", 405),
        .init("an OPTIONS of all", "OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n", 405),
        .init("a TRACE", "TRACE /healthz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", 405),
        // Headers.
        .init("100 headers more", get((0..<100).map { "X\($0): y" }.joined(separator: "\r\n")), 431),
        .init(
            "90 headers more", get((0..<90).map { "X\($0): y" }.joined(separator: "\r\n") + "\r\nConnection: close"),
            200),
        .init("a header of 17 KiB", get("X: " + String(repeating: "a", count: 17 << 10)), 431),
        .init("a name of 17 KiB", get(String(repeating: "a", count: 17 << 10) + ": x"), 431),
        .init(
            "headers of 20 KiB",
            get(
                (0..<20).map { "X\($0): " + String(repeating: "a", count: 1000) }
                    .joined(separator: "\r\n")), 431),
        .init("headers without an end", "GET / HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 1 << 15), 431),
        .init("blanks without an end", "GET / HTTP/1.1\r\nX:" + String(repeating: " ", count: 1 << 17), 431),
        .init("no colon", get("nonsense"), 400),
        .init("no name", get(": x"), 400),
        .init("a blank before the colon", get("X : y"), 400),
        .init("a folded header", get("X: a\r\n b"), 400),
        .init("a folded header in front", "GET /healthz HTTP/1.1\r\n X: y\r\nHost: HOST\r\n\r\n", 400),
        .init("NUL in a value", get("X: a\u{0}b"), 400),
        .init("NUL in a name", get("X\u{0}: b"), 400),
        .init("a lone return in a value", get("X: a\rb"), 400),
        .init("a lone return in a value that hides a header", get("X: a\rContent-Length: 5"), 400),
        .init("an expectation that nobody knows", get("Expect: 200-maybe"), 417),
        .init("another protocol on this connection", get("Connection: Upgrade\r\nUpgrade: h2c") + ok, 200),
        .init("lines without a return", "GET /healthz HTTP/1.1\nHost: HOST\nConnection: close\n\n", 505),
        // Host.
        .init("no host", "GET /healthz HTTP/1.1\r\n\r\n", 400),
        .init("two hosts", get("Host: HOST"), 400),
        .init("two other hosts", get("Host: evil.example"), 400),
        .init("a URI of another scheme", "GET https://HOST/healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
        .init("a URI without a host header", "GET http://HOST/healthz HTTP/1.1\r\n\r\n", 400),
        // Lengths.
        .init("a length and chunks", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        .init("chunks and a length", post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
        .init("two lengths", post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        .init("twice the same length", post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
        .init("a list of lengths", post + "Content-Length: 2, 2\r\n\r\n{}", 400),
        .init("a negative length", post + "Content-Length: -2\r\n\r\n{}", 400),
        .init("a signed length", post + "Content-Length: +2\r\n\r\n{}", 400),
        .init("a hexadecimal length", post + "Content-Length: 0x2\r\n\r\n{}", 400),
        .init("an empty length", post + "Content-Length:\r\n\r\n{}", 400),
        .init("a length beyond 64 bits", post + "Content-Length: 99999999999999999999\r\n\r\n{}", 400),
        .init("a length with a blank in it", post + "Content-Length: 1 2\r\n\r\n{}", 400),
        .init("chunks twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        .init("another coding", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        .init(
            "chunks that are not the last coding", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        .init("a coding nobody knows", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        .init(
            "chunks in HTTP/1.0",
            post.replacing("HTTP/1.1", with: "HTTP/1.0")
                + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        .init("a body where none is taken", get("Content-Length: 5") + "hello", 413),
        .init("a chunked body where none is taken", get("Transfer-Encoding: chunked") + "0\r\n\r\n", 413),
        // Bodies, on the unix socket.
        .init("a body that is too long", post + "Content-Length: 65537\r\n\r\n", 413),
        .init("a chunk that is no number", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        .init("a chunk beyond 64 bits", post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
        .init("a negative chunk", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        .init("a chunk that is longer than it says", post + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n", 400),
        .init(
            "a chunk that is too long",
            post + "Transfer-Encoding: chunked\r\n\r\n20000\r\n"
                + String(repeating: " ", count: 1 << 17), 413),
        .init(
            "chunks of a byte without an end",
            post + "Transfer-Encoding: chunked\r\n\r\n"
                + String(repeating: "1\r\n \r\n", count: 70000), 413),
        .init(
            "a chunk extension without an end",
            post + "Transfer-Encoding: chunked\r\n\r\n1;"
                + String(repeating: "a", count: 1 << 20), 413),
        .init(
            "trailers without an end",
            post + "Transfer-Encoding: chunked\r\n\r\n0\r\n"
                + String(repeating: "X: y\r\n", count: 1 << 14), 431),
        .init("a body that ends early", post + "Content-Length: 20\r\n\r\n{}", 400, ends: true),
        .init("a chunk that ends early", post + "Transfer-Encoding: chunked\r\n\r\n5\r\n{}", 400, ends: true),
        .init("a head that ends early", "GET /healthz HTTP/1.1\r\nHo", 400, ends: true),
        // Pipelines.
        .init("three and the end", ok + ok + ok, 200, 200, 200, ends: true),
        .init("a good one, a bad one, a good one", ok + "nonsense\r\n\r\n" + ok, 200, 501),
        .init(
            "a good one and an ambiguous one",
            ok + post
                + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + ok, 200, 400),
        .init("one that hides in a body", get("Content-Length: \(ok.utf8.count)") + ok, 413),
        .init("one after a close", get("Connection: close") + ok, 200),
        .init("one after HTTP/1.0", "GET /healthz HTTP/1.0\r\nHost: HOST\r\n\r\n" + ok, 200),
    ]
}

@Suite("Hostile clients", .serialized)
struct HostileTests {
    private static let running = Result { try Running(limits: limits) }

    private static var limits: Limits {
        var limits = Limits()
        limits.drain = .milliseconds(100)
        return limits
    }

    @Test("each is answered with its status, the connection ends, and others are served", arguments: Hostile.corpus)
    func corpus(hostile: Hostile) throws {
        let running = try Self.running.get()
        let client = try running.local()
        let text = hostile.bytes.replacing("HOST", with: "localhost")
        // It need not be taken whole.
        client.send(text)
        if hostile.ends { client.endSending() }
        var statuses: [Int] = []
        while let answer = try client.answer() {
            statuses.append(answer.status)
            if answer.status >= 400 { #expect(answer.header("Content-Type") == "application/problem+json") }
        }
        #expect(statuses == hostile.statuses)
        #expect(client.isEnded)
        #expect(try running.answers())
    }

    @Test("and a byte at a time it is no other", arguments: Hostile.corpus.filter { $0.bytes.utf8.count < 1000 })
    func slowly(hostile: Hostile) throws {
        let running = try Self.running.get()
        let client = try running.local()
        for byte in hostile.bytes.replacing("HOST", with: "localhost").utf8 where !client.send([byte]) { break }
        if hostile.ends { client.endSending() }
        var statuses: [Int] = []
        while let answer = try client.answer() { statuses.append(answer.status) }
        #expect(statuses == hostile.statuses)
    }

    @Test("a command that is hidden in chunks or lengths is never carried out")
    func nothingAsked() throws {
        #expect(try Self.running.get().asked.count == 0)
    }

    @Test(
        "over TCP the host must be ours",
        arguments: [
            ("localhost:PORT", 200), ("127.0.0.1:PORT", 200), ("[::1]:PORT", 200), ("LocalHost:PORT", 200),
            ("evil.example:PORT", 421), ("evil.example", 421), ("127.0.0.1", 421), ("127.0.0.1:1", 421),
            ("localhost:PORT.evil.example", 421), ("", 421),
        ])
    func hosts(host: String, status: Int) throws {
        let running = try Self.running.get()
        let host = host.replacing("PORT", with: "\(running.port)")
        #expect(try running.network().get("/healthz", host: host)?.status == status)
        #expect(try running.local().get("/healthz", host: host)?.status == 200)
        let absolute = try running.network()
        absolute.send("GET http://\(host)/healthz HTTP/1.1\r\nHost: localhost:\(running.port)\r\n\r\n")
        #expect(try absolute.answer()?.status == status)
        let old = try running.network()
        old.send("GET /healthz HTTP/1.0\r\n\r\n")
        #expect(try old.answer()?.status == 400)
    }

    @Test("a command over TCP is refused, whoever it is")
    func networkCommand() throws {
        let running = try Self.running.get()
        let client = try running.network()
        client.send("POST /v1/reload HTTP/1.1\r\nHost: localhost:\(running.port)\r\n\r\n")
        #expect(try client.answer()?.status == 403)
        #expect(running.asked.count == 0)
    }

    @Test("100 MB are refused without being read, by their length and as they come")
    func largeBody() throws {
        let running = try Self.running.get()
        let post = "POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        for framing in ["Content-Length: 104857600\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n6400000\r\n"] {
            let client = try running.local()
            client.send(post + framing)
            let block = [UInt8](repeating: 0x20, count: 1 << 20)
            var sent = 0
            while sent < 100, client.send(block) { sent += 1 }
            #expect(sent < 20)
            #expect(try running.answers())
        }
    }

    @Test("a client that waits to be asked for a body is asked, or told why not")
    func expectation() throws {
        let running = try Running()
        let post = "POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        let client = try running.local()
        client.send(post + "Content-Length: 2\r\n\r\n")
        #expect(try client.answer()?.status == 100)
        client.send("{}")
        #expect(try client.take(through: "\r\n\r\n")?.hasPrefix("HTTP/1.1 200") == true)
        let large = try running.local()
        large.send(post + "Content-Length: 200000\r\n\r\n")
        #expect(try large.answer()?.status == 413)
        // One that is not asked yet, behind another answer.
        let second = try running.local()
        second.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + post + "Content-Length: 2\r\n\r\n")
        #expect(try second.answer()?.status == 200)
        #expect(try second.answer()?.status == 100)
    }
}
