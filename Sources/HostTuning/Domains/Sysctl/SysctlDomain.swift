package import HostConfiguration
package import HostModel

/// Kernel parameters under /proc/sys. All are one target, since their order matters. (Documentation/admin-guide/sysctl)
package struct SysctlDomain: TuningDomain {
    package let name = "sysctl"

    private static let target = Target(name: nil, identity: "sysctl", path: "/proc/sys")

    package init() {}

    package func rules(of section: Section, conditions: [Condition], problems: inout Problems) -> [Rule] {
        guard let entries = section.node.entries(name, &problems) else { return [] }
        var seen: [String: Origin] = [:]
        return entries.compactMap { entry in
            let key = "sysctl.\(entry.name)"
            let parsed: SysctlKey
            switch SysctlKey.parse(entry.name) {
            case .success(let name): parsed = name
            case .failure(let malformed):
                problems.error(malformed.text, at: entry.origin, key: key)
                return nil
            }
            if let first = seen.updateValue(entry.origin, forKey: parsed.name) {
                problems.error("the same key as on line \(first.line), expected it once", at: entry.origin, key: key)
                return nil
            }
            guard !SysctlFacts.writeOnly.contains(parsed.name) else {
                problems.error(
                    "a command, not a setting: it can be written but not compared, expected a key that can be read",
                    at: entry.origin, key: key)
                return nil
            }
            return rule(parsed.name, entry, key: key, conditions: conditions, problems: &problems)
        }
    }

    private func rule(
        _ attribute: String, _ entry: Node.Entry, key: String, conditions: [Condition], problems: inout Problems
    ) -> Rule? {
        let isSet = [.ranges, .words].contains(SysctlKind(of: attribute))
        let wish = Wish.decode(
            entry.value, key: key, options: RuleOptions(conditions: conditions), problems: &problems,
            value: { SysctlValues.decode($0, of: attribute, key: key, problems: &$1) },
            members: isSet ? { SysctlValues.set($0, of: attribute, key: key, problems: &$1) } : nil)
        return wish.map {
            Rule(domain: name, attribute: attribute, demand: $0.demand, options: $0.options, origin: entry.origin)
        }
    }

    package func targets(in inventory: Inventory) -> [Target] { [Self.target] }

    package func select(_ rule: Rule, in inventory: Inventory) -> Selection { Selection(targets: [Self.target]) }

    package func disruption(of attribute: String) -> Disruption { .none }

    /// A link brings keys of its own, a module too; those that are not here may be by now, whatever brought them.
    package func isStale(_ assessed: Assessed, after event: HostEvent) -> Bool {
        let attribute = assessed.setting.id.attribute
        return switch event {
        case .links: attribute.contains(".conf.") || attribute.contains(".neigh.")
        case .module: assessed.outcome.held == nil || SysctlFacts.module(of: attribute) != nil
        default: false
        }
    }

    package func note(on attribute: String, in inventory: Inventory) -> String? {
        SysctlFacts.note(on: attribute, kernel: KernelVersion(inventory.kernelRelease))
    }

    package func review(
        _ settings: [Setting], forced: Set<SettingID>, on inventory: Inventory, problems: inout Problems
    ) {
        SysctlGuardRails.review(settings, forced: forced, on: inventory, problems: &problems)
    }

    package func value(_ text: String, of attribute: String) -> SettingValue { SysctlKind.value(text, of: attribute) }

    package func read(_ setting: Setting, on host: Host) -> Reading {
        let key = SysctlKey(name: setting.id.attribute)
        do throws(KernelError) {
            guard let text = String(validating: try host.files.read(key.file), as: UTF8.self) else {
                return .unreadable(KernelError("read", key.file, message: "not UTF-8, expected a text"))
            }
            return .value(value(text, of: setting.id.attribute), Bounds())
        } catch {
            if error.errno?.isAbsence == true { return absence(of: key, on: host) }
            let isWriteOnly = (try? host.files.status(key.file)).map { $0.permissions & 0o444 == 0 } ?? false
            guard isWriteOnly else { return .unreadable(error) }
            return .unreadable(
                KernelError("read", key.file, message: "a command, not a setting: it can only be written"))
        }
    }

    /// A key that a module brings is awaited while the module is away; any other is unknown to this kernel.
    private func absence(of key: SysctlKey, on host: Host) -> Reading {
        if let module = SysctlFacts.module(of: key.name), (try? host.files.status("/sys/module/\(module)")) == nil {
            return .awaited(.module, "comes with the module \(module), which is not loaded")
        }
        let parent = key.parent
        let siblings = ((try? host.files.list(parent.file)) ?? []).map { parent.child($0).name }
        let advice = nearest(to: key.name, among: siblings).map { ", did you mean \($0)?" } ?? ""
        return .absent("no such key here\(advice)")
    }

    package func companions(of setting: Setting, on host: Host) throws(KernelError) -> [String] {
        let name = setting.id.attribute
        if let rival = rival(of: name) { return [rival] }
        return try SysctlFacts.followers(of: name, on: host)
    }

    package func rival(of attribute: String) -> String? { SysctlFacts.counterpart(of: attribute) }

    package func apply(_ settings: [Setting], to target: Target, on host: Host) -> [Attempt] {
        settings.sorted { Self.order(of: $0) < Self.order(of: $1) }.compactMap { setting in
            attempt(
                setting, file: SysctlKey(name: setting.id.attribute).file, reading: read(setting, on: host), on: host)
        }
    }

    /// A zero last: of a pair that excludes each other (dirty_bytes, dirty_ratio) the other one's value makes it zero.
    private static func order(of setting: Setting) -> (Int, Int, String) {
        let isZero =
            switch setting.requirement {
            case .exactly(.integer(0)), .original(.integer(0), _): true
            default: false
            }
        return (SysctlFacts.rank(of: setting.id.attribute), isZero ? 1 : 0, setting.id.attribute)
    }
}
