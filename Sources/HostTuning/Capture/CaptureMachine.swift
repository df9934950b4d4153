import HostModel

extension Capture {
    /// What is asked first, so that it is found wherever it stands.
    mutating func identities() {
        if let name = attributes.described("/proc/sys/kernel/hostname") {
            put("/proc/sys/kernel/hostname", names.name(name, .host))
            if let short = name.split(separator: ".").first, short != name[...] { _ = names.name(String(short), .host) }
        }
        for file in ["product_serial", "product_uuid", "board_serial", "chassis_serial", "chassis_asset_tag"] {
            if let serial = attributes.described("/sys/class/dmi/id/\(file)") { _ = names.name(serial, .serial) }
        }
    }

    mutating func machine() {
        file("/proc/sys/kernel/osrelease", isVersion: true)
        for name in ["product_name", "sys_vendor", "board_name", "bios_vendor", "bios_version"] {
            file("/sys/class/dmi/id/\(name)", isVersion: name == "bios_version")
        }
        file("/proc/meminfo") { _, text in
            let kept = ["MemTotal:", "MemFree:", "SwapTotal:", "HugePages_Total:", "Hugepagesize:"]
            return text.split(separator: "\n").filter { line in kept.contains { line.hasPrefix($0) } }
                .joined(separator: "\n")
        }
        file("/proc/cmdline") { $1.split(separator: " ").map(commandLineWord).joined(separator: " ") }
        let memory = "/sys/devices/system/memory"
        file("\(memory)/block_size_bytes")
        let blocks = list(memory).count { $0.hasPrefix("memory") }
        if blocks > 0 { archive.entries["\(memory)/memory"] = .folders(blocks) }
        if (try? files.status("/etc/ais-hostd/disable")) != nil { put("/etc/ais-hostd/disable", "") }
    }

    mutating func processors() {
        let folder = "/sys/devices/system/cpu"
        for name in ["online", "offline", "possible", "present"] { file("\(folder)/\(name)") }
        for name in ["smt/active", "smt/control", "intel_pstate/status", "intel_pstate/no_turbo", "amd_pstate/status"] {
            file("\(folder)/\(name)")
        }
        for cpu in list(folder) where cpu.hasPrefix("cpu") && Int(cpu.dropFirst(3)) != nil {
            for name in ["thread_siblings_list", "physical_package_id", "core_id"] {
                file("\(folder)/\(cpu)/topology/\(name)")
            }
        }
        file("\(folder)/cpufreq/boost")
        for policy in list("\(folder)/cpufreq") where policy.hasPrefix("policy") {
            let folder = "\(folder)/cpufreq/\(policy)"
            asking(folder) { capture in
                // The clock of the moment wakes CPUs to be asked, and is no knob.
                for name in capture.list(folder) where name != "cpuinfo_cur_freq" && name != "stats" {
                    capture.file("\(folder)/\(name)")
                }
            }
        }
        file("/proc/cpuinfo") { _, text in
            let lines = text.split(separator: "\n")
            let model = lines.first { $0.hasPrefix("model name") }
            let flags = lines.first { $0.hasPrefix("flags") }.map { line in
                "flags\t\t:" + (line.split(separator: " ").contains("hypervisor") ? " hypervisor" : "")
            }
            return [model.map(String.init), flags].compactMap(\.self).joined(separator: "\n")
        }
    }

    mutating func sysctls() {
        for name in capturedSysctls {
            let path = SysctlKey(name: name).file
            // What root alone may read is a secret.
            if let status = try? files.status(path), status.permissions & 0o004 == 0 { continue }
            file(path)
        }
        for module in ["nf_conntrack", "mlx5_core", "nvme", "scsi_mod", "bfq"] {
            guard (try? files.status("/sys/module/\(module)")) != nil else { continue }
            archive.entries["/sys/module/\(module)"] = .folder
            file("/sys/module/\(module)/version", isVersion: true)
        }
    }
}

/// Those that the shipped profiles name; a test compares them.
let capturedSysctls = [
    "net.core.netdev_max_backlog", "net.core.optmem_max", "net.core.rmem_max", "net.core.somaxconn",
    "net.core.wmem_max", "net.ipv4.ip_forward", "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_adv_win_scale", "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets", "net.ipv4.tcp_mem", "net.ipv4.tcp_mtu_probing", "net.ipv4.tcp_rfc1337",
    "net.ipv4.tcp_rmem", "net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_wmem",
    "net.netfilter.nf_conntrack_tcp_be_liberal", "vm.min_free_kbytes", "vm.swappiness", "vm.vfs_cache_pressure",
]

/// The words of the command line that tune, whole; all others may hold a password, even as a name.
private func commandLineWord(_ word: Substring) -> String {
    let name = word.prefix { $0 != "=" }
    let known: Set<Substring> = [
        "ro", "rw", "quiet", "splash", "nosmt", "mitigations", "iommu", "intel_iommu", "amd_iommu", "isolcpus",
        "nohz_full", "nohz", "rcu_nocbs", "hugepages", "hugepagesz", "default_hugepagesz", "transparent_hugepage",
        "numa_balancing", "intel_pstate", "amd_pstate", "idle", "pcie_aspm", "skew_tick", "tsc", "clocksource",
        "elevator", "net.ifnames", "biosdevname", "ipv6.disable", "systemd.unified_cgroup_hierarchy", "pci",
        "processor.max_cstate", "intel_idle.max_cstate", "cpufreq.default_governor",
    ]
    let prefixes = ["ais_hostd.", "scsi_mod.", "nvme.", "nvme_core.", "mlx5_core.", "cpufreq."]
    return known.contains(name) || prefixes.contains { name.hasPrefix($0) } ? String(word) : "MASKED"
}
