import FoundationEssentials
package import HostModel

/// The ledger on disk: `ledger.json` in the state folder, replaced whole each time.
package struct LedgerFile: Sendable {
    package let folder: String

    /// A version of the file that this program does not know is refused and left untouched.
    package static let schema = 1

    package init(folder: String) { self.folder = folder }

    package var path: String { "\(folder)/ledger.json" }

    /// An absent file is an empty ledger; one that can't be understood is an error, never an empty ledger.
    ///
    /// Who compares without being root (`ifPermitted`) does without one that it may not read: the originals are unknown
    /// then. Whoever writes never may.
    package func load(from files: any Files, ifPermitted: Bool = false) throws(KernelError) -> Ledger {
        let bytes: [UInt8]
        do { bytes = try files.read(path) } catch {
            if error.errno == .noEntry || ifPermitted && error.errno == .accessDenied { return Ledger() }
            throw error
        }
        do {
            let version = try JSONDecoder().decode(Version.self, from: Data(bytes)).schema
            guard version == Self.schema else {
                throw KernelError(
                    "read", path,
                    message:
                        "schema \(version) is of another version of ais-hostd, this one knows \(Self.schema); left untouched"
                )
            }
            return try JSONDecoder().decode(Contents.self, from: Data(bytes)).ledger
        } catch let error as KernelError {
            throw error
        } catch {
            throw KernelError(
                "read", path,
                message: "no ledger of ais-hostd; without it nothing can be put back, and moved away it is begun anew")
        }
    }

    /// Writes nothing where the file says the same already, unless it must be durable when this returns
    /// (`evenIfSame`): its last replacement may have failed at the very end, with the new file in place.
    package func save(
        _ ledger: Ledger, to files: any Files, evenIfSame: Bool = false
    ) throws(KernelError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let bytes: [UInt8]
        do { bytes = try [UInt8](encoder.encode(Contents(ledger))) } catch {
            throw KernelError("write", path, message: "\(error)")
        }
        let permissions: UInt32 = holdsSecret(ledger, in: files) ? 0o600 : 0o644
        let old = try? files.read(path)
        let isSame = old == bytes && (try? files.status(path).permissions) == permissions
        if !evenIfSame, isSame || (old == nil && ledger.isEmpty) { return }
        try files.createFolder(folder, permissions: 0o755)
        try files.replace(path, with: bytes, permissions: permissions)
    }

    private func holdsSecret(_ ledger: Ledger, in files: any Files) -> Bool {
        let byName = Dictionary(uniqueKeysWithValues: allDomains.map { ($0.name, $0) })
        return ledger.entries.keys.contains { byName[$0.domain]?.isSecret($0.attribute, in: files) == true }
    }
}

private struct Version: Decodable { var schema: Int }

/// The file's schema, apart from the type that the program works with, so that one can change without the other.
private struct Contents: Codable {
    struct Entry: Codable {
        var domain: String
        var identity: String
        var attribute: String
        var name: String?
        var original: String
        var written: String?
        var intended: String?
        var settled: Ledger.Settled?
        var companionOf: String?
        var keepOnRemoval: Bool
        var file: String
        var line: Int
        var kernel: String
        var time: String
    }

    var schema = LedgerFile.schema
    var held: Bool
    var entries: [Entry]

    init(_ ledger: Ledger) {
        held = ledger.isHeld
        entries = ledger.entries.values
            .sorted {
                ($0.key.domain, $0.key.identity, $0.key.attribute) < ($1.key.domain, $1.key.identity, $1.key.attribute)
            }
            .map { entry in
                Entry(
                    domain: entry.key.domain, identity: entry.key.identity, attribute: entry.key.attribute,
                    name: entry.name, original: entry.original, written: entry.written, intended: entry.intended,
                    settled: entry.settled,
                    companionOf: entry.companionOf, keepOnRemoval: entry.keepOnRemoval, file: entry.source.file,
                    line: entry.source.line, kernel: entry.kernel, time: Self.text(of: entry.time))
            }
    }

    var ledger: Ledger {
        get throws {
            var ledger = Ledger()
            ledger.isHeld = held
            for entry in entries {
                guard Self.staysInFolder(entry.attribute) else { throw CocoaError(.fileReadCorruptFile) }
                let key = Ledger.Key(domain: entry.domain, identity: entry.identity, attribute: entry.attribute)
                ledger.entries[key] = Ledger.Entry(
                    key: key, name: entry.name, original: entry.original, written: entry.written,
                    intended: entry.intended, settled: entry.settled, companionOf: entry.companionOf,
                    keepOnRemoval: entry.keepOnRemoval,
                    source: Origin(file: entry.file, line: entry.line), kernel: entry.kernel,
                    time: try Self.timeFormat.parse(entry.time))
            }
            return ledger
        }
    }

    /// Attributes become paths: none may lead out of its target's folder. In a sysctl's name a `/` is a dot of the
    /// path, so that an empty part is a `..` there.
    private static func staysInFolder(_ attribute: String) -> Bool {
        let parts = attribute.split(separator: "/", omittingEmptySubsequences: false)
        return !attribute.utf8.contains(0) && parts.allSatisfy { !["", ".", ".."].contains($0) }
    }

    /// The formatter cuts, and no Double holds 11.120 s exactly: without half a millisecond more, each time it is read
    /// and written again would move it.
    private static func text(of time: Date) -> String { time.addingTimeInterval(0.0005).formatted(timeFormat) }

    private static let timeFormat = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}
