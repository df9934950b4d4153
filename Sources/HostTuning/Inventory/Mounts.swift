import HostModel

/// A line of `mountinfo`, as far as it tells where something is kept.
struct Mount: Hashable {
    /// `8:1`; `0:NN` where the file system has no device of its own (btrfs, overlay, nfs).
    var device: String
    var point: String
    var type: String
    var source: String
    /// Of the file system, still escaped: `rw,lowerdir=/a:/b,upperdir=/c`.
    var options: String

    /// Takes `36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/sda1 rw`. The marks before the dash vary in
    /// number.
    init?(_ fields: [String]) {
        guard let dash = fields.dropFirst(6).firstIndex(of: "-"), fields.count > dash + 2 else { return nil }
        device = fields[2]
        point = unescape(fields[4])
        type = fields[dash + 1]
        source = unescape(fields[dash + 2])
        options = fields.count > dash + 3 ? fields[dash + 3] : ""
    }

    /// What lives in memory or on another host.
    var isDiskless: Bool { ["rootfs", "ramfs", "tmpfs", "nfs", "nfs4", "9p", "virtiofs"].contains(type) }

    /// The folders that an overlay is made of, as who mounted it named them.
    var layers: [String] {
        options.split(separator: ",").flatMap { option -> [String] in
            let pair = option.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, ["upperdir", "lowerdir", "lowerdir+", "datadir+"].contains(pair[0]) else {
                return []
            }
            return unescape(String(pair[1])).split(separator: ":").map(String.init)
        }
    }

    func contains(_ path: String) -> Bool { path == point || path.hasPrefix(point == "/" ? "/" : "\(point)/") }
}

/// The mounts of the first process and of ours, whose namespaces may differ. An ordinary user may read only the second.
func mountTables(_ attributes: Attributes) throws(KernelError) -> [[Mount]] {
    var tables: [[Mount]] = []
    var refusal: KernelError?
    for path in ["/proc/1/mountinfo", "/proc/self/mountinfo"] {
        do throws(KernelError) {
            tables.append(try attributes.lines(path).compactMap(Mount.init))
        } catch {
            refusal = error
        }
    }
    if let refusal, tables.isEmpty { throw refusal }
    return tables
}

/// Undoes the kernel's escapes in names: `\040` is a blank.
func unescape(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "\\")) else { return text }
    var rest = Array(text.utf8)[...]
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "\\"), rest.count >= 3,
            let escaped = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
        {
            bytes.append(escaped)
            rest = rest.dropFirst(3)
        } else {
            bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
