import Glibc
import HostKernel
import HostModel
import Synchronization
import Testing

/// A loop belongs to one thread, and so each test has one of its own: its body answers what it saw.
@Suite struct EventLoopTests {
    @Test("messages of other threads come in their order, and all of them")
    func messages() throws {
        let seen = onThrowAwayThread {
            do {
                let loop = try EventLoop<Int>()
                let mailbox = loop.mailbox
                try startThread(named: "sender") { for number in 0..<10_000 { mailbox.send(number) } }
                var numbers: [Int] = []
                while numbers.count < 10_000 {
                    for case .message(let number) in try loop.next() { numbers.append(number) }
                }
                return numbers == Array(0..<10_000) ? ["in order"] : ["lost or mixed"]
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["in order"])
    }

    @Test("the timer comes once, when it is due, and not where it is taken back")
    func timer() {
        let seen = onThrowAwayThread {
            do {
                let loop = try EventLoop<String>()
                let start = monotonicNow()
                try loop.arm(after: .milliseconds(1))
                try loop.arm(after: nil)
                try loop.arm(after: .seconds(3600))
                try loop.arm(after: .milliseconds(20))
                var seen = try loop.next().map(text)
                let took = monotonicNow() - start
                if took < .milliseconds(20) { seen.append("early") }
                let mailbox = loop.mailbox
                try startThread(named: "sender") {
                    usleep(30_000)
                    mailbox.send("later")
                }
                seen += try loop.next().map(text)
                return seen
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["timer", "later"])
    }

    @Test("what is due at once, or was due, comes at once", arguments: [Duration.zero, .seconds(-5), .nanoseconds(1)])
    func dueAtOnce(delay: Duration) {
        let seen = onThrowAwayThread {
            do {
                let loop = try EventLoop<String>()
                try loop.arm(after: delay)
                return try loop.next().map(text)
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["timer"])
    }

    @Test("a wait of centuries is none of the kernel's errors", arguments: [Duration.seconds(Int64.max)])
    func farAway(delay: Duration) {
        let seen = onThrowAwayThread {
            do {
                let loop = try EventLoop<String>()
                try loop.arm(after: delay)
                loop.mailbox.send("first")
                return try loop.next().map(text)
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["first"])
    }

    @Test("SIGTERM, SIGINT and SIGHUP are read, not delivered", arguments: [SIGTERM, SIGINT, SIGHUP])
    func signals(number: Int32) {
        let seen = onThrowAwayThread {
            do {
                EventLoop<String>.blockSignals()
                let loop = try EventLoop<String>()
                // To this thread alone: the others of this process have not blocked it.
                pthread_kill(pthread_self(), number)
                return try loop.next().map(text)
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["signal \(number)"])
    }

    @Test("a source that fails is told of once, and does not keep the loop awake")
    func lost() {
        let seen = onThrowAwayThread {
            do {
                let loop = try EventLoop<String>()
                try loop.watch(Pipe(isSick: true))
                try loop.watch(Pipe(isSick: false))
                var seen: [String] = []
                while seen.count < 2 { seen += try loop.next().map(text) }
                try watchSleep(tellingIn: loop.mailbox)
                return seen.sorted() + (try loop.next().map(text))
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["lost read Pipe: hung up", "lost read pipe (EIO)", "asleep"])
    }

    @Test(
        "at rest, with every source, nothing wakes it", .enabled(if: Namespace.canBeHad, "a quiet network and mounts"))
    func rest() throws {
        let scratch = try Scratch()
        let path = scratch.path
        let seen = onThrowAwayThread {
            do {
                // The network and mounts of the other tests are none of ours.
                guard unshareAll() else { return ["no namespace"] }
                let loop = try EventLoop<String>()
                try loop.watch(LinkEvents.rtnetlink())
                try loop.watch(MountEvents(paths: ["/proc/thread-self/mountinfo"]))
                try loop.watch(FolderEvents(folders: [path, "\(path)/none/below"]))
                try loop.arm(after: .seconds(3600))
                try watchSleep(tellingIn: loop.mailbox, milliseconds: 500)
                return try loop.next().map(text)
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["asleep"])
    }

    @Test("what a mailbox gets while nobody looks is not lost, and costs one wakeup")
    func oneWakeup() {
        let seen = onThrowAwayThread {
            do {
                let loop = try EventLoop<String>()
                for _ in 0..<1000 { loop.mailbox.send("x") }
                return ["\(try loop.next().count)"]
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["1000"])
    }
}

@Sendable func text(_ event: LoopEvent<String>) -> String {
    switch event {
    case .message(let message): message
    case .signal(let number): "signal \(number)"
    case .timer: "timer"
    case .host(let event): "\(event)"
    case .lost(let error): "lost \(error)"
    }
}

/// Sends `asleep` where the calling thread, which goes on to wait, is not woken; else how often, and what it did with it.
func watchSleep(tellingIn mailbox: Mailbox<String>, milliseconds: UInt32 = 50) throws {
    let thread = try SystemFiles().resolve("/proc/thread-self")
    try startThread(named: "watcher") {
        var answer = ""
        // Beside other tests a thread takes its time to fall asleep, and each tool of theirs that ends (SIGCHLD) wakes
        // whoever polls a signalfd of this process, without an event.
        for _ in 1...20 where answer != "asleep" {
            usleep(50_000)
            let before = (runs(of: thread), switches(of: thread))
            usleep(milliseconds * 1000)
            let after = (runs(of: thread), switches(of: thread))
            answer = before == after ? "asleep" : "\(before) \(after)"
        }
        mailbox.send(answer)
    }
}

/// Nanoseconds for which it has run.
private func runs(of thread: String) -> String {
    let fields = (try? SystemFiles().read("\(thread)/schedstat"))?.split(separator: UInt8(ascii: " "))
    return String(decoding: fields?.first ?? [], as: UTF8.self)
}

/// How often it has gone to sleep.
private func switches(of thread: String) -> String {
    let status = (try? SystemFiles().read("\(thread)/status")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }.map(String.init) ?? ""
}

/// A source that is always ready: nobody writes any more, or its drain fails.
private final class Pipe: EventSource {
    let descriptor: Int32
    private let isSick: Bool

    init(isSick: Bool) {
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        descriptor = ends[0]
        if isSick { _ = write(ends[1], "x", 1) }
        close(ends[1])
        self.isSick = isSick
    }

    deinit { close(descriptor) }

    func drain() throws(KernelError) -> [HostEvent] {
        if isSick { throw KernelError("read", "pipe", errno: .ioError) }
        return []
    }
}
