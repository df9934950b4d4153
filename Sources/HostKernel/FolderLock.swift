import CLinux
import Glibc
package import HostModel

extension SystemFiles {
    /// Who has it is the folder's one writer: what others left who died while they wrote there goes.
    package func lock(_ folder: String) throws(KernelError) -> HeldLock {
        let opened = try Descriptor(opening: located(folder), O_RDONLY | O_DIRECTORY)
        let isSafe = try opened.isRootsAlone()
        guard isSafe || geteuid() != 0 else {
            throw KernelError(
                "lock", opened.path, message: "others than root may write there, expected a folder of root's own")
        }
        // A file that nobody else can open: who may open the folder to read could lock that too, and keep us out.
        let held = OpenFile(try Descriptor(keeping: "lock", in: opened))
        do throws(KernelError) {
            try held.descriptor.lock()
        } catch let error where error.errno == .again {
            var error = error
            error.subject = opened.path
            error.message = "held by \((try? holder(of: held.descriptor.identity())) ?? "another process")"
            throw error
        }
        sweep(in: opened, at: folder)
        // The lock lives as long as its descriptor does.
        return HeldLock { _ = held }
    }

    /// `process 4121 (ais-hostd)`, as `/proc/locks` knows it; nil where it does not, as for a process of another
    /// namespace.
    ///
    /// A line is `2: FLOCK  ADVISORY  WRITE 4121 fe:00:16220249 0 EOF`. The device is the file system's own number,
    /// which `stat(2)` does not tell on btrfs: there the inode alone has to do, which others may have elsewhere.
    private func holder(of file: (inode: UInt64, device: dev_t)) throws(KernelError) -> String? {
        let system = SystemFiles()
        let text = String(decoding: try system.read("/proc/locks"), as: UTF8.self)
        let locks = text.split(separator: "\n").compactMap { line -> (process: Int, place: Substring)? in
            let fields = line.split(separator: " ")
            guard fields.count > 5, fields[1] == "FLOCK", let process = Int(fields[4]), process > 0,
                fields[5].hasSuffix(":\(file.inode)")
            else { return nil }
            return (process, fields[5])
        }
        let device = [clinux_major(file.device), clinux_minor(file.device)].map { number in
            let text = String(number, radix: 16)
            return text.count < 2 ? "0\(text)" : text
        }
        let place = "\(device.joined(separator: ":")):\(file.inode)"
        guard let process = (locks.first { $0.place == place } ?? locks.first)?.process else { return nil }
        let command = (try? system.read("/proc/\(process)/comm")).map { String(decoding: $0, as: UTF8.self) }
        let name = command?.split(separator: "\n").first ?? "gone since"
        return "process \(process) (\(name))"
    }
}

/// A descriptor that a closure can keep.
private final class OpenFile: Sendable {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}
