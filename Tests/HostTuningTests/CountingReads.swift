import HostModel
import HostTestSupport
import Synchronization

/// The files of a fake kernel, where something happens just before a file is read for the n-th time: what another
/// process does between two of our steps.
final class CountingReads: Files {
    private let kernel: FakeKernel
    private let before: @Sendable (FakeKernel, String, Int) -> Void
    private let counts = Mutex<[String: Int]>([:])

    init(_ kernel: FakeKernel, before: @escaping @Sendable (FakeKernel, String, Int) -> Void) {
        self.kernel = kernel
        self.before = before
    }

    func read(_ path: String) throws(KernelError) -> [UInt8] {
        let count = counts.withLock { counts in
            counts[path, default: 0] += 1
            return counts[path, default: 0]
        }
        before(kernel, path, count)
        return try kernel.read(path)
    }

    func write(_ value: String, to path: String) throws(KernelError) { try kernel.write(value, to: path) }
    func list(_ folder: String) throws(KernelError) -> [String] { try kernel.list(folder) }
    func resolve(_ path: String) throws(KernelError) -> String { try kernel.resolve(path) }
    func status(_ path: String) throws(KernelError) -> FileStatus { try kernel.status(path) }
    func replace(
        _ path: String, with contents: [UInt8], permissions: UInt32, owner: FileOwner?
    ) throws(KernelError) {
        try kernel.replace(path, with: contents, permissions: permissions, owner: owner)
    }
    func remove(_ path: String) throws(KernelError) { try kernel.remove(path) }
    func createFolder(_ path: String, permissions: UInt32) throws(KernelError) {
        try kernel.createFolder(path, permissions: permissions)
    }
    func lock(_ folder: String) throws(KernelError) -> HeldLock { try kernel.lock(folder) }
}
