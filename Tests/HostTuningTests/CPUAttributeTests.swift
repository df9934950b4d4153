import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct CPUAttributeTests {
    @Test(
        "what a section asks, as attribute, requirement and match",
        arguments: [
            ("{governor: performance}", ["governor performance -"]),
            ("{governor: [performance, schedutil]}", ["governor performance or schedutil -"]),
            ("{governor: [schedutil]}", ["governor schedutil -"]),
            ("{governor: interactive}", ["governor interactive -"]),
            ("{governor: {value: [powersave, ondemand], required: true}}", ["governor powersave or ondemand -"]),
            ("{governor: unset}", ["governor unset -"]),
            (
                "{governor: powersave, energy_performance_preference: balance_power}",
                ["governor powersave -", "energy_performance_preference balance_power -"]
            ),
            (
                "[{match: {name: \"policy*\", driver: intel_pstate}, governor: performance}]",
                [
                    "governor performance name=policy*,driver=intel_pstate"
                ]
            ),
            (
                "[{governor: powersave}, {match: {name: policy3}, governor: performance}]",
                [
                    "governor powersave -", "governor performance policy3",
                ]
            ),
        ])
    func good(section: String, expected: [String]) {
        let (rules, problems) = rules(CPUDomain(), section)
        #expect(problems == [])
        #expect(rules.map { "\($0.attribute) \($0.demand) \($0.match?.description ?? "-")" } == expected)
    }

    @Test("words beside a value are nearer than those of the rule, and both are taken")
    func options() throws {
        let (rules, problems) = rules(
            CPUDomain(),
            "{mode: enforce, required: true, governor: {value: performance, mode: observe, keepOnRemoval: true},"
                + " energy_performance_preference: power}")
        #expect(problems == [])
        #expect(rules.map(\.options.mode) == [.observe, .enforce])
        #expect(rules.map(\.options.required) == [true, true])
        #expect(rules.map(\.options.keepOnRemoval) == [true, false])
    }

    private static let governor = "a governor such as performance, or a list of them"
    private static let preferences = "performance, balance_performance, balance_power, power"

    @Test(
        "what is refused, with its place and what was meant",
        arguments: [
            ("{governer: performance}", "f:2:7: cpu.governer: unknown key, did you mean governor?"),
            ("{matches: {}}", "f:2:7: cpu.matches: unknown key, did you mean match?"),
            (
                "{scaling_max_freq: 1}",
                "f:2:7: cpu.scaling_max_freq: unknown key, expected one of governor, energy_"
                    + "performance_preference, match, mode, required, force, keepOnRemoval, when"
            ),
            ("{governor: \"\"}", "f:2:17: cpu.governor: \"\" is no name of a governor, expected \(governor)"),
            ("{governor: }", "f:2:17: cpu.governor: nothing here, expected \(governor)"),
            (
                "{governor: performance powersave}",
                "f:2:17: cpu.governor: \"performance powersave\" is no name of a governor, expected \(governor)"
            ),
            (
                "{governor: cpufreq/performance}",
                "f:2:17: cpu.governor: \"cpufreq/performance\" is no name of a governor, expected \(governor)"
            ),
            ("{governor: 1}", "f:2:17: cpu.governor: \"1\" is no name of a governor, expected \(governor)"),
            (
                "{governor: [schedutil, perfomance]}",
                "f:2:29: cpu.governor: unknown governor perfomance, did you mean performance?"
            ),
            (
                "{governor: Performance}",
                "f:2:17: cpu.governor: unknown governor Performance, did you mean performance?"
            ),
            (
                "{governor: interactive_twin}",
                "f:2:17: cpu.governor: \"interactive_twin\" is no name of a governor, expected \(governor)"
            ),
            ("{governor: []}", "f:2:17: cpu.governor: an empty list, expected \(governor)"),
            ("{governor: [[powersave]]}", "f:2:18: cpu.governor: found a list, expected \(governor)"),
            (
                "{governor: {include: [performance]}}",
                "f:2:18: cpu.governor: not a set, so nothing can be included, expected value"
            ),
            (
                "{energy_performance_preference: 128}",
                "f:2:38: cpu.energy_performance_preference: \"128\" is a number, of which the kernel makes a word where"
                    + " it has one, expected one of \(preferences)"
            ),
            (
                "{energy_performance_preference: default}",
                "f:2:38: cpu.energy_performance_preference: default is the firmware's choice, which can't be compared"
                    + " with what is then held, expected one of \(preferences)"
            ),
            (
                "{energy_performance_preference: balance-power}",
                "f:2:38: cpu.energy_performance_preference: unknown preference balance-power, did you mean"
                    + " balance_power?"
            ),
            ("[]", "f:2:6: cpu: an empty list, expected for example {governor: performance}"),
            ("{required: true}", "f:2:6: cpu: no attribute, expected for example governor: performance"),
            ("[{match: {name: x}}]", "f:2:7: cpu: no attribute, expected for example governor: performance"),
            (
                "performance",
                "f:2:6: cpu: found \"performance\", expected attributes such as {governor: performance}, or a list of"
                    + " rules"
            ),
            (
                "[{match: {diver: intel_pstate}, governor: performance}]",
                "f:2:16: cpu.match.diver: unknown key, did you mean driver?"
            ),
        ])
    func bad(section: String, problem: String) {
        let (rules, problems) = rules(CPUDomain(), section)
        #expect(problems == ["/\(problem)"])
        #expect(rules.isEmpty)
    }

    @Test("every fault of a section is told at once")
    func all() {
        #expect(rules(CPUDomain(), "[{governer: x, governor: \"\"}, {governor: [a b, c/d]}]").problems.count == 4)
    }
}
