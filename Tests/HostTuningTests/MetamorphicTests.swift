import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct MetamorphicTests {
    @Test("apply twice: the second writes to no kernel file and replaces none of ours")
    func twice() throws {
        let node = Node.busy()
        // What the kernel refuses is tried each time.
        node.kernel.vanish("/proc/sys/vm/refused")
        try node.apply()
        let changes = FaultyFiles(node.kernel, among: FaultyFiles.Call.changes)
        _ = try node.reconciler(through: changes).apply()
        #expect(changes.record == [])
    }

    @Test("apply, then revert: every file is as it was, and nothing of ours is left but the hold")
    func identity() throws {
        let node = Node.busy()
        let first = try node.snapshot()
        try node.apply()
        #expect(try node.difference(from: first).count > 10)
        let pass = try node.revert()
        #expect(pass.settings.allSatisfy { $0.outcome.state == .inSync }, "\(pass.states)")
        #expect(try node.difference(from: first) == [])
        #expect(try node.ledger().entries.isEmpty)
        #expect(try node.ledger().isHeld)
        #expect(try node.check().isHeld)
        #expect(node.kernel.text(Node.bootFile) == nil)
        #expect(try !node.apply().isHeld)
        #expect(try !node.ledger().isHeld)
    }

    @Test("revert needs no configuration, not even a valid one")
    func revertWithoutConfiguration() throws {
        let node = Node.busy()
        let first = try node.snapshot()
        try node.apply()
        node.configure("sysctl: {")
        try node.revert()
        #expect(try node.difference(from: first) == [])
    }

    @Test("dropping every line: one apply puts all back, as revert would")
    func dropAll() throws {
        let node = Node.busy()
        let first = try node.snapshot()
        try node.apply()
        node.configure("sysctl: {}")
        try node.apply()
        #expect(try node.difference(from: first) == [])
        #expect(try node.ledger().entries.isEmpty)
        #expect(node.kernel.text(Node.bootFile) == nil)
        node.kernel.forgetWrites()
        try node.apply()
        #expect(node.kernel.writes.isEmpty)
    }

    @Test(
        "a failed write back leaves the original, and the next one finds it", arguments: ["scheduler", "nr_requests"])
    func failedRevert(attribute: String) throws {
        let node = Node.busy()
        let first = try node.snapshot()
        try node.apply()
        let path = "/sys/block/sdb/queue/\(attribute)"
        let usual: FakeKernel.Behaviour =
            attribute == "scheduler"
            ? .scheduler(offered: ["none", "mq-deadline", "kyber", "bfq"], tags: 1023) : .requests(tags: 1023)
        node.kernel.behave(path, attribute == "scheduler" ? .ignoring : .refusing(.ioError))
        #expect(try node.revert()["block/sdb/\(attribute)"]?.outcome.state == .failed)
        node.kernel.behave(path, usual)
        if attribute == "scheduler" { node.kernel.set(path, "mq-deadline") }
        try node.revert()
        #expect(try node.difference(from: first) == [])
        #expect(try node.ledger().entries.isEmpty)
    }

    @Test("the order of unrelated keys and rules changes nothing")
    func order() throws {
        let sysctls = ["vm.dirty_bytes: 1073741824", "vm.max_map_count: 100001", "net.ipv4.ip_forward: 1"]
        let attributes = ["scheduler: mq-deadline", "nr_requests: 2048", "read_ahead_kb: 4097"]
        var ends: Set<[String]> = []
        for turn in 0..<3 {
            let node = Node.busy()
            func turned(_ lines: [String]) -> [String] { Array(lines[turn...] + lines[..<turn]) }
            let block = turned(attributes).map { "{match: {name: \"sd*\"}, \($0)}" }
            let sections = [
                "sysctl: {\(turned(sysctls).joined(separator: ", "))}", "block: [\(block.joined(separator: ", "))]",
            ]
            node.configure("mode: apply")
            for (index, section) in (turn == 1 ? sections.reversed() : sections).enumerated() {
                node.configure(section, in: "config.d/\(index).yaml")
            }
            let plan = try node.reconciler().plan()
            let pass = try node.apply()
            let text = pass.rules?.canonicalText ?? ""
            ends.insert(
                pass.standing + [text] + node.kernel.written + [node.kernel.text(Node.bootFile) ?? ""]
                    + plan.pass.standing)
        }
        #expect(ends.count == 1)
    }

    @Test("a dry run names what apply then writes, and writes nothing itself")
    func dryRun() throws {
        let node = Node.busy()
        let changes = FaultyFiles(node.kernel, among: FaultyFiles.Call.changes)
        let (planned, disturbed) = try node.reconciler(through: changes).plan()
        #expect(changes.record == [])
        let named = Set(planned.settings.filter { $0.isToWrite || disturbed[$0.setting.id] != nil }.map(\.setting.id))
        let pass = try node.apply()
        #expect(Set(pass.attempts.map(\.id)) == named)
        // In the order of the registry.
        #expect(pass.attempts.first?.id.domain == "sysctl" && pass.attempts.last?.id.domain == "cpu")
        let wanted = Dictionary(pass.attempts.map { ($0.id, $0.wanted.description) }, uniquingKeysWith: { $1 })
        for assessed in planned.settings where assessed.isToWrite && !assessed.desired.contains("100001") {
            let isRounded = assessed.setting.id.attribute == "read_ahead_kb"
            #expect(wanted[assessed.setting.id] == (isRounded ? "4096" : assessed.desired))
        }
        #expect(pass.settings.map(\.setting.id) == planned.settings.map(\.setting.id))
    }

    @Test("twice as many disks take twice as many calls, and no more")
    func proportion() throws {
        let calls = try [40, 80].map { disks in
            let node = Node()
            for number in 0..<disks { node.kernel.disk("sd\(number)", serial: "S\(number)") }
            node.configure("block: [{match: {name: \"sd*\"}, scheduler: mq-deadline, iostats: 0, read_ahead_kb: 4096}]")
            let counting = FaultyFiles(node.kernel)
            let pass = try node.reconciler(through: counting).apply()
            #expect(pass.settings.count == 3 * disks && pass.settings.allSatisfy { $0.outcome.state == .inSync })
            try node.revert()
            #expect(try node.ledger().entries.isEmpty)
            return counting.calls
        }
        #expect(calls[1] <= 2 * calls[0], "\(calls)")
    }
}
