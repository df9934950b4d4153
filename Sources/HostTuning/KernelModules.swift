import HostModel

/// Whether the running kernel has a module of one of these names, loaded or not, in `/lib/modules/RELEASE/kernel/FOLDER`.
///
/// For choices whose kernel loads what it does not know by name (`request_module`): asking is enough then.
func hasModule(among modules: [String], in folder: String, on host: Host) -> Bool {
    guard let release = try? host.files.read("/proc/sys/kernel/osrelease") else { return false }
    let folder = "/lib/modules/\(String(decoding: release, as: UTF8.self).trimmed)/kernel/\(folder)"
    // `bfq.ko`, `bfq.ko.zst`
    return ((try? host.files.list(folder)) ?? []).contains { file in modules.contains(String(file.prefix { $0 != "." }))
    }
}

extension Requirement {
    /// The words that it asks for.
    var words: [String] {
        switch self {
        case .exactly(.word(let word)), .original(.word(let word), _): [word]
        case .firstOffered(let words): words
        default: []
        }
    }
}
