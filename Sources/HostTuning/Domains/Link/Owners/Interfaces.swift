import HostConfiguration
import HostModel

/// The files of ifupdown as `ifup` reads them: /etc/network/interfaces and what it sources. (interfaces(5); ifupdown
/// 0.8.41, config.c)
struct Interfaces {
    struct Option {
        var name: String
        var value: String
        var origin: Origin
    }

    struct Stanza {
        var name: String
        /// `inet`, `inet6`; the method `static`, `dhcp`. Empty where both come from a template.
        var family: String
        var method: String
        var template: String?
        var origin: Origin
        /// Of its file: the line after the iface line and all that continues it.
        var end: Int
        /// A backslash at the end of the file continues nothing.
        var isCut: Bool
        var options: [Option] = []
    }

    private(set) var stanzas: [Stanza] = []
    /// By path, as they were read: without our lines.
    private(set) var texts: [String: InterfacesText] = [:]
    /// In the order in which they are read.
    private(set) var paths: [String] = []

    static let file = "/etc/network/interfaces"

    init(in files: any Files) throws(KernelError) { try read(Self.file, in: files) }

    /// Nil where there is no `ifup`: nobody reads the files.
    static func installed(in files: any Files) throws(KernelError) -> Interfaces? {
        for program in ["/usr/sbin/ifup", "/sbin/ifup"] {
            if try present({ () throws(KernelError) in try files.status(program) }) != nil {
                return try Interfaces(in: files)
            }
        }
        return nil
    }

    private mutating func read(_ path: String, in files: any Files) throws(KernelError) {
        // One that is sourced twice is edited once; one that sources itself would never end.
        guard let real = try present({ () throws(KernelError) in try files.resolve(path) }), texts[real] == nil,
            try files.status(real).kind == .file
        else { return }
        let text = InterfacesText(try files.read(real))
        texts[real] = text
        paths.append(real)
        /// Whether what is no keyword is an option of the last stanza.
        var isInside = false
        for line in text.logicalLines() {
            let origin = Origin(file: real, line: line.number)
            switch line.words.first {
            case "iface":
                isInside = line.words.count > 1
                guard isInside else { continue }
                stanzas.append(Stanza(line, at: origin))
            case "source":
                isInside = false
                for path in try expand(line.rest, from: path, in: files) { try read(path, in: files) }
            case let word? where word.hasPrefix("source-dir"):
                isInside = false
                for folder in try expand(line.rest, from: path, in: files) {
                    for name in try present({ () throws(KernelError) in try files.list(folder) }) ?? []
                    where name.utf8.allSatisfy({ Self.nameBytes.contains($0) }) {
                        try read("\(folder)/\(name)", in: files)
                    }
                }
            case let word? where word == "auto" || (word.hasPrefix("allow-") && word.utf8.count > 6):
                // By itself, inside a stanza, it is about that one.
                if line.words.count > 1 { isInside = false }
            case "mapping", "no-auto-down", "no-scripts", "rename":
                isInside = false
            case let word?:
                guard isInside else { continue }
                stanzas[stanzas.count - 1].options.append(Option(name: word, value: line.rest, origin: origin))
            case nil: continue
            }
        }
    }

    private static let nameBytes = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-".utf8)

    /// What stands behind `source`: a path, from the folder of its file, with the shell's patterns. Variables and
    /// quotes are left alone.
    private func expand(_ text: String, from file: String, in files: any Files) throws(KernelError) -> [String] {
        let folder = folder(of: file)
        var expanded: [String] = []
        for word in text.split(separator: " ").map(String.init) {
            var found = [""]
            for part in (word.hasPrefix("/") ? word : "\(folder)/\(word)").split(separator: "/").map(String.init) {
                guard part.contains(where: { "*?[".contains($0) }), let glob = try? Glob(part) else {
                    found = found.map { "\($0)/\(part)" }
                    continue
                }
                var matching: [String] = []
                for folder in found {
                    let path = folder.isEmpty ? "/" : folder
                    for name in try present({ () throws(KernelError) in try files.list(path) }) ?? []
                    where glob.matches(name) && (!name.hasPrefix(".") || part.hasPrefix(".")) {
                        matching.append("\(folder)/\(name)")
                    }
                }
                found = matching
            }
            expanded += found
        }
        return expanded
    }

    // MARK: Asked of a link

    /// In the order in which they are carried out. Loopback is nobody's to set up.
    func stanzas(of link: String) -> [Stanza] { stanzas.filter { $0.name == link && $0.method != "loopback" } }

    /// What somebody else's line says of a link's MTU.
    struct Wish {
        /// `inet6` makes the link's MTU larger but not smaller (inet6.defn); methods such as dhcp take no notice.
        enum Effect { case sets, raises, none }

        var mtu: String
        var origin: Origin
        var effect: Effect

        /// Whether the link would have this MTU at boot, and not ours.
        func wins(over ours: String) -> Bool {
            switch effect {
            case .none: return false
            case .sets: return mtu != ours
            case .raises:
                guard let mtu = Int(mtu), let ours = Int(ours) else { return true }
                return mtu > ours
            }
        }
    }

    /// Options, also those of templates, and commands.
    func wishes(of link: String) -> [Wish] {
        stanzas(of: link).flatMap { stanza in
            options(of: stanza).compactMap { option in
                guard let mtu = Self.mtu(in: option, of: link) else { return nil }
                let effect: Wish.Effect =
                    if option.name != "mtu" || stanza.takesMTU || stanza.template != nil {
                        .sets
                    } else {
                        stanza.family == "inet6" ? .raises : .none
                    }
                return Wish(mtu: mtu, origin: option.origin, effect: effect)
            }
        }
    }

    private func options(of stanza: Stanza, depth: Int = 0) -> [Option] {
        guard let name = stanza.template, depth < 8, let template = stanzas.first(where: { $0.name == name }) else {
            return stanza.options
        }
        return options(of: template, depth: depth + 1) + stanza.options
    }

    /// `mtu 9000`, and of `post-up ip link set dev $IFACE mtu 9000` too.
    private static func mtu(in option: Option, of link: String) -> String? {
        if option.name == "mtu" { return option.value }
        guard ["pre-up", "up", "post-up"].contains(option.name) else { return nil }
        let words = option.value.split { " \t;&|\"'".contains($0) }.map(String.init)
        guard let index = words.lastIndex(of: "mtu"), index + 1 < words.count,
            words.contains(where: { [link, "$IFACE", "${IFACE}", "%iface%"].contains($0) })
        else { return nil }
        return words[index + 1]
    }

    /// Where else its MTU is set. A stanza that says another one is never given ours.
    func mentions(of link: String, owner: LinkOwner?, ours: String?) -> [Mention] {
        wishes(of: link).map { wish in
            Mention(
                origin: wish.origin, value: wish.mtu,
                isLater: owner?.program == .ifupdown && wish.wins(over: ours ?? ""))
        }
    }
}

extension Interfaces.Stanza {
    /// `iface NAME [FAMILY [METHOD]] [inherits TEMPLATE]`
    fileprivate init(_ line: InterfacesText.Line, at origin: Origin) {
        let words = line.words
        var rest = words.dropFirst(2)
        var template: String?
        if let keyword = rest.firstIndex(of: "inherits") {
            template = rest[(keyword + 1)...].first
            rest = rest[..<keyword]
        }
        self.init(
            name: words[1], family: rest.first ?? "", method: rest.dropFirst().first ?? "", template: template,
            origin: origin, end: line.end, isCut: line.isCut)
    }

    /// Those whose `mtu` is the link's: inet.defn has it for no other that sets up a real link. Of `dhcp` it takes no
    /// notice.
    var takesMTU: Bool { family == "inet" && ["static", "manual"].contains(method) }
}
