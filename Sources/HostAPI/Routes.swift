import HostConfiguration
package import HostModel
import HostReport
import NIOCore
import NIOHTTP1

/// What `run` answers to which request: a function of the request, the board and the time, without a socket.
package struct Routes: Sendable {
    let board: Board
    /// What the process takes of the host, read when it is asked for.
    let process: @Sendable () -> ProcessMetrics?

    package init(board: Board, process: @escaping @Sendable () -> ProcessMetrics? = { nil }) {
        self.board = board
        self.process = process
    }

    enum Reply {
        case response(Response)
        /// Each change of state after this one; nil for all that are yet to come.
        case events(after: String?)
        case command(Command)
    }

    static let reads = [
        "/healthz", "/readyz", "/v1/status", "/v1/settings", "/v1/settings/ID", "/v1/drift", "/v1/events", "/v1/config",
        "/metrics",
    ]
    static let commands = ["/v1/apply", "/v1/revert", "/v1/reload"]
    private static let settingPrefix = "/v1/settings/"

    func answer(_ request: Request, now: ContinuousClock.Instant = ContinuousClock.now) -> Reply {
        let path = request.location.path
        if Self.commands.contains(path) { return command(request) }
        let isSetting = path.hasPrefix(Self.settingPrefix)
        guard isSetting || Self.reads.contains(path) else {
            let all = Self.reads.joined(separator: ", ")
            return .response(.problem(.notFound, "there is no \(path); there is \(all)"))
        }
        guard request.isRead else { return .response(.notAllowed(request.method, path, allow: "GET, HEAD")) }
        if path == "/v1/events", request.method == .GET {
            return .events(after: request.headers["Last-Event-ID"].last)
        }
        return .response(read(request, now: now))
    }

    private func read(_ request: Request, now: ContinuousClock.Instant) -> Response {
        let path = request.location.path
        let allowed = path == "/v1/settings" ? ["state", "domain"] : []
        if let item = request.location.query.first(where: { !allowed.contains($0.name) }) {
            let advice = allowed.isEmpty ? "none is taken" : advice(for: item.name, among: allowed)
            return .problem(.badRequest, "\(path): unknown parameter \(item.name): \(advice)")
        }
        switch path {
        case "/healthz": return Response(type: "text/plain; charset=utf-8", ByteBuffer(string: "ok\n"))
        case "/readyz":
            let view = board.view()
            guard view.snapshot?.report != nil, view.lastPass != nil else {
                return .problem(.serviceUnavailable, view.firstPass)
            }
            return Response(type: "text/plain; charset=utf-8", ByteBuffer(string: "ok\n"))
        case "/metrics": return metrics()
        case "/v1/events": return Response(.ok, headers: ["Content-Type": "text/event-stream"])
        default: break
        }
        switch board.view().report(now: now) {
        case .failure(let error): return .problem(.serviceUnavailable, error.reason)
        case .success(let (snapshot, report)): return read(request, snapshot, report)
        }
    }

    private func read(_ request: Request, _ snapshot: Snapshot, _ report: Report) -> Response {
        let body: ByteBuffer
        let revision = report.revision
        switch request.location.path {
        case "/v1/status": body = board.bytes(.status, revision: revision) { json(report) }
        case "/v1/drift":
            body = board.bytes(.drift, revision: revision) { json(settings: settings(of: report).filter(\.isFault)) }
        case "/v1/config":
            body = board.bytes(.rules, revision: revision) {
                json(rules: snapshot.rules, generation: report.configuration.generation)
            }
        case "/v1/settings":
            if request.location.query.isEmpty {
                body = board.bytes(.settings, revision: revision) { json(settings: settings(of: report)) }
            } else {
                switch filtered(settings(of: report), by: request.location.query) {
                case .failure(let refusal): return .problem(.badRequest, refusal.reason)
                case .success(let some): body = ByteBuffer(string: json(settings: some))
                }
            }
        default:
            let id = String(request.location.path.dropFirst(Self.settingPrefix.count))
            guard let setting = setting(id, of: report) else { return missing(id, settings(of: report)) }
            body = ByteBuffer(string: json(setting))
        }
        let tag = EntityTag(revision: revision, instance: board.instance)
        return .tagged(tag, type: "application/json", body, for: request)
    }

    private func metrics() -> Response {
        guard let snapshot = board.view().snapshot else {
            return .problem(.serviceUnavailable, "the first pass has not begun yet")
        }
        let text = metricsText(report: snapshot.report, counters: snapshot.counters, process: process())
        return Response(type: "text/plain; version=0.0.4; charset=utf-8", ByteBuffer(string: text))
    }
}

// MARK: - Settings

/// The one place that reads a report's settings.
private func settings(of report: Report) -> [SettingReport] { report.settings }

private func setting(_ id: String, of report: Report) -> SettingReport? {
    let domain = id.prefix { $0 != "/" }
    return settings(of: report).first { $0.id.domain == domain && $0.id.description == id }
}

extension Routes {
    /// Those of any of the states and any of the domains that are named: `state=drifted,failed&domain=block`.
    private func filtered(
        _ settings: [SettingReport], by query: [Location.QueryItem]
    ) -> Result<[SettingReport], Refusal> {
        func words(_ name: String) -> Set<String> {
            let values = query.filter { $0.name == name }.flatMap { $0.value.split(separator: ",") }
            return Set(values.map(String.init))
        }
        let known = State.allCases.map(\.rawValue)
        let states = words("state")
        if let word = states.sorted().first(where: { !known.contains($0) }) {
            return .failure(Refusal("unknown state \(word): \(advice(for: word, among: known))"))
        }
        let domains = words("domain")
        return .success(
            settings.filter { setting in
                (states.isEmpty || states.contains(setting.state.rawValue))
                    && (domains.isEmpty || domains.contains(setting.id.domain))
            })
    }

    /// Near names are looked for among those of the same object only: comparing with ten thousand takes too long for
    /// what anybody may ask.
    private func missing(_ id: String, _ settings: [SettingReport]) -> Response {
        let object = id[..<(id.lastIndex(of: "/") ?? id.startIndex)] + "/"
        let siblings = settings.lazy.map(\.id.description).filter { $0.hasPrefix(object) }.prefix(200)
        let meant = id.utf8.count > 256 ? nil : nearest(to: id, among: Array(siblings))
        let hint = meant.map { ", did you mean \($0)?" } ?? "; /v1/settings has them all"
        return .problem(.notFound, "there is no setting \(id)\(hint)")
    }
}
