/// What may be done about a difference.
package enum Mode: String, CaseIterable, Sendable, Codable {
    /// Never writes.
    case observe
    /// Writes at start, on a configuration change and on hot-plug; reports later drift.
    case apply
    /// Also writes again when something drifts.
    case enforce
}

/// What a change does to the host while it is made.
package enum Disruption: String, CaseIterable, Sendable, Codable {
    case none
    /// A queue is frozen for a moment.
    case ioStall = "io-stall"
    case linkFlap = "link-flap"
    case serviceRestart = "service-restart"
    case remount
    case reboot
}
