import Glibc
import HostModel
import HostReport
import NIOCore
import Testing

@testable import HostAPI

@Suite("The client of commands", .serialized)
struct ClientTests {
    @Test("an answer comes whole, whatever its status")
    func get() throws {
        let running = try Running()
        let client = Client(socket: running.scratch.socket)
        let status = try client.get("/v1/status")
        #expect(status.status == 200 && status.header("etag") == "\"7-abc\"")
        #expect(String(decoding: status.body, as: UTF8.self).contains("block/sda/scheduler"))
        let unchanged = try client.get("/v1/status", headers: [("If-None-Match", "\"7-abc\"")])
        #expect(unchanged.status == 304 && unchanged.body.isEmpty)
        let none = try client.get("/v1/settings/none")
        #expect(none.status == 404 && none.description.hasPrefix("there is no setting none"))
    }

    @Test("a large answer comes whole")
    func large() throws {
        let board = Board()
        var large = report(sampleSettings)
        large.node = String(repeating: "x", count: 8 << 20)
        board.show(snapshot(large))
        let running = try Running(board: board)
        #expect(try Client(socket: running.scratch.socket).get("/v1/status").body.count > 8 << 20)
        var limits = ClientLimits()
        limits.answerBytes = 1000
        #expect(throws: KernelError.self) {
            try Client(socket: running.scratch.socket, limits: limits).get("/v1/status")
        }
    }

    @Test("a daemon that is not there is said with its errno")
    func away() throws {
        let scratch = Scratch()
        let client = Client(socket: scratch.socket)
        #expect { try client.get("/v1/status") } throws: { ($0 as? KernelError)?.errno == .noEntry }
        // A socket that nobody listens on any more.
        close(listening(on: scratch.socket))
        #expect { try client.get("/v1/status") } throws: { ($0 as? KernelError)?.errno?.rawValue == ECONNREFUSED }
        #expect {
            try client.stream("POST", "/v1/apply") { _ in true }
        } throws: {
            ($0 as? KernelError)?.errno?.rawValue == ECONNREFUSED
        }
        #expect { try client.get("/") } throws: { "\($0)".hasPrefix("connect \(scratch.socket): ") }
    }

    @Test("a daemon that says nothing, or stops in the middle, is not waited for for ever")
    func hung() throws {
        var limits = ClientLimits()
        limits.answer = .milliseconds(200)
        limits.silence = .milliseconds(200)
        let silent = Fake { _, _ in nil }
        #expect {
            try Client(socket: silent.scratch.socket, limits: limits).get("/v1/status")
        } throws: {
            ($0 as? KernelError)?.errno == .timedOut
        }
        let cut = Fake { _, _ in "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort" }
        #expect(throws: KernelError.self) {
            try Client(socket: cut.scratch.socket, limits: limits).get("/v1/status")
        }
        let nonsense = Fake { _, _ in "nonsense\r\n\r\n" }
        #expect(throws: KernelError.self) { try Client(socket: nonsense.scratch.socket).get("/v1/status") }
        let stopped = Fake { _, _ in "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: ais-hostd\n\n" }
        #expect(throws: KernelError.self) {
            try Client(socket: stopped.scratch.socket, limits: limits).stream("GET", "/v1/events") { _ in true }
        }
    }

    @Test("a command's events come one by one, on the thread that asked, and it may ask meanwhile")
    func stream() throws {
        let running = try Running()
        let client = Client(socket: running.scratch.socket)
        thread {
            guard eventually({ running.asked.count == 1 }), let tell = running.asked.first?.tell else { return }
            for number in 0..<1000 { tell(.change(plannedChange(number))) }
            tell(.finished(PassResult(report: report(sampleSettings))))
        }
        let caller = pthread_self()
        var names: [String] = []
        try client.stream("POST", "/v1/apply", body: Array(#"{"only": ["block/*"]}"#.utf8)) { event in
            #expect(pthread_equal(pthread_self(), caller) != 0)
            let status = try names.isEmpty ? client.get("/healthz").status : 200
            #expect(status == 200)
            names.append(event.name)
            return true
        }
        #expect(names == Array(repeating: "change", count: 1000) + ["result"])
        #expect(running.asked.first?.command == .apply(CommandOptions(only: ["block/*"])))
    }

    @Test("a stream is left by the one who listens, and resumed")
    func leave() throws {
        let running = try Running()
        let client = Client(socket: running.scratch.socket)
        let board = running.board
        board.show(snapshot(report([])), changes: (0..<5).map { change("block/sd\($0)/x") })
        func take(_ count: Int, after id: String) throws -> [String?] {
            var ids: [String?] = []
            try client.stream("GET", "/v1/events", headers: [("Last-Event-ID", id)]) { event in
                ids.append(event.id)
                return ids.count < count
            }
            return ids
        }
        #expect(try take(2, after: "0-abc") == ["1-abc", "2-abc"])
        #expect(try take(3, after: "2-abc") == ["3-abc", "4-abc", "5-abc"])
        #expect(eventually { board.subscriberCount == 0 })
    }

    @Test("what is no stream is thrown as the answer it is")
    func refused() throws {
        let running = try Running()
        let client = Client(socket: running.scratch.socket)
        #expect {
            try client.stream("POST", "/v1/apply", body: Array(#"{"onyl": []}"#.utf8)) { _ in true }
        } throws: { error in
            (error as? Answer)?.status == 400 && "\(error)" == "unknown key onyl: did you mean only?"
        }
        struct Mine: Error {}
        running.board.show(snapshot(report([])), changes: [change()])
        #expect(throws: Mine.self) {
            try client.stream("GET", "/v1/events", headers: [("Last-Event-ID", "0-abc")]) { _ in throw Mine() }
        }
    }
}
