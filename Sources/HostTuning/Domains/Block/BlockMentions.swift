package import HostModel

extension BlockDomain {
    private static let ruleFolders = [
        "/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d",
        "/lib/udev/rules.d",
    ]

    /// udev(7) rules that assign the same attribute. They run when a disk appears and whenever it changes, so they win
    /// until our next pass. Whether a rule's own match takes this disk is udev's to say: all that name the attribute
    /// are listed.
    package func mentions(of ids: Set<SettingID>, on host: Host) -> [SettingID: [Mention]] {
        var mentions: [SettingID: [Mention]] = [:]
        for (_, path) in dropIns(Self.ruleFolders, suffix: ".rules", on: host) {
            let bytes = (try? host.files.read(path)) ?? []
            for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
                let text = String(decoding: line, as: UTF8.self)
                guard text.contains("ATTR{queue/"), text.trimmed.first != "#" else { continue }
                for id in ids {
                    guard let start = text.firstRange(of: "ATTR{queue/\(id.attribute)}=\"")?.upperBound else {
                        continue
                    }
                    mentions[id, default: []].append(
                        Mention(
                            origin: Origin(file: path, line: index + 1),
                            value: String(text[start...].prefix { $0 != "\"" }), isLater: true))
                }
            }
        }
        return mentions
    }
}
