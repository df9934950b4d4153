import Foundation
import Glibc
import Synchronization
import Testing

/// What `NOTIFY_SOCKET` names: hears what a service tells its manager. Always, as a manager does: who tells it waits
/// where nobody listens.
final class NotifySocket {
    static let path = "/run/notify"
    private let descriptor: Int32
    private let messages = Messages()

    private final class Messages: Sendable {
        let all = Mutex<[String]>([])
    }

    init(in sandbox: Sandbox) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(sandbox.outside(Self.path).utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.prefix($0.count - 1)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        guard result == 0 else {
            throw CannotRun(description: "bind \(Self.path): \(String(cString: strerror(errno)))")
        }
        let (number, messages) = (descriptor, messages)
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(number, &buffer, buffer.count, 0)
                // Nothing is what a socket that is shut answers.
                guard count > 0 else { break }
                messages.all.withLock { $0.append(String(decoding: buffer[..<count], as: UTF8.self)) }
            }
            close(number)
        }
    }

    deinit { shutdown(descriptor, Int32(SHUT_RD)) }

    /// Each message so far, in the order in which they came.
    var told: [String] { messages.all.withLock { $0 } }

    func count(_ message: String) -> Int { told.count { $0 == message } }

    var isReady: Bool { told.contains { $0.hasPrefix("READY=1") } }
}

extension WholeProgram {
    @Suite("The daemon and its service manager")
    struct DaemonManager {
        let daemon: RunningDaemon
        private let notify: NotifySocket

        init() throws {
            daemon = try RunningDaemon("sysctl: {net.core.somaxconn: 1234}")
            notify = try NotifySocket(in: daemon.sandbox)
        }

        private var sandbox: Sandbox { daemon.sandbox }
        private static let variables = ["NOTIFY_SOCKET=\(NotifySocket.path)"]

        @Test("it says READY after the first pass, what became of a reload, how it stands, and that it stops")
        func notifications() throws {
            try daemon.begin(variables: Self.variables)
            #expect(eventually { notify.isReady })
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234", "not before it has applied")
            #expect(notify.told == ["READY=1\nSTATUS=1 in sync"])

            try sandbox.poke("/proc/sys/net/core/somaxconn", "77")
            #expect(eventually { notify.told.last == "STATUS=1 drifted" })
            daemon.signal(SIGHUP)
            #expect(eventually { notify.told.count >= 4 })
            let reload = notify.told.dropFirst(2)
            #expect(reload.first?.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=[0-9]+/) != nil, "\(reload)")
            #expect(reload.dropFirst() == ["READY=1\nSTATUS=1 in sync"])

            try daemon.configure("sysctl: {net.core.somaxconn: 010}")
            daemon.signal(SIGHUP)
            // A reload that refuses has ended too: systemctl must not wait for it.
            #expect(eventually { notify.told.last == "READY=1\nSTATUS=broken configuration; 1 in sync" })
            #expect(try daemon.stop().code == 0)
            #expect(eventually { notify.told.last == "STOPPING=1" })
            #expect(notify.count("WATCHDOG=1") == 0, "nobody asked for it")
        }

        @Test("serve says READY when it listens, and STOPPING")
        func serve() throws {
            let serve = try sandbox.start(["env"] + Self.variables + [Layer.program ?? "", "serve"])
            #expect(eventually { notify.told == ["READY=1"] })
            #expect(try daemon.web("/healthz").status == 200)
            kill(serve.processID, SIGTERM)
            #expect(serve.wait().code == 0)
            #expect(eventually { notify.told == ["READY=1", "STOPPING=1"] })
        }

        @Test("a disk that does not answer fails by itself, holds up nothing else, and is tuned once it answers")
        func hung() throws {
            let (well, sick) = (try sandbox.disk("well"), try sandbox.disk("sick"))
            let attribute = "/sys/block/\(sick)/queue/scheduler"
            let id = "block/\(sick)/scheduler"
            try daemon.configure(
                """
                sysctl: {net.core.somaxconn: 1234}
                block: [{match: {name: [\(well), \(sick)]}, scheduler: mq-deadline, read_ahead_kb: 4096}]
                """, interval: "1h")
            // Whoever opens a FIFO to read it waits for somebody to write.
            let hang = "mkfifo -m 600 /run/fifo 2>/dev/null; mount --bind /run/fifo \(attribute)"
            // Whoever waits for it when the test is over would wait for ever.
            let release = "umount --lazy \(attribute); timeout 5 sh -c 'echo >/run/fifo'"
            defer { _ = try? sandbox.shell("\(release); \(release)") }
            #expect(try sandbox.shell(hang).code == 0)
            try daemon.begin(variables: Self.variables + ["WATCHDOG_USEC=500000"])
            #expect(eventually(within: 60) { notify.isReady }, "\(daemon.log)")
            let fed = notify.told.prefix { !$0.hasPrefix("READY=1") }.count { $0 == "WATCHDOG=1" }
            #expect(fed >= 10, "fed while the pass waited, ten seconds at least: \(notify.told)")

            let status = try daemon.hostd("status")
            #expect(status.code == 2 && status.out.contains("has not answered for 10 s (ETIMEDOUT)"), "\(status)")
            #expect(daemon.state(id) == "failed")
            #expect(try sandbox.queue(well, "scheduler") == "mq-deadline")
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234")
            #expect(daemon.logs("<3>\(id): failed"))

            // It answers: the reader that hangs gets nothing to read, the next one the file itself.
            #expect(try sandbox.shell(release).code == 0)
            #expect(daemon.becomes("inSync", id), "\(daemon.log)")
            #expect(try sandbox.queue(sick, "scheduler") == "mq-deadline")
            #expect(try sandbox.queue(sick, "read_ahead_kb") == "4096")
            #expect(try daemon.hostd("status").code == 0)

            // In the middle of a pass that waits.
            #expect(try sandbox.shell(hang).code == 0)
            let before = notify.told.count { $0.hasPrefix("RELOADING=1") }
            daemon.signal(SIGHUP)
            #expect(eventually { notify.told.count { $0.hasPrefix("RELOADING=1") } > before })
            let stopped = try daemon.stop()
            #expect(stopped.code == 0 && notify.told.contains("STOPPING=1"), "\(stopped)")
            #expect(sandbox.names(in: "/run/ais-hostd").isEmpty)
        }

        static let activate: String? = ["/usr/bin/systemd-socket-activate", "/bin/systemd-socket-activate"]
            .first { (path: String) in access(path, X_OK) == 0 }

        @Test(
            "serve takes the socket that systemd hands it, and no other address beside it",
            .enabled(if: activate != nil, "takes systemd-socket-activate: scripts/deps.sh test installs systemd"))
        func activation() throws {
            try daemon.start()
            let address = "127.0.0.1:\(RunningDaemon.port)"
            let program = Layer.program ?? ""
            let activate = try #require(Self.activate)
            let serve = try sandbox.start([activate, "--listen", address, program, "serve"])
            #expect(eventually { (try? daemon.web("/healthz").status) == 200 }, "\(serve.complained)")
            #expect(try daemon.web("/v1/status").status == 200)
            kill(serve.processID, SIGTERM)
            #expect(serve.wait().code == 0)
            let both = try sandbox.start([
                activate, "--listen", address, program, "serve", "--listen", "127.0.0.1:9848",
            ])
            let knock = { (try? daemon.webWire())?.ask("/healthz") ?? () }
            // The first to connect starts it.
            #expect(
                eventually {
                    knock()
                    return both.hasEnded
                })
            let refused = both.wait()
            #expect(refused.code == 1 && refused.err.contains("--listen with sockets of systemd"), "\(refused)")
        }

        @Test(
            "serve listens nowhere but on this host",
            arguments: ["0.0.0.0:1", "[::]:1", "10.0.0.1:9847", "example.org:9847", "127.0.0.1.example.org:80"])
        func beyond(address: String) throws {
            let refused = try daemon.hostd("serve", "--listen", address)
            #expect(refused.code == 64 && refused.err.contains("is not a loopback address"), "\(refused)")
        }

        @Test("serve says why it can't listen")
        func taken() throws {
            try daemon.serve()
            let refused = try daemon.hostd("serve")
            #expect(refused.code == 1 && refused.err.contains("EADDRINUSE"), "\(refused)")
        }
    }
}
