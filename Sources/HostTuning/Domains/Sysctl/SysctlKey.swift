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
        guard !text.utf8.contains(where: "*?[]{}=\"'#;\\".utf8.contains) else {
            return .failure(Malformed("not the name of one key, expected each key by itself"))
        }
        let first = text.utf8.first { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }
        let path = first == UInt8(ascii: ".") ? swapped(text) : text
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
    var name: String { Self.swapped(path) }

    var file: String { "/proc/sys/\(path)" }

    /// By bytes: both are ASCII, and never part of another character.
    private static func swapped(_ text: String) -> String {
        let (dot, slash) = (UInt8(ascii: "."), UInt8(ascii: "/"))
        return String(decoding: text.utf8.map { $0 == dot ? slash : $0 == slash ? dot : $0 }, as: UTF8.self)
    }
}

extension SysctlKey {
    /// From the canonical spelling.
    init(name: String) { self.init(path: Self.swapped(name)) }

    var parent: SysctlKey { SysctlKey(path: String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex))) }

    func child(_ name: String) -> SysctlKey { SysctlKey(path: "\(path)/\(name)") }
}
