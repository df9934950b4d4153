import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

/// Hosts as their distributions set them up.
@Suite struct LinkOwnersTests {
    let kernel = FakeKernel()
    private let eth0 = ManagedLink(name: "eth0", index: 2, macAddress: "52:54:00:12:34:56", driver: "virtio_net")
    private let eth1 = ManagedLink(name: "eth1", index: 3, macAddress: "52:54:00:12:34:57", driver: "mlx5_core")
    private let bond0 = ManagedLink(name: "bond0", index: 4)
    private let vlan = ManagedLink(name: "bond0.100", index: 5)
    private let dropIn = "99-zz-ais-hostd.conf"

    private var links: [ManagedLink] { [eth0, eth1, bond0, vlan] }

    private func persist(_ mtus: [String: String]) throws { try persistMTUs(mtus, links: links, in: kernel) }

    private func refusal(_ mtus: [String: String]) -> String {
        do throws(KernelError) { try persistMTUs(mtus, links: links, in: kernel) } catch { return "\(error)" }
        return "nothing"
    }

    private func mentions(of link: ManagedLink) -> [String] {
        (mtuMentions(of: links, in: kernel)[link.name] ?? []).map {
            "\($0.origin) \($0.value)\($0.isLater ? " later" : "")"
        }
    }

    // MARK: As they are set up

    /// `networkctl` says `configured`.
    private func networkd(_ link: ManagedLink, _ file: String, state: String = "configured") {
        kernel.set(
            "/run/systemd/netif/links/\(link.index)",
            "# This is private data. Do not parse.\nADMIN_STATE=\(state)\nOPER_STATE=routable\n"
                + "NETWORK_FILE=\(file)\nNETWORK_FILE_DROPINS=\"\"\nDNS=")
    }

    private func networkManager(_ link: ManagedLink, uuid: String) {
        kernel.set(
            "/run/NetworkManager/devices/\(link.index)",
            "[device]\nmanaged=true\nconnection-uuid=\(uuid)\nnm-owned=false\nroute-metric-default-aspired=100")
    }

    private func keyfile(_ path: String, uuid: String, _ more: String = "") {
        kernel.set(
            path, "[connection]\nid=wired\nuuid=\(uuid)\ntype=ethernet\n\n[ethernet]\n\(more)\n[ipv4]\nmethod=auto")
    }

    private func ifupdown(_ text: String) {
        kernel.set("/usr/sbin/ifup", "")
        kernel.set(Interfaces.file, text)
    }

    /// Ubuntu 22.04: what cloud-init leaves, a bond by the administrator, and networkd on what netplan made of it.
    private func ubuntu() {
        kernel.set(
            "/etc/netplan/50-cloud-init.yaml",
            """
            # This file is generated from information provided by the datasource.
            network:
                ethernets:
                    eth0:
                        dhcp4: true
                        match:
                            macaddress: 52:54:00:12:34:56
                        set-name: eth0
                version: 2
            """)
        kernel.set(
            "/etc/netplan/60-storage.yaml",
            """
            network:
              version: 2
              ethernets:
                port: {match: {driver: [mlx4_core, "mlx5*"]}}
              bonds:
                bond0: {interfaces: [port], mtu: 1500, parameters: {mode: 802.3ad}}
              vlans:
                bond0.100: {id: 100, link: bond0}
            """)
        for (link, id) in [(eth0, "eth0"), (eth1, "port"), (bond0, "bond0"), (vlan, "bond0.100")] {
            networkd(link, "/run/systemd/network/10-netplan-\(id).network")
        }
    }

    // MARK: Who it is

    @Test("netplan's links are found in its files, each with its line")
    func netplan() throws {
        ubuntu()
        let owners = try links.map { try #require(try owner(of: $0, in: kernel)).description }
        #expect(
            owners == [
                "netplan (/etc/netplan/50-cloud-init.yaml:4)", "netplan (/etc/netplan/60-storage.yaml:4)",
                "netplan (/etc/netplan/60-storage.yaml:6)", "netplan (/etc/netplan/60-storage.yaml:8)",
            ])
    }

    @Test(
        "what networkd does with a link decides",
        arguments: [
            ("configured", "systemd-networkd"), ("configuring", "systemd-networkd"), ("failed", "systemd-networkd"),
            ("pending", "ifupdown"), ("unmanaged", "ifupdown"), ("linger", "ifupdown"),
        ])
    func states(state: String, program: String) throws {
        ifupdown("iface eth0 inet dhcp")
        networkd(eth0, "/etc/systemd/network/20-wired.network", state: state)
        #expect(try owner(of: eth0, in: kernel)?.program.rawValue == program)
    }

    @Test("NetworkManager has a link where it says so and networkd does not")
    func networkManagerOwns() throws {
        ifupdown("iface eth0 inet dhcp")
        networkManager(eth0, uuid: "u-1")
        #expect(try owner(of: eth0, in: kernel)?.description == "NetworkManager (/run/NetworkManager/devices/2:3)")
        keyfile("/etc/NetworkManager/system-connections/wired.nmconnection", uuid: "u-1")
        #expect(
            try owner(of: eth0, in: kernel)?.description
                == "NetworkManager (/etc/NetworkManager/system-connections/wired.nmconnection:3)")
        kernel.set("/run/NetworkManager/devices/2", "[device]\nmanaged=false")
        #expect(try owner(of: eth0, in: kernel)?.program == .ifupdown)
        networkManager(eth0, uuid: "u-1")
        networkd(eth0, "/etc/systemd/network/20-wired.network")
        #expect(try owner(of: eth0, in: kernel)?.program == .networkd)
    }

    @Test("netplan's renderer NetworkManager is netplan all the same")
    func renderer() throws {
        kernel.set(
            "/etc/netplan/01-network-manager-all.yaml", "network: {renderer: NetworkManager, ethernets: {eth0: {}}}")
        networkManager(eth0, uuid: "u-2")
        keyfile("/run/NetworkManager/system-connections/netplan-eth0.nmconnection", uuid: "u-2")
        #expect(
            try owner(of: eth0, in: kernel)?.description == "netplan (/etc/netplan/01-network-manager-all.yaml:1)")
        try persist(["eth0": "9000"])
        #expect(kernel.text(NetworkManager.file)?.contains("[connection-ais-hostd-eth0]") == true)
    }

    @Test("a stanza counts where ifup is there to read it, in whatever file it is sourced from")
    func stanzas() throws {
        kernel.set("/etc/network/interfaces", "auto lo\niface lo inet loopback\n\nsource /etc/network/interfaces.d/*")
        kernel.set("/etc/network/interfaces.d/50-cloud-init", "auto eth0\niface eth0 inet dhcp")
        #expect(try owner(of: eth0, in: kernel) == nil)
        kernel.set("/sbin/ifup", "")
        #expect(
            try owner(of: eth0, in: kernel)?.description == "ifupdown (/etc/network/interfaces.d/50-cloud-init:2)")
        #expect(try owner(of: eth1, in: kernel) == nil)
        #expect(try owner(of: ManagedLink(name: "lo", index: 1), in: kernel) == nil)
    }

    @Test("what can't be read is an error, nobody is not")
    func unreadable() {
        networkd(eth0, "/etc/systemd/network/20-wired.network")
        let files = FaultyFiles(kernel, .always(.ioError), among: [.read])
        #expect(throws: KernelError.self) { try owner(of: eth0, in: files) }
        #expect(throws: KernelError.self) { try persistMTUs(["eth0": "9000"], links: links, in: files) }
    }

    // MARK: What is written

    @Test("each link of a netplan host keeps its own MTU, whatever else is asked")
    func netplanPersists() throws {
        ubuntu()
        let mtus = ["eth0": "1500", "eth1": "9000", "bond0": "9000", "bond0.100": "8996"]
        try persist(mtus)
        #expect(try persistedMTUs(in: kernel) == mtus)
        let text = kernel.text("/etc/systemd/network/10-netplan-bond0.100.network.d/\(dropIn)")
        #expect(text?.split(separator: "\n").suffix(3) == ["# Links: bond0.100", "[Link]", "MTUBytes=8996"])
        try persist(["eth1": "9000"])
        #expect(try persistedMTUs(in: kernel) == ["eth1": "9000"])
        #expect(kernel.text("/etc/systemd/network/10-netplan-bond0.network.d/\(dropIn)") == nil)
    }

    @Test("NetworkManager gets a default for each link, matched literally")
    func networkManagerPersists() throws {
        networkManager(eth0, uuid: "u-1")
        networkManager(eth1, uuid: "u-2")
        try persist(["eth0": "9000", "eth1": "4200"])
        let lines = try #require(kernel.text(NetworkManager.file)).split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(
            lines == [
                "[connection-ais-hostd-eth0]", "match-device=interface-name:=eth0", "ethernet.mtu=9000",
                "[connection-ais-hostd-eth1]", "match-device=interface-name:=eth1", "ethernet.mtu=4200",
            ])
        #expect(try persistedMTUs(in: kernel) == ["eth0": "9000", "eth1": "4200"])
    }

    @Test("a connection that says another MTU itself is told of and left alone")
    func contradictingConnection() throws {
        let path = "/etc/NetworkManager/system-connections/wired.nmconnection"
        networkManager(eth0, uuid: "u-1")
        networkManager(eth1, uuid: "u-2")
        for same in ["mtu=0", "mtu=9000"] {
            keyfile(path, uuid: "u-1", same)
            #expect(refusal(["eth0": "9000"]) == "nothing")
        }
        // A backslash goes on to the next line with systemd only.
        keyfile(path, uuid: "u-1", "cloned-mac-address=x\\\nmtu=1500")
        #expect(
            refusal(["eth0": "9000", "eth1": "9000"])
                == "persist link eth0: wanted an MTU of 9000, its connection says 1500 (\(path):8), "
                + "which wins at boot: change it there")
        #expect(try persistedMTUs(in: kernel) == ["eth1": "9000"])
        #expect(mentions(of: eth0) == ["\(path):8 1500 later"])
    }

    @Test("a .network file of several links is for links of one MTU")
    func shared() throws {
        networkd(eth0, "/etc/systemd/network/20-wired.network")
        networkd(eth1, "/etc/systemd/network/20-wired.network")
        #expect(
            refusal(["eth0": "9000"])
                == "persist link eth0: wanted an MTU of eth0 9000, 20-wired.network is of eth1 too, expected a .network "
                + "file for links of one MTU")
        #expect(refusal(["eth0": "9000", "eth1": "1500"]).contains("20-wired.network is of all of them"))
        #expect(try persistedMTUs(in: kernel) == [:])
        try persist(["eth0": "9000", "eth1": "9000"])
        #expect(try persistedMTUs(in: kernel) == ["eth0": "9000", "eth1": "9000"])
        #expect(refusal(["eth1": "9000"]) != "nothing")
        #expect(try persistedMTUs(in: kernel) == [:])
    }

    @Test("netplan files that nobody can read are an error with their place, and nothing is written")
    func broken() throws {
        ubuntu()
        kernel.set("/etc/netplan/70-typo.yaml", "network:\n  ethernets:\n\teth0: {}")
        let files = FaultyFiles(kernel, among: FaultyFiles.Call.changes)
        do throws(KernelError) {
            try persistMTUs(["eth0": "9000"], links: links, in: files)
            Issue.record("nothing was thrown")
        } catch {
            #expect("\(error)".contains("/etc/netplan/70-typo.yaml:3:1: a tab, expected spaces"), "\(error)")
        }
        #expect(files.calls == 0)
    }

    @Test("where nobody sets a link up, nothing is written, and what says so already stays")
    func nobody() throws {
        try persist(["eth0": "9000", "away": "9000"])
        #expect(try persistedMTUs(in: kernel) == [:])
        ubuntu()
        try persist(["eth0": "9000"])
        kernel.vanish("/run/systemd/netif")
        try persist(["eth0": "9000"])
        #expect(try persistedMTUs(in: kernel) == ["eth0": "9000"])
        try persist(["eth0": "1400"])
        #expect(try persistedMTUs(in: kernel) == [:])
    }

    @Test("a host that gets another owner keeps nothing of ours in the files of the last one")
    func moves() throws {
        ifupdown("auto eth0\niface eth0 inet dhcp")
        let before = try kernel.read(Interfaces.file)
        try persist(["eth0": "9000"])
        #expect(try kernel.read(Interfaces.file) != before)
        kernel.vanish("/usr/sbin/ifup")
        ubuntu()
        try persist(["eth0": "9000"])
        #expect(try kernel.read(Interfaces.file) == before)
        #expect(kernel.text("/etc/systemd/network/10-netplan-eth0.network.d/\(dropIn)") != nil)
        kernel.vanish("/run/systemd/netif")
        networkManager(eth0, uuid: "u-1")
        try persist(["eth0": "9000"])
        #expect(kernel.text("/etc/systemd/network/10-netplan-eth0.network.d/\(dropIn)") == nil)
        #expect(try persistedMTUs(in: kernel) == ["eth0": "9000"])
        try persist([:])
        #expect(kernel.text(NetworkManager.file) == nil)
    }

    @Test("the same is not written twice, and where /etc can't be written there is an error only if something is to be")
    func idempotence() throws {
        ubuntu()
        let files = FaultyFiles(kernel, among: FaultyFiles.Call.changes)
        let mtus = ["eth0": "9000", "bond0": "9000"]
        try persistMTUs(mtus, links: links, in: files)
        let calls = files.calls
        try persistMTUs(mtus, links: links, in: files)
        #expect(files.calls == calls)
        let readOnly = FaultyFiles(kernel, .always(.readOnly), among: FaultyFiles.Call.changes)
        try persistMTUs(mtus, links: links, in: readOnly)
        #expect(throws: KernelError.self) { try persistMTUs(["eth0": "1500"], links: links, in: readOnly) }
        #expect(throws: KernelError.self) { try persistMTUs([:], links: links, in: readOnly) }
        #expect(try persistedMTUs(in: kernel) == mtus)
    }

    @Test("whichever call fails, no file is half there, and the next time brings all of it")
    func failures() throws {
        ubuntu()
        ifupdown("iface eth3 inet manual\n  up true")
        networkManager(ManagedLink(name: "eth2", index: 6), uuid: "u-1")
        let all = links + [ManagedLink(name: "eth2", index: 6), ManagedLink(name: "eth3", index: 7)]
        let mtus = ["eth0": "9000", "bond0": "4000", "eth2": "9000", "eth3": "9000"]
        let before = try kernel.read(Interfaces.file)
        try persistMTUs(mtus, links: all, in: kernel)
        let after = try kernel.read(Interfaces.file)
        let calls = FaultyFiles.Call.allCases.filter { $0 != .lock }
        let counting = FaultyFiles(kernel, among: Set(calls))
        try persistMTUs([:], links: all, in: counting)
        try persistMTUs(mtus, links: all, in: counting)
        for number in 1...counting.calls {
            try persistMTUs([:], links: all, in: kernel)
            let faulty = FaultyFiles(kernel, .failing(number, .ioError), among: Set(calls))
            try? persistMTUs(mtus, links: all, in: faulty)
            try? persistMTUs([:], links: all, in: faulty)
            #expect([before, after].contains(try kernel.read(Interfaces.file)), "call \(number)")
            try persistMTUs(mtus, links: all, in: kernel)
            #expect(try persistedMTUs(in: kernel) == mtus, "call \(number)")
            #expect(try kernel.read(Interfaces.file) == after)
        }
    }

    @Test("what a shell or another program would take apart is refused", arguments: ["a;b", "$(id)", "a b", "x]", ""])
    func names(name: String) throws {
        let link = ManagedLink(name: name, index: 2)
        networkManager(link, uuid: "u-1")
        #expect(throws: KernelError.self) { try persistMTUs([name: "9000"], links: [link], in: kernel) }
        networkManager(eth0, uuid: "u-1")
        #expect(throws: KernelError.self) { try persist(["eth0": "9000\nup reboot"]) }
        #expect(kernel.text(NetworkManager.file) == nil)
    }

    // MARK: Who else says something

    @Test("all who set an MTU are told, those last who win")
    func mentions() {
        ubuntu()
        ifupdown("iface bond0 inet static\n  address 10.0.0.1/24\n  mtu 4000")
        kernel.set("/run/systemd/network/10-netplan-bond0.network", "[Match]\nName=bond0\n[Link]\nMTUBytes=1500")
        let folder = "/etc/systemd/network/10-netplan-bond0.network.d"
        kernel.set("\(folder)/10-site.conf", "[Link]\nMTUBytes=2K")
        kernel.set("\(folder)/99-zzz.conf", "[Link]\nMTUBytes=1400")
        kernel.set("\(folder)/\(dropIn)", "[Link]\nMTUBytes=9000")
        kernel.set("/etc/systemd/network/50-other.network", "[Match]\nName=bond0\n[Link]\nMTUBytes=7")
        kernel.set("/etc/systemd/network/10-a.link", "[Match]\nOriginalName=*\n[Link]\nMTUBytes=4001")
        kernel.set("/etc/systemd/network/10-b.link", "[Match]\nMACAddress=00:00:00:00:00:01\n[Link]\nMTUBytes=4002")
        let bond0 = ManagedLink(name: "bond0", index: 4, macAddress: "52:54:00:12:34:60")
        #expect(
            (mtuMentions(of: [bond0], in: kernel)["bond0"] ?? []).map {
                "\($0.origin) \($0.value)\($0.isLater ? " later" : "")"
            } == [
                "/etc/systemd/network/10-a.link:4 4001", "\(folder)/10-site.conf:2 2K",
                "/etc/netplan/60-storage.yaml:6 1500", "\(Interfaces.file):3 4000",
                "\(folder)/99-zzz.conf:2 1400 later",
            ])
    }

    @Test("the .link file that udev took is the only one told of, and DHCP's MTU where it is taken")
    func linkFiles() {
        networkd(eth0, "/etc/systemd/network/20-wired.network")
        kernel.set(
            "/etc/systemd/network/20-wired.network", "[Match]\nName=eth*\n[Network]\nDHCP=yes\n[DHCPv4]\nUseMTU=yes")
        kernel.set("/run/udev/data/n2", "E:ID_NET_DRIVER=virtio_net\nE:ID_NET_LINK_FILE=/etc/systemd/network/10-b.link")
        kernel.set("/etc/systemd/network/10-a.link", "[Match]\nOriginalName=*\n[Link]\nMTUBytes=4001")
        kernel.set("/etc/systemd/network/10-b.link", "[Match]\nDriver=virtio_net\n[Link]\nMTUBytes=4002")
        #expect(
            mentions(of: eth0) == [
                "/etc/systemd/network/10-b.link:4 4002", "/etc/systemd/network/20-wired.network:6 what DHCP says",
            ])
    }

    @Test(
        "a default of another NetworkManager file is told where it is for this link",
        arguments: [
            ("", true), ("match-device=*\n", true), ("match-device=eth0\n", true), ("match-device=eth1\n", false),
            ("match-device=interface-name:eth*,except:interface-name:eth0\n", false),
            ("match-device=mac:52:54:00:12:34:56\n", true), ("match-device=driver:mlx5_core\n", false),
            ("match-device=type:ethernet\n", true), ("match-device=interface-name:=eth1;interface-name:~e*0\n", true),
        ])
    func defaults(match: String, isTold: Bool) {
        networkManager(eth0, uuid: "u-1")
        kernel.set("/etc/NetworkManager/conf.d/99-zzz.conf", "[connection-x]\n\(match)ethernet.mtu=1400")
        #expect(mentions(of: eth0).isEmpty != isTold)
        #expect(mentions(of: eth0).allSatisfy { $0.hasSuffix("later") })
        kernel.set("/run/NetworkManager/conf.d/99-zzzz.conf", "[connection]\nethernet.mtu=1300")
        #expect(mentions(of: eth0).contains("/run/NetworkManager/conf.d/99-zzzz.conf:2 1300"))
    }

    @Test("netplan's keys are merged over its files before a definition is asked whether it is of a link")
    func merging() {
        networkd(eth0, "/run/systemd/network/10-netplan-nic.network")
        kernel.set("/lib/netplan/00-a.yaml", "network: {ethernets: {nic: {mtu: 1, match: {name: \"eth*\"}}}}")
        kernel.set("/etc/netplan/00-a.yaml", "network: {ethernets: {nic: {mtu: 2, match: {name: \"eth*\"}}}}")
        kernel.set("/run/netplan/50-b.yaml", "network: {ethernets: {nic: {mtu: 3}, eth1: {mtu: 4}, eth0: {match: {}}}}")
        #expect(mentions(of: eth0) == ["/etc/netplan/00-a.yaml:1 2", "/run/netplan/50-b.yaml:1 3"])
        kernel.set(
            "/run/netplan/60-c.yaml", "network: {ethernets: {nic: {match: {macaddress: \"52:54:00:12:34:57\"}}}}")
        #expect(mentions(of: eth0) == [])
    }
}
