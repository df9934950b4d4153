import HostConfiguration
package import HostModel

/// Compares this host with its settings, one target at a time. Reads only; what a dry run shows is what a real one
/// starts from.
package func assess(
    _ settings: [Setting], allowing allowed: (Setting) -> Set<Disruption>, on host: Host, kernel: String,
    ledger: Ledger,
    domains: [any TuningDomain] = allDomains
) -> [Assessed] {
    let readings = read(settings, on: host, domains: domains)
    var left: Set<SettingID> = []
    let assessed = zip(settings, readings).compactMap { setting, reading -> Assessed? in
        guard let reading else { return nil }
        let result = judge(setting, reading, allowing: allowed(setting), entry: ledger[setting], kernel: kernel)
        if result == nil { left.insert(setting.id) }
        return result
    }
    guard !left.isEmpty else { return assessed }
    // What only changed along with something that is somebody else's by now is theirs too.
    return assessed.filter { result in
        guard result.setting.isRestoration, let principal = ledger[result.setting]?.companionOf else { return true }
        return !left.contains(result.setting.companion(principal).id)
    }
}

/// What each setting holds, in their order; nil where no domain knows it.
private func read(_ settings: [Setting], on host: Host, domains: [any TuningDomain]) -> [Reading?] {
    var readings = [Reading?](repeating: nil, count: settings.count)
    let byName = Dictionary(uniqueKeysWithValues: domains.map { ($0.name, $0) })
    // Those of one target stand together, since they are sorted by id.
    var start = 0
    while start < settings.count {
        let part = Part(settings[start])
        let end = settings[start...].firstIndex { Part($0) != part } ?? settings.count
        let own = settings[start..<end]
        defer { start = end }
        guard let domain = byName[part.domain] else { continue }
        guard let target = part.target else {
            for index in start..<end {
                let setting = settings[index]
                readings[index] = setting.absence.map(Reading.absent) ?? .awaited(.device, setting.awaiting ?? "")
            }
            continue
        }
        do throws(KernelError) {
            let found = try host.perform(on: target) { host in own.map { domain.read($0, on: host) } }
            readings.replaceSubrange(start..<end, with: found)
        } catch {
            for index in start..<end { readings[index] = .unreadable(error) }
        }
    }
    return readings
}

/// How one setting stands, given what was read; nil for something to put back that others have changed since. Pure.
package func judge(
    _ setting: Setting, _ reading: Reading, allowing allowed: Set<Disruption>, entry: Ledger.Entry?, kernel: String
) -> Assessed? {
    func result(_ outcome: Outcome, desired: String? = nil) -> Assessed {
        var setting = setting
        if setting.isRestoration, outcome.state == .inSync { setting.note = nil }
        return Assessed(
            setting: setting, desired: desired ?? setting.requirement.description, outcome: outcome,
            original: entry?.original)
    }
    switch reading {
    case .absent(let text): return result(.unsupported(text))
    case .awaited(let pending, let text): return result(.pending(pending, held: nil, text))
    case .unreadable(let error):
        return result(error.errno?.isRefusal == true ? .unknown(error) : .failed(held: nil, error))
    case .staged(let configured, let effective, let pending, let text):
        func judged(_ value: SettingValue) -> Assessed? {
            judge(setting, .value(value, Bounds()), allowing: Set(Disruption.allCases), entry: entry, kernel: kernel)
        }
        guard let written = judged(configured) else { return nil }
        guard written.outcome.state == .inSync, let effective, let inEffect = judged(effective) else { return written }
        guard inEffect.outcome.state != .inSync else { return inEffect }
        let isOurs = pending == .restart && setting.disruption == .serviceRestart && setting.mode != .observe
        var result = inEffect
        result.desired = written.desired
        result.configured = configured
        if !isOurs || !allowed.contains(.serviceRestart) {
            let text = isOurs ? "\(text); \(takes(.serviceRestart))" : text
            result.outcome = .pending(pending, held: effective, text)
        }
        return result
    case .value(let held, let bounds):
        switch setting.requirement.goal(held: held, bounds: bounds) {
        case .unreachable(let text): return result(.unsupported(text))
        case .malformed(let text):
            let error = KernelError(
                "compare", setting.id.description, wanted: setting.requirement.description, got: held.description,
                message: text)
            return result(.failed(held: held, error))
        case .leave: return nil
        case .reach(let goal, let bound):
            let desired = setting.requirement.asked(goal: goal).description
            if held == goal {
                return result(bound.map { .adjusted(held: held, $0) } ?? .inSync(held: held), desired: desired)
            }
            if !setting.isRestoration, let settled = entry?.settled, settled.kernel == kernel,
                settled.tells(held, of: goal)
            {
                return result(.adjusted(held: held, "the kernel makes \(held) of \(goal)"), desired: desired)
            }
            if setting.mode != .observe, setting.disruption != .none, !allowed.contains(setting.disruption) {
                return result(.pending(.permission, held: held, takes(setting.disruption)), desired: desired)
            }
            return result(.drifted(held: held), desired: desired)
        }
    }
}

private func takes(_ disruption: Disruption) -> String {
    "takes \(disruption.rawValue), which `allow:` or --allow \(disruption.rawValue) permits"
}

/// Where a requirement leads on a device.
enum Goal: Equatable {
    /// The value that the kernel should hold; with the bound in words where that is not quite what was asked.
    case reach(SettingValue, bound: String?)
    /// No value that the device offers would do.
    case unreachable(String)
    /// It holds a value of another shape: what was asked can't be meant.
    case malformed(String)
    /// It is somebody else's by now.
    case leave
}

extension Requirement {
    func goal(held: SettingValue, bounds: Bounds) -> Goal {
        switch self {
        case .exactly(.word(let word)) where bounds.offered != nil: return offered([word], by: bounds)
        case .firstOffered(let words): return offered(words, by: bounds)
        case .exactly(let value):
            guard value.hasShape(of: held) else {
                return .malformed("it holds \(held.shape), asked was \(value.shape)")
            }
            return bounds.clamp(value)
        case .maximum:
            guard let upper = bounds.upper else { return .unreachable("the device does not tell its maximum") }
            return .reach(.integer(upper), bound: nil)
        case .including(let members):
            guard let union = held.union(members) else {
                return .malformed("it holds \(held.shape), which is no such set")
            }
            return .reach(union, bound: nil)
        case .original(let original, let ours):
            let isOurs = held == original || ours?.contains(held) ?? true
            return isOurs ? bounds.clamp(original) : .leave
        }
    }

    /// What to print as desired: the plain wish where a bound keeps the goal from it.
    func asked(goal: SettingValue) -> SettingValue {
        if case .exactly(let value) = self { value } else { goal }
    }

    private func offered(_ words: [String], by bounds: Bounds) -> Goal {
        let offered = bounds.offered ?? []
        guard let word = words.first(where: offered.contains) else {
            let source = bounds.source.map { " (\($0))" } ?? ""
            return .unreachable("not offered here, only \(offered.joined(separator: ", "))\(source)")
        }
        return .reach(.word(word), bound: nil)
    }
}

extension Bounds {
    fileprivate func clamp(_ value: SettingValue) -> Goal {
        guard case .integer(let number) = value else { return .reach(value, bound: nil) }
        let source = source.map { " (\($0))" } ?? ""
        if let upper, number > upper { return .reach(.integer(upper), bound: "at most \(upper) here\(source)") }
        if let lower, number < lower { return .reach(.integer(lower), bound: "at least \(lower) here") }
        if let step, step > 0, number % step != 0 {
            return .reach(.integer(number - number % step), bound: "in steps of \(step) here\(source)")
        }
        return .reach(value, bound: nil)
    }
}

extension SettingValue {
    func hasShape(of other: Self) -> Bool {
        switch (self, other) {
        case (.integer, .integer), (.ranges, .ranges), (.word, .word), (.words, .words): true
        case (.integers(let left), .integers(let right)): left.count == right.count
        default: false
        }
    }

    var shape: String {
        switch self {
        case .integer: "one number"
        case .integers(let numbers): "\(numbers.count) numbers"
        case .ranges: "a list of ranges"
        case .word: "a text"
        case .words: "a set of words"
        }
    }
}
