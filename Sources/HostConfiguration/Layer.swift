package import HostModel

/// The part of one file that belongs to one domain, not read further yet: only the domain knows what it means.
package struct Section: Sendable {
    package let domain: String
    /// Of the domain's key.
    package let origin: Origin
    package let node: Node
}

/// One file, with what it says of the whole host. A later layer wins over an earlier one.
package struct Layer: Sendable {
    package let file: String
    package let isProfile: Bool
    /// All must hold, or the layer is not there: the file's own, and of those files that name the profile.
    package internal(set) var conditions: [Condition] = []
    package internal(set) var mode: Mode?
    package internal(set) var domainModes: [String: Mode] = [:]
    package internal(set) var allow: Set<Disruption>?
    /// Seconds.
    package internal(set) var interval: Int?
    package internal(set) var sections: [Section] = []

    init(file: String, isProfile: Bool) {
        self.file = file
        self.isProfile = isProfile
    }

    package func holds(on inventory: Inventory) -> Bool { conditions.hold(on: inventory) }
}

/// All files in the order in which they win: profiles, then the administrator's.
package struct Configuration: Sendable {
    package let layers: [Layer]

    package var files: [String] { layers.map(\.file) }

    /// What holds for the whole host, where no rule says otherwise: of each, the last word of the layers that count
    /// here.
    package func effectivePolicy(on inventory: Inventory) -> Policy {
        var policy = Policy()
        for layer in layers where layer.holds(on: inventory) {
            policy.mode = layer.mode ?? policy.mode
            policy.domainModes.merge(layer.domainModes) { $1 }
            policy.allow = layer.allow ?? policy.allow
            policy.interval = layer.interval ?? policy.interval
        }
        return policy
    }
}

/// What the daemon may do by itself on this host.
package struct Policy: Hashable, Sendable {
    package var mode: Mode
    /// Nearer than `mode`: a later file's word for the whole host does not change them.
    package var domainModes: [String: Mode]
    package var allow: Set<Disruption>
    /// Seconds between two full passes.
    package var interval: Int

    package init(
        mode: Mode = .apply, domainModes: [String: Mode] = [:], allow: Set<Disruption> = [.ioStall], interval: Int = 60
    ) {
        self.mode = mode
        self.domainModes = domainModes
        self.allow = allow
        self.interval = interval
    }
}
