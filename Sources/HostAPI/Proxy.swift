import HostModel
package import NIOCore
import NIOHTTP1
import NIOPosix

/// What `serve` may take, and for how long it waits for `run`.
package struct ProxyLimits: Sendable {
    /// Without a byte of an answer. `run` answers from memory: one that takes longer hangs.
    package var answer = TimeAmount.seconds(5)
    /// A report of 10,000 settings is 4 MB.
    package var answerBytes = 64 * 1024 * 1024
    /// Each stream of events is a connection of its own to `run`.
    package var streams = 64

    package init() {}
}

/// What `serve` answers: what `run` says, from a copy where `run` says that it still holds.
// Safe: its state is touched by what runs on the loop only.
package final class Proxy: Service, @unchecked Sendable {
    package let loop: any EventLoop
    private let path: String
    private let limits: ProxyLimits
    private let upstream: Upstream

    /// By path, and only these: a query has too many variants to keep what comes of each.
    private var copies: [String: Copy] = [:]
    private static let copied: Set = ["/v1/status", "/v1/settings", "/v1/drift", "/v1/config"]
    /// Who waits for the same answer.
    private var waiting: [Question: [Exchange]] = [:]
    /// By which a question can be taken back.
    private var numbers: [Question: Int] = [:]
    private var streamCount = 0

    private struct Copy {
        var tag: EntityTag
        var type: String
        var body: ByteBuffer
    }

    private struct Question: Hashable {
        var uri: String
        /// What who asks has already; where we have a copy, that is what counts instead.
        var tags: [String] = []
    }

    /// `path` is the socket of `run`.
    package init(path: String, loop: any EventLoop = socketLoop(), limits: ProxyLimits = ProxyLimits()) {
        self.path = path
        self.loop = loop
        self.limits = limits
        upstream = Upstream(path: path, loop: loop, limits: limits)
    }

    func admit(_ request: Request, limit: Int) -> Result<Int, RefusedResponse> {
        request.isRead ? .success(0) : .failure(RefusedResponse(refusal(request)))
    }

    func answer(_ exchange: Exchange) {
        let request = exchange.request
        guard request.isRead else { return exchange.respond(refusal(request)) }
        switch request.location.path {
        case "/healthz": exchange.respond(Response(type: "text/plain; charset=utf-8", ByteBuffer(string: "ok\n")))
        case "/v1/events" where request.method == .GET: relay(exchange)
        default: ask(exchange)
        }
    }

    private func refusal(_ request: Request) -> Response {
        .notAllowed(request.method, request.location.path, allow: "GET, HEAD")
    }

    // MARK: Answers

    private func ask(_ exchange: Exchange) {
        let uri = exchange.request.location.uri
        var question = Question(uri: uri)
        if !Self.copied.contains(uri) { question.tags = exchange.request.headers["If-None-Match"] }
        exchange.onGone = { [weak exchange] in self.forget(exchange, question) }
        if waiting[question] != nil {
            waiting[question]?.append(exchange)
            return
        }
        waiting[question] = [exchange]
        let tags = copies[uri].map { [$0.tag.description] } ?? question.tags
        let number = upstream.get(uri, ifNoneMatch: tags) { self.receive($0, for: question) }
        if waiting[question] != nil { numbers[question] = number }
    }

    /// What nobody waits for any more is not asked: who comes and goes must not fill the queue.
    private func forget(_ exchange: Exchange?, _ question: Question) {
        waiting[question]?.removeAll { $0 === exchange }
        guard waiting[question]?.isEmpty == true, let number = numbers[question], upstream.cancel(number) else {
            return
        }
        (waiting[question], numbers[question]) = (nil, nil)
    }

    /// How many questions wait for an answer of `run`.
    var questionCount: Int { waiting.count }

    private func receive(_ result: Upstream.Result, for question: Question) {
        let exchanges = waiting.removeValue(forKey: question) ?? []
        numbers[question] = nil
        let isMetrics = Location(question.uri)?.path == "/metrics"
        switch result {
        case .failure(let error):
            let response: Response =
                isMetrics ? Self.metrics(nil) : .problem(.serviceUnavailable, Self.reason(error))
            for exchange in exchanges { exchange.respond(response) }
        case .success(let answer):
            let copy = copy(answer, of: question.uri)
            for exchange in exchanges {
                if isMetrics {
                    exchange.respond(Self.metrics(answer))
                } else if let copy {
                    exchange.respond(.tagged(copy.tag, type: copy.type, copy.body, for: exchange.request))
                } else {
                    exchange.respond(answer.response)
                }
            }
        }
    }

    /// The copy that `run` vouches for with this answer, if any.
    private func copy(_ answer: UpstreamAnswer, of uri: String) -> Copy? {
        guard Self.copied.contains(uri) else { return nil }
        switch answer.status {
        case .notModified: return copies[uri]
        case .ok:
            copies[uri] = answer.headers.first(name: "ETag").flatMap(EntityTag.init).map { tag in
                Copy(tag: tag, type: answer.headers.first(name: "Content-Type") ?? "", body: answer.body)
            }
            return copies[uri]
        default: return nil
        }
    }

    /// What `run` counts, and whether it is there to count. A scrape never fails for want of `run`.
    private static func metrics(_ answer: UpstreamAnswer?) -> Response {
        let isUp = answer?.status == .ok
        var text = """
            # HELP ais_hostd_up Whether ais-hostd run answers.
            # TYPE ais_hostd_up gauge
            ais_hostd_up \(isUp ? 1 : 0)

            """
        if isUp, let body = answer?.body { text = String(buffer: body) + text }
        return Response(type: "text/plain; version=0.0.4; charset=utf-8", ByteBuffer(string: text))
    }

    /// Why there is no answer of `run`, for people.
    static func reason(_ error: KernelError) -> String {
        switch error.errno {
        case Errno.accessDenied?, Errno.notPermitted?: "ais-hostd run may not be asked by this user: \(error)"
        case Errno.timedOut?: "ais-hostd run does not answer: \(error)"
        case Errno.again?: "ais-hostd run is asked by too many: \(error)"
        default: "ais-hostd run is away: \(error)"
        }
    }

    // MARK: Events

    private func relay(_ exchange: Exchange) {
        guard streamCount < limits.streams else {
            let detail = "there are \(limits.streams) streams of events already"
            return exchange.respond(.problem(.serviceUnavailable, detail))
        }
        streamCount += 1
        let relay = Relay(exchange, path: path, timeout: limits.answer)
        Upstream.bootstrap(loop, limits) { relay }.channelOption(.autoRead, value: false)
            .connect(unixDomainSocketPath: path).assumeIsolated().whenComplete { result in
                switch result {
                case .success(let channel):
                    channel.closeFuture.assumeIsolated().whenComplete { _ in self.streamCount -= 1 }
                case .failure(let error):
                    self.streamCount -= 1
                    let error = KernelError(connecting: error, "connect", self.path)
                    exchange.respond(.problem(.serviceUnavailable, Self.reason(error)))
                }
            }
    }
}
