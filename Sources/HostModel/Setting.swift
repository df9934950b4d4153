/// Where in which file something was asked.
package struct Origin: Hashable, Sendable {
    package let file: String
    /// One-based, as are columns.
    package let line: Int
    package let column: Int

    package init(file: String, line: Int, column: Int = 1) {
        self.file = file
        self.line = line
        self.column = column
    }
}

extension Origin: CustomStringConvertible {
    /// `FILE:LINE`
    package var description: String { "\(file):\(line)" }
}

/// What is tuned in one go: one disk, one link; all sysctls together, since their order matters.
package struct Target: Hashable, Sendable {
    /// The name as it is now (`sda`), nil where the domain has no objects.
    package let name: String?
    /// What stays when names move: serial, PCI path. The ledger's key.
    package let identity: String
    /// Its folder in sysfs or procfs.
    package let path: String
    /// What the kernel numbers anew for each device: proof that the name still means this one.
    package let sequence: String?

    package init(name: String?, identity: String, path: String, sequence: String? = nil) {
        self.name = name
        self.identity = identity
        self.path = path
        self.sequence = sequence
    }
}

/// One value that this host should hold: what is asked, where, by whom, and what may be done about it.
package struct Setting: Hashable, Sendable {
    package let id: SettingID
    /// Nil where nothing on this host matches the rule.
    package let target: Target?
    package var requirement: Requirement
    package var mode: Mode
    package var disruption: Disruption
    package var required: Bool
    /// Whether it stays as it is when its line is dropped from the configuration.
    package var keepOnRemoval: Bool
    package var origin: Origin
    /// What earlier files asked of the same setting, in the order they were read.
    package var overridden: [Overridden]
    /// What is not here, where there is no target.
    package var awaiting: String?
    /// Why nothing of its kind can be here, where that is known: no waiting then.
    package var absence: String?
    /// What a person should know though nothing is wrong: "no effect since Linux 4.14".
    package var note: String?

    package init(
        id: SettingID, target: Target?, requirement: Requirement, mode: Mode = .apply, disruption: Disruption = .none,
        required: Bool = false, keepOnRemoval: Bool = false, origin: Origin, overridden: [Overridden] = [],
        awaiting: String? = nil, absence: String? = nil, note: String? = nil
    ) {
        self.id = id
        self.target = target
        self.requirement = requirement
        self.mode = mode
        self.disruption = disruption
        self.required = required
        self.keepOnRemoval = keepOnRemoval
        self.origin = origin
        self.overridden = overridden
        self.awaiting = awaiting
        self.absence = absence
        self.note = note
    }
}

extension Setting {
    /// Whether it puts back what nobody asks for any more.
    package var isRestoration: Bool {
        if case .original = requirement { true } else { false }
    }
}

/// A wish that lost to a later one.
package struct Overridden: Hashable, Sendable {
    package let requirement: String
    package let origin: Origin

    package init(requirement: String, origin: Origin) {
        self.requirement = requirement
        self.origin = origin
    }
}

/// A setting as it stands on this host.
package struct Assessed: Hashable, Sendable {
    package var setting: Setting
    /// What the kernel should hold, worked out with the device's bounds; the requirement in words where it can't be.
    package var desired: String
    package var outcome: Outcome
    /// The value found before our first write, where there was one.
    package var original: String?
    /// What files say, where something else is in effect still.
    package var configured: SettingValue?

    package init(setting: Setting, desired: String, outcome: Outcome, original: String? = nil) {
        self.setting = setting
        self.desired = desired
        self.outcome = outcome
        self.original = original
    }

    package var isFault: Bool { outcome.isFault(required: setting.required) }
}
