import FoundationEssentials
import HostAPI
import HostConfiguration
import HostKernel
import HostModel
import HostReport
import HostTuning

/// Makes passes for as long as the process lives: each job is one, and its end is told to the main thread.
func reconcile(
    _ reconciler: Reconciler, board: Board, jobs: Inbox<Job>, mailbox: Mailbox<Message>
) {
    settleDevices(unless: reconciler.host.isAbandoned)
    var daemon = Daemon(reconciler)
    var chronicle = Chronicle(board: board, now: reconciler.host.now)
    while true {
        let job = jobs.next()
        let start = uptime()
        let round = daemon.pass(job.reason, at: start)
        let end = uptime()
        let summary = chronicle.record(round, isFull: job.isFull, took: end - start, at: end)
        job.answer(round)
        if job.isFull { releaseCode() }
        mailbox.send(
            .ended(
                PassEnd(
                    wasFull: job.isFull, wasReload: job.isReload, interval: round.policy.interval, summary: summary)))
    }
}

extension Job {
    fileprivate var reason: Daemon.Reason {
        switch self {
        case .pass(let reason): reason
        case .command(.apply(let options), let reply): .apply(order(options, reply))
        case .command(.revert(let options), let reply): .revert(order(options, reply))
        case .command(.reload, _): .reload
        }
    }

    private func order(_ options: CommandOptions, _ reply: @escaping @Sendable (Progress) -> Void) -> Daemon.Order {
        let globs = options.only.compactMap { try? Glob($0) }
        return Daemon.Order(
            allowing: options.allow, mode: options.mode, isPartial: !options.only.isEmpty,
            isSelected: { id in options.only.isEmpty || globs.contains { $0.matches(id.description) } },
            progress: { assessed, attempt in
                guard let change = PlannedChange(made: assessed, from: attempt.before) else { return }
                reply(.change(change))
            })
    }

    fileprivate var isFull: Bool {
        if case .pass(.events) = self { false } else { true }
    }

    fileprivate var isReload: Bool {
        if case .pass(.reload) = self { true } else { false }
    }

    /// Tells who asked what came of it.
    fileprivate func answer(_ round: Daemon.Round) {
        guard case .command(let command, let reply) = self else { return }
        switch (command, round.answer) {
        case (.apply, .success(let pass)?): reply(.finished(PassResult(applied: pass)))
        case (.revert, .success(let pass)?): reply(.finished(PassResult(reverted: pass)))
        case (_, .failure(let error)?): reply(.failed("\(error)".split(separator: "\n").map(String.init)))
        case (.reload, _), (_, nil):
            if let error = round.configuration.error {
                reply(.failed(error.split(separator: "\n").map(String.init)))
            } else {
                reply(.finished(PassResult(reloaded: round)))
            }
        }
    }
}

extension PassResult {
    /// Of a `reload`.
    fileprivate init(reloaded round: Daemon.Round) {
        let report = Report(
            node: round.hostname, time: .now, configuration: round.configuration, settings: round.settings,
            fingerprints: Fingerprints(
                configuration: fingerprint(of: round.rules?.canonicalText ?? ""),
                state: stateFingerprint(round.settings)))
        self.init(report: report, warnings: round.warnings, errors: round.errors)
    }
}
