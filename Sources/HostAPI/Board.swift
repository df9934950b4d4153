package import HostModel
import HostReport
import NIOCore
import Synchronization

/// What the sockets read of the daemon: written by the one that decides, read by whoever asks, and waiting for neither.
package final class Board: Sendable {
    /// Another one with each start: revisions and sequences begin anew then, and must not be taken for the old ones.
    package let instance: String
    /// How many changes can be resumed from.
    package let capacity: Int

    private let state: Mutex<Contents>
    private let rendered = Mutex<[Rendering: Rendered]>([:])

    private struct Contents {
        var snapshot: Snapshot?
        var lastPass: ContinuousClock.Instant?
        /// Oldest first.
        var events: [RecordedChange] = []
        /// Of the newest event; 0 before the first.
        var sequence = 0
        var subscribers: [Int: @Sendable () -> Void] = [:]
        var nextSubscriber = 0
    }

    private struct Rendered {
        let revision: Int
        let bytes: ByteBuffer
    }

    package init(instance: String? = nil, capacity: Int = 1000) {
        self.instance = instance ?? String(UInt64.random(in: .min ... .max), radix: 16)
        self.capacity = max(1, capacity)
        state = Mutex(Contents())
    }

    /// Shows what is known by now. `changes` go to those who listen, in this order.
    ///
    /// The report's revision grows where it differs from the one before; the same revision is rendered once.
    package func show(
        _ snapshot: Snapshot, changes: [Change] = [], endsPass: Bool = true,
        now: ContinuousClock.Instant = ContinuousClock.now
    ) {
        let subscribers = state.withLock { state in
            state.snapshot = snapshot
            if endsPass { state.lastPass = now }
            for change in changes {
                state.sequence += 1
                state.events.append(RecordedChange(state.sequence, change))
            }
            // By halves, so that not every change moves a thousand others.
            if state.events.count > 2 * capacity { state.events.removeFirst(state.events.count - capacity) }
            return changes.isEmpty ? [] : Array(state.subscribers.values)
        }
        for wake in subscribers { wake() }
    }

    /// A full pass ended and there is nothing new to show.
    package func passEnded(now: ContinuousClock.Instant = ContinuousClock.now) {
        state.withLock { $0.lastPass = now }
    }

    /// What is known, and when the last pass ended.
    func view() -> View {
        state.withLock { View(snapshot: $0.snapshot, lastPass: $0.lastPass) }
    }
}

// MARK: - Changes

extension Board {
    /// The newest event's id.
    var lastEvent: EventID { EventID(sequence: state.withLock(\.sequence), instance: instance) }

    /// What came after an event; nil where that is too long ago, of another start, or not of ours.
    func events(after last: EventID) -> ArraySlice<RecordedChange>? {
        state.withLock { state in
            // A client may send any number as what it saw last.
            guard last.instance == instance, (0...state.sequence).contains(last.sequence) else { return nil }
            let known = state.events.suffix(capacity)
            let missed = state.sequence - last.sequence
            return missed <= known.count ? known.suffix(missed) : nil
        }
    }

    /// `wake` is called by the thread that decides, after each `show` with changes: it may only pass the word on.
    func subscribe(_ wake: @escaping @Sendable () -> Void) -> Int {
        state.withLock { state in
            state.nextSubscriber += 1
            state.subscribers[state.nextSubscriber] = wake
            return state.nextSubscriber
        }
    }

    func unsubscribe(_ subscriber: Int) {
        // Dropped outside the lock: what it holds may come back here.
        _ = state.withLock { $0.subscribers.removeValue(forKey: subscriber) }
    }

    /// How many wait for changes.
    var subscriberCount: Int { state.withLock(\.subscribers.count) }
}

// MARK: - Bytes

/// What is printed once for each revision, since many ask for it and it may be 4 MB.
enum Rendering: Hashable {
    case status, settings, drift, rules
}

extension Board {
    /// These bytes as they were printed for this revision, or newly printed. Not under the lock of those who decide.
    func bytes(_ rendering: Rendering, revision: Int, print: () -> String) -> ByteBuffer {
        let known = rendered.withLock { $0[rendering] }
        if let known, known.revision == revision { return known.bytes }
        let bytes = ByteBuffer(string: print())
        rendered.withLock { $0[rendering] = Rendered(revision: revision, bytes: bytes) }
        return bytes
    }
}

/// What is known at one moment.
struct View {
    var snapshot: Snapshot?
    var lastPass: ContinuousClock.Instant?

    /// Why there has been none.
    var firstPass: String {
        snapshot?.failure.map { "no pass has succeeded yet: \($0)" } ?? "the first pass has not ended yet"
    }

    /// The report, or why there is none that may be relied on.
    func report(now: ContinuousClock.Instant) -> Result<(Snapshot, Report), Unavailable> {
        guard let snapshot, let report = snapshot.report, let lastPass else {
            return .failure(Unavailable(reason: firstPass))
        }
        let age = lastPass.duration(to: now)
        guard age <= .seconds(3 * snapshot.interval) else {
            return .failure(
                Unavailable(
                    reason: "no pass has ended for \(age.components.seconds) s, the interval is \(snapshot.interval) s"
                        + (snapshot.failure.map { ": \($0)" } ?? "")))
        }
        return .success((snapshot, report))
    }
}

struct Unavailable: Error {
    var reason: String
}

/// A change with its place in the order of all. Its line is printed once, however many listen.
final class RecordedChange: Sendable {
    let sequence: Int
    private let change: Change
    private let printed = Mutex<String?>(nil)

    init(_ sequence: Int, _ change: Change) {
        self.sequence = sequence
        self.change = change
    }

    /// For the threads of sockets: the one that decides does not wait for printing.
    var line: String {
        printed.withLock { printed in
            let line = printed ?? jsonLine(change)
            printed = line
            return line
        }
    }
}

/// `SEQUENCE-INSTANCE`, as in the `id:` of an event.
struct EventID: Hashable, CustomStringConvertible {
    var sequence: Int
    var instance: String

    var description: String { "\(sequence)-\(instance)" }

    init(sequence: Int, instance: String) {
        self.sequence = sequence
        self.instance = instance
    }

    /// Nil where it is none of ours.
    init?(_ text: String) {
        guard let dash = text.utf8.firstIndex(of: UInt8(ascii: "-")), let sequence = Int(text[..<dash]) else {
            return nil
        }
        self.init(sequence: sequence, instance: String(text[text.utf8.index(after: dash)...]))
    }
}
