/// The states of a setting, worst last. The words are the contract's.
package enum State: String, CaseIterable, Sendable, Comparable {
    case inSync, adjusted, unsupported, unknown, pending, drifted, contested, failed

    package static func < (left: Self, right: Self) -> Bool { left.severity < right.severity }

    private var severity: Int { Self.allCases.firstIndex(of: self) ?? Self.allCases.count }

    /// Whether it makes `check` exit with 2.
    package func isFault(pendingOn: Pending?, required: Bool) -> Bool {
        switch self {
        case .inSync, .adjusted, .unknown: false
        case .unsupported: required
        case .pending: required || pendingOn?.isAbsence != true
        case .drifted, .contested, .failed: true
        }
    }
}

/// What a `pending` setting waits for.
package enum Pending: String, Sendable, CaseIterable {
    /// Nothing here to tune yet.
    case module, device
    /// The disruption that it takes was not allowed, or is never done by the daemon itself.
    case reboot, remount, restart, permission

    /// Whether it waits for something to appear, which is no fault of the host.
    package var isAbsence: Bool { self == .module || self == .device }
}

/// How one setting stands, with the values that prove it.
package enum Outcome: Hashable, Sendable {
    case inSync(held: SettingValue)
    /// Asked, answered with success, and a nearby value is held. The text names the bound.
    case adjusted(held: SettingValue, String)
    case unsupported(String)
    case unknown(KernelError)
    case pending(Pending, held: SettingValue?, String)
    case drifted(held: SettingValue)
    /// Something else keeps changing it back. The text says how often.
    case contested(held: SettingValue, String)
    case failed(held: SettingValue?, KernelError)

    package var state: State {
        switch self {
        case .inSync: .inSync
        case .adjusted: .adjusted
        case .unsupported: .unsupported
        case .unknown: .unknown
        case .pending: .pending
        case .drifted: .drifted
        case .contested: .contested
        case .failed: .failed
        }
    }

    package var held: SettingValue? {
        switch self {
        case .inSync(let held), .adjusted(let held, _), .drifted(let held), .contested(let held, _): held
        case .pending(_, let held, _), .failed(let held, _): held
        case .unsupported, .unknown: nil
        }
    }

    package var pendingOn: Pending? {
        if case .pending(let pending, _, _) = self { pending } else { nil }
    }

    package var detail: String? {
        switch self {
        case .inSync, .drifted: nil
        case .adjusted(_, let text), .unsupported(let text), .pending(_, _, let text), .contested(_, let text): text
        case .unknown(let error), .failed(_, let error): error.description
        }
    }

    /// Whether it makes `check` exit with 2. A required setting also fails where there is no knob for it.
    package func isFault(required: Bool) -> Bool { state.isFault(pendingOn: pendingOn, required: required) }
}
