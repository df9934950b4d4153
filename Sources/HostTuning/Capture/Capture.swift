package import HostModel

/// Looks at all of this host that tuning depends on, and writes it down without what tells whose it is.
///
/// Only what is named here is captured: a file that nobody thought of can't give a secret away. Reads as much as who asks
/// may read.
package func capture(_ host: Host) -> CaptureArchive {
    var capture = Capture(host)
    capture.identities()
    capture.machine()
    capture.processors()
    capture.disks()
    capture.links()
    capture.sysctls()
    capture.mounts()
    return capture.finished()
}

/// What is captured so far.
struct Capture {
    let host: Host
    let attributes: Attributes
    var archive = CaptureArchive()
    var names = Pseudonyms()
    /// Files whose versions look like addresses, and are none.
    private var versions: Set<String> = []
    private var problems: [String] = []

    init(_ host: Host) {
        self.host = host
        attributes = Attributes(files: host.files)
        archive.isRoot = host.userID == 0
        archive.pageSize = host.pageSize
    }

    // MARK: What domains of the capture put down

    /// A file, if it is there, with its text changed as needed; what can't be read is put down as such.
    mutating func file(
        _ path: String, as other: String? = nil, isVersion: Bool = false,
        _ change: (inout Capture, String) -> String? = { $1 }
    ) {
        guard let bytes = read(path, as: other) else { return }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let kept = (lines.last?.isEmpty == true ? lines.dropLast() : lines[...]).map { visible($0) }
        guard let text = change(&self, kept.joined(separator: "\n")) else { return }
        put(other ?? path, text, isVersion: isVersion)
    }

    mutating func put(_ path: String, _ text: String, isVersion: Bool = false) {
        if isVersion { versions.insert(path) }
        archive.entries[path] = .text(
            text.isEmpty ? [] : text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
    }

    mutating func read(_ path: String, as other: String? = nil) -> [UInt8]? {
        do throws(KernelError) {
            return try host.files.read(path)
        } catch {
            guard !error.isAbsence, error.errno?.rawValue != 21 else { return nil }
            archive.entries[other ?? path] = .unreadable(error.errno ?? .ioError)
            problem(error, with: other ?? path)
            return nil
        }
    }

    /// `subject` is what the capture calls it: a path may have a name in it that is not to be told.
    mutating func problem(_ error: KernelError, with subject: String) {
        problems.append(names.scrubbed("\(error.operation) \(subject) (\(error.errno?.description ?? "?"))"))
    }

    /// The names in a folder; none where it can't be listed, which is put down.
    mutating func list(_ folder: String) -> [String] {
        do throws(KernelError) {
            return try attributes.names(folder)
        } catch {
            problem(error, with: folder)
            return []
        }
    }

    /// A link to where a path leads, relative as they are in sysfs. Answers where that is.
    @discardableResult
    mutating func link(_ path: String, asFolder: Bool = false) -> String? {
        guard let target = try? attributes.target(path), target != path else { return nil }
        archive.entries[path] = .link(to: relative(target, from: path))
        if asFolder { archive.entries[target] = archive.entries[target] ?? .folder }
        return target
    }

    func finished() -> CaptureArchive {
        var archive = archive
        archive.entries = [:]
        for (path, entry) in self.archive.entries {
            var entry = entry
            let isVersion = versions.contains(path)
            switch entry {
            case .text(let lines): entry = .text(lines.map { names.scrubbed($0, alsoByLook: !isVersion) })
            case .link(let target): entry = .link(to: names.scrubbed(target, alsoByLook: false))
            default: break
            }
            archive.entries[names.scrubbed(path, alsoByLook: false)] = entry
        }
        archive.remarks.append(
            "Read it before you send it: serials, addresses and names are replaced, see docs/capture.md")
        archive.remarks += problems.map { "could not be read: \($0)" }
        return archive
    }
}

/// What people can't see is written as udev does; blanks at the end are firmware's.
private func visible(_ bytes: some BidirectionalCollection<UInt8>) -> String {
    var text = ""
    for byte in bytes {
        if (0x20...0x7e).contains(byte) || byte == 9 {
            text.unicodeScalars.append(Unicode.Scalar(byte))
        } else if byte != 0 {
            text += (byte < 16 ? "\\x0" : "\\x") + String(byte, radix: 16)
        }
    }
    return text
}

/// `../../devices/virtual/block/dm-0` of `/sys/block/dm-0`
func relative(_ target: String, from path: String) -> String {
    var to = target.split(separator: "/")[...]
    var from = path.split(separator: "/").dropLast()
    while let first = to.first, first == from.first { (to, from) = (to.dropFirst(), from.dropFirst()) }
    return (from.map { _ in ".." } + to.map(String.init)).joined(separator: "/")
}
