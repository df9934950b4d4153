import HostModel

/// The files of a set of drop-in folders in the order in which they are read: by name, a folder's file hiding those of
/// the same name in the folders after it. (sysctl.d(5), udev(7))
func dropIns(_ folders: [String], suffix: String, on host: Host) -> [(name: String, path: String)] {
    dropIns(folders, suffix: suffix, in: host.files)
}

func dropIns(_ folders: [String], suffix: String, in files: any Files) -> [(name: String, path: String)] {
    var paths: [String: String] = [:]
    for folder in folders {
        for file in (try? files.list(folder)) ?? [] where file.hasSuffix(suffix) && paths[file] == nil {
            paths[file] = "\(folder)/\(file)"
        }
    }
    return paths.sorted { $0.key < $1.key }.map { (name: $0.key, path: $0.value) }
}
