import HostModel

/// Writes a file of ours for everybody to read, where it does not say so already.
@discardableResult
func write(_ text: String, to path: String, in files: any Files) throws(KernelError) -> Bool {
    let bytes = Array(text.utf8)
    let old = try present { () throws(KernelError) in (try files.read(path), try files.status(path).permissions) }
    if let old, old == (bytes, 0o644) { return false }
    try files.createFolder(folder(of: path), permissions: 0o755)
    try files.replace(path, with: bytes, permissions: 0o644)
    return true
}

/// Looked for first: where /etc can't be written, unlink(2) fails even of what is not there.
@discardableResult
func removeIfThere(_ path: String, in files: any Files) throws(KernelError) -> Bool {
    guard try present({ () throws(KernelError) in try files.status(path) }) != nil else { return false }
    try files.remove(path)
    return true
}

/// Changes a file that is an administrator's, where `change` changes any byte. Its mode and owner stay, and a link to it
/// stays a link.
@discardableResult
func edit(
    _ path: String, in files: any Files, _ change: ([UInt8]) throws(KernelError) -> [UInt8]
) throws(KernelError) -> Bool {
    let real = try files.resolve(path)
    let old = try files.read(real)
    let new = try change(old)
    guard new != old else { return false }
    let status = try files.status(real)
    try files.replace(
        real, with: new, permissions: status.permissions, owner: FileOwner(user: status.user, group: status.group))
    return true
}
