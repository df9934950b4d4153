import CLinux
package import HostModel

/// Asks by one transport, one question at a time.
package struct NetlinkClient {
    private let transport: any NetlinkTransport
    private var sequence: UInt32 = 0

    package init(_ transport: any NetlinkTransport) { self.transport = transport }

    /// The answers, without the acknowledgement. A refusal is an error with the kernel's own words.
    ///
    /// A list that was disturbed while it was made is asked for again: it may lack what was there all the time.
    package mutating func ask(
        _ request: NetlinkRequest, _ operation: String, _ subject: String
    ) throws(KernelError) -> [NetlinkMessage] {
        for _ in 0..<Self.attempts {
            sequence &+= 1
            try transport.send(request.encoded(sequence: sequence, port: transport.port))
            if let answers = try collect(request, operation, subject) { return answers }
        }
        throw KernelError(operation, subject, errno: .again, message: "disturbed in each of \(Self.attempts) attempts")
    }

    /// Nil where it is to be asked for again.
    private func collect(
        _ request: NetlinkRequest, _ operation: String, _ subject: String
    ) throws(KernelError) -> [NetlinkMessage]? {
        var answers: [NetlinkMessage] = []
        var isDisturbed = false
        while true {
            let datagram: [UInt8]
            do throws(KernelError) {
                datagram = try transport.receive()
            } catch let error where error.errno == .noBuffers && request.isList {
                return nil
            }
            let messages = try understood(operation, subject) { () throws(Malformed) in
                try NetlinkMessage.split(datagram[...])
            }
            // Others are late answers to an earlier question, or nobody's.
            for message in messages where message.sequence == sequence && message.port == transport.port {
                if message.flags & Int(NLM_F_DUMP_INTR) != 0 { isDisturbed = true }
                switch Int32(message.type) {
                case NLMSG_NOOP: continue
                case NLMSG_OVERRUN: throw KernelError(operation, subject, errno: .noBuffers)
                case NLMSG_ERROR, NLMSG_DONE:
                    let end = try understood(operation, subject) { () throws(Malformed) in
                        try Acknowledgement(message)
                    }
                    guard end.errno != nil else { return isDisturbed ? nil : answers }
                    throw KernelError(operation, subject, errno: end.errno, message: words(end, request))
                default: answers.append(message)
                }
            }
        }
    }

    /// `requested ring size exceeds maximum (rx)`
    private func words(_ end: Acknowledgement, _ request: NetlinkRequest) -> String? {
        var place = end.offset.map { request.attribute(at: $0) }
        if let missing = end.missing { place = "without attribute \(missing)" }
        guard let message = end.message else { return place }
        return place.map { "\(message) (\($0))" } ?? message
    }

    private static let attempts = 16
}

/// Reads what the kernel has answered; what can't be read is an error about the same subject.
func understood<Value>(
    _ operation: String, _ subject: String, _ body: () throws(Malformed) -> Value
) throws(KernelError) -> Value {
    do throws(Malformed) {
        return try body()
    } catch {
        throw KernelError(operation, subject, message: "the kernel's answer can't be read: \(error)")
    }
}
