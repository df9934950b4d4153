package import FoundationEssentials
import HostKernel
package import HostModel

/// A host as it was captured: its `/proc`, `/sys`, `/etc` and `/run/udev/data` in a folder, with relative links.
/// Whatever would change it is EROFS, so that no test alters its fixture.
package func fixtureHost(
    at folder: String, userID: UInt32 = 0, pageSize: Int = 4096, now: Date = Date(timeIntervalSince1970: 1_795_000_000)
) -> Host {
    let files = FaultyFiles(SystemFiles(root: folder), .always(.readOnly), among: FaultyFiles.Call.changes)
    return Host(
        files: files, devices: TreeDevices(files: files), links: FakeLinks(), bus: FakeBus(), userID: userID,
        pageSize: pageSize,
        now: { now })
}

/// The disks of a tree, with the properties that udev kept of them (`E:` lines of `/run/udev/data/bMAJOR:MINOR`).
package struct TreeDevices: Devices {
    private let files: any Files

    package init(files: any Files) { self.files = files }

    package func disks() throws(KernelError) -> [Device] {
        var disks: [Device] = []
        for name in try files.list("/sys/block") {
            disks.append(
                Device(name: name, path: try files.resolve("/sys/block/\(name)"), properties: properties(name)))
        }
        return disks
    }

    private func properties(_ name: String) -> [String: String] {
        guard let number = try? files.read("/sys/block/\(name)/dev"),
            let record = try? files.read("/run/udev/data/b\(String(decoding: number.dropLast(), as: UTF8.self))")
        else { return [:] }
        var properties: [String: String] = [:]
        for line in String(decoding: record, as: UTF8.self).split(separator: "\n") where line.hasPrefix("E:") {
            let pair = line.dropFirst(2).split(separator: "=", maxSplits: 1)
            if let key = pair.first { properties[String(key)] = pair.count > 1 ? String(pair[1]) : "" }
        }
        return properties
    }
}
