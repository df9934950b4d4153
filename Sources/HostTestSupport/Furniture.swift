import HostModel

extension FakeKernel {
    /// What every host has.
    func furnish() {
        set("/proc/sys/kernel/hostname", "node1")
        set("/proc/sys/kernel/osrelease", "6.8.0-31-generic")
        set("/proc/cmdline", "BOOT_IMAGE=/vmlinuz-6.8.0-31-generic root=UUID=0f-ab ro quiet")
        set("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority")
        set("/sys/class/dmi/id/product_name", "PowerEdge R740xd")
        folder("/sys/block")
        folder("/etc/ais-hostd")
        folder("/var/lib/ais-hostd")
        folder("/run/ais-hostd")
        memory(kibibytes: 65_843_000)
        processors(packages: 1, cores: 4, threads: 2)
        mount("/", device: "0:22", type: "tmpfs", source: "tmpfs")
    }

    /// A setting under `/proc/sys`, by its name with dots.
    package func sysctl(_ name: String, _ value: String, _ behaviour: Behaviour = .plain) {
        set("/proc/sys/\(String(name.map { $0 == "." ? "/" : $0 }))", value, behaviour)
    }

    package func memory(kibibytes: Int) {
        set("/proc/meminfo", "MemTotal:       \(kibibytes) kB\nMemFree:         1024 kB")
    }

    /// Numbered as Linux does: first one thread of every core, then the second ones.
    package func processors(packages: Int, cores: Int, threads: Int, offline: Set<Int> = []) {
        let folder = "/sys/devices/system/cpu"
        vanish(folder)
        let total = packages * cores
        let online = (0..<total * threads).filter { !offline.contains($0) }
        set("\(folder)/online", online.map(String.init).joined(separator: ","))
        for cpu in online {
            let siblings = stride(from: cpu % total, to: total * threads, by: total).filter { !offline.contains($0) }
            set("\(folder)/cpu\(cpu)/topology/physical_package_id", String(cpu % total / cores))
            set("\(folder)/cpu\(cpu)/topology/core_id", String(cpu % cores))
            set("\(folder)/cpu\(cpu)/topology/thread_siblings_list", siblings.map(String.init).joined(separator: ","))
        }
    }

    /// Adds a mount, seen by every process; over `/`, instead of what was there. Blanks are escaped as the kernel does.
    package func mount(_ point: String, device: String, type: String, source: String, options: String = "rw") {
        for process in ["1", "self"] {
            let path = "/proc/\(process)/mountinfo"
            let others = point == "/" ? [] : [text(path) ?? ""]
            let escaped = [point, source].map { String($0.flatMap { $0 == " " ? Array("\\040") : [$0] }) }
            let line = "36 1 \(device) / \(escaped[0]) rw,relatime shared:1 - \(type) \(escaped[1]) \(options)"
            set(path, (others + [line]).joined(separator: "\n"))
        }
    }

    /// Adds swap on a device or in a file.
    package func swap(_ path: String, isFile: Bool = false) {
        let others = text("/proc/swaps") ?? ""
        set("/proc/swaps", "\(others)\n\(path) \(isFile ? "file" : "partition") 8388604 0 -2")
    }
}
