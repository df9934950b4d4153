package import FoundationEssentials
package import HostConfiguration
package import HostModel

/// One pass from files to report: configuration and inventory make settings, settings are assessed, and what may be is
/// corrected.
///
/// The only way to write to a host. A `check` stops before the writing, so that a dry run cannot differ from the real
/// one.
package struct Reconciler: Sendable {
    package var host: Host
    package var source: ConfigurationSource
    package var folders: ConfigurationFolders
    package var ledgerFile: LedgerFile
    /// Overrules the file-wide mode once.
    package var overrulingMode: Mode?
    /// Added to what the configuration allows.
    package var allowing: Set<Disruption> = []
    /// Which settings the command is about.
    package var isSelected: @Sendable (SettingID) -> Bool = { _ in true }
    /// Whether that leaves any out.
    package var isPartial = false
    /// Told of each write when its target is done: how the setting stands now, and what was there before.
    package var progress: @Sendable (Assessed, Attempt) -> Void = { _, _ in }

    package init(
        host: Host, source: ConfigurationSource = .standard, folders: ConfigurationFolders = ConfigurationFolders(),
        stateFolder: String
    ) {
        self.host = host
        self.source = source
        self.folders = folders
        self.ledgerFile = LedgerFile(folder: stateFolder)
    }

    /// What one pass found and did.
    package struct Pass: Sendable {
        package var inventory: Inventory
        package var time: Date
        /// Nil for `revert`, which reads no configuration.
        package var rules: Rules?
        package var policy: Policy
        /// Only what was selected.
        package var settings: [Assessed]
        package var attempts: [Attempt] = []
        /// What settings held when the pass began.
        package var before: [SettingID: SettingValue] = [:]
        /// What nobody asks for any more and somebody else has changed since: neither put back nor reported.
        package var leftAlone: [LeftAlone] = []
        package var isHeld: Bool
        /// Whether the ledger on the disk says what came of it.
        package var isLedgerSaved = true
        /// What was due and not written, since the originals could not be kept.
        var unwritten: Set<SettingID> = []
        /// Warnings of the configuration.
        package var problems: Problems
        /// What went wrong beside the settings themselves: a file that early boot reads.
        package var errors: [KernelError] = []
    }

    /// Something that we wrote once and that is somebody else's by now.
    package struct LeftAlone: Sendable {
        package var id: SettingID
        package var written: String
        package var original: String
    }

    /// Reads the configuration's files, and nothing of the kernel; others than the host's where they are given.
    package func load(
        from files: (any ReadableFiles)? = nil, problems: inout Problems
    ) throws(InvalidConfiguration) -> Rules {
        let configuration = loadConfiguration(
            source, folders: folders, domains: allDomains.map(\.name), plannedDomains: plannedDomains,
            files: files ?? host.files, problems: &problems)
        let rules = Rules(of: configuration, problems: &problems)
        guard !problems.hasErrors else { throw InvalidConfiguration(problems) }
        return rules
    }

    /// Compares. Reads only.
    package func check() throws -> Pass {
        let (pass, _, _) = try observe()
        return pass.without { $0.isGone }.selected(by: isSelected)
    }

    /// Compares, and tells what `apply` would write beyond what differs now: settings that a write of another one
    /// resets.
    package func plan() throws -> (pass: Pass, disturbed: [SettingID: String]) {
        let pass = try check()
        var disturbed: [SettingID: String] = [:]
        for principal in pass.settings where principal.isToWrite {
            guard let domain = allDomains.first(where: { $0.name == principal.setting.id.domain }) else { continue }
            for attribute in try domain.companions(of: principal.setting, on: host) {
                let id = principal.setting.companion(attribute).id
                disturbed[id] = principal.setting.id.attribute
            }
        }
        for assessed in pass.settings where assessed.isToWrite || assessed.setting.mode == .observe {
            disturbed[assessed.setting.id] = nil
        }
        return (pass, disturbed)
    }

    /// What `explain` finds under a name.
    package enum Finding: Sendable {
        case setting(Explanation)
        /// It is asked for, though not on this host: by these rules.
        case elsewhere([Rule])
        /// A rule matches it and does not take it; why.
        case leftOut(Rule, String)
        /// Nothing asks for it; what is asked for instead.
        case unknown([SettingID])
    }

    /// Everything known of one setting. A sysctl may be named without its domain.
    package func explain(_ name: String) throws -> Finding {
        let (pass, _, ledger) = try observe()
        let names = [name, "\(SysctlDomain().name)/\(name)"]
        guard let assessed = pass.settings.first(where: { names.contains($0.setting.id.description) }) else {
            let rules = (pass.rules?.rules ?? []).filter { rule in
                names.contains("\(rule.domain)/\(rule.attribute)") && !rule.options.conditions.hold(on: pass.inventory)
            }
            guard rules.isEmpty else { return .elsewhere(rules) }
            return leftOut(name, in: pass) ?? .unknown(pass.settings.map(\.setting.id))
        }
        let domain = allDomains.first { $0.name == assessed.setting.id.domain }
        let lastWrite = ledger[assessed.setting].flatMap { entry in
            entry.written.map { LastWrite(value: $0, firstTime: entry.time, kernel: entry.kernel) }
        }
        let mentions = domain?.mentions(of: [assessed.setting.id], on: host)[assessed.setting.id] ?? []
        return .setting(
            Explanation(
                assessed: assessed, mentions: mentions, keeper: domain?.keeper(of: assessed.setting, on: host),
                lastWrite: lastWrite))
    }

    private func leftOut(_ name: String, in pass: Pass) -> Finding? {
        for rule in pass.rules?.rules ?? []
        where name.hasPrefix("\(rule.domain)/") && name.hasSuffix("/\(rule.attribute)") {
            let object = name.dropFirst(rule.domain.count + 1).dropLast(rule.attribute.count + 1)
            let selection = allDomains.first { $0.name == rule.domain }?.select(rule, in: pass.inventory)
            if let reason = selection?.reason(toLeaveOut: object) { return .leftOut(rule, reason) }
        }
        return nil
    }

    /// Compares, writes what may be written, and compares again. The caller holds the lock (`lock()`).
    package func apply() throws -> Pass {
        var (pass, desire, ledger) = try observe()
        let saved = ledger
        if pass.inventory.observeOnly == nil, !isPartial { ledger.isHeld = false }
        try write(&pass, desire, ledger: &ledger, saved: saved, isSelected: isSelected)
        for domain in allDomains { warn(of: domain, in: &pass) }
        return pass.without { $0.isGone }.selected(by: isSelected)
    }

    /// The part of a pass that writes: to the kernel, to what early boot reads, and to the ledger, where that is not as
    /// it was `saved` last.
    func write(
        _ pass: inout Pass, _ desire: Desire, ledger: inout Ledger, saved: Ledger, isSelected: (SettingID) -> Bool
    ) throws(KernelError) {
        let correction = try correct(
            pass.settings, desire, isSelected: isSelected, on: host, kernel: pass.inventory.kernelRelease,
            ledger: &ledger, file: ledgerFile, progress: progress)
        pass.settings = correction.settings
        pass.attempts = correction.attempts
        pass.isHeld = ledger.isHeld
        for domain in allDomains {
            pass.collect(advice: "set now, but not at the next boot") { pass throws(KernelError) in
                try persist(pass, in: domain, isSelected: isSelected)
            }
        }
        let written = ledger
        guard written != saved || !pass.attempts.isEmpty else { return }
        let failures = pass.errors.count
        pass.collect { _ throws(KernelError) in try ledgerFile.save(written, to: host.files) }
        pass.isLedgerSaved = pass.errors.count == failures
    }

    /// Says which lines of other programs early boot reads after ours.
    func warn(of domain: any TuningDomain, in pass: inout Pass) {
        let persisted = ((try? domain.persisted(on: host)) ?? [:]).filter { isSelected($0.key) }
        guard !persisted.isEmpty else { return }
        let mentions = domain.mentions(of: Set(persisted.keys), on: host)
        for (id, value) in persisted.sorted(by: { $0.key < $1.key }) {
            guard let last = mentions[id]?.last(where: \.isLater),
                domain.value(last.value, of: id.attribute) != domain.value(value, of: id.attribute)
            else { continue }
            pass.problems.warn(
                "\(last.value) here is read after our \(value) at boot, and wins until the next apply",
                at: last.origin, key: id.description)
        }
    }

    /// What `revert` would put back. Reads only.
    package func planRevert() throws -> Pass {
        try observeOriginals().pass.without { $0.isGone }.selected(by: isSelected)
    }

    /// Puts back what was found before the first writes, removes what early boot would read, and holds until the next
    /// `apply`. Needs no configuration, so that a broken one can be left behind. The caller holds the lock.
    ///
    /// A disk that does not answer stays as it was in the `previous` inventory: it is here, and could not be put back.
    package func revert(previous: Inventory? = nil) throws -> Pass {
        var (pass, desire, ledger) = try observeOriginals(previous: previous)
        if let reason = pass.inventory.observeOnly {
            throw KernelError("revert", pass.inventory.hostname, message: "nothing may be written: \(reason)")
        }
        if !isVoid(pass.settings) { ledger.isHeld = true }
        let correction = try correct(
            pass.settings, desire, isSelected: isSelected, on: host, kernel: pass.inventory.kernelRelease,
            ledger: &ledger, file: ledgerFile, progress: progress)
        pass.settings = correction.settings
        pass.attempts = correction.attempts
        pass.isHeld = ledger.isHeld
        for domain in allDomains {
            pass.collect { _ throws(KernelError) in
                try domain.persist(try domain.persisted(on: host).filter { !isSelected($0.key) }, on: host)
            }
        }
        pass.collect { _ throws(KernelError) in try ledgerFile.save(ledger, to: host.files) }
        return pass.without { $0.isGone && ledger[$0.setting] == nil }.selected(by: isSelected)
    }

    /// As `observe`, with the ledger in the place of the configuration.
    private func observeOriginals(
        previous: Inventory? = nil
    ) throws -> (pass: Pass, desire: Desire, ledger: Ledger) {
        let inventory = try takeInventory(of: host, previous: previous)
        let ledger = try readLedger()
        let policy = Policy(allow: Policy().allow.union(allowing))
        let desire = reversal(of: ledger, on: inventory, policy: policy)
        let settings = assess(
            desire.settings, allowing: desire.allowed(for:), on: host, kernel: inventory.kernelRelease, ledger: ledger)
        let pass = Pass(
            inventory: inventory, time: host.now(), policy: policy, settings: settings, before: settings.values,
            isHeld: ledger.isHeld, problems: Problems(), errors: inventory.problems)
        return (pass, desire, ledger)
    }

    /// Whether the command is about nothing that there is: a slip of the pen must not hold the host, nor let it go.
    func isVoid(_ settings: [Assessed]) -> Bool {
        isPartial && !settings.contains { isSelected($0.setting.id) }
    }

    /// The single writer's lock, on the state folder.
    package func lock() throws(KernelError) -> HeldLock {
        try host.files.createFolder(ledgerFile.folder, permissions: 0o755)
        return try host.files.lock(ledgerFile.folder)
    }

    private func observe() throws -> (Pass, Desire, Ledger) {
        var problems = Problems()
        let rules = try load(problems: &problems)
        let ledger = try ledgerFile.load(from: host.files, ifPermitted: host.userID != 0)
        let (pass, desire) = try observe(Memory(rules: rules, ledger: ledger), problems: problems)
        return (pass, desire, ledger)
    }

    /// What a pass starts from; of what one found before, only what is `isStale` is read again.
    struct Memory: Sendable {
        var rules: Rules
        var ledger: Ledger
        var inventory: Inventory?
        var assessed: [SettingID: Assessed] = [:]
        var isStale: @Sendable (Assessed) -> Bool = { _ in true }
        /// Whether a link carries nothing yet: at boot, or since it has just appeared.
        var isIdle: @Sendable (Target) -> Bool = { _ in false }

        init(rules: Rules, ledger: Ledger) {
            self.rules = rules
            self.ledger = ledger
        }
    }

    func observe(_ memory: Memory, problems: Problems = Problems()) throws -> (Pass, Desire) {
        var problems = problems
        let ledger = memory.ledger
        let inventory = try self.inventory(for: memory.rules, ledger, previous: memory.inventory)
        var wanted = desire(
            memory.rules, on: inventory, ledger: ledger, overrulingMode: overrulingMode, problems: &problems)
        guard !problems.hasErrors else { throw InvalidConfiguration(problems) }
        wanted.policy.allow.formUnion(allowing)
        wanted.idle = idle(wanted, memory, on: inventory)
        // What is new, asked for in another way or of another device is read in any case.
        let known = wanted.settings.map { setting in
            memory.assessed[setting.id].flatMap { $0.setting == setting && !memory.isStale($0) ? $0 : nil }
        }
        let unknown = zip(wanted.settings, known).compactMap { $1 == nil ? $0 : nil }
        var settings = assess(
            unknown, allowing: wanted.allowed(for:), on: host, kernel: inventory.kernelRelease, ledger: ledger)
        let remembered = known.compactMap(\.self)
        if !remembered.isEmpty { settings = (settings + remembered).sorted { $0.setting.id < $1.setting.id } }
        var pass = Pass(
            inventory: inventory, time: host.now(), rules: memory.rules, policy: wanted.policy, settings: settings,
            isHeld: ledger.isHeld, problems: problems, errors: inventory.problems)
        pass.before = settings.values
        let assessed = Set(settings.map(\.setting.id))
        pass.leftAlone = wanted.settings.filter { !assessed.contains($0.id) && isSelected($0.id) }.compactMap {
            setting in
            ledger[setting].map { LeftAlone(id: setting.id, written: $0.written ?? "", original: $0.original) }
        }
        return (pass, wanted)
    }

    /// The links that may be dropped now though the policy does not say so.
    private func idle(_ wanted: Desire, _ memory: Memory, on inventory: Inventory) -> Set<Target> {
        guard !wanted.policy.allow.contains(.linkFlap) else { return [] }
        let idle = inventory.links.filter { $0.protection == nil && memory.isIdle($0.target) }.map(\.target)
        guard !idle.isEmpty else { return [] }
        // Containers come all the time, and nobody asks for anything of their links.
        let asked = Set(wanted.settings.filter { $0.disruption == .linkFlap }.compactMap(\.target))
        guard idle.contains(where: asked.contains) else { return [] }
        let busy = carriersOfConnections(inventory.links.map(\.link), on: host)
        return Set(idle.filter { $0.linkIndex.map { !busy.contains($0) } ?? false })
    }

    /// Looks at what the domains need that are asked for something, or have something to put back.
    func inventory(for rules: Rules, _ ledger: Ledger, previous: Inventory?) throws(KernelError) -> Inventory {
        let names = Set(rules.rules.map(\.domain) + ledger.entries.keys.map(\.domain))
        let needs = allDomains.filter { names.contains($0.name) }.reduce(into: Set()) { $0.formUnion($1.needs) }
        return try HostTuning.takeInventory(of: host, needing: needs, previous: previous)
    }

    private func readLedger() throws(KernelError) -> Ledger { try ledgerFile.load(from: host.files) }

    /// Writes what the distribution applies at early boot, for settings that hold or will once their module is here.
    /// Lines of settings that the command is not about, or that are only observed, stay as they are.
    private func persist(
        _ pass: Pass, in domain: any TuningDomain, isSelected: (SettingID) -> Bool
    ) throws(KernelError) {
        let own = pass.settings.filter { $0.setting.id.domain == domain.name }
        let mode = pass.policy.domainModes[domain.name] ?? pass.policy.mode
        let isObserved = pass.inventory.observeOnly != nil || mode == .observe
        guard !isObserved || own.contains(where: { $0.setting.mode != .observe }) else { return }
        let old = try domain.persisted(on: host)
        var new = old.filter { !isSelected($0.key) }
        for assessed in own where isSelected(assessed.setting.id) {
            let id = assessed.setting.id
            if assessed.setting.mode == .observe {
                new[id] = old[id]
            } else if !assessed.setting.isRestoration, assessed.isLasting || old[id] == assessed.desired {
                new[id] = assessed.desired
            }
        }
        try domain.persist(new, on: host)
    }
}

extension Reconciler.Pass {
    /// Nothing could be written, since the originals could not be kept first.
    mutating func fail(_ error: any Error, _ isSelected: (SettingID) -> Bool) {
        let error = error as? KernelError ?? KernelError("write", "the ledger", message: "\(error)")
        for index in settings.indices where settings[index].isToWrite && isSelected(settings[index].setting.id) {
            settings[index].outcome = .failed(held: settings[index].outcome.held, error)
            unwritten.insert(settings[index].setting.id)
        }
        errors.append(error)
    }

    func selected(by isSelected: (SettingID) -> Bool) -> Self { without { !isSelected($0.setting.id) } }

    func without(_ isLeftOut: (Assessed) -> Bool) -> Self {
        var pass = self
        pass.settings.removeAll(where: isLeftOut)
        return pass
    }

    /// After the writing nothing may keep the rest from being done, nor the report from being told.
    fileprivate mutating func collect(advice: String? = nil, _ work: (Self) throws(KernelError) -> Void) {
        do throws(KernelError) { try work(self) } catch {
            var error = error
            error.message = [error.message, advice].compactMap(\.self).joined(separator: ", ")
            if error.message?.isEmpty == true { error.message = nil }
            errors.append(error)
        }
    }
}

extension [Assessed] {
    fileprivate var values: [SettingID: SettingValue] {
        Dictionary(compactMap { result in result.outcome.held.map { (result.setting.id, $0) } }) { first, _ in first }
    }
}

extension Assessed {
    /// Something to put back that is not there now; nobody asks for it.
    var isGone: Bool { setting.isRestoration && outcome.state == .unsupported }

    /// Whether early boot should set it too.
    fileprivate var isLasting: Bool {
        [.inSync, .adjusted].contains(outcome.state) || outcome.pendingOn == .module
    }
}
