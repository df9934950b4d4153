package import HostModel

extension BlockDomain {
    private static let ruleFolders = [
        "/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d",
        "/lib/udev/rules.d",
    ]

    /// udev(7) rules that assign the same attribute. They run when a disk appears and whenever it changes, so they win
    /// until our next pass. Whether a rule's own match takes this disk is udev's to say: all that name the attribute
    /// are listed.
    package func mentions(of id: SettingID, on host: Host) -> [Mention] {
        let key = "ATTR{queue/\(id.attribute)}=\""
        return dropIns(Self.ruleFolders, suffix: ".rules", on: host).flatMap { _, path -> [Mention] in
            let bytes = (try? host.files.read(path)) ?? []
            let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
            return lines.enumerated().compactMap { index, line in
                let text = String(decoding: line, as: UTF8.self)
                guard text.trimmed.first != "#", let start = text.firstRange(of: key)?.upperBound else { return nil }
                return Mention(
                    origin: Origin(file: path, line: index + 1), value: String(text[start...].prefix { $0 != "\"" }),
                    isLater: true)
            }
        }
    }
}
