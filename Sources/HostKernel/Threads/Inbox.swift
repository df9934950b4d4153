/// Messages for a thread that does nothing but what they ask, in their order.
package final class Inbox<Message: Sendable>: Sendable {
    private let messages = Monitor<[Message]>([])

    package init() {}

    /// Waits for nobody.
    package func send(_ message: Message) { messages.change { $0.append(message) } }

    /// Waits for as long as there is none.
    package func next() -> Message { messages.wait { $0.isEmpty ? nil : $0.removeFirst() } }
}
