import HostModel

/// One policy's folder, and what the kernel's texts in it mean.
///
/// That a governor reads as set is all that can be known of it here. A driver that fails to set the clock answers the
/// write with success and keeps the governor's name; only the kernel's log tells (tried with the lab's driver that
/// fails, labcpufreq.c). `scaling_cur_freq` proves nothing either way: mostly it is what was last asked of the hardware,
/// on x86 something nearer that need not be the clock either (admin-guide/pm/cpufreq.rst).
struct ScalingPolicy {
    let target: Target
    let host: Host

    func file(_ attribute: CPUAttribute) -> String { "\(target.path)/\(attribute.file)" }

    func read(_ attribute: CPUAttribute, for requirement: Requirement) -> Reading {
        let held: String
        do throws(KernelError) { held = try text(attribute.file) } catch {
            return error.isAbsence ? absence(of: attribute) : unreadable(error)
        }
        // What is offered matters only where it differs: a pass with nothing to do reads one file for each.
        guard let first = requirement.words.first else { return .value(.word(held), Bounds()) }
        if first == held { return .value(.word(held), Bounds(offered: [held])) }
        do throws(KernelError) {
            switch attribute {
            case .governor: return .value(.word(held), Bounds(offered: try governors(for: requirement)))
            case .preference: return try preference(held, for: requirement)
            }
        } catch {
            return unreadable(error)
        }
    }

    /// As `scaling_available_governors`, and those that a module brings as soon as they are asked for:
    /// cpufreq_parse_governor() in drivers/cpufreq/cpufreq.c.
    private func governors(for requirement: Requirement) throws(KernelError) -> [String] {
        var offered = try text(CPUAttribute.governor.offersFile).split(separator: " ").map(String.init)
        let missing = requirement.words.filter { !offered.contains($0) }
        if !missing.isEmpty, try !driver().hasOwnGovernors {
            offered += missing.filter { hasModule(among: ["cpufreq_\($0)"], in: "drivers/cpufreq", on: host) }
        }
        return offered
    }

    /// Under a driver's own `performance` every preference but `performance` is overridden, and writing it is EBUSY:
    /// admin-guide/pm/intel_pstate.rst ("HWP + performance"), amd_pstate_set_energy_pref_index() in amd-pstate.c.
    /// That is no failure of the write but a choice that is not there, as long as the governor stays.
    private func preference(_ held: String, for requirement: Requirement) throws(KernelError) -> Reading {
        let driver = try driver()
        if driver.hasOwnGovernors, try text(CPUAttribute.governor.file) == "performance" {
            let reason = "the governor performance leaves \(driver.name) no other"
            // It goes back when the governor does.
            if case .original = requirement { return .absent(reason) }
            return .value(.word(held), Bounds(offered: ["performance"], source: reason))
        }
        let offered = try text(CPUAttribute.preference.offersFile).split(separator: " ").map(String.init)
        return .value(.word(held), Bounds(offered: offered))
    }

    private var name: String { target.name ?? "this policy" }

    private func absence(of attribute: CPUAttribute) -> Reading {
        guard let driver = try? driver() else { return .absent("\(name) is gone") }
        return .absent("\(driver.name), the driver of \(name), has no \(attribute.rawValue)")
    }

    /// Its last CPU may have gone offline since the inventory was taken.
    private func unreadable(_ error: KernelError) -> Reading {
        error.errno == .busy ? .absent("\(name) has no CPU online") : .unreadable(error)
    }

    func driver() throws(KernelError) -> ScalingDriver { ScalingDriver(name: try text("scaling_driver")) }

    private func text(_ file: String) throws(KernelError) -> String {
        String(decoding: try host.files.read("\(target.path)/\(file)"), as: UTF8.self).trimmed
    }

    /// Its folder may have been made anew, with the kernel's defaults.
    func checkIsSame() throws(KernelError) {
        let now = try sequence(ofPolicy: target.path, on: host.files)
        guard now == target.sequence else {
            throw KernelError(
                "write", target.path, wanted: target.sequence, got: now, message: "it was made anew meanwhile")
        }
    }
}

/// What is known of a scaling driver by its name.
struct ScalingDriver {
    let name: String

    /// Whether it brings a `performance` and a `powersave` of its own, and takes no governor of the kernel's: the active
    /// modes of intel_pstate and amd-pstate, which have other names in their passive ones (`setpolicy` in
    /// drivers/cpufreq).
    var hasOwnGovernors: Bool { ["intel_pstate", "amd-pstate-epp"].contains(name) }
}
