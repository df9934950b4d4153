import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct CPUPolicyTests {
    let node = Node()
    private let folder = "/sys/devices/system/cpu/cpufreq/policy0"
    private let modules = "/lib/modules/6.8.0-31-generic/kernel/drivers/cpufreq"

    /// How one attribute of policy0 stands after a pass, as the state and its detail.
    private func outcome(
        _ section: String, of attribute: String = "governor", after pass: (Node) throws -> Reconciler.Pass
    ) throws -> String {
        node.configure("cpu: \(section)")
        let result = try #require(try pass(node)["cpu/policy0/\(attribute)"])
        return "\(result.desired): \(result.outcome.state)\(result.outcome.detail.map { ", \($0)" } ?? "")"
    }

    @Test(
        "the first governor that is offered is taken; one that is a module is loaded by its name",
        arguments: [
            ("performance", "performance: inSync", "performance"),
            ("[schedutil, performance]", "schedutil: inSync", "schedutil"),
            ("[userspace, performance]", "performance: inSync", "performance"),
            ("[powersave, performance]", "powersave: inSync", "powersave"),
            ("conservative", "conservative: inSync", "conservative"),
            (
                "userspace", "userspace: unsupported, not offered here, only ondemand, performance, schedutil",
                "ondemand"
            ),
        ])
    func governors(asked: String, expected: String, held: String) throws {
        node.kernel.policy(
            driver: "acpi-cpufreq", governor: "ondemand", offered: ["ondemand", "performance", "schedutil"])
        for name in ["cpufreq_powersave.ko", "cpufreq_conservative.ko.zst"] {
            node.kernel.set("\(modules)/\(name)", "")
        }
        #expect(try outcome("{governor: \(asked)}") { try $0.apply() } == expected)
        #expect(node.policy(0) == held)
    }

    @Test("an active driver has governors of its own, and no module adds to them")
    func ownGovernors() throws {
        node.kernel.policy(governor: "performance")
        node.kernel.set("\(modules)/cpufreq_ondemand.ko", "")
        let text = "unsupported, not offered here, only performance, powersave"
        #expect(try outcome("{governor: ondemand}") { try $0.check() } == "ondemand: \(text)")
        #expect(try outcome("{governor: [ondemand, powersave]}") { try $0.apply() } == "powersave: inSync")
    }

    @Test(
        "governor first, then the preference, then both are read again",
        arguments: [
            // Driver, governor and preference before; asked; how both end.
            ("intel_pstate", "powersave", "power", "performance", "performance", "inSync", "inSync"),
            ("amd-pstate-epp", "powersave", "power", "performance", "performance", "inSync", "inSync"),
            ("intel_pstate", "powersave", "power", "performance", "balance_power", "inSync", "unsupported"),
            ("amd-pstate-epp", "powersave", "power", "performance", "balance_power", "inSync", "unsupported"),
            ("intel_pstate", "performance", "performance", "powersave", "balance_power", "inSync", "inSync"),
            ("amd-pstate-epp", "performance", "performance", "powersave", "balance_power", "inSync", "inSync"),
            ("intel_pstate", "performance", "performance", "powersave", "performance", "inSync", "inSync"),
            ("intel_cpufreq", "powersave", "power", "performance", "balance_power", "inSync", "inSync"),
        ])
    func coupled(
        driver: String, governor: String, preference: String, asked: String, askedPreference: String, state: String,
        preferenceState: String
    ) throws {
        node.kernel.policy(driver: driver, governor: governor, preference: preference)
        node.configure("cpu: {energy_performance_preference: \(askedPreference), governor: \(asked)}")
        let first = try node.snapshot()
        let planned = try node.reconciler().plan()
        let pass = try node.apply()
        #expect(
            pass.states == [
                "cpu/policy0/energy_performance_preference \(preferenceState)", "cpu/policy0/governor \(state)",
            ])
        #expect(node.policy(0) == asked)
        let held = node.policy(0, .preference)
        #expect(held == (preferenceState == "inSync" ? askedPreference : "performance"))
        #expect(node.kernel.writes.first?.path.hasSuffix("/scaling_governor") == true)
        // The dry run named whatever was written.
        let named = planned.pass.settings.filter(\.isToWrite).map(\.setting.id) + planned.disturbed.keys
        #expect(Set(named).isSuperset(of: pass.attempts.map(\.id)))
        node.kernel.forgetWrites()
        #expect(try node.apply().states == pass.states)
        #expect(node.kernel.writes.isEmpty)
        try node.revert()
        #expect(try node.difference(from: first) == [])
        #expect(try node.ledger().entries.isEmpty)
    }

    @Test("why a preference can't be had is said in words, and is a fault where it is required")
    func overridden() throws {
        node.kernel.policy(governor: "performance", preference: "performance")
        let section = "{energy_performance_preference: balance_power}"
        let expected =
            "balance_power: unsupported, not offered here, only performance"
            + " (the governor performance leaves intel_pstate no other)"
        #expect(try outcome(section, of: "energy_performance_preference") { try $0.apply() } == expected)
        #expect(node.kernel.writes.isEmpty)
        node.configure("cpu: {energy_performance_preference: {value: balance_power, required: true}}")
        #expect(try node.check().settings.allSatisfy(\.isFault))
        let alternatives = "{energy_performance_preference: [balance_power, performance]}"
        #expect(
            try outcome(alternatives, of: "energy_performance_preference") { try $0.check() } == "performance: inSync")
    }

    @Test("a line for the preference that is dropped goes back with the governor, not before")
    func droppedPreference() throws {
        node.kernel.policy(driver: "amd-pstate-epp", preference: "power")
        let first = try node.snapshot()
        node.configure("cpu: {governor: performance, energy_performance_preference: performance}")
        try node.apply()
        node.configure("cpu: {governor: performance}")
        #expect(try node.apply().states == ["cpu/policy0/governor inSync"])
        node.configure("cpu: {governor: unset}")
        try node.apply()
        #expect(try node.difference(from: first) == [])
    }

    @Test("a preference that we never touched is not put back after somebody changed it")
    func passive() throws {
        node.kernel.policy(driver: "intel_cpufreq", governor: "powersave", preference: "power")
        node.configure("cpu: {governor: performance}")
        try node.apply()
        node.kernel.set("\(folder)/energy_performance_preference", "balance_power")
        try node.revert()
        #expect(node.policy(0) == "powersave" && node.policy(0, .preference) == "balance_power")
    }

    @Test("a driver without preferences is named, and one without a governor too")
    func missing() throws {
        node.kernel.policy(driver: "acpi-cpufreq")
        let section = "{energy_performance_preference: power}"
        #expect(
            try outcome(section, of: "energy_performance_preference") { try $0.check() }
                == "power: unsupported, acpi-cpufreq, the driver of policy0, has no energy_performance_preference")
    }

    @Test(
        "what the kernel refuses or ignores is failed, with what was asked and what it holds",
        arguments: [
            (FakeKernel.Behaviour.ignoring, "the write was answered with success"), (.refusing(.invalid), "(EINVAL)"),
            (.readOnly, "(EACCES)"),
        ])
    func refused(behaviour: FakeKernel.Behaviour, reason: String) throws {
        node.kernel.policy()
        node.kernel.behave("\(folder)/scaling_governor", behaviour)
        let text = try outcome("{governor: performance}") { try $0.apply() }
        let expected =
            "performance: failed, write \(folder)/scaling_governor: wanted performance, kernel holds powersave"
        #expect(text.replacing("open", with: "write").hasPrefix(expected) && text.contains(reason), "\(text)")
    }

    @Test(
        "a list that can't be read, or is not there beside its value, is a failure, not a missing choice",
        arguments: [
            ("governor: performance", "governor", "scaling_available_governors"),
            ("governor: ondemand", "governor", "scaling_driver"),
            ("energy_performance_preference: power", "energy_performance_preference", "scaling_driver"),
            (
                "energy_performance_preference: power", "energy_performance_preference",
                "energy_performance_available_preferences"
            ),
        ])
    func unreadable(asked: String, attribute: String, file: String) throws {
        node.kernel.policy(preference: "balance_power")
        node.configure("cpu: {\(asked)}")
        let target = try #require(try takeInventory(of: node.kernel.host()).frequencyPolicies.first).target
        let rule = try #require(rules(CPUDomain(), "{\(asked)}").rules.first)
        let setting = Setting(
            id: SettingID(domain: "cpu", object: "policy0", attribute: attribute), target: target,
            requirement: try #require(rule.demand.requirement(on: .sample())), origin: rule.origin)
        func reading() -> Reading { CPUDomain().read(setting, on: node.kernel.host()) }
        node.kernel.behave("\(folder)/\(file)", .unreadable(.ioError))
        #expect(reading() == .unreadable(KernelError("read", "\(folder)/\(file)", errno: .ioError)))
        node.kernel.vanish("\(folder)/\(file)")
        #expect(reading() == .unreadable(KernelError("open", "\(folder)/\(file)", errno: .noEntry)))
    }

    @Test("a policy that was made anew between reading and writing is not written")
    func another() throws {
        node.kernel.policy()
        node.configure("cpu: {governor: performance}")
        let target = try #require(try takeInventory(of: node.kernel.host()).frequencyPolicies.first).target
        let reads = CountingReads(node.kernel) { kernel, path, count in
            if path.hasSuffix("scaling_available_governors"), count == 1 { kernel.policy() }
        }
        let pass = try node.reconciler(through: reads).apply()
        #expect(node.kernel.writes.isEmpty)
        #expect(
            pass.details("cpu/policy0/governor")
                == "write \(folder): wanted \(target.sequence ?? ""), kernel holds inode 1001, it was made anew meanwhile"
        )
    }

    @Test("a pass with nothing to do reads one file for each setting")
    func economy() throws {
        node.kernel.policy(governor: "performance", preference: "performance")
        let reads = FaultyFiles(node.kernel, among: [.read])
        node.configure("cpu: {governor: [performance, schedutil], energy_performance_preference: performance}")
        #expect(try node.reconciler(through: reads).check().states.allSatisfy { $0.hasSuffix("inSync") })
        let own = [
            "affected_cpus", "related_cpus", "scaling_driver", "energy_performance_preference", "scaling_governor",
        ]
        #expect(reads.record.filter { $0.contains("cpufreq") } == own.map { "read \(folder)/\($0)" })
    }

    @Test("files of other programs that set the governor are found")
    func mentions() {
        let kernel = node.kernel
        kernel.set("/etc/init.d/cpufrequtils", "#!/bin/sh\n# GOVERNOR=\"x\"\nGOVERNOR=\"performance\"")
        kernel.set("/etc/default/cpufrequtils", "ENABLE=\"true\"\nGOVERNOR=\"ondemand\"")
        kernel.set("/etc/default/cpupower", "#governor='x'\ngovernor='schedutil'")
        kernel.set("/etc/tuned/active_profile", "mine")
        kernel.set(
            "/etc/tuned/mine/tuned.conf",
            "[main]\ninclude=base, mine\n[sysctl]\ngovernor=x\n[cpu]\ngovernor = powersave")
        kernel.set(
            "/usr/lib/tuned/profiles/base/tuned.conf",
            "[cpu]\ngovernor=performance|powersave\nenergy_performance_preference=power")
        func found(_ attribute: String) -> [String] {
            let id = SettingID(domain: "cpu", object: "policy0", attribute: attribute)
            return (CPUDomain().mentions(of: [id], on: kernel.host())[id] ?? []).map {
                "\($0.origin) \($0.value)\($0.isLater ? " later" : "")"
            }
        }
        #expect(
            found("governor") == [
                "/etc/init.d/cpufrequtils:3 performance", "/etc/default/cpufrequtils:2 ondemand",
                "/etc/default/cpupower:2 schedutil",
                "/usr/lib/tuned/profiles/base/tuned.conf:2 performance|powersave later",
                "/etc/tuned/mine/tuned.conf:6 powersave later",
            ])
        #expect(
            found("energy_performance_preference") == ["/usr/lib/tuned/profiles/base/tuned.conf:3 power later"])
        let id = SettingID(domain: "cpu", object: "policy0", attribute: "governor")
        #expect(CPUDomain().mentions(of: [id], on: FakeKernel().host()).isEmpty)
    }
}
