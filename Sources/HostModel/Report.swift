package import FoundationEssentials

/// One pass over this host, ready to print. `check`, `apply` and the daemon make the same one.
package struct Report: Sendable {
    package var node: String
    package var time: Date
    /// Grows with every change of the report; a command that ends with its first report has 1.
    package var revision: Int
    package var configuration: ConfigurationState
    /// Sorted by id.
    package var settings: [Assessed]
    /// `sha256:…` of the merged configuration, and of what nodes of one kind should share.
    package var fingerprints: (configuration: String, state: String)

    package init(
        node: String, time: Date, revision: Int = 1, configuration: ConfigurationState, settings: [Assessed],
        fingerprints: (configuration: String, state: String)
    ) {
        self.node = node
        self.time = time
        self.revision = revision
        self.configuration = configuration
        self.settings = settings
        self.fingerprints = fingerprints
    }

    /// The worst state present.
    package var state: State { settings.map(\.outcome.state).max() ?? .inSync }

    /// Whether a command that ends with this report exits with 2.
    package var hasFault: Bool { settings.contains(where: \.isFault) }
}

/// Which configuration a report is about.
package struct ConfigurationState: Sendable {
    package var files: [String]
    package var generation: Int
    /// Why the newest files are not the ones in force, if so.
    package var error: String?
    /// Whether `revert` asked to leave everything alone until the next `apply`.
    package var held: Bool
    /// Whether files have changed since and are not loaded.
    package var hasChanged: Bool

    package init(
        files: [String], generation: Int = 1, error: String? = nil, held: Bool = false, hasChanged: Bool = false
    ) {
        self.files = files
        self.generation = generation
        self.error = error
        self.held = held
        self.hasChanged = hasChanged
    }
}
