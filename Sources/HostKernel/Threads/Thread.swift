import CLinux
import Glibc
package import HostModel

/// Starts a thread that is gone when `body` ends. No signal is delivered to it: those are the loop's.
///
/// Nobody waits for it. The kernel shows the first 15 bytes of its name. Its stack is address space, and memory only as
/// far as it is used; nil is the system's own size, 8 MiB mostly. `pthread_create(3)`
package func startThread(
    named name: String, stackKiB: Int? = nil, _ body: @escaping @Sendable () -> Void
) throws(KernelError) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    if let stackKiB { pthread_attr_setstacksize(&attributes, stackKiB << 10) }
    // It inherits the mask, so that there is no moment without it.
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var thread = pthread_t()
    let result = pthread_create(
        &thread, &attributes,
        { argument in
            if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run() }
            return nil
        }, start.toOpaque())
    guard result == 0 else {
        start.release()
        throw KernelError("start", "thread \(name)", errno: Errno(rawValue: result))
    }
}

/// What a thread is handed through C.
private final class Start: Sendable {
    private let name: String
    private let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    func run() {
        _ = clinux_name_thread(String(decoding: name.utf8.prefix(15), as: UTF8.self))
        body()
    }
}
