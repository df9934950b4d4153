/// One refusal, with all that is needed to understand it: what was done to what, what was wanted, what was there.
///
/// Prints as `write /sys/block/sda/queue/nr_requests: wanted 4096, kernel holds 256 (EINVAL)`.
package struct KernelError: Error, Hashable, Sendable {
    /// The call, by its plain name: `open`, `read`, `write`, `rename`.
    package var operation: String
    /// A path or a link.
    package var subject: String
    package var wanted: String?
    package var got: String?
    /// Nil where the call succeeded and the result is wrong all the same.
    package var errno: Errno?
    /// What else is known, in words: the kernel's own message or ours.
    package var message: String?

    package init(
        _ operation: String, _ subject: String, wanted: String? = nil, got: String? = nil, errno: Errno? = nil,
        message: String? = nil
    ) {
        self.operation = operation
        self.subject = subject
        self.wanted = wanted
        self.got = got
        self.errno = errno
        self.message = message
    }
}

extension KernelError: CustomStringConvertible {
    package var description: String {
        var text = "\(operation) \(subject)"
        var parts: [String] = []
        if let wanted { parts.append("wanted \(wanted)") }
        if let got { parts.append("kernel holds \(got)") }
        if let message { parts.append(message) }
        if !parts.isEmpty { text += ": " + parts.joined(separator: ", ") }
        if let errno { text += " (\(errno))" }
        return text
    }
}

/// An error number of Linux, by its name in `errno(3)`.
package struct Errno: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    /// There is no such thing: ENOENT, ENXIO, ENODEV, ENOTDIR, EOPNOTSUPP.
    package var isAbsence: Bool { [.noEntry, .noAddress, .noDevice, .notDirectory, .notSupported].contains(self) }
    /// We may not: EPERM, EACCES.
    package var isRefusal: Bool { self == .notPermitted || self == .accessDenied }

    package static let notPermitted = Errno(rawValue: 1)
    package static let noEntry = Errno(rawValue: 2)
    package static let interrupted = Errno(rawValue: 4)
    package static let ioError = Errno(rawValue: 5)
    package static let noAddress = Errno(rawValue: 6)
    package static let again = Errno(rawValue: 11)
    package static let noMemory = Errno(rawValue: 12)
    package static let accessDenied = Errno(rawValue: 13)
    package static let busy = Errno(rawValue: 16)
    package static let exists = Errno(rawValue: 17)
    package static let noDevice = Errno(rawValue: 19)
    package static let notDirectory = Errno(rawValue: 20)
    package static let invalid = Errno(rawValue: 22)
    package static let noSpace = Errno(rawValue: 28)
    package static let readOnly = Errno(rawValue: 30)
    package static let range = Errno(rawValue: 34)
    package static let tooManyLinks = Errno(rawValue: 40)
    package static let notSupported = Errno(rawValue: 95)
    package static let addressInUse = Errno(rawValue: 98)
    package static let reset = Errno(rawValue: 104)
    package static let noBuffers = Errno(rawValue: 105)
    package static let timedOut = Errno(rawValue: 110)
    package static let connectionRefused = Errno(rawValue: 111)
    package static let canceled = Errno(rawValue: 125)

    private static let names: [Int32: String] = [
        1: "EPERM", 2: "ENOENT", 4: "EINTR", 5: "EIO", 6: "ENXIO", 7: "E2BIG", 9: "EBADF", 11: "EAGAIN", 12: "ENOMEM",
        13: "EACCES", 14: "EFAULT", 16: "EBUSY", 17: "EEXIST", 18: "EXDEV", 19: "ENODEV", 20: "ENOTDIR", 21: "EISDIR",
        22: "EINVAL", 23: "ENFILE", 24: "EMFILE", 25: "ENOTTY", 26: "ETXTBSY", 27: "EFBIG", 28: "ENOSPC", 30: "EROFS",
        34: "ERANGE", 36: "ENAMETOOLONG", 38: "ENOSYS", 39: "ENOTEMPTY", 40: "ELOOP", 61: "ENODATA", 75: "EOVERFLOW",
        95: "EOPNOTSUPP", 98: "EADDRINUSE", 104: "ECONNRESET", 105: "ENOBUFS", 110: "ETIMEDOUT", 111: "ECONNREFUSED",
        122: "EDQUOT",
        125: "ECANCELED",
    ]
}

extension Errno: CustomStringConvertible {
    package var description: String { Self.names[rawValue] ?? "errno \(rawValue)" }
}
