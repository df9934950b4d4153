import Foundation
import Testing

extension WholeProgram {
    @Suite("CPUs")
    struct Cpus {
        let sandbox: Sandbox

        init() throws { sandbox = try Sandbox() }

        @Test("a machine without cpufreq says why, and that is a fault only where it is required")
        func governor() throws {
            let policies = try sandbox.shell("ls -d /sys/devices/system/cpu/cpufreq/policy* 2>/dev/null || true").lines
            let flags = try sandbox.shell("grep -m1 -ow hypervisor /proc/cpuinfo || true").lines
            let file = try sandbox.configuration("cpu: {governor: performance}")
            let checked = try sandbox.hostd("check", "--config", file, "--output", "json")
            let report = try PrintedReport(checked)
            guard policies.isEmpty else {
                // A host of somebody's: only looked at.
                let ids = policies.map { "cpu/\($0.split(separator: "/").last ?? "")/governor" }
                #expect(report.settings.map(\.id).sorted() == ids.sorted())
                return
            }
            let setting = try #require(report["cpu/policy*/governor"])
            #expect(checked.code == 0 && setting.state == "unsupported" && report.settings.count == 1)
            let reason =
                flags.isEmpty
                ? "no cpufreq driver: the firmware's choice, or no driver for this processor"
                : "a virtual machine: its host decides"
            #expect(setting.detail == reason)
            let planned = try sandbox.hostd("apply", "--dry-run", "--config", file)
            #expect(planned.code == 0, "\(planned)")
            let required = try sandbox.configuration(
                "cpu: {governor: {value: performance, required: true}}", name: "required.yaml")
            #expect(try sandbox.hostd("check", "--config", required).code == 2)
        }
    }
}
