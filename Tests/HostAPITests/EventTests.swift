import Glibc
import HostModel
import HostReport
import NIOCore
import Testing

@testable import HostAPI

@Suite("Streams of events", .serialized)
struct EventTests {
    /// A client of the stream, past its head and first line.
    private func listen(_ running: Running, after last: String? = nil) throws -> RawClient {
        let client = try running.local()
        let header = last.map { "Last-Event-ID: \($0)\r\n" } ?? ""
        client.send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\(header)\r\n")
        let head = try #require(try client.take(through: "\r\n\r\n"))
        #expect(head.contains("200 OK") && head.lowercased().contains("content-type: text/event-stream"))
        #expect(try client.take(through: "\n\n")?.contains(": ais-hostd\n") == true)
        return client
    }

    private func show(_ board: Board, _ ids: [String], revision: Int = 8) {
        board.show(snapshot(report(sampleSettings, revision: revision)), changes: ids.map { change($0) })
    }

    private func ids(_ board: Board, after last: EventID) -> [Int]? { board.events(after: last)?.map(\.sequence) }

    @Test("the board keeps its newest changes and knows what it has dropped")
    func history() {
        let board = sampleBoard(capacity: 3)
        func after(_ sequence: Int, _ instance: String = "abc") -> [Int]? {
            ids(board, after: EventID(sequence: sequence, instance: instance))
        }
        #expect(after(0) == [])
        show(board, ["block/a/x", "block/b/x"])
        #expect(after(0) == [1, 2])
        #expect(after(1) == [2])
        #expect(after(2) == [])
        #expect(after(3) == nil)
        #expect(after(-1) == nil)
        #expect(after(1, "abd") == nil)
        for _ in 0..<20 { show(board, ["block/c/x"]) }
        #expect(after(18) == nil)
        #expect(after(19) == [20, 21, 22])
        #expect(after(Int.min) == nil)
    }

    @Test("nobody is woken where nobody listens, or nothing has changed")
    func waking() {
        let board = sampleBoard()
        let woken = Counter()
        let subscriber = board.subscribe { woken.add() }
        show(board, [])
        board.passEnded()
        #expect(woken.value == 0)
        show(board, ["block/a/x", "block/b/x"])
        #expect(woken.value == 1)
        board.unsubscribe(subscriber)
        show(board, ["block/a/x"])
        #expect(woken.value == 1)
        #expect(board.subscriberCount == 0)
    }

    @Test("each change is one event, as it comes, and is resumed from")
    func resume() throws {
        let running = try Running()
        let first = try listen(running)
        show(running.board, ["block/a/x", "block/b/x"])
        let one = try #require(try first.take(through: "\n\n"))
        #expect(one.contains("id: 1-abc\nevent: state\ndata: {") && one.contains("block/a/x"))
        #expect(try first.take(through: "\n\n")?.contains("id: 2-abc\n") == true)

        let second = try listen(running, after: "1-abc")
        let two = try #require(try second.take(through: "\n\n"))
        #expect(two.contains("id: 2-abc\nevent: state") && two.contains("block/b/x"))
        show(running.board, ["block/c/x"])
        for client in [first, second] { #expect(try client.take(through: "\n\n")?.contains("id: 3-abc\n") == true) }

        // One that asks for no past gets none.
        let third = try listen(running)
        show(running.board, ["block/d/x"])
        #expect(try third.take(through: "\n\n")?.contains("id: 4-abc\n") == true)
    }

    @Test(
        "who can't be given all that was missed is told so, and gets only what is new",
        arguments: [
            ("1-abc", "only the last 3 changes are kept"), ("2-old", "the daemon has started since"),
            ("9-abc", "only the last 3 changes are kept"), ("x", "x is no id of an event"),
            ("-", "- is no id of an event"),
        ])
    func gap(last: String, reason: String) throws {
        let running = try Running(board: sampleBoard(capacity: 3))
        for _ in 0..<5 { show(running.board, ["block/a/x"]) }
        let client = try listen(running, after: last)
        let gap = try #require(try client.take(through: "\n\n"))
        #expect(gap.contains("id: 5-abc\nevent: gap\ndata: {\"reason\":\"\(reason)"))
        show(running.board, ["block/b/x"])
        #expect(try client.take(through: "\n\n")?.contains("id: 6-abc\nevent: state") == true)
    }

    @Test("a listener that does not read is let go, and costs no memory meanwhile")
    func slowReader() throws {
        let running = try Running(board: sampleBoard(capacity: 100))
        let client = try listen(running)
        let long = "block/a/" + String(repeating: "x", count: 4000)
        for _ in 0..<1000 where running.board.subscriberCount > 0 {
            show(running.board, Array(repeating: long, count: 10))
            usleep(1000)
        }
        #expect(eventually { running.board.subscriberCount == 0 && running.server.clientCount == 0 })
        let text = try client.rest()
        #expect(text.utf8.count < 10_000 * 4000)
        let last = try #require(text.replacing("\r\n", with: "\n").split(separator: "\n").last { $0.hasPrefix("id: ") })
            .dropFirst(4)
        let again = try listen(running, after: String(last))
        #expect(try again.take(through: "\n\n")?.contains("event: gap") == true)
    }

    @Test("who reads and is overtaken all the same stays, and is told")
    func overtaken() throws {
        let running = try Running(board: sampleBoard(capacity: 3))
        let client = try listen(running)
        show(running.board, Array(repeating: "block/a/x", count: 10))
        #expect(try client.take(through: "\n\n")?.contains("id: 10-abc\nevent: gap") == true)
        show(running.board, ["block/b/x"])
        #expect(try client.take(through: "\n\n")?.contains("id: 11-abc\nevent: state") == true)
    }

    @Test("a silent stream is kept alive, and more streams than may be are refused")
    func heartbeat() throws {
        var limits = short()
        limits.streams = 2
        let running = try Running(limits: limits)
        let clients = try [listen(running), listen(running)]
        // Far beyond what an idle connection may take.
        for _ in 0..<20 { for client in clients { #expect(try client.take(through: ":\n\n") != nil) } }
        let third = try running.local().get("/v1/events")
        #expect(third?.status == 503 && third?.body.contains("2 streams") == true)
    }

    private func post(_ running: Running, _ path: String = "/v1/apply", _ body: String = "{}") throws -> RawClient {
        let client = try running.local()
        client.send(
            "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return client
    }

    @Test("a command tells what it does while it does it, and what came of it")
    func command() throws {
        let running = try Running()
        let client = try post(running, "/v1/apply", #"{"only": ["block/*"], "mode": "enforce"}"#)
        #expect(eventually { running.asked.count == 1 })
        let (command, tell) = try #require(running.asked.first)
        #expect(command == .apply(CommandOptions(only: ["block/*"], mode: .enforce)))
        #expect(try client.take(through: ": ais-hostd\n\n") != nil)
        tell(.change(plannedChange(1)))
        #expect(try client.take(through: "\n\n")?.contains("event: change\ndata: {") == true)
        tell(.change(plannedChange(2)))
        #expect(try client.take(through: "\n\n")?.contains("block/sd2/scheduler") == true)
        tell(.finished(PassResult(report: report(sampleSettings), changes: [plannedChange(1)])))
        #expect(try client.take(through: "\n\n")?.contains("event: result\ndata: {") == true)
        // What comes after the last word is nobody's, and the connection goes on.
        tell(.change(plannedChange(3)))
        #expect(try client.take(through: "0\r\n\r\n") == "\r\n0\r\n\r\n")
        #expect(try client.get("/healthz")?.body == "ok\n")
    }

    @Test("a command that did nothing says why")
    func failed() throws {
        let running = try Running()
        let client = try post(running, "/v1/revert", "")
        #expect(eventually { running.asked.count == 1 })
        running.asked.first?.tell(.failed(["a: \"b\"", "c"]))
        let answer = try #require(try client.answer())
        #expect(answer.status == 200)
        #expect(answer.body.hasSuffix("event: error\ndata: {\"errors\":[\"a: \\\"b\\\"\",\"c\"]}\n\n"))
    }

    @Test("a client that goes away stops nothing, and commands behind each other are all handed on")
    func goneAway() throws {
        let running = try Running()
        do {
            let client = try post(running)
            #expect(try client.take(through: ": ais-hostd\n\n") != nil)
            client.reset()
        }
        #expect(eventually { running.server.clientCount == 0 })
        let (_, tell) = try #require(running.asked.first)
        for number in 0..<1000 { tell(.change(plannedChange(number))) }
        tell(.finished(PassResult(report: report([]))))
        let others = try [post(running), post(running, "/v1/reload", "")]
        #expect(eventually { running.asked.count == 3 })
        #expect(others.count == 2)
    }

    @Test("who is not root may read and not command")
    func otherUser() throws {
        let running = try Running()
        let ordinary = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        let curl = ["curl", "-s", "-m", "10", "--unix-socket", running.scratch.socket]
        guard getuid() == 0, run(ordinary + ["true"]).code == 0, run(["curl", "--version"]).code == 0 else {
            // An ordinary user is the other user itself.
            if getuid() != 0 {
                #expect(try post(running).answer()?.status == 403)
            } else {
                #expect(getenv("CI") == nil, "needs setpriv and curl")
            }
            return
        }
        #expect(run(ordinary + curl + ["http://x/v1/status"]).out.contains("ais-hostd/v1"))
        let refused = run(ordinary + curl + ["-X", "POST", "http://x/v1/reload"]).out
        #expect(refused.contains("from root only, not from the user 65534"))
        #expect(running.asked.count == 0)
        _ = run(curl + ["-X", "POST", "-m", "1", "http://x/v1/reload"])
        #expect(running.asked.count == 1)
    }

    @Test("root gets through where others have taken all connections")
    func reserve() throws {
        var limits = Limits()
        limits.connections = 0
        let running = try Running(limits: limits)
        #expect(try running.network().answer()?.status == 503)
        if getuid() == 0 { #expect(try running.local().get("/healthz")?.status == 200) }
    }
}
