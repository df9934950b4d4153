import FoundationEssentials
import HostConfiguration
import HostModel
import NIOCore
import NIOHTTP1

extension Routes {
    /// How many bytes of a body this request may have; or why it is refused before one is read.
    func admit(_ request: Request, limit: Int) -> Result<Int, RefusedResponse> {
        let path = request.location.path
        guard Self.commands.contains(path) else { return .success(0) }
        if let refusal = refusal(request) { return .failure(RefusedResponse(refusal)) }
        return .success(limit)
    }

    func command(_ request: Request) -> Reply {
        if let refusal = refusal(request) { return .response(refusal) }
        switch options(Array(request.body.readableBytesView)) {
        case .failure(let refusal): return .response(.problem(.badRequest, refusal.reason))
        case .success(let options):
            switch request.location.path {
            case "/v1/apply": return .command(.apply(options))
            case "/v1/revert": return .command(.revert(options))
            default:
                guard options == CommandOptions() else {
                    return .response(.problem(.badRequest, "/v1/reload takes no options"))
                }
                return .command(.reload)
            }
        }
    }

    /// What can be said before the body is there.
    private func refusal(_ request: Request) -> Response? {
        let path = request.location.path
        guard request.method == .POST else { return .notAllowed(request.method, path, allow: "POST") }
        guard case .local(let user) = request.caller else {
            return .problem(.forbidden, "\(path) is taken by the unix socket only")
        }
        guard request.caller.isRoot else {
            return .problem(.forbidden, "\(path) is taken from root only, not from the user \(user)")
        }
        if let item = request.location.query.first {
            return .problem(.badRequest, "\(path): unknown parameter \(item.name): options go into the body")
        }
        let type = request.headers["Content-Type"].first.map { $0.prefix { $0 != ";" } }.map(trimmed)
        guard type?.lowercased() == "application/json" || type == nil && !request.headers.announceBody else {
            return .problem(
                .unsupportedMediaType, "\(path) takes application/json, not \(type ?? "a body without a type")")
        }
        return nil
    }
}

/// A response in the place of a value.
struct RefusedResponse: Error {
    let response: Response
    init(_ response: Response) { self.response = response }
}

/// What was wrong, in words.
struct Refusal: Error, Hashable {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

extension HTTPHeaders {
    /// Whether a body follows.
    var announceBody: Bool { contains(name: "Transfer-Encoding") || !self["Content-Length"].allSatisfy { $0 == "0" } }
}

// MARK: - Options

/// The body of a command: `{"only": ["block/*"], "allow": ["link-flap"], "mode": "apply"}`; nothing is the same as `{}`.
func options(_ body: [UInt8]) -> Result<CommandOptions, Refusal> {
    if body.isEmpty { return .success(CommandOptions()) }
    do {
        return .success(try JSONDecoder().decode(DecodedOptions.self, from: Data(body)).options)
    } catch let refusal as Refusal {
        return .failure(refusal)
    } catch {
        return .failure(
            Refusal("the body: expected a JSON object with \(DecodedOptions.known.joined(separator: ", "))"))
    }
}

private struct DecodedOptions: Decodable {
    static let known = ["only", "allow", "mode"]

    var options = CommandOptions()

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let keys = container.allKeys.map(\.stringValue).sorted()
        if let key = keys.first(where: { !Self.known.contains($0) }) {
            throw Refusal("unknown key \(key): \(advice(for: key, among: Self.known))")
        }
        func value<Value: Decodable>(_ name: String, _ type: Value.Type, _ expected: String) throws -> Value? {
            do {
                return try container.decodeIfPresent(type, forKey: Key(stringValue: name))
            } catch {
                throw Refusal("\(name): expected \(expected)")
            }
        }
        options.only = try value("only", [String].self, "a list of globs") ?? []
        for word in try value("allow", [String].self, "a list of disruptions") ?? [] {
            options.allow.insert(try Self.word(word, "allow", among: Disruption.allCases))
        }
        options.mode = try value("mode", String.self, "a mode or null").map { word in
            try Self.word(word, "mode", among: Mode.allCases)
        }
    }

    private static func word<Word: RawRepresentable<String>>(
        _ text: String, _ key: String, among words: [Word]
    ) throws -> Word {
        guard let word = Word(rawValue: text) else {
            throw Refusal("\(key): unknown \(text): \(advice(for: text, among: words.map(\.rawValue)))")
        }
        return word
    }
}
