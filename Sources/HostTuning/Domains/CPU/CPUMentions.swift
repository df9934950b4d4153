import HostConfiguration
package import HostModel

extension CPUDomain {
    /// Files of programs that set the governor, from boot to whenever tuned likes.
    ///
    /// The playbooks' line in /etc/init.d/cpufrequtils is one of them, though the next one takes its place.
    package func mentions(of ids: Set<SettingID>, on host: Host) -> [SettingID: [Mention]] {
        var found: [(attribute: String, mention: Mention)] = []
        func add(_ attribute: CPUAttribute, _ path: String, line: Int, _ value: String, isLater: Bool) {
            let mention = Mention(origin: Origin(file: path, line: line), value: value, isLater: isLater)
            found.append((attribute.rawValue, mention))
        }
        for (path, key) in [
            ("/etc/init.d/cpufrequtils", "GOVERNOR"), ("/etc/default/cpufrequtils", "GOVERNOR"),
            ("/etc/default/cpupower", "governor"),
        ] {
            for line in Self.assignments(in: path, on: host) where line.key == key {
                add(.governor, path, line: line.number, line.value, isLater: false)
            }
        }
        for (path, line) in Self.tuned(on: host) {
            guard let attribute = CPUAttribute(rawValue: line.key) else { continue }
            add(attribute, path, line: line.number, line.value, isLater: true)
        }
        return Dictionary(
            uniqueKeysWithValues: ids.map { id in (id, found.filter { $0.attribute == id.attribute }.map(\.mention)) }
        ).filter { !$0.value.isEmpty }
    }

    private struct Line {
        var number: Int
        /// Of an INI file: `cpu`
        var section = ""
        var key: String
        /// Without quotes.
        var value: String
    }

    /// `KEY=VALUE`, with sections or without; an absent or unreadable file has none.
    private static func assignments(in path: String, on host: Host) -> [Line] {
        var lines: [Line] = []
        var section = ""
        let bytes = (try? host.files.read(path)) ?? []
        for (index, bytes) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let text = String(decoding: bytes, as: UTF8.self).trimmed
            if text.hasPrefix("["), text.hasSuffix("]") { section = String(text.dropFirst().dropLast()) }
            guard text.first != "#", text.first != ";", let equals = text.firstIndex(of: "=") else { continue }
            let value = String(text[text.index(after: equals)...]).trimmed.filter { $0 != "\"" && $0 != "'" }
            lines.append(
                Line(number: index + 1, section: section, key: String(text[..<equals]).trimmed, value: value))
        }
        return lines
    }

    /// What the active profile of tuned says in its `[cpu]`, after the profiles that it includes. tuned-profiles(7)
    private static func tuned(on host: Host) -> [(path: String, line: Line)] {
        let active = (try? host.files.read("/etc/tuned/active_profile")) ?? []
        var found: [(path: String, line: Line)] = []
        var seen: Set<String> = []
        func read(_ profile: String) {
            // Each is read once, so that it ends.
            guard !profile.contains("/"), seen.insert(profile).inserted else { return }
            let folders = ["/etc/tuned/profiles", "/etc/tuned", "/usr/lib/tuned/profiles", "/usr/lib/tuned"]
            for path in folders.map({ "\($0)/\(profile)/tuned.conf" }) {
                let lines = assignments(in: path, on: host)
                guard !lines.isEmpty else { continue }
                for line in lines where line.section == "main" && line.key == "include" {
                    for name in line.value.split(whereSeparator: { $0 == "," || $0 == " " }) { read(String(name)) }
                }
                for line in lines where line.section == "cpu" { found.append((path, line)) }
                return
            }
        }
        for name in String(decoding: active, as: UTF8.self).split(whereSeparator: \.isWhitespace) { read(String(name)) }
        return found
    }
}
