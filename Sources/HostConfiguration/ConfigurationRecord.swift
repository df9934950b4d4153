package import HostModel
import Synchronization

/// Everything that loading a configuration read: with it the same can be loaded again when the files are gone or
/// broken, and it can be told whether they have changed.
package struct ConfigurationRecord: Hashable, Codable, Sendable {
    /// Texts by path.
    package private(set) var files: [String: String] = [:]
    package private(set) var folders: [String: [String]] = [:]
    /// What was looked for and not there.
    package private(set) var absent: Set<String> = []

    package init() {}

    /// Whether loading again would read the same.
    package func isCurrent(in files: any ReadableFiles) -> Bool {
        self.files.allSatisfy { path, text in (try? files.read(path)).map { $0 == Array(text.utf8) } ?? false }
            && folders.allSatisfy { path, names in
                (try? files.list(path)).map { relevant($0) == relevant(names) } ?? false
            }
            && absent.allSatisfy { path in isAbsent(path, in: files) }
    }

    private func isAbsent(_ path: String, in files: any ReadableFiles) -> Bool {
        do throws(KernelError) {
            // A folder is absent where it can't be listed, a file where it can't be read; neither is both.
            _ = try files.read(path)
            return false
        } catch {
            return error.errno?.isAbsence == true
        }
    }

    /// An editor's files come and go beside those that count.
    private func relevant(_ names: [String]) -> [String] {
        names.filter { !$0.hasPrefix(".") && ($0.hasSuffix(".yaml") || !$0.contains(".")) }
    }
}

extension ConfigurationRecord: ReadableFiles {
    package func read(_ path: String) throws(KernelError) -> [UInt8] {
        guard let text = files[path] else { throw KernelError("open", path, errno: .noEntry) }
        return Array(text.utf8)
    }

    package func list(_ folder: String) throws(KernelError) -> [String] {
        guard let names = folders[folder] else { throw KernelError("open", folder, errno: .noEntry) }
        return names
    }
}

/// Reads other files, and keeps what they said.
package final class RecordingFiles: ReadableFiles {
    private let inner: any ReadableFiles
    private let kept = Mutex(ConfigurationRecord())

    package init(_ inner: any ReadableFiles) { self.inner = inner }

    package var record: ConfigurationRecord { kept.withLock { $0 } }

    package func read(_ path: String) throws(KernelError) -> [UInt8] {
        let bytes = try keeping(path) { () throws(KernelError) in try inner.read(path) }
        // What is no UTF-8 is no YAML either: nobody will want to load it again.
        kept.withLock { $0.note(path, text: String(decoding: bytes, as: UTF8.self)) }
        return bytes
    }

    package func list(_ folder: String) throws(KernelError) -> [String] {
        let names = try keeping(folder) { () throws(KernelError) in try inner.list(folder) }
        kept.withLock { $0.note(folder, names: names) }
        return names
    }

    private func keeping<Value>(_ path: String, _ body: () throws(KernelError) -> Value) throws(KernelError) -> Value {
        do throws(KernelError) { return try body() } catch {
            if error.errno?.isAbsence == true { kept.withLock { $0.note(absent: path) } }
            throw error
        }
    }
}

extension ConfigurationRecord {
    fileprivate mutating func note(_ path: String, text: String) { files[path] = text }
    fileprivate mutating func note(_ folder: String, names: [String]) { folders[folder] = names }
    fileprivate mutating func note(absent path: String) { absent.insert(path) }
}
