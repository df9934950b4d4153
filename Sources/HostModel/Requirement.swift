/// What the configuration asks of one setting. Symbols that only the device can resolve stay symbols here.
package enum Requirement: Hashable, Sendable {
    case exactly(SettingValue)
    /// The first of these words that the kernel offers.
    case firstOffered([String])
    /// The most that the device takes: its `Bounds.upper`.
    case maximum
    /// What is there already, and these members too.
    case including(SettingValue)
    /// What was found before our first write, unless somebody has changed it since to what is not among `ours`; nil
    /// where it only changed along with something that we wrote.
    case original(SettingValue, ours: [SettingValue]?)
}

extension Requirement: CustomStringConvertible {
    package var description: String {
        switch self {
        case .exactly(let value): value.description
        case .firstOffered(let words): words.joined(separator: " or ")
        case .maximum: "max"
        case .including(let value): "including \(value)"
        case .original(let value, _): value.description
        }
    }
}

/// What a device says of the values it takes.
package struct Bounds: Hashable, Sendable {
    package var lower: Int128?
    package var upper: Int128?
    /// It is rounded down to a multiple of this.
    package var step: Int128?
    /// The words that it offers, where it is a choice.
    package var offered: [String]?
    /// Where the bound comes from, for people: `max_hw_sectors_kb`.
    package var source: String?

    package init(
        lower: Int128? = nil, upper: Int128? = nil, step: Int128? = nil, offered: [String]? = nil, source: String? = nil
    ) {
        self.lower = lower
        self.upper = upper
        self.step = step
        self.offered = offered
        self.source = source
    }
}

/// What reading one setting found. Absent, unreadable and zero are three things.
package enum Reading: Hashable, Sendable {
    case value(SettingValue, Bounds)
    /// What files say takes effect only after what `Pending` names; `effective` is what counts until then. The text says
    /// whose it is.
    case staged(configured: SettingValue, effective: SettingValue?, Pending, String)
    /// This kernel, driver or device has no such knob; the text says which.
    case absent(String)
    /// It is not here yet: `module` or `device`.
    case awaited(Pending, String)
    case unreadable(KernelError)
}

extension Reading {
    /// What a write would change.
    package var writable: (held: SettingValue, bounds: Bounds)? {
        switch self {
        case .value(let held, let bounds): (held, bounds)
        case .staged(let configured, _, _, _): (configured, Bounds())
        case .absent, .awaited, .unreadable: nil
        }
    }
}
