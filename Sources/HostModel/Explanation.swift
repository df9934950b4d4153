package import FoundationEssentials

/// Everything known of one setting: who asked, who lost, who else sets it, what changing it takes.
package struct Explanation: Sendable {
    package var assessed: Assessed
    /// What other programs' files on this host say, in the order in which they are read.
    package var mentions: [Mention]
    /// Who sets it again after a reboot, where that is a question: "netplan (/etc/netplan/50-cloud-init.yaml:4)".
    package var keeper: String?
    /// Our own last write, as the ledger has it.
    package var lastWrite: LastWrite?

    package init(assessed: Assessed, mentions: [Mention], keeper: String? = nil, lastWrite: LastWrite?) {
        self.assessed = assessed
        self.mentions = mentions
        self.keeper = keeper
        self.lastWrite = lastWrite
    }
}

/// A line of another program's configuration that sets the same thing.
package struct Mention: Hashable, Sendable {
    package let origin: Origin
    package let value: String
    /// Whether it is read after ours, and so wins until our next pass.
    package let isLater: Bool

    package init(origin: Origin, value: String, isLater: Bool) {
        self.origin = origin
        self.value = value
        self.isLater = isLater
    }
}

/// What we wrote to a setting.
package struct LastWrite: Hashable, Sendable {
    package let value: String
    /// When the first write was made, by which kernel.
    package let firstTime: Date
    package let kernel: String

    package init(value: String, firstTime: Date, kernel: String) {
        self.value = value
        self.firstTime = firstTime
        self.kernel = kernel
    }
}
