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
    /// What is asked now; nil is the host itself.
    private var device: String?
    var archive = CaptureArchive()
    var names = Pseudonyms()
    /// Files whose versions look like addresses, and are none.
    private var versions: Set<String> = []
    private var problems: [String] = []

    init(_ host: Host) {
        self.host = host
        archive.isRoot = host.userID == 0
        archive.pageSize = host.pageSize
    }

    /// A device that does not answer in time is waited for no more, and what it did not tell is put down as such.
    mutating func asking(_ device: String, _ body: (inout Capture) -> Void) {
        self.device = device
        body(&self)
        self.device = nil
        // Who still hangs throws at once: this tells of it even where nobody minded.
        do throws(KernelError) {
            try host.ask(device) { _ in }
        } catch {
            problem(error, with: device)
        }
    }

    var files: any Files { DeviceFiles(host: host, device: device) }
    var attributes: Attributes { Attributes(files: files) }

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
            return try files.read(path)
        } catch {
            guard !error.isAbsence, error.errno?.rawValue != 21 else { return nil }
            archive.entries[other ?? path] = .unreadable(error.errno ?? .ioError)
            problem(error, with: other ?? path)
            return nil
        }
    }

    /// `subject` is what the capture calls it: a path may have a name in it that is not to be told.
    mutating func problem(_ error: KernelError, with subject: String) {
        // A device of which nothing more is asked is told of once.
        let subject = error.isWaiting ? error.subject : subject
        let problem = "\(error.operation) \(subject) (\(error.errno?.description ?? "?"))"
        if !problems.contains(problem) { problems.append(problem) }
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
        let scrubber = Scrubber(names)
        archive.entries = [:]
        for (path, entry) in self.archive.entries {
            var entry = entry
            let isVersion = versions.contains(path)
            switch entry {
            case .text(let lines): entry = .text(lines.map { scrubber.scrubbed($0, isVersion ? .version : .text) })
            case .link(let target): entry = .link(to: scrubber.scrubbed(target, .path))
            case .bytes(let bytes): entry = .bytes(scrubber.scrubbed(bytes))
            default: break
            }
            archive.entries[scrubber.scrubbed(path, .path)] = entry
        }
        archive.remarks.append(
            "Read it before you send it: serials, addresses and names are replaced, see docs/capture.md")
        archive.remarks += problems.map { "could not be read: \(scrubber.scrubbed($0))" }
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
