package import HostModel

/// Takes stock of this host. What it can't find out about the users of disks is an error: a disk must not look free for
/// want of an answer. What a sick disk does not answer leaves out that one, and is one of the problems.
///
/// Looking at ten disks takes as long as all the rest of a `check`: only who tunes disks asks for them. A disk that does
/// not answer in time stays as it was in the `previous` inventory; so does a cpufreq policy.
package func takeInventory(
    of host: Host, needing parts: Set<Inventory.Part> = Set(Inventory.Part.allCases), previous: Inventory? = nil
) throws(KernelError) -> Inventory {
    let attributes = Attributes(files: host.files)
    let (disks, problems) = parts.contains(.disks) ? try disks(of: host, previous: previous?.disks ?? []) : ([], [])
    let frequency =
        parts.contains(.frequencyPolicies)
        ? try frequencyPolicies(of: host, previous: previous?.frequencyPolicies) : nil
    return Inventory(
        hostname: try attributes.required("/proc/sys/kernel/hostname"),
        kernelRelease: try attributes.required("/proc/sys/kernel/osrelease"),
        model: attributes.described("/sys/class/dmi/id/product_name"),
        memory: try memory(attributes),
        installedMemory: installedMemory(attributes),
        pageSize: host.pageSize,
        physicalCores: try physicalCores(attributes),
        disks: disks,
        links: parts.contains(.links) ? try links(of: host, previous: previous?.links ?? []) : [],
        frequencyPolicies: frequency?.policies ?? [],
        // It never changes between two boots, and the file is long where there are many CPUs.
        isGuest: frequency?.policies.isEmpty == true ? previous?.isGuest ?? isGuest(attributes) : nil,
        problems: problems + (frequency?.problems ?? []),
        observeOnly: try observeOnly(attributes))
}

/// Reads MemTotal of `/proc/meminfo`.
private func memory(_ attributes: Attributes) throws(KernelError) -> Int128 {
    let path = "/proc/meminfo"
    for line in try attributes.lines(path) where line.first == "MemTotal:" {
        guard line.count == 3, line[2] == "kB", let kibibytes = Int64(line[1]), kibibytes > 0 else { break }
        return Int128(kibibytes) * 1024
    }
    throw KernelError("read", path, message: "has no MemTotal")
}

/// Counts the blocks of `/sys/devices/system/memory`; nil on kernels without memory hot-plug, which have none.
private func installedMemory(_ attributes: Attributes) -> Int128? {
    let folder = "/sys/devices/system/memory"
    guard let text = attributes.described("\(folder)/block_size_bytes"), let size = Int64(text, radix: 16) else {
        return nil
    }
    let blocks = (try? attributes.names(folder))?.count { $0.hasPrefix("memory") } ?? 0
    return blocks > 0 ? Int128(size) * Int128(blocks) : nil
}

/// Who forbids writing on this host: its administrator by a file, or whoever booted it by `/proc/cmdline`.
private func observeOnly(_ attributes: Attributes) throws(KernelError) -> String? {
    let path = "/etc/ais-hostd/disable"
    do throws(KernelError) {
        _ = try attributes.files.status(path)
        return "\(path) exists"
    } catch let error where !error.isAbsence {
        return "\(path) may exist: \(error)"
    } catch {}
    let words = try attributes.lines("/proc/cmdline").joined()
    guard let word = words.last(where: { $0 == "ais_hostd.observe" || $0.hasPrefix("ais_hostd.observe=") }) else {
        return nil
    }
    let isReleased = ["=0", "=no", "=off", "=false"].contains { word == "ais_hostd.observe\($0)" }
    return isReleased ? nil : "the kernel's command line has \(word)"
}
