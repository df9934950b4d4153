import Glibc
package import HostModel

extension SystemFiles {
    /// A link at `path` is replaced itself, not what it leads to.
    ///
    /// Only the last step, the fsync of the folder, can fail with the new file in place.
    package func replace(
        _ path: String, with contents: [UInt8], permissions: UInt32, owner: FileOwner?
    ) throws(KernelError) {
        let folder = try openFolder(of: path)
        let name = try name(of: path)
        sweep(name, in: folder, at: parent(of: path))
        let temporary = ".\(name).\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
        let file = try Descriptor(creating: temporary, in: folder)
        do throws(KernelError) {
            // Not at creation: the umask of the process must not matter.
            try file.setPermissions(permissions)
            if let owner { try file.setOwner(owner) }
            var rest = contents[...]
            while !rest.isEmpty { rest = rest.dropFirst(try file.write(rest)) }
            try file.sync()
            try folder.rename(temporary, to: name)
        } catch {
            try? folder.unlink(temporary)
            throw error
        }
        try folder.sync()
    }

    /// Writes a new file, for its owner alone, where none may be: EEXIST. What could not be written whole goes.
    package func create(_ path: String, with contents: [UInt8]) throws(KernelError) {
        let path = path.contains("/") ? path : "./\(path)"
        let folder = try openFolder(of: path)
        let name = try name(of: path)
        let file = try Descriptor(creating: name, in: folder)
        do throws(KernelError) {
            var rest = contents[...]
            while !rest.isEmpty { rest = rest.dropFirst(try file.write(rest)) }
            try file.sync()
        } catch {
            try? folder.unlink(name)
            throw error
        }
    }

    /// Removes what was left beside a file, without a name beside any, by those who died while they replaced it. There is
    /// one writer, so that none of it is still to be renamed. What can't be removed hurts nobody.
    func sweep(_ name: String? = nil, in folder: borrowing Descriptor, at path: String) {
        for other in (try? list(path)) ?? [] where other.hasPrefix(".") && other.hasSuffix(".tmp") {
            let parts = other.dropFirst().dropLast(4)
            guard let dot = parts.lastIndex(of: "."), dot > parts.startIndex else { continue }
            let random = parts[parts.index(after: dot)...]
            let isOurs = UInt64(random, radix: 36).map { String($0, radix: 36) == random } == true
            guard isOurs, name == nil || name == String(parts[..<dot]) else { continue }
            if (try? folder.holdsOwnFile(other)) == true { try? folder.unlink(other) }
        }
    }

    package func remove(_ path: String) throws(KernelError) {
        do throws(KernelError) {
            let folder = try openFolder(of: path)
            let name = try name(of: path)
            sweep(name, in: folder, at: parent(of: path))
            try folder.unlink(name)
            try folder.sync()
        } catch let error where error.errno == .noEntry {
        }
    }

    /// The permissions are the last folder's; parents that are missing get 0755.
    package func createFolder(_ path: String, permissions: UInt32) throws(KernelError) {
        do throws(KernelError) {
            try makeFolder(path, permissions: permissions)
        } catch let error where error.errno == .noEntry {
            let parent = parent(of: path)
            guard parent != "/" else { throw error }
            try createFolder(parent, permissions: 0o755)
            try makeFolder(path, permissions: permissions)
        }
    }

    /// `mkdir(2)`, whatever the umask
    private func makeFolder(_ path: String, permissions: UInt32) throws(KernelError) {
        let full = try located(path)
        do throws(KernelError) {
            _ = try call("mkdir", full) { mkdir(full, permissions) }
        } catch let error where error.errno == .exists {
            guard try status(path).kind == .folder else { throw KernelError("mkdir", full, errno: .notDirectory) }
            return
        }
        _ = try call("chmod", full) { chmod(full, permissions) }
        try openFolder(of: path).sync()
    }

    private func openFolder(of path: String) throws(KernelError) -> Descriptor {
        try Descriptor(opening: located(parent(of: path)), O_RDONLY | O_DIRECTORY)
    }

    private func parent(of path: String) -> String {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    private func name(of path: String) throws(KernelError) -> String {
        guard let name = path.split(separator: "/", omittingEmptySubsequences: false).last, !name.isEmpty else {
            throw KernelError("open", path, errno: .invalid)
        }
        return String(name)
    }
}
