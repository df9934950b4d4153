import HostModel

/// How often one setting was set right, or refused to be, and until when it is left alone for that.
struct Patience: Sendable {
    /// When it was found drifted and written again; the oldest first. Seconds.
    private var drifts: [Double] = []
    /// How long it was last left alone; 0 where it never was.
    private var pause = 0.0
    private var quietUntil = 0.0
    private var wasContested = false
    /// What is told while it is left alone.
    private var outcome: Outcome?

    /// A drift counts with two others in so many seconds, or in so many passes: somebody who undoes each of ours must
    /// be seen also where passes are slow.
    private static let window = 60.0
    private static let passes = 3.0
    private static let limit = 3
    /// The first pause after a contest, and after a refusal; each next one is twice as long, up to an hour.
    private static let contestPause = 300.0
    private static let refusalPause = 60.0
    private static let longestPause = 3600.0

    /// What to say of a setting that differs and is left as it is; nil where it is to be written.
    mutating func decide(_ found: Assessed, before: Assessed?, at uptime: Double, interval: Int) -> Outcome? {
        guard case .drifted(let held) = found.outcome else { return nil }
        if uptime < quietUntil, let outcome, outcome.held == held || outcome.state == .contested {
            return outcome.holding(held)
        }
        // What was refused is due until it was done once, whatever the mode.
        let isDue = if case .failed = outcome { outcome?.held == held } else { false }
        guard found.setting.mode == .enforce || isDue else { return found.outcome }
        // Only what was right by now has been changed back.
        guard !isDue, let before, [.inSync, .adjusted].contains(before.outcome.state) else { return nil }
        let window = max(Self.window, Self.passes * Double(interval))
        drifts = drifts.filter { uptime - $0 <= window } + [uptime]
        // Once contested, it is so again at the next drift.
        guard wasContested || drifts.count >= Self.limit else { return nil }
        leaveAlone(for: Self.contestPause, at: uptime)
        let span = Int(uptime - (drifts.first ?? uptime))
        let often = wasContested ? "changed back again" : "changed back \(drifts.count) times within \(span) s"
        let contested = Outcome.contested(
            held: held, "\(often), left alone for \(Int(pause / 60)) min or until `ais-hostd apply`")
        outcome = contested
        (drifts, wasContested) = ([], true)
        return contested
    }

    /// Notes how it ended: what the kernel refused is not tried at every pass again, and what held for long is
    /// forgotten.
    mutating func note(_ result: Assessed, at uptime: Double) {
        switch result.outcome {
        case .failed(.some, _):
            guard uptime >= quietUntil || outcome != result.outcome else { return }
            leaveAlone(for: Self.refusalPause, at: uptime)
            outcome = result.outcome
        case .inSync, .adjusted: if uptime >= quietUntil { outcome = nil }
        default: break
        }
    }

    /// Whether it held for so long that the past no longer counts.
    func isForgotten(at uptime: Double) -> Bool {
        outcome == nil && uptime >= quietUntil + pause
            && drifts.allSatisfy { uptime - $0 > Self.longestPause }
    }

    private mutating func leaveAlone(for first: Double, at uptime: Double) {
        pause = pause == 0 ? first : min(pause * 2, Self.longestPause)
        quietUntil = uptime + pause
    }
}

extension Outcome {
    /// The same of another value.
    fileprivate func holding(_ value: SettingValue) -> Outcome {
        if case .contested(_, let text) = self { .contested(held: value, text) } else { self }
    }
}

extension [SettingID: Patience] {
    /// Only what drifted or was refused is remembered.
    mutating func note(_ result: Assessed, at uptime: Double) {
        let id = result.setting.id
        if case .failed = result.outcome, self[id] == nil { self[id] = Patience() }
        self[id]?.note(result, at: uptime)
        if self[id]?.isForgotten(at: uptime) == true { self[id] = nil }
    }
}
