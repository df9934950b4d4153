import FoundationEssentials
package import HostModel

/// The daemon's metrics in Prometheus' text format. Before the first pass there is no report, and what it would say is
/// left out: absent and zero are two things.
package func metricsText(report: Report?, counters: Counters, process: ProcessMetrics?) -> String {
    var exposition = Exposition()
    exposition.add(
        "ais_hostd_build_info", .gauge, "Which version this is.", [Sample([("version", counters.version)], 1)])
    exposition.add(
        "ais_hostd_configuration_valid", .gauge, "Whether the newest files are the configuration in force.",
        [Sample(flag: counters.isConfigurationValid)])
    if let report { exposition.add(report) }
    exposition.add(counters, domains: Set(report?.settings.map(\.id.domain) ?? []))
    if let process { exposition.add(process) }
    return exposition.text
}

/// Whether the daemon answers who asks it for its metrics.
package func upMetric(_ isUp: Bool) -> String {
    var exposition = Exposition()
    exposition.add("ais_hostd_up", .gauge, "Whether the daemon answers.", [Sample(flag: isUp)])
    return exposition.text
}

extension Exposition {
    fileprivate mutating func add(_ report: Report) {
        let configuration = report.configuration
        add(
            "ais_hostd_configuration_info", .gauge, "Which configuration is in force.",
            [
                Sample(
                    [
                        ("fingerprint", report.fingerprints.configuration),
                        ("generation", String(configuration.generation)),
                    ], 1)
            ])
        add(
            "ais_hostd_held", .gauge, "Whether nothing is applied until the next apply.",
            [Sample(flag: configuration.held)])

        let counts = Dictionary(grouping: report.settings, by: \.id.domain).mapValues { HostReport.counts($0) }
        add(
            "ais_hostd_settings", .gauge, "How many settings are in each state.",
            counts.flatMap { domain, counts in
                State.allCases.map { state in
                    Sample([("domain", domain), ("state", state.rawValue)], counts[state, default: 0])
                }
            })
        add(
            "ais_hostd_setting_state", .gauge, "Each setting that is not in sync, with its state.",
            report.settings.filter { $0.state != .inSync }.map { setting in
                Sample([("id", setting.id.description), ("state", setting.state.rawValue)], 1)
            })
    }

    /// Counters of these domains start at zero: a rate sees no first step of a series that comes with it.
    fileprivate mutating func add(_ counters: Counters, domains: Set<String>) {
        add(
            "ais_hostd_drifts_total", .counter, "How often a setting came to hold something else.",
            domains.union(counters.drifts.keys).map { Sample([("domain", $0)], counters.drifts[$0, default: 0]) })
        add(
            "ais_hostd_writes_total", .counter, "Writes to the host, and whether the kernel took them.",
            domains.union(counters.writes.keys.map(\.domain)).flatMap { domain in
                [true, false].map { isDone in
                    Sample(
                        [("domain", domain), ("result", isDone ? "done" : "failed")],
                        counters.writes[Counters.Write(domain: domain, isDone: isDone), default: 0])
                }
            })
        add("ais_hostd_pass_duration_seconds", "How long a pass took.", counters.passes)
        if let lastPass = counters.lastPass {
            add(
                "ais_hostd_last_pass_timestamp_seconds", .gauge, "When the last pass ended.",
                [Sample(lastPass.timeIntervalSince1970)])
        }
    }

    /// By the names that Prometheus' own client libraries give them.
    fileprivate mutating func add(_ process: ProcessMetrics) {
        add("process_cpu_seconds_total", .counter, "User and system time.", [Sample(process.cpuSeconds)])
        add("process_resident_memory_bytes", .gauge, "Memory that is resident.", [Sample(process.residentBytes)])
        add("process_virtual_memory_bytes", .gauge, "Memory that is mapped.", [Sample(process.virtualBytes)])
        add("process_open_fds", .gauge, "Open file descriptors.", [Sample(process.openDescriptors)])
        add("process_max_fds", .gauge, "How many there may be.", [Sample(process.maxDescriptors)])
        add(
            "process_start_time_seconds", .gauge, "When the process started.",
            [Sample(process.startTime)])
    }
}
