import HostModel
import HostTestSupport
import Testing

@Suite struct FakePolicyTests {
    let kernel = FakeKernel()
    private let folder = "/sys/devices/system/cpu/cpufreq/policy0"

    private func holds(_ file: String) -> String? { kernel.text("\(folder)/\(file)") }

    private func errno(_ file: String, _ value: String) -> Errno? {
        do throws(KernelError) {
            try kernel.write(value, to: "\(folder)/\(file)")
            return nil
        } catch {
            return error.errno
        }
    }

    @Test("a governor is a name of 15 letters in either case, and its module comes when it is asked for")
    func governor() throws {
        kernel.policy(driver: "acpi-cpufreq", offered: ["performance", "schedutil"])
        #expect(errno("scaling_governor", "SCHEDUTIL") == nil && holds("scaling_governor") == "schedutil")
        #expect(errno("scaling_governor", "ondemand") == .invalid && holds("scaling_governor") == "schedutil")
        kernel.set("/lib/modules/6.8.0-31-generic/kernel/drivers/cpufreq/cpufreq_ondemand.ko", "")
        #expect(errno("scaling_governor", "ondemand") == nil && holds("scaling_governor") == "ondemand")
        #expect(holds("scaling_available_governors") == "performance schedutil ondemand ")
    }

    @Test(
        "a driver's own performance overrides the preference, and Intel's gives it back",
        arguments: [("intel_pstate", "power"), ("amd-pstate-epp", "performance")])
    func preference(driver: String, after: String) {
        kernel.policy(driver: driver, preference: "power")
        let file = "energy_performance_preference"
        #expect(errno(file, "strong") == .invalid)
        #expect(errno("scaling_governor", "performance") == nil && holds(file) == "performance")
        #expect(errno(file, "power") == .busy && errno(file, "performance") == nil)
        #expect(errno("scaling_governor", "powersave") == nil && holds(file) == after)
        #expect(errno("scaling_governor", "ondemand") == .invalid)
    }
}
