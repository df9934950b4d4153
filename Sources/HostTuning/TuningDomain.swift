package import HostConfiguration
package import HostModel

/// One kind of thing that is tuned. A folder under Domains holds all that is particular to it; nothing outside asks
/// which it is.
///
/// Decoding and selecting are pure; `read` never writes; only `apply` does.
package protocol TuningDomain: Sendable {
    /// The contract's word: the key in the configuration, the label in the metrics, the first part of every id.
    var name: String { get }

    /// Decodes its section. Every problem goes to `problems`, with the place; the rest is decoded all the same.
    func rules(of section: Section, conditions: [Condition], problems: inout Problems) -> [Rule]

    /// What it wants to know of the host beyond what every pass finds out.
    var needs: Set<Inventory.Part> { get }

    /// Everything of its kind on this host, claimed or not.
    func targets(in inventory: Inventory) -> [Target]

    /// The one that the ledger knows by this identity, where rules name what no inventory lists.
    func target(of identity: String) -> Target?

    /// Those that a rule takes, and why it leaves out others that match.
    func select(_ rule: Rule, in inventory: Inventory) -> Selection

    func disruption(of attribute: String) -> Disruption

    /// The same for one target, where it makes a difference what that is and how it stands.
    func disruption(of attribute: String, on target: Target?, in inventory: Inventory) -> Disruption

    /// Whether an event may have changed what this setting holds, or whether it is there at all.
    func isStale(_ assessed: Assessed, after event: HostEvent) -> Bool

    /// What a person should know of an attribute on this kernel though nothing is wrong with it.
    func note(on attribute: String, in inventory: Inventory) -> String?

    /// The guard-rails: refuses values that would hurt this host, warns of those that may. `forced` ones are only told
    /// of.
    func review(_ settings: [Setting], forced: Set<SettingID>, on inventory: Inventory, problems: inout Problems)

    /// The kernel's text as a value of this attribute.
    func value(_ text: String, of attribute: String) -> SettingValue

    /// What the kernel holds now. May read more (bounds) when that is not what is required.
    func read(_ setting: Setting, on host: Host) -> Reading

    /// Throws where a target's name means another device by now. What was read of it before was read of this one then.
    func checkIsSame(_ target: Target, on host: Host) throws(KernelError)

    /// Attributes of the same target that the kernel changes by itself when this one is written.
    func companions(of setting: Setting, on host: Host) throws(KernelError) -> [String]

    /// The attribute of the same target that can't hold a value of its own beside this one: the one is not put back
    /// while the other is asked for.
    func rival(of attribute: String) -> String?

    /// In which order targets are worked on, where one must be ready for another.
    func ordered(_ targets: [Target], for settings: [Setting], on host: Host) -> [Target]

    /// Makes it so, for all settings of one target together, in the order that the kernel needs; each is read before it
    /// is written, and what holds already is not written. One refusal does not keep the others from being tried.
    func apply(_ settings: [Setting], to target: Target, on host: Host) -> [Attempt]

    /// How long that may take, where it is longer by its nature than any device may.
    var patience: Duration? { get }

    /// Whether a driver that takes a wish and says nothing may make this of it, however far it is from the wish.
    func mayRound(_ wanted: SettingValue, to held: SettingValue, of attribute: String) -> Bool

    /// What the file that early boot reads says of our settings, in the kernel's text; empty where there is no such
    /// file.
    func persisted(on host: Host) throws(KernelError) -> [SettingID: String]

    /// Makes that file say this and nothing else; removes it where there is nothing to say. Writes nothing where it
    /// says so already.
    func persist(_ values: [SettingID: String], on host: Host) throws(KernelError)

    /// Whether not everybody may read what the kernel holds: our own files must not tell it either.
    func isSecret(_ attribute: String, in files: any Files) -> Bool

    /// Whether what the daemon tells others than root (its socket, the journal) leaves out the value. What is away is
    /// judged by its name: most of it is no secret, and a report that hides it tells nothing.
    func isHidden(_ attribute: String, in files: any Files) -> Bool

    /// Who sets it again after a reboot, where that is a question: for `explain`.
    func keeper(of setting: Setting, on host: Host) -> String?

    /// Where else on this host the same things are set, in the order in which the last one wins at boot.
    func mentions(of ids: Set<SettingID>, on host: Host) -> [SettingID: [Mention]]
}

/// What many kinds of things do not have.
extension TuningDomain {
    package var needs: Set<Inventory.Part> { [] }

    package var patience: Duration? { nil }

    package func target(of identity: String) -> Target? { nil }

    package func disruption(of attribute: String, on target: Target?, in inventory: Inventory) -> Disruption {
        disruption(of: attribute)
    }

    package func ordered(_ targets: [Target], for settings: [Setting], on host: Host) -> [Target] { targets }

    package func isStale(_ assessed: Assessed, after event: HostEvent) -> Bool { false }

    package func checkIsSame(_ target: Target, on host: Host) throws(KernelError) {}

    package func note(on attribute: String, in inventory: Inventory) -> String? { nil }

    package func review(
        _ settings: [Setting], forced: Set<SettingID>, on inventory: Inventory, problems: inout Problems
    ) {}

    package func companions(of setting: Setting, on host: Host) throws(KernelError) -> [String] { [] }

    package func rival(of attribute: String) -> String? { nil }

    package func mayRound(_ wanted: SettingValue, to held: SettingValue, of attribute: String) -> Bool { false }

    package func persisted(on host: Host) throws(KernelError) -> [SettingID: String] { [:] }

    package func persist(_ values: [SettingID: String], on host: Host) throws(KernelError) {}

    package func isSecret(_ attribute: String, in files: any Files) -> Bool { false }

    package func isHidden(_ attribute: String, in files: any Files) -> Bool { isSecret(attribute, in: files) }

    package func keeper(of setting: Setting, on host: Host) -> String? { nil }

    package func mentions(of ids: Set<SettingID>, on host: Host) -> [SettingID: [Mention]] { [:] }
}

/// The targets that a rule takes.
package struct Selection: Sendable {
    package var targets: [Target]
    /// "sda holds /"
    package var leftOut: [String]
    /// What stands for the objects in the id where there is no target; the rule's match without it.
    package var name: String?
    /// Why this host can have none of its kind, where that is known.
    package var absence: String?

    package init(targets: [Target], leftOut: [String] = [], name: String? = nil, absence: String? = nil) {
        self.targets = targets
        self.leftOut = leftOut
        self.name = name
        self.absence = absence
    }
}

extension Selection {
    /// "sda holds /, which takes `include: [root]`"
    mutating func leaveOut(_ name: String, for claims: [Claim]) {
        let reasons = claims.map(\.reason).joined(separator: " and ")
        let roles = Claim.Role.allCases.filter { role in claims.contains { $0.role == role } }.map(\.rawValue)
        leftOut.append("\(name) \(reasons), which takes `include: [\(roles.joined(separator: ", "))]`")
    }

    /// What `leaveOut` said of this one.
    func reason(toLeaveOut name: some StringProtocol) -> String? { leftOut.first { $0.hasPrefix("\(name) ") } }
}
