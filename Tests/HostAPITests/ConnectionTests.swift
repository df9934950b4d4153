import Glibc
import HostModel
import NIOCore
import NIOPosix
import Testing

@testable import HostAPI

@Suite("Connections", .serialized)
struct ConnectionTests {
    @Test("a hundred requests at once are answered in order")
    func pipeline() throws {
        let running = try Running()
        let client = try running.local()
        let paths = (0..<100).map { ["/healthz", "/v1/nothing\($0)", "/v1/drift"][$0 % 3] }
        client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined())
        for path in paths {
            let answer = try #require(try client.answer())
            switch path {
            case "/healthz": #expect(answer.body == "ok\n")
            case "/v1/drift": #expect(answer.header("ETag") == "\"7-abc\"")
            default: #expect(answer.body.contains("there is no \(path);"))
            }
        }
    }

    @Test("behind an answer that is not read, no more is read than the limits say")
    func backpressure() throws {
        let board = Board(instance: "abc")
        var large = report(sampleSettings)
        large.node = String(repeating: "x", count: 8 << 20)
        board.show(snapshot(large))
        let running = try Running(board: board)
        let client = try running.local()
        var timeout = timeval(tv_sec: 0, tv_usec: 300_000)
        setsockopt(client.descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        client.send("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        let one = Array("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        let many = Array(repeatElement(one, count: 1000).joined())
        var sent = 0
        while sent < 1000, client.send(many) { sent += 1 }
        // What fits into the sockets, and one read: 34 kB each.
        #expect(sent < 60)
        #expect(try running.answers())
        // When it reads after all, everything comes.
        #expect(try client.answer()?.body.utf8.count ?? 0 > 8 << 20)
        for _ in 0..<(sent * 1000) { #expect(try client.answer()?.status == 200) }
    }

    @Test("a connection stays, or closes where that is asked for")
    func keepAlive() throws {
        let running = try Running()
        let client = try running.local()
        for _ in 0..<3 { #expect(try client.get("/healthz")?.header("Connection") == nil) }
        #expect(try client.get("/healthz", headers: "Connection: close\r\n")?.header("Connection") == "close")
        #expect(try client.rest() == "")

        let old = try running.local()
        old.send("GET /v1/status HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let answer = try #require(try old.answer())
        #expect(answer.head.hasPrefix("HTTP/1.0 200") && answer.header("Connection") == "keep-alive")
        old.send("GET /healthz HTTP/1.0\r\n\r\n")
        #expect(try old.answer()?.body == "ok\n")
        #expect(try old.rest() == "")
    }

    @Test("HEAD is GET without a body, and every answer says what browsers may do with it")
    func heads() throws {
        let running = try Running()
        let client = try running.local()
        let whole = try #require(try client.get("/v1/status"))
        client.send("HEAD /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        let head = try #require(try client.answer(toHead: true))
        #expect(head.head == whole.head)
        #expect(whole.header("Content-Type") == "application/json")
        for answer in [whole, try #require(try client.get("/v1/nothing"))] {
            #expect(answer.header("Cache-Control") == "no-cache")
            #expect(answer.header("X-Content-Type-Options") == "nosniff")
            #expect(answer.header("Content-Security-Policy") == "default-src 'none'")
            #expect(answer.header("Server") == nil)
        }
        let unchanged = try #require(try client.get("/v1/status", headers: "If-None-Match: \"7-abc\"\r\n"))
        #expect(unchanged.status == 304 && unchanged.header("ETag") == "\"7-abc\"")
        #expect(try client.get("/healthz")?.body == "ok\n")
    }

    @Test("a client that ends its side after a request gets all of the answer")
    func halfClosed() throws {
        let board = Board()
        var large = report(sampleSettings)
        large.node = String(repeating: "x", count: 4 << 20)
        board.show(snapshot(large))
        let running = try Running(board: board)
        let client = try running.local()
        client.send("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        client.endSending()
        #expect(try client.answer()?.body.utf8.count ?? 0 > 4 << 20)
        #expect(try client.rest() == "")
    }

    @Test(
        "a client that is too slow is told so where it began, and closed",
        arguments: [
            ("", nil), ("GET /healthz HT", 408), ("GET /healthz HTTP/1.1\r\nHost: x\r\n", 408),
            ("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET", 200),
            ("POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{", 408),
            ("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        ] as [(String, Int?)])
    func slowloris(bytes: String, status: Int?) throws {
        let running = try Running(limits: short())
        let client = try running.local()
        client.send(bytes)
        #expect(try client.answer()?.status == status)
        _ = try client.rest()
        #expect(client.isEnded)
    }

    @Test("bytes that trickle do not buy time")
    func trickle() throws {
        let running = try Running(limits: short())
        let client = try running.local()
        client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n")
        var sent = 0
        while sent < 400, client.send("X\(sent): y\r\n") {
            sent += 1
            usleep(10_000)
        }
        // All of them are four seconds and more, however slow the machine is: each would have bought time.
        #expect(sent < 400)
        #expect(try client.answer()?.status == 408)
    }

    @Test("an answer that nobody reads is given up")
    func slowReader() throws {
        let board = Board()
        var large = report(sampleSettings)
        large.node = String(repeating: "x", count: 8 << 20)
        board.show(snapshot(large))
        let running = try Running(board: board, limits: short())
        let client = try running.local()
        client.send("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(eventually { running.server.clientCount == 1 })
        #expect(eventually { running.server.clientCount == 0 })
        #expect(try client.rest().utf8.count < 8 << 20)
    }

    @Test("a client that reads slowly and goes on is served to the end")
    func slowButSteady() throws {
        let board = Board()
        var large = report(sampleSettings)
        large.node = String(repeating: "x", count: 2 << 20)
        board.show(snapshot(large))
        let running = try Running(board: board, limits: short())
        let client = try running.local()
        client.send("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        var total = 0
        while let bytes = try client.take(count: 1 << 17) {
            total += bytes.count
            usleep(30_000)
        }
        total += try client.rest().utf8.count
        #expect(total > 2 << 20)
    }

    @Test("a thousand connections hurt nobody, and root is still answered")
    func thousand() throws {
        var limits = Limits()
        limits.connections = 100
        let running = try Running(limits: limits)
        let clients = try (0..<1000).map { _ in try running.network() }
        // Of those beyond the limit each is told why, and let go.
        for client in clients.suffix(800) {
            let answer = try client.answer()
            #expect(answer?.status == 503 && answer?.body.contains("100 connections") == true)
            #expect(try client.rest() == "")
        }
        #expect(running.server.clientCount <= 100)
        let alive = try clients.prefix(100).filter {
            try $0.get("/healthz", host: "localhost:\(running.port)")?.status == 200
        }
        #expect(alive.count == 100)
        #expect(try running.local().get("/healthz")?.status == 200)
    }

    @Test("clients that come and go in any state leave nothing behind")
    func comeAndGo() throws {
        let running = try Running()
        let starts = [
            "", "G", "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n", "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
        ]
        for round in 0..<200 {
            let client = try running.local()
            client.send(starts[round % starts.count])
            if round % 2 == 0 { client.reset() }
        }
        // Who comes later is accepted later: by then all of them were there.
        #expect(try running.answers())
        #expect(eventually { running.server.clientCount == 0 && running.board.subscriberCount == 0 })
    }

    @Test("at rest nothing wakes the thread of the sockets, whoever was there before")
    func rest() throws {
        let running = try Running(limits: short())
        #expect(try running.answers())
        do {
            let client = try running.local()
            client.send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try client.take(through: ":\n\n") != nil)
        }
        #expect(eventually { running.server.clientCount == 0 })
        let path = try running.group.next().submit {
            var name = [UInt8](repeating: 0, count: 100)
            let count = readlink("/proc/thread-self", &name, name.count)
            return "/proc/" + String(decoding: name.prefix(max(0, count)), as: UTF8.self) + "/status"
        }.wait()
        // A subscriber would be woken.
        usleep(50_000)
        let before = try wakeups(path)
        running.board.show(snapshot(report(sampleSettings, revision: 9)), changes: [change()])
        usleep(1_000_000)
        #expect(try wakeups(path) == before)
    }

    private func wakeups(_ path: String) throws -> String {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        let text = String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
        return try #require(
            text.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches") }.map(String.init))
    }
}
