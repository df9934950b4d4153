import Testing

@testable import HostTuning

@Suite struct SysctlKeyTests {
    @Test(
        "the first separator decides which one separates",
        arguments: [
            ("net.core.somaxconn", "net/core/somaxconn"), ("net/core/somaxconn", "net/core/somaxconn"),
            ("net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
            ("net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
            ("fs.aio-max-nr", "fs/aio-max-nr"), ("kernel.yama/x", "kernel/yama.x"),
        ])
    func parses(text: String, path: String) throws {
        let key = try SysctlKey.parse(text).get()
        #expect(key.path == path)
        #expect(key.file == "/proc/sys/\(path)")
        #expect(SysctlKey(name: key.name) == key)
    }

    @Test("a link with a dot in its name has a slash there in the canonical spelling")
    func canonical() throws {
        #expect(SysctlKey(path: "net/ipv4/conf/eth0.100/rp_filter").name == "net.ipv4.conf.eth0/100.rp_filter")
        let slashes = try SysctlKey.parse("net/ipv4/conf/eth0.100/rp_filter").get()
        #expect(try slashes == SysctlKey.parse("net.ipv4.conf.eth0/100.rp_filter").get())
    }

    @Test(
        "what is no name of one key is refused",
        arguments: [
            "", "somaxconn", "net..core", ".net.core", "net.core.", "net.core somaxconn", "net.core.\tx",
            "net.ipv4.conf.*.rp_filter", "net.core.[ab]", "a.b=c", "net/../../etc/passwd", "net/./core", "/net/core",
            "net.core.x#", "net\\core.x", "a.{b}", "net/core/",
        ])
    func refuses(text: String) {
        #expect(throws: SysctlKey.Malformed.self) { try SysctlKey.parse(text).get() }
    }

    @Test("dots that stand for slashes can't lead out of /proc/sys")
    func noEscape() {
        // With dots as separators `//` is `..`: net/../x
        #expect(throws: SysctlKey.Malformed.self) { try SysctlKey.parse("net.//.x").get() }
    }

    @Test("parent and child")
    func relatives() {
        let key = SysctlKey(name: "net.core.somaxconn")
        #expect(key.parent.name == "net.core")
        #expect(key.parent.child("rmem_max").name == "net.core.rmem_max")
    }
}
