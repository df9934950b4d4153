import Foundation
import Glibc

/// A world of its own for the whole program: a fresh network namespace, whose `net.*` keys are copies, and a mount
/// namespace with its own /sys, /run, /etc, /var/lib and /usr/lib, of which the host's are at most the lower layers and
/// stay as they are.
///
/// A shell inside it, the keeper, holds it. It puts the loop disks back and all away at the end of its input, which comes
/// even when the tests are killed.
final class Sandbox {
    /// The host's folder on which the keeper mounts its memory; outside it stays empty.
    private let folder: String
    private let keeper: Child
    private let input: Int32
    private var answers = 0

    private static let keeperScript = #"""
        set -eu
        trap '' INT TERM HUP
        world=$1
        knobs="scheduler read_ahead_kb max_sectors_kb nomerges rq_affinity iostats add_random nr_requests wbt_lat_usec"
        disks=""
        clean_up() {
            set +e
            for device in $disks; do
                for knob in $knobs; do
                    value=$(cat "$world/.found/${device##*/}/$knob")
                    [ -z "$value" ] || echo "$value" >"/sys/block/${device##*/}/queue/$knob" || true
                done
                losetup --detach "$device" || true
            done 2>/dev/null
            cd /
            umount --lazy "$world" || true
            rmdir "$world"
        }
        # Nothing below may ever be done to the host itself.
        for kind in mnt net; do
            [ "$(readlink "/proc/$$/ns/$kind")" != "$(readlink "/proc/$PPID/ns/$kind")" ]
        done
        trap clean_up EXIT
        mount --make-rprivate /
        mount -t sysfs sysfs /sys
        mount -t tmpfs -o mode=0755 sandbox "$world"
        for folder in etc usr/lib; do
            upper=$world/.${folder%/*}; mkdir "$upper" "$upper.work"
            mount -t overlay -o "lowerdir=/$folder,upperdir=$upper,workdir=$upper.work" sandbox "/$folder"
        done
        mkdir -p /etc/sysctl.d /usr/lib/sysctl.d
        # A command in here must not find a daemon of the host's, let alone have it do something.
        for folder in /run /var/lib /etc/sysctl.d /usr/lib/sysctl.d; do mount -t tmpfs -o mode=0755 sandbox "$folder"; done
        rm -rf /etc/ais-hostd /etc/sysctl.conf
        mkdir -p /etc/ais-hostd /usr/lib/ais-hostd/profiles
        disk() {
            truncate --size=16M "$1"
            device=$(losetup --find --show "$1") || return 1
            disks="$disks $device"
            queue=/sys/block/${device##*/}/queue
            mkdir -p "$world/.found/${device##*/}"
            for knob in $knobs; do
                sed 's/.*\[\(.*\)\].*/\1/' "$queue/$knob" >"$world/.found/${device##*/}/$knob" 2>/dev/null || true
            done
            echo none >"$queue/scheduler"
            echo 128 >"$queue/read_ahead_kb"
            echo "${device##*/}"
        }
        echo ready
        while read -r command; do eval "$command" && echo ready || echo failed; done
        """#

    init() throws {
        var template = Array("/tmp/ais-hostd-world-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CannotRun(description: "mkdtemp") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        chmod(folder, 0o755)
        var ends: [Int32] = [-1, -1]
        // Closed on exec from the start: a child that another test starts now would keep the keeper's input open.
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
        defer { close(ends[0]) }
        input = ends[1]
        keeper = try Child(
            ["unshare", "--net", "--mount", "sh", "-c", Self.keeperScript, "keeper", folder], input: ends[0])
        _ = try answer()
    }

    deinit {
        close(input)
        _ = keeper.wait()
    }

    /// A loop disk of 16 MiB by its name, `loop3`: a real queue with schedulers, found as the kernel sets it up.
    func disk(_ name: String = "disk") throws -> String {
        let answer = try tell("disk \(folder)/\(name)")
        guard let device = answer.first else { throw CannotRun(description: "losetup: \(keeper.wait().err)") }
        return device
    }

    /// Runs a command in this world.
    func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Output {
        try runToItsEnd(entering + arguments, environment: environment)
    }

    /// The same without waiting for its end.
    func start(_ arguments: [String]) throws -> Child { try Child(entering + arguments) }

    func shell(_ script: String) throws -> Output { try run(["sh", "-c", script]) }

    /// Runs the program itself.
    func hostd(_ arguments: String..., environment: [String: String] = [:]) throws -> Output {
        try run([Layer.program ?? ""] + arguments, environment: environment)
    }

    var keeperID: pid_t { keeper.processID }

    /// For who wants a socket of this world.
    var networkNamespace: String { "/proc/\(keeperID)/ns/net" }

    private var entering: [String] { ["nsenter", "--target", "\(keeper.processID)", "--net", "--mount"] }

    private func tell(_ command: String) throws -> [String] {
        let line = Array("\(command)\n".utf8)
        guard send(input, line, line.count, Int32(MSG_NOSIGNAL)) == line.count else {
            throw CannotRun(description: "the keeper is gone")
        }
        return try answer()
    }

    /// What the keeper printed since it was last asked.
    private func answer() throws -> [String] {
        for _ in 0..<10_000 {
            let lines = keeper.printed.split(separator: "\n").dropFirst(answers).map(String.init)
            if let last = lines.last, last == "ready" || last == "failed" {
                answers += lines.count
                return last == "ready" ? lines.dropLast() : []
            }
            if kill(keeper.processID, 0) == -1 || isOver { break }
            usleep(1000)
        }
        throw CannotRun(description: "no sandbox: \(keeper.wait().err)")
    }

    /// A child that ended stays until it is waited for.
    private var isOver: Bool {
        var state = siginfo_t()
        return waitid(P_PID, id_t(keeper.processID), &state, WEXITED | WNOHANG | WNOWAIT) == 0 && state.si_signo != 0
    }
}

// MARK: - Its files and the kernel's

extension Sandbox {
    /// A file of the sandbox as it is reached from outside. Never for /proc/sys/net: there the reader's own namespace
    /// counts.
    func outside(_ path: String) -> String { "/proc/\(keeper.processID)/root\(path)" }

    /// Writes a file of this world, and the folders above it.
    @discardableResult
    func write(_ text: String, to path: String) throws -> String {
        let file = URL(filePath: outside(path))
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return path
    }

    /// A configuration in the folder of the tests.
    func configuration(_ text: String, name: String = "node.yaml") throws -> String {
        try write("apiVersion: ais-hostd/v1\n\(text)\n", to: "\(folder)/\(name)")
    }

    func read(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: outside(path))), as: UTF8.self)
    }

    func exists(_ path: String) -> Bool { access(outside(path), F_OK) == 0 }

    func names(in path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: outside(path))) ?? []).sorted()
    }

    /// `sysctl -n`, with single spaces.
    func sysctl(_ key: String) throws -> String {
        try shell("sysctl -n \(key)").out.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// What a queue's attribute holds; of a choice, what is chosen.
    func queue(_ disk: String, _ attribute: String) throws -> String {
        let text = try read("/sys/block/\(disk)/queue/\(attribute)")
        let words = text.split(whereSeparator: \.isWhitespace)
        return (words.first { $0.hasPrefix("[") }?.dropFirst().dropLast() ?? words.first).map(String.init) ?? ""
    }

    /// Writes as another hand would, with one `write(2)`, and says whether the kernel answered with success.
    @discardableResult
    func poke(_ path: String, _ value: String) throws -> Bool {
        try run(["sh", "-c", "printf '%s' \"$1\" >\"$2\"", "sh", value, path]).code == 0
    }
}
