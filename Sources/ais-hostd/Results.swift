import HostConfiguration
import HostModel
import HostReport
import HostTuning

extension PassResult {
    /// Of a pass, as commands tell it; without fingerprints for who prints a table, where they take a tenth of a check.
    init(
        _ pass: Reconciler.Pass, fingerprinted: Bool = true, changes: [PlannedChange] = [], verdict: String? = nil,
        notes: [String] = []
    ) {
        var report = Report(
            node: pass.inventory.hostname, time: pass.time,
            configuration: ConfigurationState(files: pass.rules?.configuration.files ?? [], held: pass.isHeld),
            assessed: pass.settings, fingerprints: Fingerprints(configuration: "", state: ""))
        if fingerprinted {
            report.fingerprints = Fingerprints(
                configuration: fingerprint(of: pass.rules?.canonicalText ?? ""),
                state: stateFingerprint(report.settings))
        }
        self.init(
            report: report, changes: changes, notes: notes, verdict: verdict,
            warnings: pass.problems.list.map(\.description), errors: pass.errors.map(\.description))
    }

    /// Of an `apply`.
    init(applied pass: Reconciler.Pass) {
        self.init(pass, changes: pass.made, notes: pass.reasonsForNotWriting)
    }

    /// Of a `revert`.
    init(reverted pass: Reconciler.Pass) {
        let count = pass.made.count
        self.init(
            pass, changes: pass.made, verdict: count == 0 ? "nothing to put back" : "\(count) put back",
            notes: ["Held: nothing is applied until `ais-hostd apply`."])
    }
}

extension PlannedChange {
    init(_ assessed: Assessed) {
        self.init(
            id: assessed.setting.id, from: assessed.outcome.held?.description ?? "", to: assessed.desired,
            disruption: assessed.setting.disruption, source: assessed.setting.origin,
            isRestoration: assessed.setting.isRestoration)
    }

    /// What was written, and what became of it; nil where another write had only disturbed it on the way.
    init?(made assessed: Assessed, from before: SettingValue?) {
        self.init(assessed)
        from = before?.description ?? from
        if from == to { return nil }
        let state = assessed.outcome.state
        result = state == .inSync ? "done" : [state.rawValue, assessed.outcome.detail ?? ""].joined(separator: ": ")
    }
}

extension Reconciler.Pass {
    /// What was written, and what became of it.
    fileprivate var made: [PlannedChange] {
        let attempted = Set(attempts.map(\.id))
        return settings.filter { attempted.contains($0.setting.id) }.compactMap {
            PlannedChange(made: $0, from: before[$0.setting.id])
        }
    }

    /// Why what differs was left as it is.
    var reasonsForNotWriting: [String] {
        let observed = settings.filter { $0.setting.mode == .observe && $0.outcome.state == .drifted }
        var reasons: [String] = []
        func add(_ settings: [Assessed], _ why: String) {
            guard !settings.isEmpty else { return }
            let what = settings.count == 1 ? "1 setting that differs is" : "\(settings.count) settings that differ are"
            reasons.append("\(what) only observed: \(why).")
        }
        if let observeOnly = inventory.observeOnly {
            add(observed, observeOnly)
        } else if policy.mode == .observe {
            add(observed, "the mode is observe; --mode apply overrules the file-wide mode once")
        } else {
            let rules = Set(observed.map(\.setting.origin.description)).sorted().joined(separator: ", ")
            add(observed, "their own mode is observe (\(rules))")
        }
        return reasons
            + leftAlone.map {
                "\($0.id) holds something else than our \($0.written), so it is left alone; revert puts back \($0.original)."
            }
    }
}
