import Glibc
import HostKernel
import HostModel
import Synchronization
import Testing

@Suite struct ThreadTests {
    @Test("a thread has its name, as far as the kernel keeps it, and takes no signal")
    func named() {
        let inbox = Inbox<[String]>()
        #expect(throws: Never.self) {
            try startThread(named: "a name of seventeen", stackKiB: 64) { inbox.send(status(["Name", "SigBlk"])) }
        }
        let seen = inbox.next()
        #expect(seen.first == "Name:\ta name of seven")
        // All but SIGKILL, SIGSTOP, and the two that the C library keeps for itself.
        #expect(seen.last == "SigBlk:\tfffffffe7ffbfeff")
        // The thread that started it blocks what it did before.
        #expect(status(["SigBlk"]) != ["SigBlk:\tfffffffe7ffbfeff"])
    }

    @Test("a thread that can't be had is an error")
    func refused() {
        let error = #expect(throws: KernelError.self) {
            // More than there is address space for.
            try startThread(named: "huge", stackKiB: 1 << 40) {}
        }
        #expect(error?.operation == "start")
    }

    @Test("messages come in their order, and who waits for one sleeps")
    func inbox() throws {
        let (inbox, answers) = (Inbox<Int>(), Inbox<Int>())
        try startThread(named: "doubles") { while true { answers.send(inbox.next() * 2) } }
        for number in 1...1000 { inbox.send(number) }
        #expect((1...1000).map { _ in answers.next() } == (1...1000).map { $0 * 2 })
    }

    private func status(_ names: [String]) -> [String] {
        let text = (try? SystemFiles().read("/proc/thread-self/status")).map { String(decoding: $0, as: UTF8.self) }
        let lines = (text ?? "").split(separator: "\n").map(String.init)
        return names.compactMap { name in lines.first { $0.hasPrefix("\(name):") } }
    }
}

@Suite struct DeadlineWorkerTests {
    private let answers = Inbox<String>()

    private func worker(capacity: Int = 64, milliseconds: Int = 400) -> DeadlineWorker {
        let answers = answers
        return DeadlineWorker(deadline: .milliseconds(milliseconds), capacity: capacity) { answers.send($0) }
    }

    @Test("work is done elsewhere and its value comes back; one thread does all that is done in time")
    func works() throws {
        let worker = worker(milliseconds: 10_000)
        // By the kernel's number: the library gives one thread's address to the next.
        let threads = try (0..<100).map { _ in
            try worker.perform(on: "/sys/block/sda") { _ in try? SystemFiles().resolve("/proc/thread-self") }
        }
        #expect(Set(threads).count == 1)
        #expect(try threads.first != SystemFiles().resolve("/proc/thread-self"))
        #expect(try worker.perform(on: "/sys/block/sda") { _ in nil as String? } == nil)
    }

    @Test("what hangs is abandoned, refused while it does, and told of when it has ended; others go on at once")
    func hangs() throws {
        let (worker, device) = (worker(), SickDevice())
        let seen = Inbox<Bool>()
        let error = #expect(throws: KernelError.self) {
            try worker.perform(on: "/sys/block/sda") { isAbandoned in
                let before = isAbandoned()
                device.read()
                seen.send(!before && isAbandoned())
            }
        }
        #expect(error?.description == "work on /sys/block/sda: has not answered for 400 ms (ETIMEDOUT)")
        let start = monotonicNow()
        let again = #expect(throws: KernelError.self) { try worker.perform(on: "/sys/block/sda") { _ in } }
        #expect(again?.errno == .timedOut)
        #expect(again?.message == "still has not answered", "the same each time: it is no news")
        #expect(try worker.perform(on: "/sys/block/sdb") { $0() } == false)
        #expect(monotonicNow() - start < .milliseconds(300), "neither waits for the other")
        device.answer()
        #expect(answers.next() == "/sys/block/sda")
        #expect(seen.next(), "it saw that nobody expects its writes any more")
        #expect(try worker.perform(on: "/sys/block/sda") { _ in 5 } == 5)
    }

    @Test("beyond its capacity of hung targets it tries nothing, and works again when one has answered")
    func full() throws {
        let worker = worker(capacity: 3, milliseconds: 100)
        let devices = (0..<3).map { _ in SickDevice() }
        for (number, device) in devices.enumerated() {
            #expect(throws: KernelError.self) {
                try worker.perform(on: "/sys/block/sd\(number)") { _ in device.read() }
            }
        }
        let error = #expect(throws: KernelError.self) { try worker.perform(on: "/sys/block/sdx") { _ in } }
        #expect(
            error?.description == "work on /sys/block/sdx: not tried, since 3 others have not answered yet (EAGAIN)")
        devices[1].answer()
        #expect(answers.next() == "/sys/block/sd1")
        #expect(try worker.perform(on: "/sys/block/sdx") { _ in true })
        for device in devices { device.answer() }
    }

    @Test("called from many threads, each gets its own value, and no more than one thread is kept")
    func concurrent() throws {
        let worker = worker(milliseconds: 10_000)
        let sums = Inbox<Int>()
        for caller in 0..<8 {
            try startThread(named: "caller") {
                let values = (0..<200).map { number in
                    (try? worker.perform(on: "/sys/block/sd\(caller)") { _ in caller * 1000 + number }) ?? -1
                }
                sums.send(values == (0..<200).map { caller * 1000 + $0 } ? 1 : 0)
            }
        }
        #expect((0..<8).map { _ in sums.next() }.reduce(0, +) == 8)
    }

    @Test("abandoning and ending at the same moment never loses a target", arguments: 0..<4)
    func race(round: Int) throws {
        let worker = worker(milliseconds: 2)
        let target = "/sys/block/\(round)"
        for number in 0..<50 {
            do throws(KernelError) {
                try worker.perform(on: target) { _ in _ = usleep(1800 + UInt32(number) * 8) }
            } catch {
                // Were the last one lost, this one would still not have been tried.
                #expect(error.message == "has not answered for 2 ms")
                #expect(answers.next() == target)
            }
        }
    }

    @Test("its kept thread sleeps, and ends with it")
    func rest() throws {
        let loop = try EventLoop<String>()
        let mailbox = loop.mailbox
        var worker: DeadlineWorker? = worker(milliseconds: 10_000)
        let thread = try worker?.perform(on: "/sys/block/sda") { _ in
            try? watchSleep(tellingIn: mailbox, milliseconds: 300)
            return (try? SystemFiles().resolve("/proc/thread-self")) ?? ""
        }
        #expect(try loop.next().map(text) == ["asleep"])
        worker = nil
        var isGone = false
        for _ in 0..<500 where !isGone {
            usleep(10_000)
            isGone = access(thread ?? "", F_OK) != 0
        }
        #expect(isGone)
    }
}

/// A read of it does not end before it answers: a pipe that is empty.
private final class SickDevice: Sendable {
    private let ends: (read: Int32, write: Int32)

    init() {
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        self.ends = (ends[0], ends[1])
    }

    deinit {
        close(ends.read)
        close(ends.write)
    }

    func read() {
        var byte: UInt8 = 0
        _ = Glibc.read(ends.read, &byte, 1)
    }

    func answer() { _ = write(ends.write, "x", 1) }
}
