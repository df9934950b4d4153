import HostConfiguration
import HostModel

/// What kind of value a key holds. The kernel does not tell; where this table does not either, what it prints decides.
enum SysctlKind: Equatable {
    case integer
    case vector(Int)
    /// A set of numbers, as a list of ranges.
    case ranges
    /// A set of words.
    case words
    /// One text, whatever it looks like.
    case text

    /// From Documentation/admin-guide/sysctl and networking/ip-sysctl.rst.
    init?(of name: String) {
        switch name {
        case "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.ipv4.tcp_mem", "net.ipv4.udp_mem", "net.sctp.sctp_mem",
            "net.sctp.sctp_rmem", "net.sctp.sctp_wmem":
            self = .vector(3)
        case "net.ipv4.ip_local_port_range", "net.ipv4.ping_group_range": self = .vector(2)
        case "kernel.printk", "kernel.sem": self = .vector(4)
        case "net.ipv4.ip_local_reserved_ports", "kernel.watchdog_cpumask": self = .ranges
        case "net.ipv4.tcp_allowed_congestion_control": self = .words
        case "kernel.core_pattern", "kernel.hostname", "kernel.domainname", "kernel.modprobe", "kernel.poweroff_cmd",
            "net.core.default_qdisc", "net.ipv4.tcp_congestion_control", "net.ipv4.tcp_fastopen_key",
            "dev.cdrom.info", "kernel.hotplug":
            self = .text
        default:
            guard Self.knownIntegers.contains(name) else { return nil }
            self = .integer
        }
    }

    private static let knownIntegers: Set<String> = [
        "net.core.somaxconn", "net.core.rmem_max", "net.core.wmem_max", "net.core.rmem_default",
        "net.core.wmem_default", "net.core.netdev_max_backlog", "net.core.optmem_max", "net.ipv4.ip_forward",
        "net.ipv4.tcp_adv_win_scale", "net.ipv4.tcp_low_latency", "net.ipv4.tcp_max_syn_backlog",
        "net.ipv4.tcp_max_tw_buckets", "net.ipv4.tcp_mtu_probing", "net.ipv4.tcp_rfc1337",
        "net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_timestamps", "net.ipv4.tcp_tw_reuse",
        "net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_tcp_be_liberal", "vm.dirty_background_bytes",
        "vm.dirty_background_ratio", "vm.dirty_bytes", "vm.dirty_ratio", "vm.max_map_count", "vm.min_free_kbytes",
        "vm.overcommit_memory", "vm.swappiness", "vm.vfs_cache_pressure", "fs.file-max", "fs.nr_open",
        "fs.inotify.max_user_watches", "fs.inotify.max_user_instances", "fs.aio-max-nr", "kernel.pid_max",
        "kernel.threads-max", "kernel.numa_balancing",
    ]

    /// In what an amount of memory is counted, where a share of it makes sense.
    static func memoryUnit(of name: String) -> MemoryUnit? {
        switch name {
        case "net.ipv4.tcp_mem", "net.ipv4.udp_mem", "net.sctp.sctp_mem", "kernel.shmall": .pages
        case _ where name.hasSuffix("_kbytes"): .kibibytes
        case "kernel.shmmax", "net.core.rmem_max", "net.core.wmem_max": .bytes
        case _ where name.hasSuffix("_bytes"): .bytes
        default: nil
        }
    }

    /// The kernel's text as a value: numbers where all are numbers, else one text with single spaces; what is a text
    /// by its kind, as it stands.
    static func value(_ text: String, of name: String) -> SettingValue {
        let words = text.split(whereSeparator: \.isWhitespace)
        switch SysctlKind(of: name) {
        case .text: return .word(text.unicodeScalars.last == "\n" ? String(text.unicodeScalars.dropLast()) : text)
        case .words: return .words(Set(words.map(String.init)))
        case .ranges: return ranges(text.trimmed).map { .ranges($0) } ?? .word(words.joined(separator: " "))
        case .integer, .vector, nil:
            let numbers = words.compactMap { KernelText.integer($0) }
            guard !words.isEmpty, numbers.count == words.count else { return .word(words.joined(separator: " ")) }
            return numbers.count == 1 ? .integer(numbers[0]) : .integers(numbers)
        }
    }

    /// `51080-51083,9847`; nil where it is no such list.
    static func ranges(_ text: String) -> IntegerRanges? {
        var ranges: [ClosedRange<Int>] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: text.isEmpty) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { end in
                end.utf8.allSatisfy { (48...57).contains($0) } ? Int(end) : nil
            }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last,
                last <= Int(Int32.max)
            else {
                return nil
            }
            ranges.append(first...last)
        }
        return IntegerRanges(ranges)
    }
}
