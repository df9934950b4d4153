import Glibc
import HostKernel
import HostModel

/// A folder for one test, gone with it.
final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/ais-hostd-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw KernelError("mkdtemp", "/tmp", errno: Errno(rawValue: errno)) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.removeAll(path) }

    func file(_ name: String, _ text: String) throws -> String {
        try SystemFiles().replace("\(path)/\(name)", with: Array(text.utf8), permissions: 0o644)
        return "\(path)/\(name)"
    }

    private static func removeAll(_ folder: String) {
        for name in (try? SystemFiles().list(folder)) ?? [] where unlink("\(folder)/\(name)") != 0 {
            removeAll("\(folder)/\(name)")
        }
        rmdir(folder)
    }
}

/// Runs on a thread of its own that ends with it, so that what it unshares is nobody else's.
func onThrowAwayThread(_ body: @escaping @Sendable () -> [String]) -> [String] {
    let work = Work(body)
    var thread = pthread_t()
    let started = pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Work>.fromOpaque(argument).takeUnretainedValue().run() }
            return nil
        }, Unmanaged.passUnretained(work).toOpaque())
    guard started == 0 else { return ["no thread"] }
    pthread_join(thread, nil)
    return withExtendedLifetime(work) { work.answer }
}

/// Written by the thread, read after its end.
private final class Work: @unchecked Sendable {
    private let body: @Sendable () -> [String]
    private(set) var answer: [String] = []

    init(_ body: @escaping @Sendable () -> [String]) { self.body = body }

    func run() { answer = body() }
}
