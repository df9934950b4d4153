package import FoundationEssentials
package import HostModel

/// What was here before us: for each setting the value found before our first write, and what we wrote last.
///
/// On disk before the write that it tells of, so that after a crash anywhere it still covers every write that was made.
/// Keyed by what survives a rename (serial, PCI path), never by `sda`.
package struct Ledger: Hashable, Sendable {
    package struct Key: Hashable, Codable, Sendable {
        package var domain: String
        package var identity: String
        package var attribute: String

        package init(domain: String, identity: String, attribute: String) {
            self.domain = domain
            self.identity = identity
            self.attribute = attribute
        }
    }

    package struct Entry: Hashable, Sendable {
        package var key: Key
        /// The object's name when the entry was made, for people.
        package var name: String?
        /// In the kernel's text.
        package var original: String
        /// What we wrote last; what the kernel made of it, where that differs; nil for a companion until it may have
        /// changed.
        package var written: String?
        /// What we are about to write: after a crash, or where the kernel went its own way, it may be there or not.
        package var intended: String?
        /// What the kernel holds instead of what was asked, so that it is asked only once.
        package var settled: Settled?
        /// The attribute whose write changes this one, where nobody asked for this one itself.
        package var companionOf: String?
        package var keepOnRemoval: Bool
        package var source: Origin
        /// The kernel that ran at the first write.
        package var kernel: String
        /// When the first write was made.
        package var time: Date
    }

    package struct Settled: Hashable, Codable, Sendable {
        package var asked: String
        package var held: String
        /// Another kernel may do better: it is asked once more.
        package var kernel: String

        /// Whether this wish once came to this, under whichever kernel.
        func tells(_ held: SettingValue, of asked: SettingValue) -> Bool {
            self.held == held.description && self.asked == asked.description
        }
    }

    package var entries: [Key: Entry] = [:]
    /// Whether `revert` asked to leave everything alone until the next `apply`.
    package var isHeld = false

    package init() {}

    var isEmpty: Bool { entries.isEmpty && !isHeld }

    /// The entries of these settings.
    func entries(of settings: [Setting]) -> [SettingID: Entry] {
        Dictionary(settings.compactMap { setting in self[setting].map { (setting.id, $0) } }) { first, _ in first }
    }

    package subscript(setting: Setting) -> Entry? {
        guard let key = Key(setting) else { return nil }
        return entries[key]
    }
}

extension Ledger.Key {
    /// Nil where the setting has no target yet.
    package init?(_ setting: Setting) {
        guard let target = setting.target else { return nil }
        self.init(domain: setting.id.domain, identity: target.identity, attribute: setting.id.attribute)
    }
}

extension Ledger.Entry {
    /// The texts that are our doing, if any is.
    var ours: [String]? {
        let texts = [written, intended].compactMap(\.self)
        return texts.isEmpty ? nil : texts
    }
}
