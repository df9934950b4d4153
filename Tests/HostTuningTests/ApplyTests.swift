import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct ApplyTests {
    let node = Node()

    @Test(
        "the difference between what was written and what is held has a name",
        arguments: [
            (.plain, "5", "inSync", ""), (.clamped(0...4), "4", "adjusted", "the kernel makes 4 of 5"),
            (.custom { _, _ in .success("2") }, "2", "adjusted", "the kernel makes 2 of 5"),
            (
                .refusing(.invalid), "1", "failed",
                "write /proc/sys/vm/x: wanted 5, kernel holds 1 (EINVAL)"
            ),
            (
                .ignoring, "1", "failed",
                "write /proc/sys/vm/x: wanted 5, kernel holds 1, the write was answered with success"
            ),
        ] as [(FakeKernel.Behaviour, String, String, String)])
    func names(behaviour: FakeKernel.Behaviour, held: String, state: String, detail: String) throws {
        node.kernel.sysctl("vm.x", "1", behaviour)
        node.configure("sysctl: {vm.x: 5}")
        let result = try #require(try node.apply()["sysctl/vm.x"])
        #expect(result.outcome.state.rawValue == state)
        #expect(result.outcome.detail ?? "" == detail)
        #expect(node.sysctl("vm.x") == held)
        #expect(node.kernel.written == ["/proc/sys/vm/x = 5"])
    }

    @Test("within an eighth is rounded though it did not move, beyond is ignored")
    func nearby() throws {
        for (before, state) in [("88", State.adjusted), ("87", .failed), ("112", .adjusted), ("113", .failed)] {
            let node = Node("sysctl: {vm.x: 100}")
            node.kernel.sysctl("vm.x", before, .ignoring)
            #expect(try node.apply()["sysctl/vm.x"]?.outcome.state == state)
        }
    }

    @Test("what the kernel rounded is asked once, and once more by another kernel")
    func settles() throws {
        node.kernel.sysctl("vm.x", "1", .rounded(to: 10))
        node.configure("sysctl: {vm.x: 25}")
        try node.apply()
        node.kernel.forgetWrites()
        #expect(try node.apply()["sysctl/vm.x"]?.outcome.state == .adjusted)
        #expect(node.kernel.writes.isEmpty)
        node.kernel.set("/proc/sys/kernel/osrelease", "6.12.1")
        try node.apply()
        #expect(node.kernel.writes.count == 1)
        #expect(node.kernel.text(Node.bootFile)?.contains("-vm/x = 25") == true)
    }

    @Test("what was found before is no wish to be rounded: it stays in the ledger until it is back")
    func noRoundingBack() throws {
        node.kernel.sysctl("vm.x", "25", .rounded(to: 10))
        node.configure("sysctl: {vm.x: 50}")
        try node.apply()
        #expect(try node.revert()["sysctl/vm.x"]?.outcome.state == .failed)
        #expect(try node.ledger().entries.values.map(\.original) == ["25"])
        node.kernel.behave("/proc/sys/vm/x", .plain)
        #expect(try node.revert().states == ["sysctl/vm.x inSync"])
    }

    @Test("what a new scheduler resets is written after it, also where it held before")
    func secondRound() throws {
        node.kernel.disk("sda", serial: "A", tags: 1023, requests: 300)
        node.configure("block: [{match: {name: sda}, nr_requests: 300, scheduler: mq-deadline}]")
        let plan = try node.reconciler().plan()
        #expect(plan.pass.states == ["block/sda/nr_requests inSync", "block/sda/scheduler drifted"])
        let id = SettingID(domain: "block", object: "sda", attribute: "nr_requests")
        #expect(plan.disturbed[id] == "scheduler")
        let pass = try node.apply()
        #expect(pass.states == ["block/sda/nr_requests inSync", "block/sda/scheduler inSync"])
        #expect(pass.attempts.map(\.id.attribute) == ["scheduler", "nr_requests"])
        #expect(pass.attempts.map(\.before.description) == ["none", "256"])
    }

    @Test("what a scheduler takes away that was written late is no rounding, and the next pass brings it back")
    func lateScheduler() throws {
        node.kernel.disk("sda", serial: "A", tags: 1023, requests: 300)
        node.configure("block: [{match: {name: sda}, nr_requests: 500, scheduler: mq-deadline}]")
        try node.apply()
        try node.kernel.write("none", to: "/sys/block/sda/queue/scheduler")
        // Read for the first time when it is assessed, and then as a depth's bound.
        let read = FaultyFiles(node.kernel)
        _ = try node.reconciler(through: read).check()
        let calls = (1...read.calls).filter { read.record[$0 - 1].hasSuffix("/queue/scheduler") }
        try #require(calls.count > 1)
        for call in calls {
            let files = FaultyFiles(node.kernel, .failing(call, .ioError))
            _ = try node.reconciler(through: files).apply()
            try node.apply()
            #expect(node.queue("sda", "nr_requests") == "500")
            #expect(node.queue("sda", "scheduler") == "mq-deadline")
            try node.kernel.write("none", to: "/sys/block/sda/queue/scheduler")
        }
    }

    @Test("a depth that only the new scheduler takes is written after it")
    func depthBeyondHardware() throws {
        node.kernel.disk("sda", serial: "A")
        node.configure("block: [{match: {name: sda}, nr_requests: 2048, scheduler: mq-deadline}]")
        try node.apply()
        #expect(node.queue("sda", "nr_requests") == "2048")
        try node.revert()
        #expect(node.queue("sda", "nr_requests") == "256")
        #expect(node.queue("sda", "scheduler") == "none")
    }

    @Test("one bad disk does not stop the others")
    func badDisk() throws {
        for name in ["sda", "sdb", "sdc"] { node.kernel.disk(name, serial: name) }
        node.kernel.behave("/sys/block/sdb/queue/iostats", .unreadable(.ioError))
        node.kernel.behave("/sys/block/sdb/queue/nomerges", .refusing(.ioError))
        node.configure("block: [{match: {name: \"sd*\"}, iostats: 0, nomerges: 2}]")
        let pass = try node.apply()
        #expect(pass.settings.map(\.outcome.state) == [.inSync, .inSync, .failed, .failed, .inSync, .inSync])
        #expect(["sda", "sdc"].map { node.queue($0, "nomerges") } == ["2", "2"])
    }

    @Test("somebody who writes between our look and our pen is not overwritten without an original")
    func raced() throws {
        for name in ["vm.a", "vm.b"] { node.kernel.sysctl(name, "5") }
        node.kernel.sysctl("vm.a", "1")
        node.configure("sysctl: {vm.a: 5, vm.b: 5}")
        let files = CountingReads(node.kernel) { kernel, path, count in
            if path == "/proc/sys/vm/a", count == 2 { kernel.sysctl("vm.b", "9") }
        }
        let pass = try node.reconciler(through: files).apply()
        #expect(pass.states == ["sysctl/vm.a inSync", "sysctl/vm.b drifted"])
        #expect(node.sysctl("vm.b") == "9")
        try node.revert()
        #expect(node.sysctl("vm.b") == "9")
    }

    @Test("observing writes nothing, neither to the kernel nor for the next boot")
    func observing() throws {
        let busy = Node.busy()
        busy.configure("mode: observe\n" + Node.busyConfiguration)
        let changes = FaultyFiles(busy.kernel, among: FaultyFiles.Call.changes)
        let pass = try busy.reconciler(through: changes).apply()
        #expect(changes.record == [])
        #expect(pass.settings.contains { $0.outcome.state == .drifted })
        busy.configure(Node.busyConfiguration)
        for forbid in [("/etc/ais-hostd/disable", ""), ("/proc/cmdline", "quiet ais_hostd.observe")] {
            let busy = Node.busy()
            busy.kernel.set(forbid.0, forbid.1)
            let changes = FaultyFiles(busy.kernel, among: FaultyFiles.Call.changes)
            _ = try busy.reconciler(through: changes).apply()
            #expect(throws: KernelError.self) { try busy.reconciler(through: changes).revert() }
            #expect(changes.record == [])
        }
    }

    @Test("a disruption that is not allowed waits, and one command may allow it")
    func permission() throws {
        node.kernel.disk("sda", serial: "A")
        node.configure("allow: []\nblock: [{match: {name: sda}, iostats: 0}]")
        let pass = try node.apply()
        #expect(pass.settings.first?.outcome.pendingOn == .permission)
        #expect(pass.hasFault)
        #expect(node.kernel.writes.isEmpty)
        var reconciler = node.reconciler()
        reconciler.allowing = [.ioStall]
        #expect(try reconciler.plan().pass.states == ["block/sda/iostats drifted"])
        #expect(try reconciler.apply().states == ["block/sda/iostats inSync"])
    }

    @Test("a command about some settings leaves the others, and their lines for the next boot")
    func selecting() throws {
        for name in ["vm.a", "vm.b", "vm.c"] { node.kernel.sysctl(name, "1") }
        node.configure("sysctl: {vm.a: 5, vm.b: 5, vm.c: 5}")
        try node.apply()
        node.configure("sysctl: {vm.a: 6, vm.b: 6}")
        var reconciler = node.reconciler()
        reconciler.isSelected = { $0.attribute == "vm.a" }
        #expect(try reconciler.apply().states == ["sysctl/vm.a inSync"])
        #expect([node.sysctl("vm.a"), node.sysctl("vm.b"), node.sysctl("vm.c")] == ["6", "5", "5"])
        func lines() -> [Substring] {
            (node.kernel.text(Node.bootFile) ?? "").split(separator: "\n").filter { $0.hasPrefix("-") }
        }
        #expect(lines() == ["-vm/a = 6", "-vm/b = 5", "-vm/c = 5"])
        #expect(try reconciler.revert().states == ["sysctl/vm.a inSync"])
        #expect([node.sysctl("vm.a"), node.sysctl("vm.b"), node.sysctl("vm.c")] == ["1", "5", "5"])
        #expect(lines() == ["-vm/b = 5", "-vm/c = 5"])
        #expect(try node.ledger().isHeld)
        try node.revert()
        #expect(node.kernel.text(Node.bootFile) == nil)
    }

    @Test("boot sets what holds or waits for its module, and not what failed or is only observed")
    func bootFile() throws {
        node.kernel.sysctl("vm.good", "1")
        node.kernel.sysctl("vm.bad", "1", .refusing(.invalid))
        node.kernel.sysctl("vm.seen", "5")
        node.configure(
            "sysctl: {vm.good: 5, vm.bad: 5, vm.seen: {value: 5, mode: observe}, net.sctp.x: 7, vm.absent: 3}")
        try node.apply()
        let lines = node.kernel.text(Node.bootFile)?.split(separator: "\n").filter { $0.hasPrefix("-") }
        #expect(lines == ["-net/sctp/x = 7", "-vm/good = 5"])
    }

}

extension Reconciler.Pass {
    var hasFault: Bool { settings.contains(where: \.isFault) }
}
