import FoundationEssentials
package import HostConfiguration
package import HostModel

/// The last configuration that was valid, as a daemon loads it again after a start with broken files:
/// `last-good.json` in the state folder, replaced whole, for root alone since values may be secret.
package struct LastGoodFile: Sendable {
    package let folder: String

    package init(folder: String) { self.folder = folder }

    package var path: String { "\(folder)/last-good.json" }

    package struct Contents: Hashable, Codable, Sendable {
        package var schema = 1
        /// Grows with every other configuration that comes into force.
        package var generation: Int
        package var record: ConfigurationRecord

        package init(generation: Int, record: ConfigurationRecord) {
            self.generation = generation
            self.record = record
        }
    }

    /// Nil where there is none. One that can't be understood is an error; nothing is lost with it but a fallback.
    package func load(from files: any Files) throws(KernelError) -> Contents? {
        guard let bytes = try present({ () throws(KernelError) in try files.read(path) }) else { return nil }
        guard let contents = try? JSONDecoder().decode(Contents.self, from: Data(bytes)), contents.schema == 1 else {
            throw KernelError("read", path, message: "not the last configuration of this version of ais-hostd")
        }
        return contents
    }

    package func save(_ contents: Contents, to files: any Files) throws(KernelError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let bytes: [UInt8]
        do { bytes = try [UInt8](encoder.encode(contents)) } catch {
            throw KernelError("write", path, message: "\(error)")
        }
        try files.createFolder(folder, permissions: 0o755)
        try files.replace(path, with: bytes, permissions: 0o600)
    }
}
