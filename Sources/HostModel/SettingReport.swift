package import FoundationEssentials

/// One setting as a report tells of it: texts and words, nothing to be worked out any more.
package struct SettingReport: Hashable, Sendable {
    package var id: SettingID
    package var state: State
    package var pendingOn: Pending?
    /// As the kernel would print it, with single spaces.
    package var desired: String
    package var observed: String?
    /// Found before our first write, where there was one.
    package var original: String?
    package var mode: Mode
    package var disruption: Disruption
    package var required: Bool
    /// `FILE:LINE` of the line that won; the column is not told.
    package var source: Origin
    /// Whether nobody asks for it any more, so that it goes back.
    package var isRestoration: Bool
    /// When it came to be in this state; nil where nobody watched.
    package var since: Date?
    package var detail: String?

    package init(
        id: SettingID, state: State, pendingOn: Pending? = nil, desired: String, observed: String? = nil,
        original: String? = nil, mode: Mode = .apply, disruption: Disruption = .none, required: Bool = false,
        source: Origin, isRestoration: Bool = false, since: Date? = nil, detail: String? = nil
    ) {
        self.id = id
        self.state = state
        self.pendingOn = pendingOn
        self.desired = desired
        self.observed = observed
        self.original = original
        self.mode = mode
        self.disruption = disruption
        self.required = required
        self.source = source
        self.isRestoration = isRestoration
        self.since = since
        self.detail = detail
    }

    package init(_ assessed: Assessed, since: Date? = nil) {
        let setting = assessed.setting
        id = setting.id
        state = assessed.outcome.state
        pendingOn = assessed.outcome.pendingOn
        desired = assessed.desired
        observed = assessed.outcome.held?.description
        original = assessed.original
        mode = setting.mode
        disruption = setting.disruption
        required = setting.required
        source = Origin(file: setting.origin.file, line: setting.origin.line)
        isRestoration = setting.isRestoration
        self.since = since
        let parts = [assessed.outcome.detail, setting.note].compactMap(\.self)
        detail = parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    /// Whether a command that reports it exits with 2. A required setting also fails where there is no knob for it.
    package var isFault: Bool { state.isFault(pendingOn: pendingOn, required: required) }
}

/// One setting that went from one state to another.
package struct Change: Hashable, Sendable {
    package var time: Date
    /// Nil where the setting is new.
    package var from: State?
    /// Nil where it is gone: its device, or its line in the configuration.
    package var to: State?
    /// As it stands now, or stood last.
    package var setting: SettingReport

    package init(time: Date, from: State?, to: State?, setting: SettingReport) {
        self.time = time
        self.from = from
        self.to = to
        self.setting = setting
    }
}
