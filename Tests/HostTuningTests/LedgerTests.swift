import FoundationEssentials
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct LedgerTests {
    let kernel = FakeKernel()
    private let file = LedgerFile(folder: "/var/lib/ais-hostd")

    private func ledger(time: Double = 1_795_000_000.123) -> Ledger {
        var ledger = Ledger()
        ledger.isHeld = true
        for (identity, attribute) in [("serial:A", "x"), ("serial:A", "iosched/y"), ("serial:\u{e9}/\"", "x")] {
            let key = Ledger.Key(domain: "block", identity: identity, attribute: attribute)
            ledger.entries[key] = Ledger.Entry(
                key: key, name: "sda", original: "1 2", written: attribute == "x" ? "3" : nil,
                intended: attribute == "x" ? "4" : nil,
                settled: attribute == "x" ? Ledger.Settled(asked: "4", held: "3", kernel: "6.8") : nil,
                companionOf: attribute == "x" ? nil : "scheduler", keepOnRemoval: attribute == "x",
                source: Origin(file: "/f", line: 7), kernel: "6.8", time: Date(timeIntervalSince1970: time))
        }
        return ledger
    }

    @Test("what is saved is loaded, and saved again it is not written")
    func roundTrip() throws {
        try file.save(ledger(), to: kernel)
        let loaded = try file.load(from: kernel)
        #expect(loaded.isHeld)
        #expect(
            String(describing: loaded.entries.values.sorted { "\($0.key)" < "\($1.key)" })
                == String(describing: ledger().entries.values.sorted { "\($0.key)" < "\($1.key)" }))
        let files = FaultyFiles(kernel, among: FaultyFiles.Call.changes)
        try file.save(loaded, to: files)
        #expect(files.calls == 0)
    }

    @Test("before a write it is replaced even where it says the same: the last time may have failed half way")
    func anew() throws {
        let node = Node("sysctl: {vm.swappiness: 1}")
        node.kernel.sysctl("vm.swappiness", "60")
        try node.apply()
        node.kernel.set("/proc/sys/vm/swappiness", "60")
        let files = FaultyFiles(node.kernel, among: [.write, .replace])
        _ = try node.reconciler(through: files).apply()
        #expect(files.record == ["replace \(Node.ledgerFile)", "write /proc/sys/vm/swappiness"])
    }

    @Test(
        "an attribute that would lead out of its folder is no ledger of ours",
        arguments: [
            "../x", "iosched/../../x", "..", "", "/etc/passwd", "iosched//x", "x/", "./x", "x\\u0000",
            "net.core.//.//.//.etc.passwd",
        ])
    func refusesPaths(attribute: String) throws {
        try file.save(ledger(), to: kernel)
        let text = try #require(kernel.text(file.path))
        kernel.set(file.path, text.replacing("iosched/y", with: attribute))
        let error = #expect(throws: KernelError.self) { try file.load(from: kernel) }
        #expect(error?.message?.hasPrefix("no ledger of ais-hostd; ") == true)
    }

    @Test("what not everybody may read in the kernel nobody but root reads in our files, and no longer than that")
    func secrets() throws {
        let node = Node("sysctl: {vm.swappiness: 1, net.ipv4.tcp_fastopen_key: 1-2-3-4}")
        let key = "/proc/sys/net/ipv4/tcp_fastopen_key"
        node.kernel.sysctl("vm.swappiness", "60")
        node.kernel.sysctl("net.ipv4.tcp_fastopen_key", "5-6-7-8")
        try node.kernel.replace(key, with: Array("5-6-7-8\n".utf8), permissions: 0o600)
        func permissions() throws -> [UInt32] {
            try [Node.ledgerFile, Node.bootFile].map { try node.kernel.status($0).permissions }
        }
        try node.apply()
        #expect(try permissions() == [0o600, 0o600])
        // As an older version wrote them.
        for path in [Node.ledgerFile, Node.bootFile] {
            try node.kernel.replace(path, with: node.kernel.read(path), permissions: 0o644)
        }
        try node.apply()
        #expect(try permissions() == [0o600, 0o600])
        node.configure("sysctl: {vm.swappiness: 1}")
        try node.apply()
        #expect(try permissions() == [0o644, 0o644])
    }

    @Test("an ordinary user compares without a ledger that it may not read; root does not, nor does a revert")
    func unreadable() throws {
        let node = Node("sysctl: {vm.swappiness: 1}")
        node.kernel.sysctl("vm.swappiness", "60")
        try node.apply()
        node.kernel.behave(Node.ledgerFile, .unreadable(.accessDenied))
        let user = Reconciler(host: node.kernel.host(userID: 1000), stateFolder: Node.state)
        #expect(try user.check().states == ["sysctl/vm.swappiness inSync"])
        #expect(throws: KernelError.self) { try user.planRevert() }
        #expect(throws: KernelError.self) { try node.check() }
        #expect(throws: KernelError.self) { try node.apply() }
    }

    @Test("a time keeps its text through any number of passes", arguments: 0..<20)
    func times(part: Int) throws {
        for step in 0..<50 {
            try file.save(ledger(time: 1_795_000_000 + Double(part * 50 + step) / 1000 + 0.000_37), to: kernel)
            let text = kernel.text(file.path)
            try file.save(try file.load(from: kernel), to: kernel)
            #expect(kernel.text(file.path) == text)
        }
    }

    @Test(
        "what is no ledger of this version is refused by every command, and keeps its bytes",
        arguments: [
            "{\"schema\": 2, \"held\": false, \"entries\": []}", "{\"schema\": 0}", "{}", "", "[]", "garbage",
            "{\"schema\": 1}", "{\"schema\": 1, \"held\": false, \"entries\": [{}]}",
            "{\"schema\": 1, \"held\": false, \"entries\": [", "null", "\u{0}",
        ])
    func refuses(text: String) throws {
        let node = Node.busy()
        node.kernel.set(Node.ledgerFile, text)
        #expect(throws: KernelError.self) { try node.check() }
        #expect(throws: KernelError.self) { try node.apply() }
        #expect(throws: KernelError.self) { try node.revert() }
        #expect(node.kernel.text(Node.ledgerFile) == text)
        #expect(node.kernel.writes.isEmpty)
        #expect(node.kernel.text(Node.bootFile) == nil)
    }

    @Test("originals survive any number of applies with other values")
    func originals() throws {
        let node = Node()
        node.kernel.sysctl("vm.swappiness", "60")
        for value in [1, 2, 60, 3] {
            node.configure("sysctl: {vm.swappiness: \(value)}")
            try node.apply()
            #expect(try node.ledger().entries.values.map(\.original) == ["60"])
            #expect(try node.check()["sysctl/vm.swappiness"]?.original == "60")
        }
        try node.revert()
        #expect(node.sysctl("vm.swappiness") == "60")
    }

    @Test("disks that swap their names keep their own originals")
    func swappedNames() throws {
        let node = Node("block: [{match: {name: \"sd*\"}, read_ahead_kb: 4096}]")
        node.kernel.disk("sda", serial: "A", readAheadKiB: 128)
        node.kernel.disk("sdb", serial: "B", readAheadKiB: 256)
        try node.apply()
        for name in ["sda", "sdb"] { node.kernel.unplug(name) }
        node.kernel.disk("sdb", serial: "A", readAheadKiB: 4096)
        node.kernel.disk("sda", serial: "B", readAheadKiB: 4096)
        try node.revert()
        #expect(node.queue("sdb", "read_ahead_kb") == "128")
        #expect(node.queue("sda", "read_ahead_kb") == "256")
        #expect(try node.ledger().entries.isEmpty)
    }

    @Test("a disk that is away keeps its original until it is back")
    func absentDisk() throws {
        let node = Node("block: [{match: {name: \"sd*\"}, read_ahead_kb: 4096}]")
        node.kernel.disk("sda", serial: "A", readAheadKiB: 128)
        try node.apply()
        node.kernel.unplug("sda")
        node.kernel.disk("sda", serial: "B", readAheadKiB: 512)
        let pass = try node.revert()
        #expect(pass.states == ["block/serial:ST18000NM000J-2T_A/read_ahead_kb pending"])
        #expect(
            pass.details("block/serial:ST18000NM000J-2T_A/read_ahead_kb").hasSuffix(
                "is not here; its original stays in the ledger"))
        #expect(!pass.settings[0].isFault)
        #expect(node.queue("sda", "read_ahead_kb") == "512")
        node.kernel.disk("sdb", serial: "A", readAheadKiB: 4096)
        try node.revert()
        #expect(node.queue("sdb", "read_ahead_kb") == "128")
        #expect(try node.ledger().entries.isEmpty)
    }
}
