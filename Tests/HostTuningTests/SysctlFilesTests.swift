import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct SysctlFilesTests {
    let kernel = FakeKernel()
    private let domain = SysctlDomain()

    private func id(_ name: String) -> SettingID { SettingID(domain: "sysctl", attribute: name) }

    private func mentions(of name: String) -> [Mention] {
        domain.mentions(of: [id(name)], on: kernel.host())[id(name)] ?? []
    }

    private func lines() -> [String] {
        (kernel.text(SysctlDomain.persistentFile) ?? "").split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("#") }
    }

    @Test("what is written is read back, whatever is in it")
    func roundTrip() throws {
        let values = [
            id("net.ipv4.tcp_rmem"): "4096 131072 6291456", id("net.ipv4.conf.eth0/100.rp_filter"): "1",
            id("kernel.core_pattern"): "|/bin/x -a=%p %e", id("net.ipv4.ip_local_reserved_ports"): "",
            id("fs.aio-max-nr"): "1048576",
        ]
        try domain.persist(values, on: kernel.host())
        #expect(try domain.persisted(on: kernel.host()) == values)
        #expect(lines().contains("-net/ipv4/conf/eth0.100/rp_filter = 1"))
    }

    @Test("what resets others comes first, and a zero before what it would take away")
    func order() throws {
        let names = [
            "vm.swappiness", "vm.dirty_ratio", "vm.dirty_bytes", "net.ipv4.ip_local_port_range", "net.ipv4.ip_forward",
            "net.ipv4.conf.eth0.forwarding", "net.ipv4.conf.all.rp_filter", "net.ipv4.ip_local_reserved_ports",
        ]
        let values = Dictionary(uniqueKeysWithValues: names.map { (id($0), $0 == "vm.dirty_ratio" ? "0" : "7") })
        try domain.persist(values, on: kernel.host())
        #expect(
            lines().map { $0.split(separator: " ")[0] } == [
                "-net/ipv4/ip_forward", "-net/ipv4/ip_local_reserved_ports", "-net/ipv4/conf/all/rp_filter",
                "-vm/dirty_ratio", "-net/ipv4/conf/eth0/forwarding", "-net/ipv4/ip_local_port_range",
                "-vm/dirty_bytes", "-vm/swappiness",
            ])
    }

    @Test("the same values are not written twice, and none remove the file")
    func idempotence() throws {
        let files = FaultyFiles(kernel, among: FaultyFiles.Call.changes)
        let host = kernel.host(files: files)
        try domain.persist([:], on: host)
        #expect(files.calls == 0)
        try domain.persist([id("vm.swappiness"): "1"], on: host)
        let calls = files.calls
        try domain.persist([id("vm.swappiness"): "1"], on: host)
        #expect(files.calls == calls)
        try domain.persist([:], on: host)
        #expect(kernel.text(SysctlDomain.persistentFile) == nil)
    }

    @Test("a file that can't be looked at is an error, not an absent one")
    func unreadable() throws {
        try domain.persist([id("vm.swappiness"): "1"], on: kernel.host())
        let host = kernel.host(files: FaultyFiles(kernel, .always(.ioError), among: [.read, .status]))
        #expect(throws: KernelError.self) { try domain.persisted(on: host) }
        #expect(throws: KernelError.self) { try domain.persist([:], on: host) }
    }

    @Test("the files of others are read once in a pass, however many keys there are")
    func readOnce() throws {
        let node = Node("sysctl: {vm.swappiness: 1, net.core.somaxconn: 2, fs.file-max: 3}")
        for name in ["vm.swappiness", "net.core.somaxconn", "fs.file-max"] { node.kernel.sysctl(name, "60") }
        node.kernel.set("/etc/sysctl.d/10-site.conf", "vm.swappiness = 5")
        let files = FaultyFiles(node.kernel, among: [.read])
        _ = try node.reconciler(through: files).apply()
        #expect(files.record.count { $0 == "read /etc/sysctl.d/10-site.conf" } == 1)
    }

    @Test("others who set the same are found in the order in which they are read")
    func mentions() {
        kernel.set("/usr/lib/sysctl.d/50-default.conf", "# x = 1\n; net.core.somaxconn = 2\nnet.core.somaxconn=128")
        kernel.set("/etc/sysctl.d/10-site.conf", "-net/core/somaxconn = 256\n\nvm.swappiness = 1")
        kernel.set("/etc/sysctl.d/99-zzz.conf", "net.core.*=512\nnet.core.somaxconn")
        kernel.set("/etc/sysctl.conf", "net.core.somaxconn = 1024")
        kernel.set(SysctlDomain.persistentFile, "-net/core/somaxconn = 65535")
        let mentions = mentions(of: "net.core.somaxconn")
        #expect(
            mentions.map { "\($0.origin) \($0.value) \($0.isLater)" } == [
                "/etc/sysctl.d/10-site.conf:1 256 false", "/usr/lib/sysctl.d/50-default.conf:3 128 false",
                "/etc/sysctl.d/99-zzz.conf:1 512 true", "/etc/sysctl.conf:1 1024 false",
            ])
    }

    @Test("a file hides one of the same name in a folder that comes later")
    func shadowing() {
        for folder in ["/etc", "/run", "/usr/local/lib", "/usr/lib"] {
            kernel.set("\(folder)/sysctl.d/50-x.conf", "vm.swappiness = \(folder.count)")
        }
        func values() -> [String] {
            mentions(of: "vm.swappiness").map(\.origin.description)
        }
        #expect(values() == ["/etc/sysctl.d/50-x.conf:1"])
        kernel.set("/etc/sysctl.d/50-x.conf", "# nothing")
        #expect(values().isEmpty)
        kernel.vanish("/etc/sysctl.d/50-x.conf")
        #expect(values() == ["/run/sysctl.d/50-x.conf:1"])
    }

    @Test("a name with a dot in it is found by either spelling and by patterns")
    func dottedNames() {
        kernel.set(
            "/etc/sysctl.d/1.conf",
            "net.ipv4.conf.eth0/100.rp_filter=1\nnet/ipv4/conf/eth0.100/rp_filter=2\nnet.ipv4.conf.*.rp_filter=3\n"
                + "net/ipv4/conf/*/rp_filter=4\nnet.ipv4.conf.eth0.rp_filter=5")
        let mentions = mentions(of: "net.ipv4.conf.eth0/100.rp_filter")
        #expect(mentions.map(\.value) == ["1", "2", "3", "4"])
    }
}
