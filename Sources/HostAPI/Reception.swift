import NIOCore
import NIOHTTP1

/// A request as far as it has come.
struct Incoming {
    var method: HTTPMethod?
    var version = HTTPVersion.http1_1
    /// Nil where it is refused.
    var request: Request?
    var refusal: Response?
    var bodyLimit = 0
    /// Whether the client waits to be asked for the body.
    var expectsBody = false
    var isWhole = false
    /// Whether the connection ends with its answer.
    var isLast = false

    init(refusal: Response) {
        self.refusal = refusal
        isLast = true
    }

    init(_ head: HTTPRequestHead, refusal: Response) {
        self.init(refusal: refusal)
        (method, version) = (head.method, head.version)
    }

    init(_ head: HTTPRequestHead, request: Request, bodyLimit: Int) {
        (method, version) = (head.method, head.version)
        self.request = request
        self.bodyLimit = bodyLimit
        expectsBody = head.headers.contains(name: "Expect") && head.version.isPersistent
        // The decoder stops behind a request to speak another protocol, which is answered in this one.
        isLast = !head.isKeepAlive || head.headers.contains(name: "Upgrade")
    }

    mutating func append(_ bytes: ByteBuffer) {
        expectsBody = false
        guard let request, request.body.readableBytes + bytes.readableBytes <= bodyLimit else {
            return refuse(.problem(.payloadTooLarge, "the body is longer than \(bodyLimit) bytes"))
        }
        self.request?.body.writeImmutableBuffer(bytes)
    }

    mutating func refuse(_ response: Response) {
        refusal = response
        isLast = true
    }
}

extension HTTPVersion {
    /// Whether it knows chunks, connections that stay, and asking for a body: HTTP/1.1, not HTTP/1.0.
    var isPersistent: Bool { (major, minor) >= (1, 1) }
}

/// Judges heads: what may be asked here, before a byte of a body is read.
struct Reception {
    var caller: Caller
    /// As whom we answer; nil where any name is right.
    var names: HostNames?

    func receive(_ head: HTTPRequestHead, service: any Service, limits: Limits) -> Incoming {
        switch judge(head, service, limits) {
        case .failure(let refusal): return Incoming(head, refusal: refusal.response)
        case .success(let incoming): return incoming
        }
    }

    private func judge(
        _ head: HTTPRequestHead, _ service: any Service, _ limits: Limits
    ) -> Result<Incoming, RefusedResponse> {
        if let refusal = tooLarge(head, limits) ?? ambiguous(head) { return .failure(RefusedResponse(refusal)) }
        let (authority, uri) = target(head)
        guard let authority else { return refused(.badRequest, "there is no Host: the header must name one") }
        if let names, !names.contain(authority) {
            return refused(.misdirectedRequest, "this is not \(authority): ask for the name that --listen gives")
        }
        // What concerns no path (OPTIONS *, CONNECT) is no read.
        guard uri != "*", head.method != .CONNECT else {
            return .failure(RefusedResponse(.notAllowed(head.method, uri, allow: "GET, HEAD, POST")))
        }
        guard let location = Location(uri) else { return refused(.badRequest, "\(uri) is no path") }
        let request = Request(method: head.method, location: location, headers: head.headers, caller: caller)
        if let expected = head.headers.first(name: "Expect"), expected.lowercased() != "100-continue" {
            return refused(.expectationFailed, "only 100-continue can be expected")
        }
        guard head.headers.announceBody else {
            return .success(Incoming(head, request: request, bodyLimit: 0))
        }
        let limit: Int
        switch service.admit(request, limit: limits.bodyBytes) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let allowed): limit = allowed
        }
        guard limit > 0 else { return refused(.payloadTooLarge, "\(location.path) takes no body") }
        if let length = head.headers.first(name: "Content-Length"), Int(length) ?? .max > limit {
            return refused(.payloadTooLarge, "the body is longer than \(limit) bytes")
        }
        return .success(Incoming(head, request: request, bodyLimit: limit))
    }

    private func refused(_ status: HTTPResponseStatus, _ detail: String) -> Result<Incoming, RefusedResponse> {
        .failure(RefusedResponse(.problem(status, detail)))
    }

    private func tooLarge(_ head: HTTPRequestHead, _ limits: Limits) -> Response? {
        if head.uri.utf8.count > limits.uriBytes {
            return .problem(.uriTooLong, "the path is longer than \(limits.uriBytes) bytes")
        }
        let bytes = head.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        if bytes > limits.headBytes || head.headers.count > limits.headerCount {
            return .problem(
                .requestHeaderFieldsTooLarge,
                "the headers are more than \(limits.headerCount) or longer than \(limits.headBytes) bytes")
        }
        return nil
    }

    /// What two readers may understand in two ways: the way in which requests are smuggled. RFC 9112, sections 3.2 and
    /// 6.3.
    private func ambiguous(_ head: HTTPRequestHead) -> Response? {
        let lengths = head.headers["Content-Length"]
        let codings = head.headers["Transfer-Encoding"]
        if lengths.count > 1 || codings.count > 1 || !lengths.isEmpty && !codings.isEmpty {
            return .problem(.badRequest, "the length of the body is said more than once")
        }
        if let coding = codings.first, coding.lowercased() != "chunked" || !head.version.isPersistent {
            return .problem(.badRequest, "the transfer encoding \(coding) is not known")
        }
        if let length = lengths.first, Int(length) == nil || length.utf8.contains(where: { !isDigit($0) }) {
            return .problem(.badRequest, "the content length \(length) is no number")
        }
        if head.headers["Host"].count > 1 { return .problem(.badRequest, "there is more than one Host") }
        return nil
    }

    private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Whom and what it asks for. A URI with a host in it overrules the header; by RFC 9112, section 3.2, HTTP/1.1 needs
    /// the header all the same.
    private func target(_ head: HTTPRequestHead) -> (authority: String?, uri: String) {
        let host = head.headers.first(name: "Host")
        let scheme = "http://"
        guard head.uri.prefix(scheme.count).lowercased() == scheme, host != nil || !head.version.isPersistent else {
            // On the unix socket HTTP/1.0 needs no name: there is only one to be meant.
            return (host ?? (names == nil && !head.version.isPersistent ? "" : nil), head.uri)
        }
        let rest = head.uri.dropFirst(scheme.count)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let path = rest[end...]
        return (String(rest[..<end]), path.hasPrefix("/") ? String(path) : "/" + path)
    }

    /// How bytes that are no request are answered; nil where there is nobody to answer any more.
    static func refusal(_ error: any Error) -> Response? {
        switch error {
        case Wire.Overflow.uri: .problem(.uriTooLong, "the request line is too long")
        case Wire.Overflow.head, HTTPParserError.headerOverflow:
            .problem(.requestHeaderFieldsTooLarge, "the headers are too many or too long")
        case Wire.Overflow.body: .problem(.payloadTooLarge, "the body is too long")
        case HTTPParserError.invalidMethod:
            .problem(.notImplemented, "the method is not known; there is GET, HEAD, POST")
        case HTTPParserError.invalidVersion: .problem(.httpVersionNotSupported, "there is HTTP/1.1 and HTTP/1.0")
        case let error as HTTPParserError: .problem(.badRequest, "this is no HTTP request (\(error))")
        default: nil
        }
    }
}
