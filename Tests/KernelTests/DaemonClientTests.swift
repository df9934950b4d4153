import Foundation
import Glibc
import Testing

extension WholeProgram {
    @Suite("Clients of the daemon")
    struct DaemonClients {
        let daemon: RunningDaemon

        init() throws {
            daemon = try RunningDaemon("sysctl: {net.core.somaxconn: 1234}")
            try daemon.start()
            try daemon.serve()
        }

        private var sandbox: Sandbox { daemon.sandbox }

        private func isWell(_ moment: String) throws {
            #expect(try daemon.hostd("status").code == 0, "\(moment): \(daemon.log)")
            #expect(eventually { (try? daemon.web("/v1/status").status) == 200 }, "\(moment)")
        }

        /// KiB; the most that a process ever had in memory.
        private func peak(_ process: pid_t) throws -> Int {
            let line = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
                .split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            return line.flatMap { Int($0.filter(\.isNumber)) } ?? .max
        }

        @Test("who connects and says nothing, or stops in the middle of a word, keeps nobody waiting")
        func silent() throws {
            let silent = try (1...20).map { _ in (try daemon.wire(), try daemon.webWire()) }
            for (local, web) in silent.prefix(10) {
                local.send("GET /v1/sta")
                web.send("GET /v1/sta")
            }
            try isWell("while they are there")
            #expect(try daemon.hostd("apply").code == 0)
        }

        @Test("a thousand connections to serve, and a thousand to run, are met with a bound, and gone with them")
        func flood() throws {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(7), &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(7), &limit)
            var wires = try (1...1000).map { _ in try Wire(port: RunningDaemon.port, in: sandbox, isPatient: false) }
            #expect(try daemon.hostd("status").code == 0, "run is not asked by them")
            #expect(wires.count == 1000)
            wires = []
            try isWell("after those to serve")
            wires = (1...1000).compactMap { _ in
                try? Wire(unix: sandbox.outside(RunningDaemon.socket), isPatient: false)
            }
            try sandbox.poke("/proc/sys/net/core/somaxconn", "77")
            #expect(daemon.logs("inSync -> drifted"), "it watches all the same")
            #expect(!wires.isEmpty)
            wires = []
            #expect(eventually { (try? daemon.hostd("apply").code) == 0 })
            try isWell("after those to run")
        }

        @Test("a body of 100 MB is refused before it is read, and takes no memory")
        func body() throws {
            let run = try #require(daemon.run?.processID)
            let before = try peak(run)
            let head = "POST /v1/apply HTTP/1.1\r\nHost: localhost\r\n"
            let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
            for length in ["Content-Length: 104857600\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n6400000\r\n"] {
                let wire = try daemon.wire()
                wire.send(head + length)
                var sent = 0
                while sent < 100, wire.send(chunk) { sent += 1 }
                #expect(sent < 100, "it was read to its end")
            }
            let web = try daemon.webWire()
            web.send("POST /v1/apply HTTP/1.1\r\nHost: 127.0.0.1:9847\r\nContent-Length: 104857600\r\n\r\n")
            #expect(try WebAnswer(web.read()).status == 405)
            #expect(try peak(run) - before < 16 << 10)
            try isWell("afterwards")
        }

        @Test(
            "what is no request, or none that is taken, is refused by both with 4xx or 5xx, and hurts nobody",
            arguments: [
                "\u{16}\u{3}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET /v1/status HTTP/9.9\r\n\r\n",
                "GET /v1/status HTTP/1.1\r\n\r\n", "FROB /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "GET /nosuch HTTP/1.0\r\nHost: localhost\r\n\r\n",
                "GET /v1/status?a=b HTTP/1.0\r\nHost: localhost\r\n\r\n",
                "GET /../etc/passwd HTTP/1.0\r\nHost: localhost\r\n\r\n",
                "GET /v1/status HTTP/1.0\r\nHost: localhost\r\nHost: other\r\n\r\n",
                "POST /v1/apply HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
                "POST /v1/apply HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "x", count: 100_000))\r\n\r\n",
                "GET /\(String(repeating: "x", count: 20_000)) HTTP/1.1\r\nHost: localhost\r\n\r\n",
            ])
        func bad(request: String) throws {
            for wire in [try daemon.wire(), try daemon.webWire()] {
                wire.send(request)
                let text = wire.read { $0.contains("\r\n\r\n") }
                // Some of what is no HTTP at all is answered by hanging up.
                if !text.isEmpty { #expect(try 400..<600 ~= WebAnswer(text).status, "\(text)") }
                #expect(!text.isEmpty || wire.isOver)
            }
            try isWell("after \(request.prefix(40))")
        }

        @Test("serve takes no commands, and no names but its own")
        func readOnly() throws {
            for path in ["apply", "revert", "reload"] {
                let answer = try daemon.web("/v1/\(path)", method: "POST")
                #expect(answer.status == 405 || answer.status == 404, "\(answer.head)")
            }
            #expect(try !daemon.inForce().held)
            for host in ["evil.example.org", "127.0.0.1.example.org", "10.0.0.1:9847", "127.0.0.1:80"] {
                let answer = try daemon.web("/v1/status", host: host)
                #expect(400..<500 ~= answer.status && answer.body.contains("\"detail\""), "\(host): \(answer)")
            }
            for host in ["127.0.0.1:9847", "localhost:9847"] {
                #expect(try daemon.web("/v1/status", host: host).status == 200)
            }
            // The one for root and its group only answers to whoever reached it.
            #expect(try daemon.ask("/v1/apply").status == 405)
        }

        @Test("serve tells that run is away, gone or hangs, and is back with it")
        func away() throws {
            func expectAway(_ reason: String) throws {
                let answer = try daemon.web("/v1/status")
                #expect(answer.status == 503 && answer.body.contains(reason), "\(answer)")
                #expect(try daemon.web("/readyz").status == 503)
                #expect(try daemon.web("/healthz").status == 200)
                let metrics = try daemon.web("/metrics")
                #expect(metrics.status == 200 && metrics.body.contains("\nais_hostd_up 0\n"))
            }
            #expect(try daemon.web("/metrics").body.contains("\nais_hostd_up 1\n"))
            #expect(try daemon.stop().code == 0)
            try expectAway("ENOENT")
            try daemon.start()
            try isWell("started again")
            try daemon.kill()
            try expectAway("ECONNREFUSED")
            try daemon.start()
            try isWell("after kill -9")
            daemon.signal(SIGSTOP)
            let hung = try daemon.web("/v1/status")
            #expect(hung.status == 503 && hung.body.contains("does not answer"), "\(hung)")
            daemon.signal(SIGCONT)
            try isWell("let go on")
        }

        @Test(
            "promtool takes the metrics of serve, with run and without",
            .enabled(if: Self.promtool != nil, "takes promtool: scripts/deps.sh test installs it"))
        func metrics() throws {
            let tool = try #require(Self.promtool)
            for isUp in [true, false] {
                if !isUp { try daemon.kill() }
                let text = try daemon.web("/metrics").body
                #expect(text.contains("\nais_hostd_up \(isUp ? 1 : 0)\n") == true)
                try sandbox.write(text, to: "/run/metrics")
                let checked = try sandbox.shell("\(tool) check metrics </run/metrics")
                #expect(checked.code == 0 && checked.err.isEmpty, "\(checked)")
            }
        }

        static let promtool: String? = ["/usr/bin/promtool", "/usr/local/bin/promtool"]
            .first { (path: String) in access(path, X_OK) == 0 }

        @Test("a stream through serve goes on where it was left, and tells of a gap where that can't be")
        func resume() throws {
            let first = try daemon.webWire()
            first.ask("/v1/events", host: "127.0.0.1:\(RunningDaemon.port)")
            let id = try #require(
                first.read { $0.contains("\n\n") && $0.contains("id: ") }.firstMatch(of: /id: (\S+)/)?.1)
            try sandbox.poke("/proc/sys/net/core/somaxconn", "77")
            #expect(daemon.becomes("drifted"))
            let second = try daemon.webWire()
            second.ask("/v1/events", headers: ["Last-Event-ID: \(id)"], host: "127.0.0.1:\(RunningDaemon.port)")
            let missed = second.read { $0.contains("\"to\":\"drifted\"") }
            #expect(missed.contains("\"to\":\"drifted\"") && !missed.contains("event: gap"), "\(missed)")
            try daemon.kill()
            _ = second.read()
            #expect(second.isOver, "who listens learns that run is gone")
            try daemon.start()
            let third = try daemon.webWire()
            third.ask("/v1/events", headers: ["Last-Event-ID: \(id)"], host: "127.0.0.1:\(RunningDaemon.port)")
            #expect(third.read { $0.contains("event: gap") }.contains("the daemon has started since"))
        }

        @Test("an unchanged report is not sent twice, by run or by serve, and is when it has changed")
        func tags() throws {
            let tag = try #require(try daemon.web("/v1/status").header("ETag"))
            for answer in [
                try daemon.web("/v1/status", headers: ["If-None-Match: \(tag)"]),
                try daemon.ask("/v1/status", headers: ["If-None-Match: \(tag)"]),
            ] {
                #expect(answer.status == 304 && answer.body.isEmpty && answer.header("ETag") == tag, "\(answer)")
            }
            try sandbox.poke("/proc/sys/net/core/somaxconn", "77")
            #expect(daemon.becomes("drifted"))
            let changed = try daemon.web("/v1/status", headers: ["If-None-Match: \(tag)"])
            #expect(changed.status == 200 && changed.header("ETag") != tag && changed.body.contains("\"77\""))
        }
    }

    @Suite("The daemon, witnessed by strace")
    struct DaemonOracle {
        let daemon: RunningDaemon

        init() throws { daemon = try RunningDaemon("sysctl: {net.core.somaxconn: 1234}") }

        private var sandbox: Sandbox { daemon.sandbox }
        private static let calls = Trace.calls + ",socket,connect,sendto,sendmsg"

        private func calls(_ log: String, _ names: String...) throws -> [String] {
            try sandbox.read(log).split(separator: "\n").map { String($0.drop { $0.isNumber || $0 == " " }) }
                .filter { line in names.contains { line.hasPrefix("\($0)(") } }
        }

        @Test("serve opens nothing for writing and connects to nothing but run; run knows no internet")
        func sockets() throws {
            #expect(try sandbox.shell("mkdir -m 1777 /run/trace").code == 0)
            let witness = ["strace", "-D", "-f", "-e", Self.calls, "-o"]
            try daemon.start(witness: witness + ["/run/trace/run"])
            try daemon.serve(witness: witness + ["/run/trace/serve"])
            for path in ["/v1/status", "/v1/settings", "/v1/drift", "/v1/config", "/metrics", "/readyz", "/nosuch"] {
                _ = try daemon.web(path)
            }
            let events = try daemon.webWire()
            events.ask("/v1/events", host: "127.0.0.1:\(RunningDaemon.port)")
            try sandbox.poke("/proc/sys/net/core/somaxconn", "77")
            _ = events.read { $0.contains("drifted") }
            #expect(try daemon.hostd("apply").code == 0)

            let written = Trace(try sandbox.read("/run/trace/serve")).writes.filter {
                !["socket(", "connect(", "sendto(", "sendmsg("].contains(where: $0.hasPrefix)
            }
            #expect(written.isEmpty, "\(written)")
            let connections = try calls("/run/trace/serve", "connect")
            #expect(
                !connections.isEmpty && connections.allSatisfy { $0.contains("sun_path=\"\(RunningDaemon.socket)\"") })
            let sockets = try calls("/run/trace/run", "socket")
            #expect(!sockets.isEmpty && !sockets.contains { $0.contains("AF_INET") }, "\(sockets)")
            #expect(try calls("/run/trace/run", "connect").allSatisfy { $0.contains("AF_UNIX") })
        }
    }
}
