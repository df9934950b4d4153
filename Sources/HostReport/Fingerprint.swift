package import HostModel

/// `sha256:…` over what nodes of one kind should share: what is asked of which role, what is held, and the state.
///
/// Devices take part by their role, never by name: the rule that asked, the attribute, and how many of them stand
/// alike. So a disk that is renamed, replaced by its like, or sits in another host changes nothing.
package func stateFingerprint(_ settings: [SettingReport]) -> String {
    let roles = settings.reduce(into: [String: Int]()) { $0[role($1), default: 0] += 1 }
    // Sorted, since a dictionary's order changes with every process.
    let text = roles.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)\n" }.joined()
    return fingerprint(of: text)
}

/// `sha256:…` of a text.
package func fingerprint(of text: String) -> String { "sha256:" + sha256(Array(text.utf8)).map(hexadecimal).joined() }

private func role(_ setting: SettingReport) -> String {
    let id = setting.id
    let object = id.object == nil ? nil : setting.source.description
    return [id.domain, object, id.attribute, setting.desired, setting.observed, setting.state.rawValue]
        .map(delimited).joined()
}

/// With its length before it, so that no two lists of fields read alike; what is not known is not the empty text.
private func delimited(_ field: String?) -> String { field.map { "\($0.utf8.count):\($0)," } ?? "-," }

private func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
