import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct DesireTests {
    let node = Node()

    private func id(_ name: String) -> String { "sysctl/\(name)" }

    @Test("the last file wins, and the losers are kept in their order")
    func laterWins() throws {
        node.kernel.sysctl("vm.swappiness", "60")
        node.configure("sysctl: {vm.swappiness: 1}")
        node.configure("sysctl: {vm.swappiness: 2}", in: "config.d/a.yaml")
        node.configure("sysctl: {vm/swappiness: 3}", in: "config.d/b.yaml")
        let result = try #require(try node.check()[id("vm.swappiness")])
        #expect(result.desired == "3")
        #expect(result.setting.origin.description == "/etc/ais-hostd/config.d/b.yaml:2")
        let lost = result.setting.overridden.map { "\($0.requirement) \($0.origin)" }
        #expect(lost == ["1 /etc/ais-hostd/config.yaml:2", "2 /etc/ais-hostd/config.d/a.yaml:2"])
    }

    @Test("unset drops what earlier files asked, and a later file may ask again")
    func unset() throws {
        node.configure("sysctl: {vm.swappiness: 1, vm.other: 1}")
        node.configure("sysctl: {vm.swappiness: unset}", in: "config.d/a.yaml")
        #expect(try node.check().settings.map(\.setting.id.description) == [id("vm.other")])
        node.configure("sysctl: {vm.swappiness: 5}", in: "config.d/b.yaml")
        #expect(try node.check()[id("vm.swappiness")]?.desired == "5")
        #expect(try node.check()[id("vm.swappiness")]?.setting.overridden == [])
    }

    @Test(
        "a later include adds up, a later value replaces",
        arguments: [
            ("5-6", "{include: [9]}", "5-6,9"), ("{include: [5-6]}", "{include: [9]}", "1,5-6,9"),
            ("{include: [5]}", "9", "9"), ("5", "9", "9"), ("unset", "{include: [9]}", "1,9"),
        ])
    func includes(first: String, second: String, desired: String) throws {
        let name = "net.ipv4.ip_local_reserved_ports"
        node.kernel.sysctl(name, "1")
        node.configure("sysctl: {\(name): \(first)}")
        node.configure("sysctl: {\(name): \(second)}", in: "config.d/a.yaml")
        #expect(try node.check()[id(name)]?.desired == desired)
    }

    @Test("the nearest mode wins: rule, domain, file; and the word of a command replaces the file's")
    func modes() throws {
        node.kernel.disk("sda", serial: "A")
        node.configure(
            """
            mode: {default: observe, block: enforce}
            sysctl: {a.b: {value: 1, mode: apply}, a.c: 1}
            block: [{match: {name: sda}, iostats: 0}, {match: {name: sda}, nomerges: 2, mode: apply}]
            """)
        func modes(_ reconciler: Reconciler) throws -> [String] {
            try reconciler.check().settings.map { "\($0.setting.id) \($0.setting.mode)" }
        }
        #expect(
            try modes(node.reconciler()) == [
                "block/sda/iostats enforce", "block/sda/nomerges apply", "sysctl/a.b apply", "sysctl/a.c observe",
            ])
        var overruling = node.reconciler()
        overruling.overrulingMode = .apply
        #expect(try modes(overruling).last == "sysctl/a.c apply")
        node.kernel.set("/etc/ais-hostd/disable", "")
        #expect(try modes(overruling).allSatisfy { $0.hasSuffix("observe") })
        #expect(throws: KernelError.self) { try node.revert() }
    }

    @Test("a file's and a rule's when must both hold")
    func conditions() throws {
        node.configure(
            "sysctl: {a.b: {value: 1, when: {hostname: \"node*\"}}, a.c: {value: 1, when: {hostname: other}}}")
        node.configure("when: {kernel: \">= 7\"}\nsysctl: {a.d: 1}", in: "config.d/a.yaml")
        #expect(try node.check().settings.map(\.setting.id.attribute) == ["a.b"])
    }

    @Test("a dropped line goes back, unless it was to be kept or others changed it; then revert still knows")
    func dropped() throws {
        for name in ["vm.a", "vm.b", "vm.c"] { node.kernel.sysctl(name, "1") }
        node.configure("sysctl: {vm.a: 5, vm.b: {value: 5, keepOnRemoval: true}, vm.c: 5}")
        try node.apply()
        node.kernel.sysctl("vm.c", "7")
        node.configure("sysctl: {}")
        let check = try node.check()
        #expect(check.states == ["sysctl/vm.a drifted"])
        #expect(check.settings.first?.setting.note?.contains("no longer asked") == true)
        #expect(check.settings.first?.setting.isRestoration == true)
        #expect(try node.apply().states == ["sysctl/vm.a inSync"])
        #expect([node.sysctl("vm.a"), node.sysctl("vm.b"), node.sysctl("vm.c")] == ["1", "5", "7"])
        #expect(try node.ledger().entries.keys.map(\.attribute).sorted() == ["vm.b", "vm.c"])
        #expect(try node.check().states == [])
        try node.revert()
        #expect([node.sysctl("vm.b"), node.sysctl("vm.c")] == ["1", "1"])
    }

    @Test("a line that is dropped and asked again before the next apply is as if nothing had been")
    func droppedAndBack() throws {
        node.kernel.sysctl("vm.a", "1")
        node.configure("sysctl: {vm.a: 5}")
        try node.apply()
        node.configure("sysctl: {}")
        _ = try node.check()
        node.configure("sysctl: {vm.a: 6}")
        try node.apply()
        #expect(try node.ledger().entries.values.map(\.original) == ["1"])
        try node.revert()
        #expect(node.sysctl("vm.a") == "1")
    }

    @Test("one of a pair is not put back while the other is asked for")
    func rivals() throws {
        let node = Node.busy(disks: [:])
        node.configure("sysctl: {vm.dirty_bytes: 1000000, vm.dirty_ratio: 0}")
        try node.apply()
        node.configure("sysctl: {vm.dirty_bytes: 1000000}")
        node.kernel.forgetWrites()
        try node.apply()
        #expect(node.kernel.writes.isEmpty)
        node.configure("sysctl: {vm.dirty_ratio: 30}")
        try node.apply()
        node.configure("sysctl: {vm.dirty_bytes: 2000000}")
        try node.apply()
        #expect([node.sysctl("vm.dirty_bytes"), node.sysctl("vm.dirty_ratio")] == ["2000000", "0"])
        node.configure("sysctl: {}")
        node.kernel.forgetWrites()
        try node.apply()
        #expect([node.sysctl("vm.dirty_bytes"), node.sysctl("vm.dirty_ratio")] == ["0", "20"])
        // The real kernel refuses a zero to dirty_bytes.
        #expect(node.kernel.written == ["/proc/sys/vm/dirty_ratio = 20"])
    }

    @Test("the configuration's text is the same for the same meaning, and another for another")
    func canonicalText() throws {
        func text(_ files: String...) throws -> String {
            let node = Node()
            for (index, file) in files.enumerated() { node.configure(file, in: "config.d/\(index).yaml") }
            var problems = Problems()
            return try node.reconciler().load(problems: &problems).canonicalText
        }
        let base = try text("sysctl: {a.b: 1, a.c: 2}")
        #expect(try text("sysctl: {a.c: 2, a/b: 1} # a comment") == base)
        #expect(try text("sysctl: {a.c: 2}", "sysctl: {a.b: 1}") == base)
        #expect(try text("sysctl: {a.c: 7}", "sysctl: {a.b: 1}", "sysctl: {a.c: 2}") == base)
        #expect(try text("sysctl: {a.b: 1, a.c: 2, a.d: 3}", "sysctl: {a.d: unset}") == base)
        #expect(try text("sysctl: {a.b: 1, a.c: 3}") != base)
        #expect(try text("sysctl: {a.b: 1, a.c: {value: 2, mode: observe}}") != base)
        let ports = "net.ipv4.ip_local_reserved_ports"
        let one = "sysctl: {\(ports): {include: [1]}}"
        let two = "sysctl: {\(ports): {include: [2]}}"
        #expect(try text(one, two) != text(two))
        let some = "when: {hostname: x}\nsysctl: {a.b: 1}"
        #expect(try text(some, "sysctl: {a.b: 2}") != text("sysctl: {a.b: 2}", some))
        let rules = ["{match: {name: sda}, iostats: 0}", "{match: {name: \"sd*\"}, iostats: 1}"]
        #expect(try text("block: [\(rules[0]), \(rules[1])]") != text("block: [\(rules[1]), \(rules[0])]"))
        let other = "{match: {name: sdb}, nomerges: 1}"
        #expect(try text("block: [\(rules[0]), \(other)]") == text("block: [\(other), \(rules[0])]"))
    }
}
