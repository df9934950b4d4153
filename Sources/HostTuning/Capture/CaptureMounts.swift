import HostModel

extension Capture {
    /// Where the host itself lives, as far as the inventory follows it.
    mutating func mounts() {
        for process in ["1", "self"] {
            file("/proc/\(process)/mountinfo") { capture, text in
                text.split(separator: "\n").compactMap { capture.mountLine($0) }.joined(separator: "\n")
            }
        }
        file("/proc/swaps") { capture, text in
            text.split(separator: "\n").enumerated().map { number, line in
                var fields = line.split { $0 == " " || $0 == "\t" }.map(String.init)
                if number > 0, fields.count > 1 {
                    let path = unescape(fields[0])
                    fields[0] = fields[1] == "file" ? capture.maskedPath(path) : capture.maskedSource(path)
                }
                return fields.joined(separator: "\t")
            }.joined(separator: "\n")
        }
        for folder in ["/var/lib/etcd", "/var/lib/rancher/k3s/server/db", "/var/lib/rancher/rke2/server/db"] {
            keep(folder: folder)
        }
        file("/etc/etcd.env") { capture, text in
            guard let line = text.split(separator: "\n").last(where: { $0.hasPrefix("ETCD_DATA_DIR=") }) else {
                return nil
            }
            let path = line.dropFirst("ETCD_DATA_DIR=".count).filter { $0 != "\"" && $0 != "'" }
            capture.keep(folder: path)
            return "ETCD_DATA_DIR=\(capture.maskedPath(path))"
        }
        for filesystem in list("/sys/fs/btrfs") {
            let folder = "/sys/fs/btrfs/\(filesystem)/devices"
            for name in list(folder) {
                guard let target = try? attributes.target("\(folder)/\(name)") else { continue }
                let other = "/sys/fs/btrfs/\(names.name(filesystem, .uuid))/devices/\(name)"
                archive.entries[other] = .link(to: relative(target, from: other))
            }
        }
    }

    private mutating func keep(folder: String) {
        do throws(KernelError) {
            guard try files.status(folder).kind == .folder else { return }
            let (path, real) = (maskedPath(folder), maskedPath(try files.resolve(folder)))
            archive.entries[real] = .folder
            if real != path { archive.entries[path] = .link(to: relative(real, from: path)) }
        } catch {
            if !error.isAbsence {
                archive.entries[maskedPath(folder)] = .folder
                problem(error, with: maskedPath(folder))
            }
        }
    }

    /// A line of `mountinfo`; nil for what the kernel mounts of itself.
    private mutating func mountLine(_ line: Substring) -> String? {
        let fields = line.split(separator: " ").map(String.init)
        guard let mount = Mount(fields) else { return nil }
        let own = [
            "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "securityfs", "debugfs", "tracefs", "bpf",
            "pstore", "configfs", "hugetlbfs", "autofs", "binfmt_misc", "fusectl", "nsfs", "efivarfs", "rpc_pipefs",
        ]
        if own.contains(mount.type) { return nil }
        var options = "rw"
        if mount.type == "overlay" {
            // Containers have one each, and their disks are those of the folders that they are made of.
            guard mount.point == "/" else { return nil }
            options = mount.layers.enumerated().map { "\($0 == 0 ? "upperdir" : "lowerdir+")=\(maskedPath($1))" }
                .joined(separator: ",")
        }
        let source =
            switch mount.type {
            case "bcachefs":
                mount.source.split(separator: ":").map { maskedSource(String($0)) }.joined(separator: ":")
            default: maskedSource(mount.source)
            }
        return
            "\(fields[0]) \(fields[1]) \(mount.device) / \(maskedPath(mount.point)) rw - \(mount.type) \(source) \(options)"
    }

    /// A path with a pseudonym for each of its parts that an installation does not bring: what is below another path
    /// still is. `/ais/NAME` is ours.
    mutating func maskedPath(_ path: String) -> String {
        var parts: [String] = []
        for part in path.split(separator: "/").map(String.init) {
            let isOurs = parts == ["ais"] && part.utf8.count <= 16 && part.allSatisfy { $0.isLetter || $0.isNumber }
            parts.append(isOurs || usualFolders.contains(part) ? part : names.name(part, .folder))
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The kernel's own names of devices stay, others are pseudonyms of the same number.
    mutating func maskedSource(_ source: String) -> String {
        if ["tmpfs", "overlay", "rootfs", "ramfs", "devtmpfs", "none", "udev"].contains(source) { return source }
        guard source.hasPrefix("/dev/") else { return names.name(source, .source) }
        if source.split(separator: "/").count == 2, archive.entries[source] != nil { return source }
        let other = "/dev/\(names.name(source, .source))"
        if let status = try? files.status(source), let number = status.represents {
            archive.entries[other] = .blockDevice(number)
        }
        return other
    }
}

private let usualFolders: Set<String> = [
    "ais", "bin", "boot", "containerd", "containers", "dev", "devices", "docker", "efi", "etc", "etcd", "db", "home",
    "interfaces.d", "k3s", "kubelet", "lib", "local", "media", "mnt", "netplan", "network", "NetworkManager", "opt",
    "proc", "rancher", "rke2", "root", "run", "server", "shm", "srv", "swap.img", "swapfile", "sys",
    "system-connections", "systemd", "tmp", "usr", "var",
]
