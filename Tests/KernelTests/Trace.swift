/// What strace saw a program open for writing, or change in a folder.
struct Trace {
    static let calls =
        "trace=open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,"
        + "symlink,symlinkat,chmod,fchmodat,chown,fchownat,truncate,ftruncate,mknod,mknodat,mount,umount2"

    /// The calls that write, without the process's number.
    let writes: [String]

    init(_ log: String) {
        let opening = ["open(", "openat(", "openat2("]
        let writing = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"]
        writes = log.split(separator: "\n").compactMap { line in
            let call = line.drop { $0.isNumber || $0 == " " }
            guard call.first?.isLetter == true, call.contains("(") else { return nil }
            if opening.contains(where: call.hasPrefix) {
                guard writing.contains(where: call.contains), !call.contains("\"/dev/null\"") else { return nil }
            }
            return String(call)
        }
    }
}
