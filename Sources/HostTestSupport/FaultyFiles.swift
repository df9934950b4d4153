package import HostModel
import Synchronization

/// Counts the calls to other files, and lets one of them fail or ends the process at it.
package final class FaultyFiles: Files {
    package enum Call: String, CaseIterable, Sendable {
        case read, write, list, resolve, status, replace, remove, createFolder, lock

        /// Those that change something.
        package static let changes: Set<Self> = [.write, .replace, .remove, .createFolder]
    }

    package enum Fault: Sendable {
        case none
        /// The call of this number, from 1, fails and does nothing.
        case failing(Int, Errno)
        /// The process dies at the call of this number: it and all that come after do nothing, and throw `crash`.
        case crashing(Int)
        case always(Errno)
    }

    /// What a dead process would say.
    package static let crash = KernelError("crash", "process", message: "is dead")

    private let inner: any Files
    private let fault: Mutex<Fault>
    private let counted: Set<Call>
    private let made = Mutex<[(call: Call, path: String)]>([])

    /// Only the calls in `counted` count and fail. Once the process is dead, none is done.
    package init(_ inner: any Files, _ fault: Fault = .none, among counted: Set<Call> = Set(Call.allCases)) {
        self.inner = inner
        self.fault = Mutex(fault)
        self.counted = counted
    }

    /// How many of the counted calls were made, also those that failed.
    package var calls: Int { made.withLock { $0.count } }
    /// They themselves, as `read /proc/meminfo`.
    package var record: [String] { made.withLock { $0.map { "\($0.call) \($0.path)" } } }

    /// From now on nothing fails any more.
    package func heal() { fault.withLock { $0 = .none } }

    private func gate(_ call: Call, _ path: String) throws(KernelError) {
        let number = made.withLock { made in
            if counted.contains(call) { made.append((call, path)) }
            return made.count
        }
        switch fault.withLock({ $0 }) {
        case .none: return
        case .crashing(let last): if number >= last { throw Self.crash }
        case .failing(let chosen, let errno):
            if number == chosen, counted.contains(call) { throw KernelError(call.rawValue, path, errno: errno) }
        case .always(let errno): if counted.contains(call) { throw KernelError(call.rawValue, path, errno: errno) }
        }
    }

    package func read(_ path: String) throws(KernelError) -> [UInt8] {
        try gate(.read, path)
        return try inner.read(path)
    }

    package func write(_ value: String, to path: String) throws(KernelError) {
        do throws(KernelError) {
            try gate(.write, path)
        } catch {
            var error = error
            error.wanted = value
            throw error
        }
        try inner.write(value, to: path)
    }

    package func list(_ folder: String) throws(KernelError) -> [String] {
        try gate(.list, folder)
        return try inner.list(folder)
    }

    package func resolve(_ path: String) throws(KernelError) -> String {
        try gate(.resolve, path)
        return try inner.resolve(path)
    }

    package func status(_ path: String) throws(KernelError) -> FileStatus {
        try gate(.status, path)
        return try inner.status(path)
    }

    package func replace(
        _ path: String, with contents: [UInt8], permissions: UInt32, owner: FileOwner?
    ) throws(KernelError) {
        try gate(.replace, path)
        try inner.replace(path, with: contents, permissions: permissions, owner: owner)
    }

    package func remove(_ path: String) throws(KernelError) {
        try gate(.remove, path)
        try inner.remove(path)
    }

    package func createFolder(_ path: String, permissions: UInt32) throws(KernelError) {
        try gate(.createFolder, path)
        try inner.createFolder(path, permissions: permissions)
    }

    package func lock(_ folder: String) throws(KernelError) -> HeldLock {
        try gate(.lock, folder)
        return try inner.lock(folder)
    }
}
