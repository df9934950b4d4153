import CLinux
import Glibc
import HostModel
import Synchronization

/// Messages for the thread of an `EventLoop`, from any other. `eventfd(2)`
package final class Mailbox<Message: Sendable>: Sendable {
    private let messages = Mutex<[Message]>([])
    private let event: Descriptor

    init() throws(KernelError) {
        event = try Descriptor("eventfd", "mailbox") {
            eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        }
    }

    var descriptor: Int32 { event.number }

    /// Waits for nobody, and wakes the loop only for the first message since it last looked.
    package func send(_ message: Message) {
        let isFirst = messages.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
        // It has room: the loop takes the count off before it takes the messages. Never EINTR, since it does not block.
        if isFirst { eventfd_write(event.number, 1) }
    }

    func take() throws(KernelError) -> [Message] {
        // In this order: who sends after it wakes the loop once more, perhaps for nothing.
        _ = try takeCount(event)
        return messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }
}
