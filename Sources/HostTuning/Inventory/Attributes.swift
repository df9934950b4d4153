import HostModel

extension KernelError {
    var isAbsence: Bool { errno?.isAbsence == true }
}

/// Reads the small texts of procfs and sysfs. Absent and unreadable stay two things.
struct Attributes {
    let files: any Files

    /// The text, nil where there is no such file or nothing in it.
    func text(_ path: String) throws(KernelError) -> String? {
        guard let bytes = try present({ () throws(KernelError) in try files.read(path) }) else { return nil }
        return printable(bytes)
    }

    func required(_ path: String) throws(KernelError) -> String {
        guard let text = try printable(files.read(path)) else { throw KernelError("read", path, message: "is empty") }
        return text
    }

    /// A text that only describes, nil also where it can't be read.
    func described(_ path: String) -> String? { (try? files.read(path)).flatMap(printable) }

    func isSet(_ path: String) throws(KernelError) -> Bool { try text(path) == "1" }

    /// The words of each line. Parsed as bytes, since names hold any; what is no UTF-8 is repaired.
    func lines(_ path: String) throws(KernelError) -> [[String]] {
        try files.read(path).split(separator: UInt8(ascii: "\n")).map { line in
            let words = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            return words.map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// What no other disk ever has until the next boot: `diskseq` (Linux 5.15), before that the number of its queue in
    /// sysfs.
    func sequence(ofDisk folder: String) throws(KernelError) -> String {
        if let sequence = try text("\(folder)/diskseq") { return sequence }
        return "inode \(try files.status("\(folder)/queue").inode)"
    }

    /// The names in a folder, none where there is no such folder.
    func names(_ folder: String) throws(KernelError) -> [String] {
        try present { () throws(KernelError) in try files.list(folder) } ?? []
    }

    /// Where a link leads, nil where there is none.
    func target(_ path: String) throws(KernelError) -> String? {
        try present { () throws(KernelError) in try files.resolve(path) }
    }
}

/// What is there, nil where there is no such thing; any other error stays one.
func present<Value>(_ body: () throws(KernelError) -> Value) throws(KernelError) -> Value? {
    do throws(KernelError) {
        return try body()
    } catch let error where error.isAbsence {
        return nil
    }
}

/// Text without the blanks around it, nil where nothing is left. What people can't read is written as udev does:
/// `\x0a`.
///
/// Serial numbers come from firmware, padded with blanks or NULs, and may be no UTF-8: no two must become one by
/// repair.
func printable(_ bytes: some BidirectionalCollection<UInt8>) -> String? {
    func isBlank(_ byte: UInt8) -> Bool { byte <= 0x20 }
    guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
    else {
        return nil
    }
    var text = ""
    for byte in bytes[first...last] {
        if (0x20...0x7e).contains(byte), byte != UInt8(ascii: "\\") {
            text.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
            text += (byte < 16 ? "\\x0" : "\\x") + String(byte, radix: 16)
        }
    }
    return text
}

/// `/sys/block` of `/sys/block/sda`
func folder(of path: String) -> String { path.split(separator: "/").dropLast().map { "/\($0)" }.joined() }

/// `sda` of `/sys/block/sda`
func lastComponent(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
