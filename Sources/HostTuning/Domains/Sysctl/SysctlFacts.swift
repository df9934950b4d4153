import HostModel

/// What is known of single keys and can't be read from the kernel. Each with its source.
enum SysctlFacts {
    /// Reading them fails or means nothing, so that they can't be compared: they are commands.
    /// (admin-guide/sysctl/vm.rst)
    static let writeOnly: Set<String> = [
        "vm.drop_caches", "vm.compact_memory", "net.ipv4.route.flush", "net.ipv6.route.flush",
    ]

    /// Keys that the kernel takes and ignores.
    static func note(on name: String, kernel: KernelVersion?) -> String? {
        guard let kernel, let release = deadSince[name], let dead = KernelVersion(release), kernel >= dead else {
            return nil
        }
        return "no effect since Linux \(release)"
    }

    /// tcp_low_latency lost its prequeue in 4.14; tcp_adv_win_scale its use in dfa2f0483360 (6.6).
    private static let deadSince = ["net.ipv4.tcp_low_latency": "4.14", "net.ipv4.tcp_adv_win_scale": "6.6"]

    /// What the kernel lets only root read because it is a secret, and not because it says much of the kernel.
    static func isNamedSecret(_ name: String) -> Bool {
        ["tcp_fastopen_key", "stable_secret"].contains { name == $0 || name.hasSuffix(".\($0)") }
    }

    /// The module that brings a key.
    static func module(of name: String) -> String? {
        modules.first { name.hasPrefix($0.prefix) }?.module
    }

    private static let modules: [(prefix: String, module: String)] = [
        ("net.netfilter.nf_conntrack_", "nf_conntrack"), ("net.nf_conntrack_max", "nf_conntrack"),
        ("net.netfilter.nf_flowtable_", "nf_flow_table"), ("net.bridge.bridge-nf-", "br_netfilter"),
        ("net.ipv4.vs.", "ip_vs"), ("net.ipv6.", "ipv6"), ("sunrpc.", "sunrpc"), ("fs.nfs.", "nfs"),
        ("net.sctp.", "sctp"), ("net.rds.", "rds"), ("net.mptcp.", "mptcp"), ("dev.raid.", "md_mod"),
        ("dev.cdrom.", "cdrom"), ("dev.scsi.", "scsi_mod"),
    ]

    /// Keys of which writing one sets the other to zero (admin-guide/sysctl/vm.rst).
    static func counterpart(of name: String) -> String? {
        for (left, right) in pairs {
            if name == left { return right }
            if name == right { return left }
        }
        return nil
    }

    private static let pairs = [
        ("vm.dirty_bytes", "vm.dirty_ratio"), ("vm.dirty_background_bytes", "vm.dirty_background_ratio"),
        ("vm.overcommit_kbytes", "vm.overcommit_ratio"),
    ]

    /// Keys that the kernel sets along with one that speaks for all links: inet_forward_change() in
    /// net/ipv4/devinet.c, addrconf_fixup_forwarding() and addrconf_disable_ipv6() in net/ipv6/addrconf.c.
    static func followers(of name: String, on host: Host) throws(KernelError) -> [String] {
        let family: (folder: String, key: String, others: [String])
        switch name {
        case "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding":
            family = (
                "net/ipv4/conf", "forwarding", ["net.ipv4.ip_forward", "net.ipv4.conf.all.accept_redirects"]
            )
        // tcp_set_allowed_congestion_control(): what is chosen becomes allowed.
        case "net.ipv4.tcp_congestion_control": return ["net.ipv4.tcp_allowed_congestion_control"]
        case "net.ipv6.conf.all.forwarding": family = ("net/ipv6/conf", "forwarding", [])
        case "net.ipv6.conf.all.disable_ipv6": family = ("net/ipv6/conf", "disable_ipv6", [])
        default: return []
        }
        let links = try present { () throws(KernelError) in try host.files.list("/proc/sys/\(family.folder)") } ?? []
        let all = links.map { SysctlKey(path: "\(family.folder)/\($0)/\(family.key)").name } + family.others
        return all.filter { $0 != name }
    }

    private static let ofAllLinks = ["ipv4", "ipv6"].flatMap { ["net.\($0).conf.all.", "net.\($0).conf.default."] }

    /// Order of writing: what resets others comes first, ports are reserved before they become ephemeral.
    static func rank(of name: String) -> Int {
        switch name {
        case "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.conf.all.forwarding",
            "net.ipv6.conf.all.disable_ipv6":
            0
        case "net.ipv4.ip_local_reserved_ports": 1
        // Prefixes: to look for a text within a name, thousands of times in a sort, was half of an apply of 60.
        case _ where ofAllLinks.contains(where: name.hasPrefix): 2
        default: 3
        }
    }
}
