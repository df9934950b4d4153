/// The name of a kernel parameter, as sysctl(8) and sysctl.d(5) write it.
///
/// The first separator decides: with `net.ipv4.conf.eth0/100.rp_filter` dots separate and a slash stands for a dot
/// within a name; with
/// `net/ipv4/conf/eth0.100/rp_filter` it is the other way round.
struct SysctlKey: Hashable {
    /// Below /proc/sys: `net/ipv4/conf/eth0.100/rp_filter`.
    let path: String

    init(path: String) { self.path = path }

    /// Nil with the reason where it is no such name.
    static func parse(_ text: String) -> Result<SysctlKey, Malformed> {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            return .failure(Malformed("white space in a name"))
        }
        guard !text.contains(where: { "*?[]{}=\"'#;\\".contains($0) }) else {
            return .failure(Malformed("not the name of one key, expected each key by itself"))
        }
        let first = text.first { $0 == "." || $0 == "/" }
        let path = first == "." ? String(text.map(swapped)) : text
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 1 else {
            return .failure(Malformed("not a sysctl name, expected for example net.core.somaxconn"))
        }
        guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
            return .failure(Malformed("an empty or relative part in a name, expected for example net.core.somaxconn"))
        }
        return .success(SysctlKey(path: path))
    }

    struct Malformed: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// The canonical spelling, with dots: `net.ipv4.conf.eth0/100.rp_filter`.
    var name: String { String(path.map(Self.swapped)) }

    var file: String { "/proc/sys/\(path)" }

    private static func swapped(_ character: Character) -> Character {
        switch character {
        case ".": "/"
        case "/": "."
        default: character
        }
    }
}

extension SysctlKey {
    /// From the canonical spelling.
    init(name: String) { self.init(path: String(name.map(Self.swapped))) }

    var parent: SysctlKey { SysctlKey(path: String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex))) }

    func child(_ name: String) -> SysctlKey { SysctlKey(path: "\(path)/\(name)") }
}
