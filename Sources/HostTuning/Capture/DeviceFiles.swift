import HostModel

/// Files that are read for as long as the host's worker has patience, and never written.
struct DeviceFiles: Files {
    let host: Host
    /// Whose files they are; nil for those of the host itself, of which each folder is by itself.
    let device: String?

    func read(_ path: String) throws(KernelError) -> [UInt8] {
        try ask(path) { files throws(KernelError) in try files.read(path) }
    }

    func list(_ folder: String) throws(KernelError) -> [String] {
        try ask(folder) { files throws(KernelError) in try files.list(folder) }
    }

    func resolve(_ path: String) throws(KernelError) -> String {
        try ask(path) { files throws(KernelError) in try files.resolve(path) }
    }

    func status(_ path: String) throws(KernelError) -> FileStatus {
        try ask(path) { files throws(KernelError) in try files.status(path) }
    }

    private func ask<Value: Sendable>(
        _ path: String, _ work: @escaping @Sendable (any Files) throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        try host.ask(device ?? folder(of: path)) { host throws(KernelError) in try work(host.files) }
    }

    func write(_ value: String, to path: String) throws(KernelError) { throw refusal("write", path) }
    func replace(
        _ path: String, with contents: [UInt8], permissions: UInt32, owner: FileOwner?
    ) throws(KernelError) {
        throw refusal("replace", path)
    }
    func remove(_ path: String) throws(KernelError) { throw refusal("remove", path) }
    func createFolder(_ path: String, permissions: UInt32) throws(KernelError) { throw refusal("create", path) }
    func lock(_ folder: String) throws(KernelError) -> HeldLock { throw refusal("lock", folder) }

    private func refusal(_ operation: String, _ path: String) -> KernelError {
        KernelError(operation, path, errno: .readOnly)
    }
}

extension Host {
    /// What of it fails is told from a target that does not answer: that is `wait for TARGET`.
    func ask<Value: Sendable>(
        _ target: String, _ work: @escaping @Sendable (Host) throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        let answer: Result<Value, KernelError>
        do throws(KernelError) {
            answer = try worker.perform(on: target, patience: nil) { [self] _ in
                Result { () throws(KernelError) in try work(self) }
            }
        } catch {
            throw KernelError(KernelError.waiting, target, errno: error.errno)
        }
        return try answer.get()
    }
}

extension KernelError {
    fileprivate static let waiting = "wait for"

    /// Whether a target has not answered, which is the subject then.
    var isWaiting: Bool { operation == Self.waiting }
}
