package import HostModel
import Synchronization

/// Does the work on a thread of its own, and waits for it no longer than a deadline.
///
/// A thread whose work a device does not end can't be ended either: it is left alone with it, and other targets get
/// another. One idle thread is kept; at rest nothing wakes it.
package final class DeadlineWorker: Worker {
    private let deadline: Duration
    private let capacity: Int
    private let threads: Threads

    /// Of at most `capacity` works that are abandoned at a time; beyond that nothing is tried any more. `answered` is
    /// told of a target on which nothing hangs any more, on a thread of the worker's.
    package init(
        deadline: Duration = .seconds(10), capacity: Int = 64, answered: @escaping @Sendable (String) -> Void
    ) {
        self.deadline = deadline
        self.capacity = capacity
        threads = Threads(answered: answered)
    }

    deinit { threads.state.change { $0.isClosed = true } }

    /// EAGAIN where so many are abandoned that this one is not tried.
    package func perform<Value: Sendable>(
        on target: String, patience: Duration? = nil,
        _ work: @escaping @Sendable (_ isAbandoned: @escaping @Sendable () -> Bool) -> Value
    ) throws(KernelError) -> Value {
        let (fate, answer) = (Fate(), Answer<Value>())
        let start = monotonicNow()
        let usual = try self.patience(for: target)
        let patience = patience ?? usual
        try threads.run(
            Job(target: target, fate: fate) { answer.give(work { fate.isAbandoned.load(ordering: .acquiring) }) })
        let value = threads.state.wait(
            until: start + patience, for: { _ in answer.value },
            orElse: { state in
                fate.isAbandoned.store(true, ordering: .releasing)
                state.abandoned.append(Abandoned(target: target, fate: fate))
            })
        guard let value else {
            throw KernelError("work on", target, errno: .timedOut, message: "has not answered for \(words(patience))")
        }
        return value
    }

    /// How long to wait: shorter where others have not answered either, since a controller that died takes all of its
    /// disks along, and the rest of the host waits for each. Throws where it would only hang a thread more.
    private func patience(for target: String) throws(KernelError) -> Duration {
        let abandoned = threads.state.change { $0.abandoned }
        // In the same words each time: that time goes by is no news.
        if abandoned.contains(where: { $0.target == target }) {
            throw KernelError("work on", target, errno: .timedOut, message: "still has not answered")
        }
        guard abandoned.count < capacity else {
            throw KernelError(
                "work on", target, errno: .again, message: "not tried, since \(capacity) others have not answered yet")
        }
        return max(min(deadline, .seconds(1)), deadline / (1 + abandoned.count))
    }

    private func words(_ duration: Duration) -> String {
        duration < .seconds(1) ? "\(Int(duration / .milliseconds(1))) ms" : "\(duration.components.seconds) s"
    }
}

/// The threads of a worker, and what they share with it. They keep this, and not the worker.
private final class Threads: Sendable {
    struct State: Sendable {
        /// For threads that are idle.
        var waiting: [Job] = []
        var idle = 0
        var abandoned: [Abandoned] = []
        /// The worker is gone: idle threads end.
        var isClosed = false
    }

    let state = Monitor(State())
    private let answered: @Sendable (String) -> Void

    init(answered: @escaping @Sendable (String) -> Void) { self.answered = answered }

    /// Hands a job to an idle thread, or to a new one.
    func run(_ job: Job) throws(KernelError) {
        let isTaken = state.change { state in
            guard state.idle > state.waiting.count else { return false }
            state.waiting.append(job)
            return true
        }
        // Half a megabyte of address space: a work is a few calls deep.
        if !isTaken { try startThread(named: "kernel-worker", stackKiB: 512) { self.serve(job) } }
    }

    private func serve(_ first: Job) {
        var job = first
        repeat { job.run() } while isKept(after: job) && next(&job)
    }

    /// Tells that a job has ended, and whether its thread may wait for another.
    private func isKept(after job: Job) -> Bool {
        let (isKept, isAnswered) = state.change { state in
            if let index = state.abandoned.firstIndex(where: { $0.fate === job.fate }) {
                state.abandoned.remove(at: index)
                return (false, !state.abandoned.contains { $0.target == job.target })
            }
            guard state.idle == 0 else { return (false, false) }
            state.idle += 1
            return (true, false)
        }
        if isAnswered { answered(job.target) }
        return isKept
    }

    private func next(_ job: inout Job) -> Bool {
        let next = state.wait { state -> Job?? in
            guard !state.waiting.isEmpty || state.isClosed else { return nil }
            state.idle -= 1
            return .some(state.waiting.isEmpty ? nil : state.waiting.removeFirst())
        }
        guard let next else { return false }
        job = next
        return true
    }
}

private struct Job: Sendable {
    let target: String
    let fate: Fate
    let run: @Sendable () -> Void
}

private struct Abandoned: Sendable {
    let target: String
    let fate: Fate
}

/// What becomes of one job; also its identity.
private final class Fate: Sendable {
    let isAbandoned = Atomic(false)
}

/// What one job found out, once it has.
private final class Answer<Value: Sendable>: Sendable {
    private let given = Mutex<Value?>(nil)

    var value: Value? { given.withLock { $0 } }

    func give(_ value: Value) { given.withLock { $0 = value } }
}
