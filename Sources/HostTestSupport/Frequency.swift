import HostModel

extension FakeKernel {
    /// Adds a cpufreq policy, as a CPU that comes online does; each time its folder has another number.
    ///
    /// `intel_pstate` and `amd-pstate-epp` have governors of their own: `performance` overrides the preference, which
    /// can't be written then, and of the two only Intel's gives it back. All other drivers take any governor that is
    /// registered, and load the module of one that is not. Preferences are there where there is a `preference`.
    package func policy(
        _ number: Int = 0, cpus: String? = nil, driver: String = "intel_pstate", governor: String = "powersave",
        offered: [String] = ["performance", "powersave"], preference: String? = nil
    ) {
        let folder = Self.policy(number)
        vanish(folder)
        set("\(folder)/affected_cpus", cpus ?? String(number), .readOnly)
        set("\(folder)/related_cpus", cpus ?? String(number), .readOnly)
        set("\(folder)/scaling_driver", driver, .readOnly)
        set("\(folder)/scaling_governor", governor, .governor)
        // The kernel ends it with a blank.
        set("\(folder)/scaling_available_governors", offered.map { "\($0) " }.joined(), .readOnly)
        if let preference {
            set("\(folder)/energy_performance_preference", preference, .preference)
            set(
                "\(folder)/energy_performance_available_preferences",
                "default performance balance_performance balance_power power ", .readOnly)
        }
        self.number(folder, inode: 1000 + nextIndex())
    }

    /// All CPUs of a policy go offline: its folder stays, and answers as kernels since 5.19 do, or as those before.
    package func offline(policy number: Int, answersBusy: Bool = true) {
        let folder = Self.policy(number)
        guard answersBusy else { return set("\(folder)/affected_cpus", "", .readOnly) }
        for name in (try? list(folder)) ?? [] { behave("\(folder)/\(name)", .unreadable(.busy)) }
    }

    private static func policy(_ number: Int) -> String { "/sys/devices/system/cpu/cpufreq/policy\(number)" }
}

extension Tree {
    /// store_scaling_governor() of drivers/cpufreq/cpufreq.c: 15 letters, in either case.
    mutating func govern(_ value: String, over held: String, _ path: String) throws(KernelError) -> String {
        let folder = parent(path)
        let name = value.lowercased().prefix(15).description
        let driver = text(bytes("\(folder)/scaling_driver"))
        var offered = words("\(folder)/scaling_available_governors")
        let isOwn = ["intel_pstate", "amd-pstate-epp"].contains(driver)
        if !isOwn, !offered.contains(name) {
            let release = text(bytes("/proc/sys/kernel/osrelease"))
            let modules = names(in: "/lib/modules/\(release)/kernel/drivers/cpufreq")
            if modules.contains(where: { $0.hasPrefix("cpufreq_\(name).ko") }) {
                offered.append(name)
                change("\(folder)/scaling_available_governors", to: offered.map { "\($0) " }.joined())
            }
        }
        guard offered.contains(name) else { throw KernelError("write", path, errno: .invalid) }
        let preference = "\(folder)/energy_performance_preference"
        if isOwn, held != name, node(preference) != nil {
            if name == "performance" {
                preferences[preference] = text(bytes(preference))
                change(preference, to: "performance")
            } else if driver == "intel_pstate", let kept = preferences[preference] {
                change(preference, to: kept)
            }
        }
        return name
    }

    /// store_energy_performance_preference() of intel_pstate.c and amd-pstate.c.
    func prefer(_ value: String, _ path: String) throws(KernelError) -> String {
        let folder = parent(path)
        guard words("\(folder)/energy_performance_available_preferences").contains(value) else {
            throw KernelError("write", path, errno: .invalid)
        }
        let isOwn = ["intel_pstate", "amd-pstate-epp"].contains(text(bytes("\(folder)/scaling_driver")))
        if isOwn, text(bytes("\(folder)/scaling_governor")) == "performance", value != "performance" {
            throw KernelError("write", path, errno: .busy)
        }
        return value
    }

    private func words(_ path: String) -> [String] { text(bytes(path)).split(separator: " ").map(String.init) }
}
