import FoundationEssentials
import HostModel
package import HostReport

extension Client {
    /// Has the daemon carry out a command, and waits for its end. `onChange` is told of each change as it is made.
    ///
    /// Throws `CommandRefused` where it can't be done, `Answer` where it is not taken from who asks.
    package func perform(
        _ command: Command, onChange: (PlannedChange) -> Void = { _ in }
    ) throws -> PassResult {
        var result: PassResult?
        try stream("POST", command.path, body: command.body) { event in
            let data = Array(event.data.utf8)
            switch event.name {
            case "change": onChange(try PlannedChange(json: data))
            case "result": result = try PassResult(json: data)
            case "error":
                throw CommandRefused(lines: try JSONDecoder().decode(CommandErrors.self, from: Data(data)).errors)
            default: break
            }
            return result == nil
        }
        guard let result else {
            throw CommandRefused(lines: ["the daemon went away before it was done: see `ais-hostd status`"])
        }
        return result
    }
}

/// Why the daemon did not carry out a command, a line each: the configuration's errors.
package struct CommandRefused: Error, Sendable {
    package let lines: [String]
}

extension Command {
    var path: String {
        switch self {
        case .apply: "/v1/apply"
        case .revert: "/v1/revert"
        case .reload: "/v1/reload"
        }
    }

    /// What `options` reads.
    var body: [UInt8] {
        switch self {
        case .apply(let options), .revert(let options): Array(encoded(EncodedOptions(options)).utf8)
        case .reload: []
        }
    }
}

private struct EncodedOptions: Encodable {
    var only: [String]
    var allow: [String]
    var mode: String?

    init(_ options: CommandOptions) {
        only = options.only
        allow = options.allow.map(\.rawValue).sorted()
        mode = options.mode?.rawValue
    }
}
