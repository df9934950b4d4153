import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct CPUSelectionTests {
    private func node(_ section: String) -> Node {
        let node = Node("cpu: \(section)")
        for number in [0, 2, 10] { node.kernel.policy(number) }
        return node
    }

    @Test(
        "a mapping is for every policy, a match for those that fit",
        arguments: [
            ("{governor: performance}", [0, 10, 2]), ("[{match: {}, governor: performance}]", [0, 10, 2]),
            ("[{match: {name: policy2}, governor: performance}]", [2]),
            ("[{match: {name: \"policy?\"}, governor: performance}]", [0, 2]),
            ("[{match: {driver: intel_*}, governor: performance}]", [0, 10, 2]),
        ])
    func selects(section: String, taken: [Int]) throws {
        let node = node(section)
        #expect(try node.apply().states == taken.map { "cpu/policy\($0)/governor inSync" })
        #expect([0, 10, 2].filter { node.policy($0) == "performance" } == taken)
    }

    @Test("the later rule wins for the policies that it takes, and the loser is kept")
    func later() throws {
        let node = node("[{governor: performance}, {match: {name: policy2}, governor: powersave}]")
        let pass = try node.apply()
        #expect(pass["cpu/policy2/governor"]?.desired == "powersave")
        #expect(pass["cpu/policy2/governor"]?.setting.overridden.map(\.requirement) == ["performance"])
        #expect(pass["cpu/policy0/governor"]?.desired == "performance")
    }

    @Test("a rule that takes none of the policies waits for one")
    func waits() throws {
        let pass = try node("[{match: {driver: acpi-cpufreq}, governor: performance}]").check()
        #expect(pass.states == ["cpu/driver=acpi-cpufreq/governor pending"])
        #expect(pass.settings.first?.outcome.pendingOn == .device)
    }

    @Test(
        "without cpufreq it is unsupported, with the reason, and a fault only where it is required",
        arguments: [
            ("flags\t\t: fpu hypervisor lahf_lm", "a virtual machine: its host decides"),
            ("flags\t\t: fpu lahf_lm", "no cpufreq driver: the firmware's choice, or no driver for this processor"),
            ("Features\t: fp asimd", "no cpufreq driver: the firmware's choice, or no driver for this processor"),
            (nil, "no cpufreq driver: the firmware's choice, or no driver for this processor"),
        ] as [(String?, String)])
    func without(flags: String?, reason: String) throws {
        let node = Node("cpu: {governor: performance, energy_performance_preference: {value: power, required: true}}")
        if let flags { node.kernel.set("/proc/cpuinfo", "processor\t: 0\n\(flags)\n\nprocessor\t: 1\n\(flags)") }
        for folder in [false, true] {
            if folder { node.kernel.folder("/sys/devices/system/cpu/cpufreq") }
            let pass = try node.apply()
            #expect(
                pass.states == [
                    "cpu/policy*/energy_performance_preference unsupported", "cpu/policy*/governor unsupported",
                ])
            #expect(pass.details("cpu/policy*/governor") == reason)
            #expect(pass.settings.map(\.isFault) == [true, false])
        }
        node.configure("cpu: [{match: {name: policy3}, governor: performance}, {governor: powersave}]")
        #expect(try node.check().states == ["cpu/policy*/governor unsupported", "cpu/policy3/governor unsupported"])
        #expect(node.kernel.writes.isEmpty)
    }

    @Test("who runs cpu-less asks for the flags once, and who tunes no CPU never")
    func asksOnce() throws {
        let node = Node("sysctl: {vm.x: 1}")
        let reads = FaultyFiles(node.kernel)
        _ = try node.reconciler(through: reads).check()
        #expect(!reads.record.contains { $0.contains("cpufreq") || $0.contains("cpuinfo") })
        node.kernel.set("/proc/cpuinfo", "flags : hypervisor")
        let first = try takeInventory(of: node.kernel.host())
        #expect(first.isGuest == true)
        node.kernel.vanish("/proc/cpuinfo")
        #expect(try takeInventory(of: node.kernel.host(), previous: first).isGuest == true)
    }

    @Test("identity is the lowest CPU; the number is the one that came first")
    func identity() throws {
        let kernel = FakeKernel()
        kernel.policy(9, cpus: "1 9", driver: "acpi-cpufreq")
        kernel.set("/sys/devices/system/cpu/cpufreq/boost", "1")
        let policies = try takeInventory(of: kernel.host()).frequencyPolicies
        #expect(policies.map(\.target.identity) == ["policy:1"])
        #expect(policies.map(\.name) == ["policy9"])
        #expect(policies.map(\.driver) == ["acpi-cpufreq"])
    }

    @Test("a policy that does not tell what it is is left out, with the error; the others go on")
    func sick() throws {
        let node = node("{governor: performance}")
        node.kernel.behave("/sys/devices/system/cpu/cpufreq/policy2/related_cpus", .unreadable(.ioError))
        let pass = try node.apply()
        #expect(pass.states == ["cpu/policy0/governor inSync", "cpu/policy10/governor inSync"])
        #expect(pass.errors.map(\.description) == ["read /sys/devices/system/cpu/cpufreq/policy2/related_cpus (EIO)"])
        for number in [0, 10] {
            node.kernel.behave("/sys/devices/system/cpu/cpufreq/policy\(number)/related_cpus", .unreadable(.ioError))
        }
        #expect(try node.check().states == ["cpu/policy*/governor pending"], "that is not known to be without cpufreq")
    }

    @Test("a policy whose CPUs are all offline leaves the report without an error", arguments: [true, false])
    func offline(answersBusy: Bool) throws {
        let node = node("{governor: performance}")
        node.kernel.offline(policy: 2, answersBusy: answersBusy)
        let pass = try node.apply()
        #expect(pass.states == ["cpu/policy0/governor inSync", "cpu/policy10/governor inSync"])
        #expect(pass.errors == [])
        // Between taking stock and reading.
        let reads = CountingReads(node.kernel) { kernel, path, _ in
            if path.hasSuffix("policy10/scaling_governor") { kernel.offline(policy: 10) }
        }
        node.configure("cpu: {governor: powersave}")
        let late = try node.reconciler(through: reads).check()
        #expect(late.details("cpu/policy10/governor") == "policy10 has no CPU online")
    }
}

extension DaemonTests {
    @Test(
        "a policy that comes back is tuned at once, in apply too; one that drifts there is not",
        arguments: [true, false])
    func policies(answersBusy: Bool) {
        let node = Node("mode: apply\ncpu: {governor: performance}")
        for number in [0, 1] { node.kernel.policy(number) }
        let watched = Watched(node)
        #expect(watched.state("cpu/policy1/governor") == .inSync)
        node.kernel.set("/sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "powersave")
        node.kernel.offline(policy: 1, answersBusy: answersBusy)
        _ = watched.news()
        watched.pass(.events([.cpu]), after: 1)
        #expect(watched["cpu/policy1/governor"] == nil)
        #expect(watched.last.errors == [])
        #expect(watched.news() == ["cpu/policy0/governor inSync -> drifted", "cpu/policy1/governor inSync -> -"])
        node.kernel.policy(1)
        watched.pass(.events([.cpu]), after: 1)
        #expect(watched.state("cpu/policy1/governor") == .inSync)
        #expect(watched.state("cpu/policy0/governor") == .drifted)
        #expect(node.policy(1) == "performance")
    }

    @Test("a policy that another driver made anew between two passes is a new one")
    func remadePolicy() {
        let node = Node("mode: apply\ncpu: {governor: performance}")
        node.kernel.policy()
        let watched = Watched(node)
        node.kernel.policy(driver: "intel_cpufreq")
        watched.pass(.schedule, after: 60)
        #expect(node.policy(0) == "performance")
        #expect(watched["cpu/policy0/governor"]?.original == "powersave")
    }

    @Test("a driver that is loaded brings policies, a module the governor that was missing")
    func cpuModules() {
        let node = Node("mode: apply\ncpu: {governor: schedutil}")
        let watched = Watched(node)
        #expect(watched.state("cpu/policy*/governor") == .unsupported)
        node.kernel.policy(driver: "acpi-cpufreq", governor: "performance", offered: ["performance"])
        watched.pass(.events([.module("acpi_cpufreq")]), after: 1)
        #expect(watched["cpu/policy*/governor"] == nil)
        #expect(watched.state("cpu/policy0/governor") == .unsupported)
        node.kernel.set(
            "/sys/devices/system/cpu/cpufreq/policy0/scaling_available_governors", "performance schedutil ")
        watched.pass(.events([.module("schedutil")]), after: 1)
        #expect(watched.state("cpu/policy0/governor") == .inSync)
    }

    @Test("an event of CPUs makes nothing else be read again, nor do others make policies")
    func cpuEvents() {
        let node = Node.busy()
        let reads = FaultyFiles(node.kernel, among: [.read])
        var daemon = Daemon(Reconciler(host: node.kernel.host(files: reads), stateFolder: Node.state))
        _ = daemon.pass(.start, at: 0)
        for (event, isRead) in [(HostEvent.cpu, true), (.disk("sda"), false), (.module("x"), false)] {
            let before = reads.record.count
            _ = daemon.pass(.events([event]), at: 1)
            let read = reads.record.dropFirst(before)
            #expect(read.contains { $0.hasSuffix("policy0/scaling_governor") } == isRead, "\(event)")
            #expect(!read.contains("read /proc/sys/vm/max_map_count"))
        }
    }
}
