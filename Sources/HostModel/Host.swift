package import FoundationEssentials

/// The outside world, handed to everything that decides. Tests hand in another one.
package struct Host: Sendable {
    package var files: any Files
    package var devices: any Devices
    package var links: any Links
    package var bus: any MessageBus
    package var worker: any Worker
    /// Whether nobody waits any more for the work at hand: it must write nothing then.
    package var isAbandoned: @Sendable () -> Bool = { false }
    /// What the work at hand may disturb: decided before it began.
    package var allowed: Set<Disruption> = []
    /// The effective user.
    package var userID: UInt32
    /// Bytes.
    package var pageSize: Int
    package var now: @Sendable () -> Date

    package init(
        files: any Files, devices: any Devices, links: any Links, bus: any MessageBus,
        worker: any Worker = PatientWorker(), userID: UInt32, pageSize: Int, now: @escaping @Sendable () -> Date
    ) {
        self.files = files
        self.devices = devices
        self.links = links
        self.bus = bus
        self.worker = worker
        self.userID = userID
        self.pageSize = pageSize
        self.now = now
    }
}

extension Host {
    /// Works on one target, for as long as the worker has patience: ETIMEDOUT then. Everything that is read of a device
    /// or written to it goes through here.
    ///
    /// `patience` is for what takes long by its nature.
    package func perform<Value: Sendable>(
        on target: Target, patience: Duration? = nil,
        _ work: @escaping @Sendable (Host) throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        try worker.perform(on: target.path, patience: patience) { [self] isAbandoned in
            var host = self
            host.isAbandoned = { isAbandoned() || self.isAbandoned() }
            return Result { () throws(KernelError) in try work(host) }
        }.get()
    }
}

/// Files that can be read. Paths are absolute.
package protocol ReadableFiles: Sendable {
    /// Reads a whole file, at most 16 MiB (`EFBIG` beyond); a kernel file in one `read(2)`, since some answer only the
    /// first.
    func read(_ path: String) throws(KernelError) -> [UInt8]
    /// The names in a folder, sorted, without `.` and `..`.
    func list(_ folder: String) throws(KernelError) -> [String]
}

/// Files of the kernel and of the administrator.
package protocol Files: ReadableFiles {
    /// Writes one value to a kernel file in one `write(2)`. Never creates, never truncates. The error's `wanted` is the
    /// value.
    func write(_ value: String, to path: String) throws(KernelError)
    /// `realpath(3)`
    func resolve(_ path: String) throws(KernelError) -> String
    /// `stat(2)`, following links.
    func status(_ path: String) throws(KernelError) -> FileStatus
    /// Replaces a file of ours whole: a temporary name beside it, write, fsync, rename, fsync of the folder.
    /// Whatever fails, the old file is there with its bytes and no temporary file stays; what a crash left of one goes.
    /// It belongs to `owner` afterwards; to who does it without one.
    func replace(
        _ path: String, with contents: [UInt8], permissions: UInt32, owner: FileOwner?
    ) throws(KernelError)
    /// `unlink(2)` and fsync of the folder. That it is not there is no error.
    func remove(_ path: String) throws(KernelError)
    /// Makes a folder and its parents. That it is there is no error.
    func createFolder(_ path: String, permissions: UInt32) throws(KernelError)
    /// Takes the exclusive lock of a folder without waiting: `EAGAIN`, with the holder in the message, where another has
    /// it. Root takes none where others may write. `flock(2)` of the file `lock` in it
    func lock(_ folder: String) throws(KernelError) -> HeldLock
}

extension Files {
    package func replace(_ path: String, with contents: [UInt8], permissions: UInt32) throws(KernelError) {
        try replace(path, with: contents, permissions: permissions, owner: nil)
    }
}

/// Whose a file is.
package struct FileOwner: Hashable, Sendable {
    package var user: UInt32
    package var group: UInt32

    package init(user: UInt32, group: UInt32) {
        self.user = user
        self.group = group
    }
}

/// What `stat(2)` says, as far as it is asked.
package struct FileStatus: Hashable, Sendable {
    package enum Kind: Sendable { case file, folder, blockDevice, other }

    package var kind: Kind
    /// The lower twelve bits of `st_mode`.
    package var permissions: UInt32
    /// The device that holds it: `8:1`.
    package var device: String
    /// The device that it is, for a device node: `8:0`.
    package var represents: String?
    /// Its number on that device. sysfs never gives one twice between two boots.
    package var inode: UInt64
    /// Whose it is. What is replaced is root's afterwards.
    package var user: UInt32
    package var group: UInt32

    package init(
        kind: Kind, permissions: UInt32, device: String, represents: String? = nil, inode: UInt64 = 0,
        user: UInt32 = 0, group: UInt32 = 0
    ) {
        self.kind = kind
        self.permissions = permissions
        self.device = device
        self.represents = represents
        self.inode = inode
        self.user = user
        self.group = group
    }
}

/// A lock for as long as it is referred to; the end of the process frees it too.
package final class HeldLock: Sendable {
    private let release: @Sendable () -> Void

    package init(release: @escaping @Sendable () -> Void) { self.release = release }

    deinit { release() }
}

/// The devices that udev knows.
package protocol Devices: Sendable {
    /// Block devices that are whole disks, by name.
    func disks() throws(KernelError) -> [Device]
}

/// One device of sysfs, with what udev's rules found out about it; without udevd there are few properties or none.
package struct Device: Hashable, Sendable {
    package var name: String
    /// Its real folder: `/sys/devices/pci0000:00/…/block/sda`.
    package var path: String
    package var properties: [String: String]

    package init(name: String, path: String, properties: [String: String] = [:]) {
        self.name = name
        self.path = path
        self.properties = properties
    }
}
