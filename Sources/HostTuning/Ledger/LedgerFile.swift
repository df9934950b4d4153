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
    package func load(from files: any Files) throws(KernelError) -> Ledger {
        let bytes: [UInt8]
        do { bytes = try files.read(path) } catch {
            if error.errno == .noEntry { return Ledger() }
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

    /// Durable when it returns. Writes nothing where the file says the same already.
    package func save(_ ledger: Ledger, to files: any Files) throws(KernelError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let bytes: [UInt8]
        do { bytes = try [UInt8](encoder.encode(Contents(ledger))) } catch {
            throw KernelError("write", path, message: "\(error)")
        }
        let old = try? files.read(path)
        if old == bytes || (old == nil && ledger.isEmpty) { return }
        try files.createFolder(folder, permissions: 0o755)
        try files.replace(path, with: bytes, permissions: 0o644)
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
                let key = Ledger.Key(domain: entry.domain, identity: entry.identity, attribute: entry.attribute)
                ledger.entries[key] = Ledger.Entry(
                    key: key, name: entry.name, original: entry.original, written: entry.written,
                    settled: entry.settled, companionOf: entry.companionOf, keepOnRemoval: entry.keepOnRemoval,
                    source: Origin(file: entry.file, line: entry.line), kernel: entry.kernel,
                    time: try Self.timeFormat.parse(entry.time))
            }
            return ledger
        }
    }

    /// The formatter cuts, and no Double holds 11.120 s exactly: without half a millisecond more, each time it is read
    /// and written again would move it.
    private static func text(of time: Date) -> String { time.addingTimeInterval(0.0005).formatted(timeFormat) }

    private static let timeFormat = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}
