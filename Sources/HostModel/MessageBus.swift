/// The service manager, and other services of the system bus.
package protocol MessageBus: Sendable {
    /// All that an object says of itself. `org.freedesktop.DBus.Properties.GetAll`
    ///
    /// Of a unit that does not exist systemd answers too: with a `LoadState` of `not-found`.
    func properties(of object: BusObject) throws(KernelError) -> [String: BusValue]
    /// Reads the unit files anew. `systemctl daemon-reload`
    func reload() throws(KernelError)
    /// Starts, stops or restarts a unit and waits for the end of that: ETIMEDOUT, or an error with systemd's word for
    /// what became of it (`failed`, `canceled`, `dependency`).
    func perform(_ job: UnitJob, of unit: String, within timeout: Duration) throws(KernelError)
    /// `systemctl enable`, `disable`, `mask`, `unmask`; a `reload` is due afterwards.
    func change(_ change: UnitFileChange, of units: [String]) throws(KernelError)
    /// Runs a program as a unit of its own, outside of our sandbox; what it prints goes to the journal.
    ///
    /// Waits for its end, and throws with its exit code where that is not 0; `EEXIST` where it runs already.
    func run(_ command: TransientCommand) throws(KernelError)
}

/// An object on the bus.
package struct BusObject: Hashable, Sendable {
    package var service: String
    package var path: String

    package init(service: String, path: String) {
        self.service = service
        self.path = path
    }

    /// systemd itself: `DefaultLimitNOFILE` and the like. org.freedesktop.systemd1(5)
    package static let manager = BusObject(service: "org.freedesktop.systemd1", path: "/org/freedesktop/systemd1")

    /// A unit by its name, with the properties of its kind: `LoadState`, `MainPID`, `LimitNOFILE`.
    package static func unit(_ name: String) -> BusObject {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8)
        var label = ""
        for (index, byte) in name.utf8.enumerated() {
            // As sd_bus_path_encode(3): a digit at the beginning is escaped too.
            let isDigit = (0x30...0x39).contains(byte)
            if plain.contains(byte), !(index == 0 && isDigit) {
                label.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                label += "_" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return BusObject(service: manager.service, path: "\(manager.path)/unit/\(label.isEmpty ? "_" : label)")
    }
}

/// A value from the bus; what is made of several (arrays, structures, pairs of a dictionary) is a list.
package enum BusValue: Hashable, Sendable {
    case text(String)
    case number(Int128)
    case flag(Bool)
    case list([BusValue])
}

extension BusValue {
    package var text: String? { if case .text(let text) = self { text } else { nil } }
    package var number: Int128? { if case .number(let number) = self { number } else { nil } }
    package var flag: Bool? { if case .flag(let flag) = self { flag } else { nil } }
    package var list: [BusValue]? { if case .list(let list) = self { list } else { nil } }
    /// A list of texts alone.
    package var texts: [String]? { list?.compactMap(\.text) }
}

package enum UnitJob: String, Hashable, Sendable { case start, stop, restart }

package enum UnitFileChange: String, Hashable, Sendable { case enable, disable, mask, unmask }

/// A program to be run as `Type=oneshot`, for what can't be done but by the distribution's own tool.
package struct TransientCommand: Hashable, Sendable {
    /// `ais-hostd-update-grub.service`; also what the journal has its output under.
    package var unit: String
    /// The program by its whole path, and its arguments.
    package var arguments: [String]
    package var environment: [String]
    /// It is killed then.
    package var timeout: Duration
    /// Units that it waits for where they are starting: `multi-user.target` is the end of the boot.
    package var after: [String]
    /// Whether its end is waited for; else it only has been handed over.
    package var isAwaited: Bool

    package init(
        unit: String, arguments: [String], environment: [String] = [], timeout: Duration, after: [String] = [],
        isAwaited: Bool = true
    ) {
        self.unit = unit
        self.arguments = arguments
        self.environment = environment
        self.timeout = timeout
        self.after = after
        self.isAwaited = isAwaited
    }
}
