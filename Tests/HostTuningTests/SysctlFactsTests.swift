import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct SysctlFactsTests {
    @Test(
        "keys without effect are noted from the kernel on that ignores them",
        arguments: [
            ("net.ipv4.tcp_low_latency", "4.13.16", nil), ("net.ipv4.tcp_low_latency", "4.14.0-1-amd64", "4.14"),
            ("net.ipv4.tcp_low_latency", "6.8.0-31-generic", "4.14"), ("net.ipv4.tcp_adv_win_scale", "6.5.13", nil),
            ("net.ipv4.tcp_adv_win_scale", "6.6.0", "6.6"), ("net.ipv4.tcp_adv_win_scale", "6.12", "6.6"),
            ("net.core.somaxconn", "6.8", nil), ("net.ipv4.tcp_low_latency", "nonsense", nil),
        ] as [(String, String, String?)])
    func notes(name: String, kernel: String, since: String?) {
        let note = SysctlDomain().note(on: name, in: .sample(kernel: kernel))
        #expect(note == since.map { "no effect since Linux \($0)" })
    }

    @Test(
        "a key that a module brings is awaited, any other is unsupported",
        arguments: [
            ("net.netfilter.nf_conntrack_max", "nf_conntrack"), ("net.bridge.bridge-nf-call-iptables", "br_netfilter"),
            ("net.ipv4.vs.conntrack", "ip_vs"), ("net.ipv6.conf.all.forwarding", "ipv6"),
            ("sunrpc.tcp_slot_table_entries", "sunrpc"), ("net.sctp.sctp_mem", "sctp"),
        ])
    func awaitsModules(name: String, module: String) throws {
        let value = name == "net.sctp.sctp_mem" ? "[1, 2, 3]" : "1"
        let node = Node("sysctl: {\(name): \(value)}")
        let id = "sysctl/\(name)"
        #expect(try node.check().details(id) == "comes with the module \(module), which is not loaded")
        #expect(try node.check()[id]?.outcome.pendingOn == .module)
        #expect(try node.check()[id]?.isFault == false)
        node.kernel.folder("/sys/module/\(module)")
        #expect(try node.check()[id]?.outcome.state == .unsupported)
    }

    @Test("an absent key names the one beside it that was meant")
    func didYouMean() throws {
        let node = Node("sysctl: {net.core.somaxcon: 1, net.core.quite_other: 1, net.nowhere.x: 1}")
        node.kernel.sysctl("net.core.somaxconn", "4096")
        let pass = try node.check()
        #expect(pass.details("sysctl/net.core.somaxcon") == "no such key here, did you mean net.core.somaxconn?")
        #expect(pass.details("sysctl/net.core.quite_other") == "no such key here")
        #expect(pass.details("sysctl/net.nowhere.x") == "no such key here")
    }

    @Test("a key that nobody may read is a command")
    func writeOnly() throws {
        let node = Node("sysctl: {net.some.flush: 1}")
        node.kernel.sysctl("net.some.flush", "1", .unreadable(.accessDenied))
        #expect(try node.check()["sysctl/net.some.flush"]?.outcome.state == .unknown)
        node.kernel.behave("/proc/sys/net/some/flush", .unreadable(.ioError))
        #expect(try node.check()["sysctl/net.some.flush"]?.outcome.state == .failed)
    }

    @Test("pairs are each other's, and forwarding leads every link")
    func companions() throws {
        let node = Node()
        for link in ["all", "default", "eth0.100"] {
            for version in ["ipv4", "ipv6"] {
                node.kernel.set("/proc/sys/net/\(version)/conf/\(link)/forwarding", "0")
                node.kernel.set("/proc/sys/net/\(version)/conf/\(link)/disable_ipv6", "0")
            }
        }
        func companions(_ name: String) throws -> [String] {
            let setting = Setting(
                id: SettingID(domain: "sysctl", attribute: name), target: nil, requirement: .maximum,
                origin: Origin(file: "f", line: 1))
            return try SysctlDomain().companions(of: setting, on: node.kernel.host())
        }
        #expect(try companions("vm.dirty_bytes") == ["vm.dirty_ratio"])
        #expect(try companions("vm.dirty_ratio") == ["vm.dirty_bytes"])
        #expect(try companions("vm.swappiness").isEmpty)
        let links = ["all", "default", "eth0/100"]
        let redirects = "net.ipv4.conf.all.accept_redirects"
        let forwarding = links.map { "net.ipv4.conf.\($0).forwarding" }
        #expect(try companions("net.ipv4.ip_forward") == forwarding + ["net.ipv4.ip_forward", redirects].suffix(1))
        #expect(
            try companions("net.ipv4.conf.all.forwarding") == forwarding.dropFirst() + [
                "net.ipv4.ip_forward", redirects,
            ])
        #expect(try companions("net.ipv4.conf.default.forwarding").isEmpty)
        for key in ["forwarding", "disable_ipv6"] {
            #expect(
                try companions("net.ipv6.conf.all.\(key)") == links.dropFirst().map { "net.ipv6.conf.\($0).\(key)" })
        }
    }
}
