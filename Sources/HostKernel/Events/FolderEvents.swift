import Glibc
package import HostModel

/// The files below some folders: made, written, moved, removed, or given to somebody else. `inotify(7)`
///
/// A folder that is not there is awaited in its nearest parent that is.
package final class FolderEvents: EventSource {
    private let inotify: Descriptor
    private let folders: [String]
    private var watches: [Int32: Watch] = [:]

    /// What the kernel watches is the folder itself, whatever its name has become.
    private struct Watch: Equatable {
        var path: String
        /// One of ours, as against a parent in which one of ours may appear.
        var isOurs: Bool
    }

    package init(folders: [String]) throws(KernelError) {
        self.folders = folders
        do throws(KernelError) {
            inotify = try Descriptor("inotify_init", "inotify") { inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK)) }
        } catch {
            var error = error
            if error.errno == Errno(rawValue: EMFILE) { error.message = "fs.inotify.max_user_instances is used up" }
            throw error
        }
        try watch()
    }

    package var descriptor: Int32 { inotify.number }

    package func drain() throws(KernelError) -> [HostEvent] {
        var isStale = false
        var isMoved = false
        // So many that a storm of them does not keep the loop: it asks again.
        for _ in 0..<16 {
            let records = try read()
            if records.isEmpty { break }
            for record in records {
                if record.mask & UInt32(IN_Q_OVERFLOW) != 0 {
                    (isStale, isMoved) = (true, true)
                } else if let watch = watches[record.watch] {
                    if watch.isOurs { isStale = true }
                    if record.mask & Self.moving != 0 { isMoved = true }
                    // The kernel has dropped it, and gives its number to nobody else.
                    if record.mask & UInt32(IN_IGNORED) != 0 { watches[record.watch] = nil }
                }
            }
        }
        if isMoved {
            let before = ours
            try watch()
            if ours != before { isStale = true }
        }
        return isStale ? [.configuration] : []
    }

    /// What is watched of ours, by path: another folder in the same place is a change.
    private var ours: [String: Int32] {
        Dictionary(watches.lazy.filter(\.value.isOurs).map { ($0.value.path, $0.key) }) { first, _ in first }
    }

    /// Watches what should be by now, and nothing else. To watch the same again loses nothing.
    private func watch() throws(KernelError) {
        var wanted: [Int32: Watch] = [:]
        for folder in folders { try reach(folder, &wanted) }
        // It may have gone by itself.
        for number in watches.keys where wanted[number] == nil { _ = inotify_rm_watch(inotify.number, number) }
        watches = wanted
    }

    /// Watches a folder and all below it, or else its nearest parent.
    private func reach(_ folder: String, _ wanted: inout [Int32: Watch]) throws(KernelError) {
        var path = folder
        var missing = folder
        // Somebody may make and remove it all the time.
        for _ in 0..<32 {
            if path == folder, try add(path, depth: 0, &wanted) { return }
            if path != folder, let number = try number(of: path, Self.appearing | UInt32(IN_MASK_ADD)) {
                if wanted[number] == nil { wanted[number] = Watch(path: path, isOurs: false) }
                // What was made before the parent was watched is not heard of.
                if access(missing, F_OK) != 0 { return }
                path = folder
            } else {
                missing = path
                let end = path.lastIndex(of: "/") ?? path.startIndex
                path = end == path.startIndex ? "/" : String(path[..<end])
            }
        }
    }

    /// Links below a folder are not followed: they might lead round.
    private func add(_ path: String, depth: Int, _ wanted: inout [Int32: Watch]) throws(KernelError) -> Bool {
        let how = depth == 0 ? 0 : UInt32(IN_DONT_FOLLOW)
        guard let number = try number(of: path, Self.changing | Self.appearing | how) else { return false }
        wanted[number] = Watch(path: path, isOurs: true)
        guard depth < 4 else { return true }
        // Asking the kernel to watch a file as a folder is as cheap as asking what it is. One that went meanwhile is
        // told of.
        for name in (try? SystemFiles().list(path)) ?? [] { _ = try add("\(path)/\(name)", depth: depth + 1, &wanted) }
        return true
    }

    /// Nil where there is no such folder, or none that we may look into. `inotify_add_watch(2)`
    private func number(of path: String, _ mask: UInt32) throws(KernelError) -> Int32? {
        do throws(KernelError) {
            return try call("watch", path) { inotify_add_watch(inotify.number, path, mask | UInt32(IN_ONLYDIR)) }
        } catch let error where error.errno?.isAbsence == true || error.errno?.isRefusal == true {
            return nil
        } catch let error where error.errno == .tooManyLinks {
            return nil
        } catch let error where error.errno == .noSpace {
            var error = error
            error.message = "fs.inotify.max_user_watches is used up"
            throw error
        }
    }

    /// All that one `read(2)` answers; what does not fit its own length ends it.
    private func read() throws(KernelError) -> [(watch: Int32, mask: UInt32)] {
        var bytes: [UInt8] = []
        do throws(KernelError) {
            bytes = try inotify.read(upTo: 16384)
        } catch let error where error.errno == .again {
            return []
        }
        var records: [(watch: Int32, mask: UInt32)] = []
        var offset = 0
        bytes.withUnsafeBytes { bytes in
            let size = MemoryLayout<inotify_event>.size
            while bytes.count - offset >= size {
                let record = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                records.append((record.wd, record.mask))
                offset += size + Int(record.len)
            }
        }
        return records
    }

    private static let changing = UInt32(IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM)
    private static let appearing = UInt32(IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)
    /// After these, other folders may be there.
    private static let moving = appearing | UInt32(IN_DELETE | IN_MOVED_FROM | IN_IGNORED)
}
