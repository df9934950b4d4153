import Glibc
import HostModel
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import HostAPI

/// A server of `serve`, in front of whatever is at the socket.
private final class Serving {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let server: HTTPServer
    let proxy: Proxy
    let port: Int

    init(_ path: String, limits: ProxyLimits = ProxyLimits()) throws {
        proxy = Proxy(path: path, loop: group.next(), limits: limits)
        server = HTTPServer(proxy: proxy)
        port = try server.listen(host: "127.0.0.1", port: 0)
    }

    deinit {
        server.close()
        try? group.syncShutdownGracefully()
    }

    func client() throws -> RawClient { try RawClient(port: port) }

    /// Whether so many questions wait before long.
    func questions(reach count: Int) throws -> Bool {
        let proxy = proxy
        for _ in 0..<500 {
            if try proxy.loop.submit({ proxy.questionCount }).wait() == count { return true }
            usleep(1000)
        }
        return false
    }

    func get(_ path: String, headers: String = "") throws -> RawClient.Answer? {
        try client().get(path, headers: headers, host: "localhost:\(port)")
    }
}

/// In the place of `run`: answers each request with what a function says, on a thread of its own; nil for no answer.
final class Fake: Sendable {
    let scratch = Scratch()
    private let log = Log()
    private let descriptor: Int32

    var requests: [String] { log.requests.withLock { $0 } }

    private final class Log: Sendable {
        let requests = Mutex<[String]>([])
    }

    init(_ answer: @escaping @Sendable (String, Int) -> String?) {
        let descriptor = listening(on: scratch.socket)
        self.descriptor = descriptor
        let log = log
        thread {
            while case let client = accept(descriptor, nil, nil), client >= 0 {
                thread {
                    var text = ""
                    var buffer = [UInt8](repeating: 0, count: 4096)
                    while case let count = recv(client, &buffer, buffer.count, 0), count > 0 {
                        text += String(decoding: buffer[..<count], as: UTF8.self)
                        while let end = text.firstRange(of: "\r\n\r\n") {
                            let request = String(text[..<end.upperBound])
                            text.removeSubrange(..<end.upperBound)
                            let number = log.requests.withLock { requests in
                                requests.append(request)
                                return requests.count
                            }
                            guard let reply = answer(request, number) else { continue }
                            if reply.isEmpty { shutdown(client, Int32(SHUT_RDWR)) }
                            _ = Array(reply.utf8).withUnsafeBytes {
                                send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                            }
                        }
                    }
                    close(client)
                }
            }
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    static func ok(_ body: String, _ headers: String = "") -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
    }
}

@Suite("serve", .serialized)
struct ProxyTests {
    private static var impatient: ProxyLimits {
        var limits = ProxyLimits()
        limits.answer = .milliseconds(300)
        return limits
    }

    @Test("what run answers is what serve answers")
    func same() throws {
        let running = try Running()
        let serving = try Serving(running.scratch.socket)
        for path in [
            "/v1/status", "/v1/settings", "/v1/settings?state=drifted", "/v1/settings?state=x",
            "/v1/settings/block/sda/scheduler", "/v1/settings/none", "/v1/drift", "/v1/config", "/readyz", "/healthz",
            "/v1/nothing", "/v1/apply", "/v1/status?x=y",
        ] {
            for _ in 0..<2 {
                let direct = try #require(try running.local().get(path))
                let relayed = try #require(try serving.get(path))
                #expect(relayed.status == direct.status && relayed.body == direct.body)
                for name in ["Content-Type", "ETag", "Cache-Control", "Allow"] {
                    #expect(relayed.header(name) == direct.header(name))
                }
            }
        }
        #expect(try serving.get("/v1/status", headers: "If-None-Match: \"7-abc\"\r\n")?.status == 304)
        #expect(try serving.get("/v1/settings/block/sda/scheduler", headers: "If-None-Match: *\r\n")?.status == 304)
        #expect(try serving.get("/v1/status", headers: "If-None-Match: \"6-abc\"\r\n")?.status == 200)
        let metrics = try #require(try serving.get("/metrics")?.body)
        #expect(metrics.contains("\nais_hostd_build_info{") && metrics.hasSuffix("\nais_hostd_up 1\n"))
    }

    @Test("serve takes no commands and no bodies, and checks the host")
    func readOnly() throws {
        let running = try Running()
        let serving = try Serving(running.scratch.socket)
        for (request, status) in [
            ("POST /v1/apply HTTP/1.1\r\nHost: HOST\r\n", 405),
            ("POST /v1/apply HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: 2\r\n", 405),
            ("GET /v1/status HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\n", 413),
            ("GET /v1/status HTTP/1.1\r\nHost: evil.example\r\n", 421),
        ] {
            let client = try serving.client()
            client.send(request.replacing("HOST", with: "localhost:\(serving.port)") + "\r\n")
            #expect(try client.answer()?.status == status)
        }
        #expect(running.asked.count == 0)
    }

    @Test("what nobody waits for any more is not asked: who comes and goes fills no queue")
    func comeAndGo() throws {
        let fake = Fake { _, number in number == 1 ? nil : Fake.ok("[1]") }
        var limits = ProxyLimits()
        limits.answer = .seconds(1)
        let serving = try Serving(fake.scratch.socket, limits: limits)
        let first = try serving.client()
        first.send("GET /v1/settings/a/b HTTP/1.1\r\nHost: localhost:\(serving.port)\r\n\r\n")
        while fake.requests.isEmpty { usleep(1000) }
        for number in 0..<50 {
            let client = try serving.client()
            client.send("GET /v1/settings/x/\(number) HTTP/1.1\r\nHost: localhost:\(serving.port)\r\n\r\n")
            usleep(1000)
            client.reset()
        }
        #expect(try serving.questions(reach: 1), "only the one that waits")
        #expect(try first.answer()?.status == 503)
        #expect(try serving.get("/v1/status")?.status == 200)
        #expect(fake.requests.count == 2)
    }

    @Test("nothing is sent twice: a copy is asked about by its tag")
    func copies() throws {
        let fake = Fake { request, _ in
            request.contains("If-None-Match: \"7-abc\"")
                ? "HTTP/1.1 304 Not Modified\r\nETag: \"7-abc\"\r\n\r\n" : Fake.ok("[1]", "ETag: \"7-abc\"\r\n")
        }
        let serving = try Serving(fake.scratch.socket)
        for _ in 0..<3 { #expect(try serving.get("/v1/status")?.body == "[1]") }
        let requests = fake.requests
        #expect(requests.map { $0.contains("If-None-Match") } == [false, true, true])
        // A query is not kept: what the client has is what counts.
        for _ in 0..<2 { #expect(try serving.get("/v1/settings?state=drifted")?.body == "[1]") }
        #expect(fake.requests.suffix(2).allSatisfy { !$0.contains("If-None-Match") })
        let known = try serving.get("/v1/settings?state=drifted", headers: "If-None-Match: \"7-abc\"\r\n")
        #expect(known?.status == 304 && known?.header("ETag") == "\"7-abc\"")
    }

    @Test("an answer without a tag is not the copy of an older one")
    func untagged() throws {
        let fake = Fake { _, number in number == 1 ? Fake.ok("[1]", "ETag: \"7-abc\"\r\n") : Fake.ok("[\(number)]") }
        let serving = try Serving(fake.scratch.socket)
        for number in 1...3 { #expect(try serving.get("/v1/status")?.body == "[\(number)]") }
    }

    @Test("run that starts again with other content is never taken for the old one")
    func restarted() throws {
        let scratch = Scratch()
        let old = try Running(board: sampleBoard(instance: "old"), scratch: scratch)
        let serving = try Serving(scratch.socket)
        let before = try #require(try serving.get("/v1/status"))
        old.stop()
        let new = try Running(board: sampleBoard([("block/sdz/x", .drifted)], instance: "new"), scratch: scratch)
        let tag = "If-None-Match: \(before.header("ETag") ?? "")\r\n"
        let after = try #require(try serving.get("/v1/status", headers: tag))
        #expect(after.status == 200 && after.body.contains("block/sdz/x") && after.header("ETag") == "\"7-new\"")
        #expect(try serving.get("/v1/status", headers: "If-None-Match: \"7-new\"\r\n")?.status == 304)
        new.stop()
    }

    @Test("while run is away the reason is said, and it is back when it is back")
    func away() throws {
        let scratch = Scratch()
        let serving = try Serving(scratch.socket)
        for path in ["/v1/status", "/readyz", "/v1/events", "/v1/settings/x"] {
            let answer = try #require(try serving.get(path))
            #expect(answer.status == 503)
            #expect(answer.body.contains("ais-hostd run is away: connect \(scratch.socket) (ENOENT)"))
        }
        #expect(try serving.get("/healthz")?.status == 200)
        let metrics = try #require(try serving.get("/metrics"))
        #expect(metrics.status == 200 && metrics.body.hasSuffix("ais_hostd_up 0\n"))
        #expect(!metrics.body.contains("build_info"))

        let running = try Running(scratch: scratch)
        #expect(try serving.get("/v1/status")?.status == 200)
        running.stop()
        let refused = try #require(try serving.get("/v1/status"))
        #expect(refused.status == 503 && refused.body.contains("ais-hostd run is away: connect"))
        let again = try Running(scratch: scratch)
        #expect(try serving.get("/metrics")?.body.contains("ais_hostd_up 1") == true)
        again.stop()
    }

    @Test("run that says nothing is said to say nothing, to all who wait")
    func hung() throws {
        let fake = Fake { _, _ in nil }
        let serving = try Serving(fake.scratch.socket, limits: Self.impatient)
        let clients = try ["/v1/status", "/v1/drift", "/readyz", "/v1/events", "/v1/status"].map { path in
            let client = try serving.client()
            client.send("GET \(path) HTTP/1.1\r\nHost: localhost:\(serving.port)\r\n\r\n")
            return client
        }
        for client in clients {
            let answer = try #require(try client.answer())
            #expect(answer.status == 503 && answer.body.contains("ais-hostd run does not answer: read"))
        }
        #expect(try serving.get("/metrics")?.body.hasSuffix("ais_hostd_up 0\n") == true)
        #expect(try serving.get("/healthz")?.status == 200)
    }

    @Test(
        "whatever else run says, serve says that something is wrong and goes on",
        arguments: [
            "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
        ])
    func broken(reply: String) throws {
        let fake = Fake { request, _ in request.contains("/v1/drift") ? Fake.ok("[]") : reply }
        let serving = try Serving(fake.scratch.socket, limits: Self.impatient)
        #expect(try serving.get("/v1/status")?.status == 503)
        #expect(try serving.get("/v1/drift")?.body == "[]")
    }

    @Test("an answer that never ends is cut off")
    func endless() throws {
        var limits = Self.impatient
        limits.answerBytes = 1000
        let long = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + String(repeating: "x", count: 5000)
        let fake = Fake { _, _ in long }
        let serving = try Serving(fake.scratch.socket, limits: limits)
        let answer = try serving.get("/v1/status")
        #expect(answer?.status == 503 && answer?.body.contains("longer than 1000 bytes") == true)
    }

    @Test("many who ask the same at once are one question to run")
    func coalescing() throws {
        let mayAnswer = Mutex(false)
        let fake = Fake { _, _ in
            while !mayAnswer.withLock({ $0 }) { usleep(1000) }
            return Fake.ok("[1]", "ETag: \"7-abc\"\r\n")
        }
        let serving = try Serving(fake.scratch.socket)
        let clients = try (0..<20).map { _ in try serving.client() }
        for client in clients { client.send("GET /v1/status HTTP/1.1\r\nHost: localhost:\(serving.port)\r\n\r\n") }
        // One that is answered last has been asked last: by then the others wait.
        #expect(eventually { serving.server.clientCount == 20 })
        #expect(try serving.get("/healthz")?.status == 200)
        mayAnswer.withLock { $0 = true }
        for client in clients { #expect(try client.answer()?.body == "[1]") }
        #expect(fake.requests.count == 1)
    }

    @Test("a connection that run has closed for being idle is made again, unseen by who asks")
    func idle() throws {
        let fake = Fake { _, number in number == 2 ? "" : Fake.ok("[\(number)]") }
        let serving = try Serving(fake.scratch.socket)
        #expect(try serving.get("/v1/drift")?.body == "[1]")
        #expect(try serving.get("/v1/drift")?.body == "[3]")
        let never = Fake { _, number in number == 1 ? Fake.ok("[1]") : "" }
        let other = try Serving(never.scratch.socket)
        #expect(try other.get("/v1/drift")?.body == "[1]")
        #expect(try other.get("/v1/drift")?.status == 503)
        #expect(never.requests.count == 3)
    }

    @Test("events go through as they come, with where to resume")
    func events() throws {
        let running = try Running()
        let serving = try Serving(running.scratch.socket)
        func listen(_ headers: String = "") throws -> RawClient {
            let client = try serving.client()
            client.send("GET /v1/events HTTP/1.1\r\nHost: localhost:\(serving.port)\r\n\(headers)\r\n")
            #expect(try client.take(through: ": ais-hostd\n") != nil)
            return client
        }
        let client = try listen()
        running.board.show(snapshot(report([])), changes: [change(), change()])
        #expect(try client.take(through: "id: 2-abc\nevent: state\n") != nil)
        let resumed = try listen("Last-Event-ID: 1-abc\r\n")
        #expect(try resumed.take(through: "id: 2-abc\nevent: state\n") != nil)
        client.reset()
        running.server.close()
        // The stream ends, the connection stays.
        #expect(try resumed.take(through: "\r\n0\r\n\r\n") != nil)
    }

    @Test("a listener that goes away frees its connection to run, and there are no more than may be")
    func streams() throws {
        var limits = ProxyLimits()
        limits.streams = 2
        let running = try Running()
        let serving = try Serving(running.scratch.socket, limits: limits)
        do {
            let clients = try [serving.client(), serving.client()]
            for client in clients {
                client.send("GET /v1/events HTTP/1.1\r\nHost: localhost:\(serving.port)\r\n\r\n")
                #expect(try client.take(through: ": ais-hostd\n") != nil)
            }
            #expect(try serving.get("/v1/events")?.status == 503)
            for client in clients { client.reset() }
        }
        #expect(eventually { running.board.subscriberCount == 0 })
    }

    @Test("a listener that does not read stops what is read for it")
    func slowListener() throws {
        let running = try Running(board: sampleBoard(capacity: 100))
        let serving = try Serving(running.scratch.socket)
        let client = try serving.client()
        client.send("GET /v1/events HTTP/1.1\r\nHost: localhost:\(serving.port)\r\n\r\n")
        #expect(try client.take(through: ": ais-hostd\n") != nil)
        let long = "block/a/" + String(repeating: "x", count: 8000)
        for _ in 0..<4000 where running.board.subscriberCount > 0 {
            running.board.show(snapshot(report([])), changes: Array(repeating: change(long), count: 10))
            usleep(500)
        }
        #expect(eventually { running.board.subscriberCount == 0 })
    }

    @Test(
        "the reason is in words",
        arguments: [
            (Errno.accessDenied, "ais-hostd run may not be asked by this user: connect /s (EACCES)"),
            (.noEntry, "ais-hostd run is away: connect /s (ENOENT)"),
            (.timedOut, "ais-hostd run does not answer: connect /s (ETIMEDOUT)"),
            (.again, "ais-hostd run is asked by too many: connect /s (EAGAIN)"),
        ])
    func reasons(errno: Errno, reason: String) {
        #expect(Proxy.reason(KernelError("connect", "/s", errno: errno)) == reason)
    }
}
