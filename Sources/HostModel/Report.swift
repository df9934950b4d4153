package import FoundationEssentials

/// One pass over this host, ready to print. `check`, `apply` and the daemon make the same one.
package struct Report: Hashable, Sendable {
    package var node: String
    package var time: Date
    /// Grows with every change of the report; a command that ends with its first report has 1.
    package var revision: Int
    package var configuration: ConfigurationState
    /// Sorted by id.
    package var settings: [SettingReport]
    package var fingerprints: Fingerprints

    package init(
        node: String, time: Date, revision: Int = 1, configuration: ConfigurationState, settings: [SettingReport],
        fingerprints: Fingerprints
    ) {
        self.node = node
        self.time = time
        self.revision = revision
        self.configuration = configuration
        self.settings = settings
        self.fingerprints = fingerprints
    }

    /// The worst state present.
    package var state: State { settings.map(\.state).max() ?? .inSync }

    /// Whether a command that ends with this report exits with 2.
    package var hasFault: Bool { settings.contains(where: \.isFault) }
}

extension Report {
    /// Of a single pass, in which nobody watched since when.
    package init(
        node: String, time: Date, configuration: ConfigurationState, assessed: [Assessed], fingerprints: Fingerprints
    ) {
        self.init(
            node: node, time: time, configuration: configuration, settings: assessed.map { SettingReport($0) },
            fingerprints: fingerprints)
    }
}

/// `sha256:…` of the merged configuration, and of what nodes of one kind should share.
package struct Fingerprints: Hashable, Sendable {
    package var configuration: String
    package var state: String

    package init(configuration: String, state: String) {
        self.configuration = configuration
        self.state = state
    }
}

/// Which configuration a report is about.
package struct ConfigurationState: Hashable, Sendable {
    package var files: [String]
    package var generation: Int
    /// Why the newest files are not the ones in force, if so.
    package var error: String?
    /// Whether `revert` asked to leave everything alone until the next `apply`.
    package var held: Bool
    /// Whether files changed since they were loaded.
    package var hasChanged: Bool
    /// Why nothing is written on the whole host, if so: "the mode is observe", "/etc/ais-hostd/disable exists".
    package var observing: String?

    package init(
        files: [String], generation: Int = 1, error: String? = nil, held: Bool = false, hasChanged: Bool = false,
        observing: String? = nil
    ) {
        self.files = files
        self.generation = generation
        self.error = error
        self.held = held
        self.hasChanged = hasChanged
        self.observing = observing
    }
}
