import HostConfiguration
package import HostModel

/// The sysctl.d(5) files: ours, which early boot reads, and everybody else's.
extension SysctlDomain {
    /// Named to sort last.
    package static let persistentFile = "/etc/sysctl.d/99-zz-ais-hostd.conf"

    private static let header = """
        # Written by ais-hostd from its configuration, so that early boot sets these values without the daemon.
        # Do not edit: the next `ais-hostd apply` writes it anew, `ais-hostd revert` removes it.

        """

    package func persisted(on host: Host) throws(KernelError) -> [SettingID: String] {
        var values: [SettingID: String] = [:]
        for line in try Self.lines(of: Self.persistentFile, on: host) {
            values[SettingID(domain: name, attribute: line.name)] = line.value
        }
        return values
    }

    package func persist(_ values: [SettingID: String], on host: Host) throws(KernelError) {
        guard !values.isEmpty else {
            try removeIfThere(Self.persistentFile, in: host.files)
            return
        }
        var text = Self.header
        for (id, value) in values.sorted(by: { Self.bootOrder($0) < Self.bootOrder($1) }) {
            // The dash: a key that a module brings later is no error at boot.
            text += "-\(SysctlKey(name: id.attribute).path) = \(value)\n"
        }
        let bytes = Array(text.utf8)
        let permissions: UInt32 = values.keys.contains { isSecret($0.attribute, in: host.files) } ? 0o600 : 0o644
        if (try? host.files.read(Self.persistentFile)) == bytes,
            (try? host.files.status(Self.persistentFile).permissions) == permissions
        {
            return
        }
        try host.files.createFolder("/etc/sysctl.d", permissions: 0o755)
        try host.files.replace(Self.persistentFile, with: bytes, permissions: permissions)
    }

    /// A zero first, since boot writes without reading: after dirty_bytes, a zero to dirty_ratio would take it away.
    private static func bootOrder(_ line: (key: SettingID, value: String)) -> (Int, Int, String) {
        let name = line.key.attribute
        return (SysctlFacts.rank(of: name), line.value == "0" ? 0 : 1, name)
    }

    /// As tcp_fastopen_key. One that is away (its module, its link) may be one: who can't tell does not tell.
    package func isSecret(_ attribute: String, in files: any Files) -> Bool {
        ((try? files.status(SysctlKey(name: attribute).file).permissions) ?? 0) & 0o004 == 0
    }

    package func isHidden(_ attribute: String, in files: any Files) -> Bool {
        do throws(KernelError) {
            return try files.status(SysctlKey(name: attribute).file).permissions & 0o004 == 0
        } catch {
            return !error.isAbsence || SysctlFacts.isNamedSecret(attribute)
        }
    }

    /// As systemd-sysctl orders them: by file name, a folder's file hiding one of the same name in the folders after
    /// it. /etc/sysctl.conf is read last by sysctl(8), and by systemd where a link in sysctl.d says so.
    package func mentions(of ids: Set<SettingID>, on host: Host) -> [SettingID: [Mention]] {
        let own = "99-zz-ais-hostd.conf"
        let folders = ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"].map { "\($0)/sysctl.d" }
        var ordered = dropIns(folders, suffix: ".conf", on: host).map { (path: $0.path, isLater: $0.name > own) }
        ordered.append(("/etc/sysctl.conf", false))
        var mentions: [SettingID: [Mention]] = [:]
        for file in ordered where file.path != Self.persistentFile {
            for line in (try? Self.lines(of: file.path, on: host)) ?? [] {
                let pattern = try? Glob(line.name)
                for id in ids where pattern?.matches(id.attribute) ?? (line.name == id.attribute) {
                    mentions[id, default: []].append(
                        Mention(
                            origin: Origin(file: file.path, line: line.number), value: line.value,
                            isLater: file.isLater))
                }
            }
        }
        return mentions
    }

    private struct Line {
        var number: Int
        /// Canonical, or a pattern.
        var name: String
        var value: String
    }

    /// `KEY = VALUE`, with a dash before a key that may be missing; `#` and `;` begin comments. An absent file has no
    /// lines.
    private static func lines(of path: String, on host: Host) throws(KernelError) -> [Line] {
        let bytes: [UInt8]
        do { bytes = try host.files.read(path) } catch {
            if error.errno == .noEntry { return [] }
            throw error
        }
        var lines: [Line] = []
        for (index, bytes) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let text = String(decoding: bytes, as: UTF8.self).trimmed
            guard let first = text.first, first != "#", first != ";", let equals = text.firstIndex(of: "=") else {
                continue
            }
            let left = String(text[..<equals].drop { $0 == "-" }).trimmed
            let usesSlashes = left.first { $0 == "." || $0 == "/" } == "/"
            let name = usesSlashes ? SysctlKey(path: left).name : left
            let value = String(text[text.index(after: equals)...]).trimmed
            lines.append(Line(number: index + 1, name: name, value: value))
        }
        return lines
    }
}
