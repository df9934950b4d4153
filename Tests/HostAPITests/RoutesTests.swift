import FoundationEssentials
import HostModel
import HostReport
import NIOCore
import NIOHTTP1
import Testing

@testable import HostAPI

/// What the routes answer to one request, as status, headers and text.
private func ask(
    _ uri: String, _ board: Board = sampleBoard(), by method: HTTPMethod = .GET, headers: HTTPHeaders = [:],
    body: String = "", caller: Caller = .local(user: 0), now: ContinuousClock.Instant = ContinuousClock.now
) throws -> (status: Int, headers: HTTPHeaders, text: String) {
    let location = try #require(Location(uri))
    let request = Request(
        method: method, location: location, headers: headers, body: ByteBuffer(string: body), caller: caller)
    switch Routes(board: board).answer(request, now: now) {
    case .response(let response):
        return (Int(response.status.code), response.headers, String(buffer: response.body))
    case .events: return (200, [:], "events")
    case .command(let command): return (202, [:], "\(command)")
    }
}

@Suite("Routes, without a socket")
struct RoutesTests {
    @Test(
        "each request has its status",
        arguments: [
            ("GET", "/healthz", 200), ("GET", "/readyz", 200), ("GET", "/v1/status", 200), ("HEAD", "/v1/status", 200),
            ("GET", "/v1/settings", 200), ("GET", "/v1/settings?state=drifted,failed", 200),
            ("GET", "/v1/settings?state=drifted&state=failed&domain=block", 200),
            ("GET", "/v1/settings?state=drfted", 400), ("GET", "/v1/settings?sate=drifted", 400),
            ("GET", "/v1/status?pretty=1", 400), ("GET", "/v1/settings/block/sda/scheduler", 200),
            ("GET", "/v1/settings/sysctl/net.ipv4.conf.eth0/100.rp_filter", 200),
            ("GET", "/v1/settings/sysctl%2Fnet.ipv4.conf.eth0%2f100.rp_filter", 200),
            ("GET", "/v1/settings/block/sda/schedule", 404), ("GET", "/v1/settings/", 404),
            ("GET", "/v1/settings/%00", 404), ("GET", "/v1/drift", 200), ("GET", "/v1/config", 200),
            ("GET", "/v1/events", 200), ("HEAD", "/v1/events", 200), ("GET", "/metrics", 200),
            ("GET", "/", 404), ("GET", "/v1/nothing", 404), ("GET", "/v1/../metrics", 404),
            ("GET", "/v1/status/", 404), ("GET", "//v1/status", 404), ("PUT", "/v1/status", 405),
            ("POST", "/v1/status", 405), ("DELETE", "/v1/settings/block/sda/scheduler", 405),
            ("GET", "/v1/apply", 405), ("HEAD", "/v1/apply", 405), ("POST", "/v1/nothing", 404),
        ])
    func statuses(method: String, uri: String, status: Int) throws {
        #expect(try ask(uri, by: HTTPMethod(rawValue: method)).status == status)
    }

    @Test("bytes that are no escape or no text are no path", arguments: ["/%", "/%2", "/%zz", "/%ff", "x", "", "/#a"])
    func noPath(uri: String) {
        #expect(Location(uri) == nil)
    }

    @Test("an error says what was wrong and what there is")
    func details() throws {
        func problem(_ uri: String, by method: HTTPMethod = .GET, body: String = "") throws -> Problem {
            let headers: HTTPHeaders = body.isEmpty ? [:] : ["Content-Type": "application/json"]
            let answer = try ask(uri, by: method, headers: headers, body: body)
            #expect(answer.headers["Content-Type"] == ["application/problem+json"])
            let problem = try #require(Problem(json: Array(answer.text.utf8)))
            #expect(problem.status == answer.status && problem.type == "about:blank")
            return problem
        }
        #expect(try problem("/v1/nothing").title == "Not Found")
        #expect(try problem("/v1/nothing").detail.contains("/v1/status, /v1/settings"))
        #expect(
            try problem("/v1/settings/block/sda/schedule").detail
                == "there is no setting block/sda/schedule, did you mean block/sda/scheduler?")
        #expect(try problem("/v1/settings?state=drfted").detail == "unknown state drfted: did you mean drifted?")
        #expect(try problem("/v1/settings?state=x").detail.contains("inSync, adjusted, unsupported"))
        #expect(try problem("/v1/settings?sate=drifted").detail.contains("did you mean state?"))
        #expect(try problem("/v1/apply", by: .POST, body: #"{"onyl": []}"#).detail.contains("did you mean only?"))
        #expect(try ask("/v1/status", by: .PUT).headers["Allow"] == ["GET, HEAD"])
        #expect(try ask("/v1/apply", by: .GET).headers["Allow"] == ["POST"])
    }

    @Test("filters take any of the words of one name and all of the names")
    func filters() throws {
        func ids(_ query: String) throws -> [String] {
            let text = try ask("/v1/settings\(query)").text
            return sampleSettings.map(\.0).filter { text.contains("\"\($0)\"") }
        }
        #expect(try ids("").count == sampleSettings.count)
        #expect(try ids("?state=drifted,failed") == ["block/sda/scheduler", "link/eth0/mtu"])
        #expect(try ids("?state=drifted&state=failed&domain=block") == ["block/sda/scheduler"])
        #expect(try ids("?domain=link&domain=block&state=inSync") == ["block/sda/nr_requests", "block/sdb/scheduler"])
        #expect(try ids("?domain=nothing") == [])
        let drift = try ask("/v1/drift").text
        #expect(drift.contains("block/sda/scheduler") && drift.contains("link/eth0/mtu"))
        #expect(!drift.contains("vm.foo") && !drift.contains("sdb"))
    }

    @Test("before the first pass, and when passes stop, the reason is said and health stays")
    func unavailable() throws {
        let now = ContinuousClock.now
        let empty = Board()
        for path in ["/readyz", "/v1/status", "/v1/settings", "/v1/settings/block/sda/scheduler", "/v1/config"] {
            let answer = try ask(path, empty)
            #expect(answer.status == 503 && answer.text.contains("the first pass has not ended yet"))
        }
        #expect(try ask("/healthz", empty).status == 200)

        empty.show(snapshot(nil), endsPass: false, now: now)
        #expect(try ask("/readyz", empty).status == 503)
        #expect(try ask("/metrics", empty).status == 200)

        var failed = snapshot(nil)
        failed.failure = "read /ledger.json: no ledger"
        empty.show(failed, endsPass: false, now: now)
        for path in ["/readyz", "/v1/status"] {
            let answer = try ask(path, empty)
            #expect(answer.status == 503 && answer.text.contains("no pass has succeeded yet: read /ledger.json"))
        }

        let board = Board()
        board.show(snapshot(report(sampleSettings)), now: now)
        #expect(try ask("/v1/status", board, now: now + .seconds(180)).status == 200)
        let late = try ask("/v1/status", board, headers: ["If-None-Match": "*"], now: now + .seconds(200))
        #expect(late.status == 503)
        #expect(late.text.contains("no pass has ended for 200 s, the interval is 60 s"))
        for path in ["/healthz", "/readyz", "/metrics", "/v1/events"] {
            #expect(try ask(path, board, now: now + .seconds(200)).status == 200)
        }
        // What only an event brought is no pass.
        board.show(snapshot(report(sampleSettings, revision: 2)), endsPass: false, now: now + .seconds(190))
        #expect(try ask("/v1/status", board, now: now + .seconds(200)).status == 503)
        board.passEnded(now: now + .seconds(195))
        #expect(try ask("/v1/status", board, now: now + .seconds(200)).status == 200)
    }

    @Test(
        "If-None-Match is a list, a star or weak",
        arguments: [
            (["\"7-abc\""], 304), (["W/\"7-abc\""], 304), (["*"], 304), (["\"1-x\", \"7-abc\""], 304),
            (["\"1-x\"", " \"7-abc\" "], 304), (["\"1-x\",W/\"7-abc\""], 304), (["\"6-abc\""], 200),
            (["\"7-abd\""], 200), (["7-abc"], 200), ([""], 200), (["\"17-abc\""], 200), (["\"7-abc"], 200), ([], 200),
            ([","], 200), (["w/\"7-abc\""], 200),
        ])
    func tags(values: [String], status: Int) throws {
        let headers = HTTPHeaders(values.map { ("If-None-Match", $0) })
        for path in ["/v1/status", "/v1/settings", "/v1/settings/block/sda/scheduler", "/v1/drift", "/v1/config"] {
            let answer = try ask(path, headers: headers)
            #expect(answer.status == status)
            #expect(answer.headers["ETag"] == ["\"7-abc\""])
            #expect(answer.text.isEmpty == (status == 304))
        }
    }

    @Test("two starts of the daemon never have the same tag, and a report is printed once for each revision")
    func revisions() throws {
        #expect(Board().instance != Board().instance)
        let board = sampleBoard()
        var printed = 0
        for revision in [7, 7, 8, 8] {
            _ = board.bytes(.status, revision: revision) {
                printed += 1
                return "x"
            }
        }
        #expect(printed == 2)
    }

    @Test(
        "commands are root's, by the unix socket, in JSON",
        arguments: [
            ("/v1/apply", Caller.local(user: 0), "application/json", "{}", 202),
            ("/v1/apply", .local(user: 0), "Application/JSON; charset=utf-8", "{}", 202),
            ("/v1/revert", .local(user: 0), nil, "", 202), ("/v1/reload", .local(user: 0), nil, "", 202),
            ("/v1/apply", .local(user: 1000), "application/json", "{}", 403),
            ("/v1/reload", .local(user: 65534), nil, "", 403), ("/v1/apply", .network, "application/json", "{}", 403),
            ("/v1/apply", .local(user: 0), "text/plain", "{}", 415),
            ("/v1/apply", .local(user: 0), "application/x-www-form-urlencoded", "{}", 415),
            ("/v1/apply?mode=apply", .local(user: 0), nil, "", 400),
            ("/v1/reload", .local(user: 0), "application/json", #"{"mode": "apply"}"#, 400),
        ] as [(String, Caller, String?, String, Int)])
    func commands(uri: String, caller: Caller, type: String?, body: String, status: Int) throws {
        let headers = HTTPHeaders(type.map { [("Content-Type", $0)] } ?? [])
        #expect(try ask(uri, by: .POST, headers: headers, body: body, caller: caller).status == status)
    }

    @Test("options are taken as they are meant")
    func options() {
        #expect(HostAPI.options([]) == .success(CommandOptions()))
        #expect(HostAPI.options(Array(#"{"only": [], "allow": [], "mode": null}"#.utf8)) == .success(CommandOptions()))
        let text = #"{"only": ["block/*"], "allow": ["link-flap", "reboot"], "mode": "enforce"}"#
        let all = CommandOptions(only: ["block/*"], allow: [.linkFlap, .reboot], mode: .enforce)
        #expect(HostAPI.options(Array(text.utf8)) == .success(all))
    }

    @Test(
        "options that are none are refused in words",
        arguments: [
            (#"{"onyl": []}"#, "unknown key onyl: did you mean only?"),
            (#"{"mode": "aply"}"#, "mode: unknown aply: did you mean apply?"),
            (#"{"allow": ["link-flop"]}"#, "allow: unknown link-flop: did you mean link-flap?"),
            (#"{"allow": "reboot"}"#, "allow: expected a list of disruptions"),
            (#"{"only": [1]}"#, "only: expected a list of globs"), (#"{"mode": 1}"#, "mode: expected a mode or null"),
            ("[]", "the body: expected a JSON object with only, allow, mode"),
            ("{", "the body: expected a JSON object with only, allow, mode"),
            ("null", "the body: expected a JSON object with only, allow, mode"),
            (
                String(repeating: "[", count: 60000), "the body: expected a JSON object with only, allow, mode"
            ),
        ])
    func badOptions(body: String, reason: String) {
        #expect(HostAPI.options(Array(body.utf8)) == .failure(Refusal(reason)))
    }
}

@Suite("Who we are asked as")
struct HostNamesTests {
    @Test(
        "loopback has three names, with the port",
        arguments: [
            ("127.0.0.1:9847", true), ("localhost:9847", true), ("LOCALHOST:9847", true), ("localhost.:9847", true),
            ("[::1]:9847", true), ("127.0.0.1", false), ("127.0.0.1:80", false), ("127.0.0.2:9847", false),
            ("evil.example:9847", false), ("127.0.0.1.evil.example:9847", false), ("localhost:9847@evil", false),
            ("evil@localhost:9847", false), ("", false), (":9847", false), ("[::1]", false), ("::1:9847", true),
            ("localhost:", false), ("localhost:09847", true), ("localhost:99999999999999999999", false),
            ("localhost:-1", false), ("[::1:9847", false), ("localhost:9847:9847", false),
        ])
    func loopback(authority: String, isOurs: Bool) {
        #expect(HostNames(["127.0.0.1"], port: 9847).contain(authority) == isOurs)
    }

    @Test("port 80 need not be said, and another address brings no other name")
    func others() {
        #expect(HostNames(["localhost"], port: 80).contain("localhost"))
        #expect(HostNames(["10.0.0.1"], port: 9847).contain("10.0.0.1:9847"))
        #expect(!HostNames(["10.0.0.1"], port: 9847).contain("localhost:9847"))
    }
}

@Suite("Server-sent events")
struct ServerSentEventTests {
    @Test(
        "a stream is taken apart as HTML says",
        arguments: [
            ("data: a\n\n", [ServerSentEvent(name: "message", data: "a")]),
            ("event: x\ndata: a\ndata: b\n\n", [ServerSentEvent(name: "x", data: "a\nb")]),
            ("data:a\r\ndata:  b\r\n\r\n", [ServerSentEvent(name: "message", data: "a\n b")]),
            ("data: a\r\rdata: b\r\r", ["a", "b"].map { ServerSentEvent(name: "message", data: $0) }),
            (": comment\n\n:\n\ndata: a\n\n", [ServerSentEvent(name: "message", data: "a")]),
            ("id: 1-x\n\ndata: a\n\n", [ServerSentEvent(id: "1-x", name: "message", data: "a")]),
            (
                "id: 1\ndata\n\nevent: y\ndata: ä€😀\n\n",
                [
                    ServerSentEvent(id: "1", name: "message", data: ""),
                    ServerSentEvent(id: "1", name: "y", data: "ä€😀"),
                ]
            ),
            ("\u{FEFF}data: a\n\n", [ServerSentEvent(name: "message", data: "a")]),
            ("retry: 10\nnonsense: x\nevent: z\n\ndata: unfinished\n", []),
            ("id: a\u{0}b\ndata: a\n\n", [ServerSentEvent(name: "message", data: "a")]),
        ])
    func parsing(text: String, events: [ServerSentEvent]) throws {
        for size in [1, 2, 3, 1000] {
            var parser = ServerSentEventParser()
            var found: [ServerSentEvent] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                found += try parser.feed(rest.prefix(size))
                rest = rest.dropFirst(size)
            }
            #expect(found == events)
        }
    }

    @Test("what is sent comes back, lines and all", arguments: ["a", "", "a\nb", "a\r\nb", "a\n", "\u{2028}x"])
    func roundTrip(data: String) throws {
        let event = ServerSentEvent(id: "1-x", name: "state", data: data)
        var parser = ServerSentEventParser()
        let back = try parser.feed(event.text.utf8)
        #expect(back.map(\.data) == [data.replacing("\r\n", with: "\n")])
        #expect(back.first?.id == "1-x" && back.first?.name == "state")
    }

    @Test("a line without an end, and data without an end, are refused", arguments: ["data: ", "data: x\n"])
    func tooLong(part: String) {
        var parser = ServerSentEventParser()
        parser.maximumBytes = 1000
        #expect(throws: ServerSentEventParser.TooLong.self) {
            for _ in 0..<1000 { _ = try parser.feed(part.utf8) }
        }
    }
}
