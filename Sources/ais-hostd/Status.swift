import ArgumentParser
import HostAPI
import HostKernel
import HostModel
import HostReport

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "What the daemon knows: how each setting stands, and since when.",
        discussion: """
            Exits with 2 when something differs, with 1 when the configuration is broken, with 4 when the daemon can't be
            reached. --watch prints anew what changes, until it is interrupted.

            Example:
              ais-hostd status --watch --only 'block/*'
            """)

    @OptionGroup var options: PrintOptions
    @OptionGroup var socket: SocketOptions

    @Flag(help: "Go on, and show each change.")
    var watch = false

    func run() throws {
        try reporting {
            let client = Client(socket: socket.path)
            do {
                let report = try report(from: client)
                try show(report)
                if watch { try follow(client, from: report) }
                if report.configuration.error != nil { throw ExitCode(EX.error) }
                if report.hasFault { throw ExitCode(EX.differs) }
            } catch let error as KernelError {
                throw Unreachable(reason(error))
            } catch let answer as Answer {
                throw Unreachable("\(answer)")
            }
        }
    }

    private func report(from client: Client) throws -> Report {
        let answer = try client.get("/v1/status")
        guard answer.status == 200 else { throw answer }
        var report = try Report(json: answer.body)
        report.settings.removeAll { !options.selects($0.id) }
        guard !report.settings.isEmpty || options.only.isEmpty else {
            throw CommandError("no setting matches --only; an id is for example sysctl/net.core.somaxconn")
        }
        return report
    }

    private func show(_ report: Report) throws {
        guard !options.quiet else { return }
        switch options.output {
        case .json: print(json(report), terminator: "")
        case .yaml: print(try yaml(report), terminator: "")
        case .table: print(table(report, style: .terminal(verbose: options.verbose)), terminator: "")
        }
        Terminal.flush()
    }

    /// On a terminal the table is drawn anew; elsewhere a line is added for each change. Goes on when the daemon is away
    /// for a while, as for an upgrade.
    private func follow(_ client: Client, from first: Report) throws {
        var shown = first
        var last: String?
        let redraws = options.output == .table && Terminal.standardOutput.isTerminal
        func redraw() throws {
            shown = try report(from: client)
            if redraws { Terminal.clear() }
            try show(shown)
        }
        if redraws { try redraw() }
        while true {
            do {
                let headers = last.map { [("Last-Event-ID", $0)] } ?? []
                try client.stream("GET", "/v1/events", headers: headers) { event in
                    last = event.id ?? last
                    switch event.name {
                    case "gap": try redraw()
                    case "state": try tell(try Change(json: Array(event.data.utf8)))
                    default: break
                    }
                    return true
                }
            } catch let error as KernelError where error.errno != .accessDenied {
                Terminal.writeError("ais-hostd: \(reason(error))\n")
            } catch let answer as Answer {
                Terminal.writeError("ais-hostd: \(answer)\n")
            }
            Terminal.pause(seconds: 1)
        }
        func tell(_ change: Change) throws {
            guard options.selects(change.setting.id) else { return }
            if redraws {
                // One pass changes many, and the first look shows them all.
                if change.time > shown.time { try redraw() }
            } else if !options.quiet {
                print(options.output == .json ? jsonLine(change) : "\(timestamp(change.time))  \(journalText(change))")
                Terminal.flush()
            }
        }
    }

    private func reason(_ error: KernelError) -> String {
        let path = socket.path
        switch error.errno {
        case .some(.noEntry):
            return "no daemon listens on \(path): is it running? systemctl status ais-hostd (ENOENT)"
        case .some(.connectionRefused):
            return "the daemon that listened on \(path) is gone: systemctl status ais-hostd (ECONNREFUSED)"
        case .some(.accessDenied):
            return "\(path) is for root and the group ais-hostd: sudo, or join the group (EACCES)"
        default: return "\(error)"
        }
    }
}

/// The daemon can't be asked.
struct Unreachable: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}
