package import NIOCore

/// What one client may take of the daemon. Every number is a bound on memory, descriptors or time.
package struct Limits: Sendable {
    /// A head is kept until it is whole. Browsers send 1 KiB, 16 KiB is what most proxies take.
    package var headBytes = 16 * 1024
    package var headerCount = 100
    /// Our longest: a filter, or an id with every byte escaped.
    package var uriBytes = 8 * 1024
    /// Where a route takes one at all: a command's options are a few hundred bytes.
    package var bodyBytes = 64 * 1024
    /// Below the 1,024 descriptors of a process that nobody gave more.
    package var connections = 512
    /// More than these for root, so that its commands get through however many others there are.
    package var reservedForRoot = 32
    /// Requests that were sent without waiting for the answers before; more are not read until some are answered.
    package var pipelined = 16
    /// Streams of events at one time.
    package var streams = 64
    /// What a command may tell a client that does not read: 10,000 changes and a result are 10 MB.
    package var commandBytes = 32 * 1024 * 1024
    /// What is read and dropped after a refusal, so that the answer arrives before the connection is reset.
    package var drainedBytes = 256 * 1024

    /// Until the first byte, and for a whole head: a client that has something to say says it.
    package var head = TimeAmount.seconds(10)
    package var body = TimeAmount.seconds(10)
    /// Between requests: Prometheus asks every 15 to 60 s.
    package var idle = TimeAmount.seconds(60)
    /// Without a byte taken of an answer that is under way.
    package var stalled = TimeAmount.seconds(30)
    /// Until a client that was refused has read why.
    package var drain = TimeAmount.seconds(2)
    /// Between comments on a silent stream: proxies give up after 30 to 60 s, and only so do we see that one is gone.
    package var heartbeat = TimeAmount.seconds(15)

    package init() {}
}
