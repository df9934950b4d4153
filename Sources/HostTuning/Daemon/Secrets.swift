import HostConfiguration
import HostModel

/// What stands where not everybody may read the value: others than root read what the daemon tells.
private let hidden = "(secret)"

/// Leaves out of what the daemon tells what only root may read of this host.
struct Secrets {
    let files: any Files

    func contain(domain: String, attribute: String) -> Bool {
        allDomains.first { $0.name == domain }?.isHidden(attribute, in: files) == true
    }

    /// As it is told.
    func report(_ assessed: Assessed) -> SettingReport {
        let id = assessed.setting.id
        guard contain(domain: id.domain, attribute: id.attribute) else { return SettingReport(assessed) }
        var assessed = assessed
        switch assessed.outcome {
        case .failed(let held, let error): assessed.outcome = .failed(held: held, hiding(error))
        case .unknown(let error): assessed.outcome = .unknown(hiding(error))
        case .adjusted(let held, _): assessed.outcome = .adjusted(held: held, "the kernel makes another value of it")
        case .inSync, .unsupported, .pending, .drifted, .contested: break
        }
        var report = SettingReport(assessed)
        report.desired = hidden
        report.observed = report.observed.map { _ in hidden }
        report.original = report.original.map { _ in hidden }
        return report
    }

    private func hiding(_ error: KernelError) -> KernelError {
        var error = error
        error.wanted = error.wanted.map { _ in hidden }
        error.got = error.got.map { _ in hidden }
        return error
    }

    /// What is wrong with a value is said by quoting it.
    func text(_ problem: Problem) -> String {
        guard isAboutSecret(problem.key) else { return problem.description }
        let advice = "not told here, since its value is secret: `ais-hostd validate` and `apply` tell root"
        return Problem(advice, at: problem.origin, key: problem.key, severity: problem.severity).description
    }

    /// A key is `sysctl.net.ipv4.tcp_fastopen_key`, perhaps with an option behind it, or a setting's id.
    private func isAboutSecret(_ key: String) -> Bool {
        for domain in allDomains where key.hasPrefix("\(domain.name).") || key.hasPrefix("\(domain.name)/") {
            var attribute = key.dropFirst(domain.name.utf8.count + 1)
            while !attribute.isEmpty {
                if domain.isHidden(String(attribute), in: files) { return true }
                attribute = attribute[..<(attribute.lastIndex(of: ".") ?? attribute.startIndex)]
            }
        }
        return false
    }
}
