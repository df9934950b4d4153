import HostModel
import HostTestSupport

@testable import HostTuning

extension Node {
    /// A host where much depends on much: pairs, followers, sets, rounding, clamping, refusing, resetting.
    static func busy(disks: [String: String] = ["sda": "A", "sdb": "B"]) -> Node {
        let node = Node(busyConfiguration)
        for (name, serial) in disks.sorted(by: { $0.key < $1.key }) { node.plug(name, serial: serial) }
        node.setSysctls()
        node.kernel.policy(0, cpus: "0 4", governor: "powersave", preference: "balance_power")
        return node
    }

    static let busyConfiguration = """
        sysctl:
          net.ipv4.ip_forward: 1
          net.ipv4.ip_local_reserved_ports: {include: [51080-51083]}
          vm.dirty_bytes: 1073741824
          vm.max_map_count: 100001
          vm.refused: 1
          net.netfilter.nf_conntrack_max: 1048576
        block:
          - match: {name: "sd*"}
            scheduler: mq-deadline
            nr_requests: 2048
            read_ahead_kb: 4097
        cpu: {governor: performance}
        """

    func setSysctls() {
        let links = "/proc/sys/net/ipv4/conf"
        kernel.sysctl("net.ipv4.ip_forward", "0", .forwarding(in: links))
        kernel.set("\(links)/eth0/forwarding", "0")
        // Already what ip_forward makes of it, and reset when that goes back.
        kernel.set("\(links)/eth1/forwarding", "1")
        kernel.set("\(links)/all/accept_redirects", "1")
        kernel.sysctl("net.ipv4.ip_local_reserved_ports", "8080")
        kernel.sysctl("vm.dirty_bytes", "0", .coupled(zeroes: "/proc/sys/vm/dirty_ratio"))
        kernel.sysctl("vm.dirty_ratio", "20", .coupled(zeroes: "/proc/sys/vm/dirty_bytes"))
        kernel.sysctl("vm.max_map_count", "65530", .rounded(to: 10))
        kernel.sysctl("vm.refused", "0", .refusing(.invalid))
        kernel.sysctl("vm.swappiness", "60")
    }

    /// A disk whose depth and parameters are not the kernel's defaults; the same each time it is plugged.
    func plug(_ name: String, serial: String) {
        let isFirst = serial == "A"
        kernel.disk(
            name, serial: serial, scheduler: isFirst ? "none" : "kyber", tags: 1023, requests: isFirst ? 256 : 64)
        if !isFirst { kernel.set("/sys/block/\(name)/queue/iosched/read_lat_nsec", "777") }
    }

    /// What is not as it was, for a person to read.
    func difference(from first: [Ledger.Key: String]) throws -> [String] {
        let now = try snapshot()
        return Set(first.keys).union(now.keys).filter { first[$0] != now[$0] }
            .map { "\($0.identity) \($0.attribute): \(first[$0] ?? "-") became \(now[$0] ?? "-")" }.sorted()
    }

    /// Whatever differs from what it was has its original in the ledger on disk.
    func uncovered(since first: [Ledger.Key: String]) throws -> [String] {
        let ledger = try ledger()
        let now = try snapshot()
        return first.compactMap { key, value in
            guard value != now[key] else { return nil }
            let original = allDomains.first { $0.name == key.domain }?.value(value, of: key.attribute).description
            let noted = ledger.entries[key]?.original
            return noted == original ? nil : "\(key.attribute): was \(value), noted \(noted ?? "nothing")"
        }
    }
}

extension Reconciler.Pass {
    /// How everything stands, without what was put back in this pass: the next one knows nothing of that.
    var standing: [String] {
        settings.compactMap { result in
            let isOver = result.setting.isRestoration && [.inSync, .adjusted].contains(result.outcome.state)
            guard !isOver else { return nil }
            // What a write was answered only the one who wrote knows; for all others it differs.
            let isDifferent = result.outcome.state == .failed && result.outcome.held != nil
            let state = isDifferent ? "drifted " : "\(result.outcome.state) \(result.outcome.detail ?? "")"
            return "\(result.setting.id) \(result.desired) \(result.outcome.held?.description ?? "") \(state)"
        }
    }
}
