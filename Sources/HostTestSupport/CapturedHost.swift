import HostKernel
package import HostModel

/// A host of which somebody sent a capture. It is a kernel in memory, so that tests can add a configuration to it, and
/// can let its files and links answer writes.
package struct CapturedHost: Sendable {
    package let kernel: FakeKernel
    package let links = FakeLinks()
    private let archive: CaptureArchive

    package init(_ text: String) throws {
        archive = try CaptureArchive(parsing: text)
        kernel = FakeKernel(archive)
        for (path, entry) in archive.entries where path.hasPrefix("\(CapturedLink.folder)/") {
            let number = path.split(separator: "/").last.flatMap { UInt32($0) }
            guard case .text(let lines) = entry, let number, var port = CapturedLink(index: number, lines: lines) else {
                throw CaptureArchive.Malformed(description: "\(path) is no link")
            }
            let folder = "\(CapturedLink.ethtoolFolder)/\(number)"
            var answers: [EthtoolQuestion: [UInt8]] = [:]
            for question in EthtoolQuestion.allCases {
                if case .bytes(let bytes) = archive.entries["\(folder)/\(question)"] { answers[question] = bytes }
            }
            // What the kernel said counts, and not what was made of it then.
            if let bytes = answers[.rings] {
                port.rings = try EthtoolCommand.rings.values(AttributeReader(bytes[...]))
            }
            if let bytes = answers[.channels] {
                port.channels = try EthtoolCommand.channels.values(AttributeReader(bytes[...]))
            }
            var driver: LinkDriver?
            if case .text(let lines) = archive.entries["\(folder)/driver"] { driver = LinkDriver(lines: lines) }
            links.plug(port.link, rings: port.rings, channels: port.channels)
            links.answer(number, answers, driver)
        }
    }

    package init(at path: String) throws {
        try self.init(String(decoding: SystemFiles().read(path), as: UTF8.self))
    }

    /// As it was; what would change its files is EROFS.
    package var host: Host {
        writableHost(files: FaultyFiles(kernel, .always(.readOnly), among: FaultyFiles.Call.changes))
    }

    package func writableHost(files: (any Files)? = nil) -> Host {
        var host = kernel.host(userID: archive.isRoot ? 0 : 1000, files: files, links: links)
        host.devices = TreeDevices(files: kernel)
        host.pageSize = archive.pageSize
        return host
    }
}

/// The host of a capture's text, read-only.
package func capturedHost(_ text: String) throws -> Host { try CapturedHost(text).host }
/// The host of a capture in a file, read-only.
package func capturedHost(at path: String) throws -> Host { try CapturedHost(at: path).host }

extension FakeKernel {
    /// Puts down all that was captured, as it was then.
    func load(_ archive: CaptureArchive) {
        for (path, entry) in archive.entries {
            switch entry {
            case .text(let lines): set(path, bytes: Array(lines.map { "\($0)\n" }.joined().utf8))
            case .bytes(let bytes): set(path, bytes: bytes)
            case .link(let target): link(path, to: absolute(target, from: path))
            case .folder: folder(path)
            case .folders(let count): for number in 0..<count { folder("\(path)\(number)") }
            case .blockDevice(let number): node(path, number: number)
            case .unreadable(let errno):
                set(path, "")
                behave(path, .unreadable(errno))
            }
        }
    }
}

private func absolute(_ target: String, from path: String) -> String {
    var parts = path.split(separator: "/").dropLast().map(String.init)
    for part in target.split(separator: "/") {
        if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
    }
    return "/" + parts.joined(separator: "/")
}
