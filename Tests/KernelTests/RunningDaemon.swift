import Foundation
import Glibc

/// `ais-hostd run` in a sandbox, and `serve` beside it on a port of that world.
final class RunningDaemon {
    let sandbox: Sandbox
    private(set) var run: Child?
    private(set) var server: Child?

    static let socket = "/run/ais-hostd/api.sock"
    static let configuration = "/etc/ais-hostd/config.yaml"
    static let port: UInt16 = 9847
    static let id = "sysctl/net.core.somaxconn"
    static let group = "4711"

    init(_ configuration: String, in sandbox: Sandbox? = nil) throws {
        self.sandbox = try sandbox ?? Sandbox()
        let prepared = try self.sandbox.shell("ip link set lo up && echo ais-hostd:x:\(Self.group): >>/etc/group")
        guard prepared.code == 0 else { throw CannotRun(description: "no lo: \(prepared.err)") }
        try configure(configuration)
    }

    deinit {
        for child in [run, server].compactMap(\.self) where !child.hasEnded { Glibc.kill(child.processID, SIGKILL) }
    }

    func configure(_ text: String, interval: String = "1s") throws {
        try sandbox.write("apiVersion: ais-hostd/v1\ninterval: \(interval)\n\(text)\n", to: Self.configuration)
    }

    // MARK: Its processes

    /// Starts `run` and waits until its first pass has ended. A witness is put before it (`strace -D`).
    func start(_ arguments: [String] = [], variables: [String] = [], witness: [String] = []) throws {
        try begin(arguments, variables: variables, witness: witness)
        guard eventually({ run?.hasEnded != false || isReady }), run?.hasEnded == false else {
            throw CannotRun(description: "run does not get ready: \(log)")
        }
    }

    /// The same without waiting.
    func begin(_ arguments: [String] = [], variables: [String] = [], witness: [String] = []) throws {
        run = try sandbox.start(["env"] + variables + witness + [Layer.program ?? "", "run"] + arguments)
    }

    var isReady: Bool { (try? ask("/readyz").status) == 200 }

    /// What it said, as the journal has it where there is one.
    var log: String { run?.complained ?? "" }

    func logs(_ text: String) -> Bool { eventually { log.contains(text) } }

    func signal(_ number: Int32) { if let run, !run.hasEnded { Glibc.kill(run.processID, number) } }

    func stop() throws -> Output {
        signal(SIGTERM)
        return try end()
    }

    func kill() throws {
        signal(SIGKILL)
        _ = try end()
    }

    /// How it ended.
    func end() throws -> Output {
        guard let run, eventually({ run.hasEnded }) else { throw CannotRun(description: "run does not end: \(log)") }
        self.run = nil
        return run.wait()
    }

    /// Starts `serve` as a user who is in the group and nobody else.
    func serve(witness: [String] = []) throws {
        let user = ["setpriv", "--reuid=65534", "--regid=\(Self.group)", "--clear-groups"]
        server = try sandbox.start(user + witness + [Layer.program ?? "", "serve"])
        guard eventually({ server?.hasEnded != false || (try? web("/healthz").status) == 200 }),
            server?.hasEnded == false
        else { throw CannotRun(description: "serve does not get ready: \(server?.wait().err ?? "")") }
    }

    // MARK: What they answer

    /// A connection to `run`.
    func wire() throws -> Wire { try Wire(unix: sandbox.outside(Self.socket)) }

    /// A connection to `serve`.
    func webWire() throws -> Wire { try Wire(port: Self.port, in: sandbox) }

    func ask(_ uri: String, method: String = "GET", headers: [String] = []) throws -> WebAnswer {
        let wire = try wire()
        wire.ask(uri, method: method, headers: headers)
        return try WebAnswer(wire.read())
    }

    func web(_ uri: String, method: String = "GET", headers: [String] = [], host: String? = nil) throws -> WebAnswer {
        let wire = try webWire()
        wire.ask(uri, method: method, headers: headers, host: host ?? "127.0.0.1:\(Self.port)")
        return try WebAnswer(wire.read())
    }

    func report() throws -> PrintedReport {
        let answer = try ask("/v1/status")
        return try PrintedReport(Output(code: 0, out: answer.body, err: answer.head))
    }

    func state(_ id: String = RunningDaemon.id) -> String? { (try? report())?[id]?.state }

    /// Waits until a setting is in a state; nil: until it is in the report no more.
    func becomes(_ state: String?, _ id: String = RunningDaemon.id) -> Bool {
        eventually { if let report = try? report() { report[id]?.state == state } else { false } }
    }

    /// The value of one line of its metrics.
    func metric(_ line: String) throws -> String? {
        try ask("/metrics").body.split(separator: "\n").first { $0.hasPrefix("\(line) ") }
            .map { String($0.dropFirst(line.count + 1)) }
    }

    /// How often it has looked at everything.
    func passes() throws -> Int { try metric("ais_hostd_pass_duration_seconds_count").flatMap { Int($0) } ?? 0 }

    /// Lets it look at everything once more, begun after this was called.
    func look() throws {
        let before = try passes()
        guard try eventually({ try passes() >= before + 2 }) else { throw CannotRun(description: "no pass: \(log)") }
    }

    /// What is in force, as it tells itself.
    struct Configuration: Decodable {
        let generation: Int
        let error: String?
        let held: Bool
        let changed: Bool
    }

    func inForce() throws -> Configuration {
        struct Told: Decodable { let configuration: Configuration }
        let answer = try ask("/v1/status")
        return try JSONDecoder().decode(Told.self, from: Data(answer.body.utf8)).configuration
    }

    func hostd(_ arguments: String...) throws -> Output { try sandbox.program(arguments) }

    /// Runs the program as a user who is not root, in this group.
    func hostd(inGroup group: String, _ arguments: String...) throws -> Output {
        try sandbox.run(
            ["setpriv", "--reuid=65534", "--regid=\(group)", "--clear-groups", Layer.program ?? ""] + arguments)
    }

    /// Its socket and files with what changes when they are replaced.
    func identities() throws -> [String] {
        try sandbox.shell(
            "stat -c '%n %i %y' /var/lib/ais-hostd/ledger.json /var/lib/ais-hostd/last-good.json /etc/sysctl.d/99-zz-ais-hostd.conf"
        ).lines
    }
}
