import CLinux
import Glibc
import HostModel

/// One connection of sd-bus(3), closed at the end of its life.
final class BusConnection {
    private let bus: OpaquePointer
    private let service: String

    init(to service: String) throws(KernelError) {
        self.service = service
        let isManager = service == BusObject.manager.service && geteuid() == 0
        var made: OpaquePointer?
        let result = isManager ? clinux_sd_bus_open_manager(&made) : clinux_sd_bus_open_system(&made)
        guard result >= 0, let made else {
            throw KernelError("connect", isManager ? "/run/systemd/private" : "the system bus", errno: error(result))
        }
        bus = made
    }

    deinit { clinux_sd_bus_close(bus) }

    func newCall(_ object: BusObject, _ interface: String, _ member: String) throws(KernelError) -> BusMessage {
        var message: OpaquePointer?
        let result = clinux_sd_bus_new_call(bus, &message, object.service, object.path, interface, member)
        guard result >= 0, let message else { throw KernelError(member, object.path, errno: error(result)) }
        return BusMessage(message, member)
    }

    @discardableResult
    func send(_ call: BusMessage, _ subject: String, within timeout: Duration) throws(KernelError) -> BusMessage {
        var reply: OpaquePointer?
        var told: UnsafeMutablePointer<CChar>?
        defer { free(told) }
        let result = clinux_sd_bus_call(bus, call.message, microseconds(timeout), &told, &reply)
        guard result >= 0, let reply else {
            throw KernelError(
                call.member, subject, errno: error(result), message: told.map { String(cString: $0) })
        }
        return BusMessage(reply, call.member)
    }

    /// From now on signals of the manager arrive.
    func subscribe() throws(KernelError) {
        try send(
            newCall(.manager, "org.freedesktop.systemd1.Manager", "Subscribe"), "systemd", within: .seconds(10))
    }

    /// Waits for the end of a job; `job` is its path.
    func wait(
        for job: String?, _ operation: String, _ unit: String, within timeout: Duration
    ) throws(KernelError) {
        let end = monotonicNow() + timeout
        while true {
            var message: OpaquePointer?
            let result = clinux_sd_bus_process(bus, &message)
            guard result >= 0 else { throw KernelError(operation, unit, errno: error(result)) }
            if let message {
                let signal = BusMessage(message, "JobRemoved")
                // Number, path, unit, result.
                if clinux_sd_bus_message_is_signal(message, "org.freedesktop.systemd1.Manager", "JobRemoved") > 0,
                    try signal.value() != nil, try signal.value()?.text == job, try signal.value() != nil
                {
                    let word = try signal.value()?.text
                    guard word == "done" else {
                        throw KernelError(operation, unit, wanted: "done", message: "systemd says \(word ?? "nothing")")
                    }
                    return
                }
            }
            guard result == 0 else { continue }
            let left = end - monotonicNow()
            guard left > .zero else {
                throw KernelError(operation, unit, errno: .timedOut, message: "not done within \(timeout)")
            }
            let waited = clinux_sd_bus_wait(bus, microseconds(left))
            guard waited >= 0 || waited == -EINTR else { throw KernelError(operation, unit, errno: error(waited)) }
        }
    }
}

/// A message, freed at the end of its life.
final class BusMessage {
    fileprivate let message: OpaquePointer
    /// What errors name.
    fileprivate let member: String

    fileprivate init(_ message: OpaquePointer, _ member: String) {
        self.message = message
        self.member = member
    }

    deinit { clinux_sd_bus_message_unref(message) }

    private func check(_ result: Int32) throws(KernelError) {
        guard result >= 0 else { throw KernelError(member, "the bus", errno: error(result)) }
    }

    private func append(_ type: UInt8, _ value: UnsafeRawPointer) throws(KernelError) {
        try check(clinux_sd_bus_message_append(message, CChar(type), value))
    }

    func append(_ text: String) throws(KernelError) {
        guard !text.utf8.contains(0) else { throw KernelError(member, "the bus", errno: .invalid) }
        let result = text.withCString { clinux_sd_bus_message_append(message, CChar(UInt8(ascii: "s")), $0) }
        try check(result)
    }

    func append(_ texts: [String]) throws(KernelError) {
        try open("a", "s")
        for text in texts { try append(text) }
        try close()
    }

    func append(_ number: UInt64) throws(KernelError) {
        var number = number
        try append(UInt8(ascii: "t"), &number)
    }

    func append(_ flag: Bool) throws(KernelError) {
        var number: Int32 = flag ? 1 : 0
        try append(UInt8(ascii: "b"), &number)
    }

    /// `a` an array, `r` a structure, `v` a variant.
    func open(_ type: Unicode.Scalar, _ contents: String) throws(KernelError) {
        try check(clinux_sd_bus_message_open(message, CChar(truncatingIfNeeded: type.value), contents))
    }

    func close() throws(KernelError) { try check(clinux_sd_bus_message_close(message)) }

    /// One of `a(sv)`.
    func property(
        _ name: String, _ type: String, _ value: (BusMessage) throws(KernelError) -> Void
    ) throws(KernelError) {
        try open("r", "sv")
        try append(name)
        try open("v", type)
        try value(self)
        try close()
        try close()
    }

    /// The next value; nil at the end.
    func value() throws(KernelError) -> BusValue? {
        var type = CChar(0)
        var contents: UnsafePointer<CChar>?
        let result = clinux_sd_bus_message_peek(message, &type, &contents)
        try check(result)
        guard result > 0 else { return nil }
        switch UInt8(bitPattern: type) {
        case UInt8(ascii: "s"), UInt8(ascii: "o"), UInt8(ascii: "g"):
            var text: UnsafePointer<CChar>?
            try check(clinux_sd_bus_message_read(message, type, &text))
            return .text(text.map { String(cString: $0) } ?? "")
        case UInt8(ascii: "b"): return .flag(try number(type, Int32(0)) != 0)
        case UInt8(ascii: "y"): return .number(try number(type, UInt8(0)))
        case UInt8(ascii: "n"): return .number(try number(type, Int16(0)))
        case UInt8(ascii: "q"): return .number(try number(type, UInt16(0)))
        case UInt8(ascii: "i"), UInt8(ascii: "h"): return .number(try number(type, Int32(0)))
        case UInt8(ascii: "u"): return .number(try number(type, UInt32(0)))
        case UInt8(ascii: "x"): return .number(try number(type, Int64(0)))
        case UInt8(ascii: "t"): return .number(try number(type, UInt64(0)))
        case UInt8(ascii: "d"):
            var value = 0.0
            try check(clinux_sd_bus_message_read(message, type, &value))
            return .text("\(value)")
        default:
            try check(clinux_sd_bus_message_enter(message, type, contents))
            var values: [BusValue] = []
            while let value = try value() { values.append(value) }
            try check(clinux_sd_bus_message_exit(message))
            let isVariant = UInt8(bitPattern: type) == UInt8(ascii: "v")
            return isVariant ? values.first : .list(values)
        }
    }

    private func number<Value: FixedWidthInteger>(_ type: CChar, _ zero: Value) throws(KernelError) -> Int128 {
        var value = zero
        try check(clinux_sd_bus_message_read(message, type, &value))
        return Int128(value)
    }
}

func microseconds(_ duration: Duration) -> UInt64 { UInt64(clamping: Int64(duration / .microseconds(1))) }

/// Their way to fail: a negative error number.
private func error(_ result: Int32) -> Errno { Errno(rawValue: -result) }
