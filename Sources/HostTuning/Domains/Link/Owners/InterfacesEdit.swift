import HostModel

/// Our lines in the files of ifupdown: an option of the stanza. There is no folder for drop-ins that could add to one.
extension Interfaces {
    static func persisted(in files: any Files) throws(KernelError) -> [String: String] {
        var found: [String: String] = [:]
        for path in try Interfaces(in: files).paths {
            found.merge(InterfacesText.persisted(in: try files.read(path))) { first, _ in first }
        }
        return found
    }

    /// What a stanza says otherwise. Two lines would be one option with a line feed in it, and a broken command.
    func contradiction(to mtu: String, of link: String) -> KernelError? {
        wishes(of: link).first { $0.wins(over: mtu) }.map { other in
            KernelError(
                "persist", "link \(link)", wanted: "an MTU of \(mtu)",
                message: "its stanza says \(other.mtu) (\(other.origin)), which is not ours to change")
        }
    }

    /// Makes our lines say this and nothing else. A file keeps its mode, and every byte that is not ours.
    static func persist(_ wanted: [String: String], in files: any Files) throws(KernelError) {
        let interfaces = try Interfaces(in: files)
        var texts = interfaces.texts
        // From the last line of a file to its first, so that the lines before stay where they were.
        var edits: [(stanza: Stanza, option: String)] = []
        for (link, mtu) in wanted {
            if let edit = try interfaces.edit(link, mtu) { edits.append(edit) }
        }
        for edit in edits.sorted(by: { $0.stanza.end > $1.stanza.end }) {
            texts[edit.stanza.origin.file]?.insert(edit.option, into: edit.stanza)
        }
        for path in interfaces.paths {
            guard let text = texts[path] else { continue }
            let bytes = text.bytes
            guard try files.read(path) != bytes else { continue }
            let status = try files.status(path)
            guard status.user == 0, status.group == 0 else {
                throw KernelError(
                    "persist", path,
                    message: "it belongs to user \(status.user), group \(status.group), and would be root's afterwards")
            }
            try files.replace(path, with: bytes, permissions: status.permissions)
        }
    }

    /// Nil where the stanza says it itself.
    private func edit(_ link: String, _ mtu: String) throws(KernelError) -> (stanza: Stanza, option: String)? {
        let stanzas = stanzas(of: link)
        let isSaid = wishes(of: link).contains { $0.mtu == mtu && $0.effect == .sets }
        guard !isSaid,
            let stanza = stanzas.first(where: { $0.family == "inet" }) ?? stanzas.first
        else { return nil }
        guard !stanza.isCut else {
            throw KernelError("persist", link, message: "\(stanza.origin) ends in a backslash, and the file with it")
        }
        // Not `mtu`, which `static` and `manual` have: `ip link set … mtu 9000 up` fails where another card takes less, and
        // the node is without a network.
        return (stanza, "post-up ip link set dev \(link) mtu \(mtu) || true")
    }
}
