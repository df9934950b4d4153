import Foundation
import Glibc
import Testing

extension WholeProgram {
    @Suite("The daemon, killed at any moment")
    struct DaemonCrashes {
        let daemon: RunningDaemon
        let disk: String

        init() throws {
            let sandbox = try Sandbox()
            disk = try sandbox.disk()
            daemon = try RunningDaemon("", in: sandbox)
        }

        private var sandbox: Sandbox { daemon.sandbox }

        private static let keys = [
            "net.core.somaxconn", "net.ipv4.tcp_rmem", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_retries2",
        ]
        /// The last two change along with the scheduler.
        private static let attributes = ["scheduler", "read_ahead_kb", "nr_requests", "wbt_lat_usec"]

        private let tuned = ["1234", "4096 131073 134217728", "32", "9", "mq-deadline", "4096"]

        private func held() throws -> [String] {
            try Self.keys.map { try sandbox.sysctl($0) } + Self.attributes.map { try sandbox.queue(disk, $0) }
        }

        /// The second wants other values, and drops one line, which nobody else ever writes.
        private func configuration(_ isSecond: Bool) -> String {
            """
            mode: enforce
            sysctl:
              net.core.somaxconn: \(isSecond ? 2345 : 1234)
              net.ipv4.tcp_rmem: [4096, \(isSecond ? 262144 : 131073), 134217728]
              net.ipv4.tcp_fin_timeout: \(isSecond ? 31 : 32)
            \(isSecond ? "" : "  net.ipv4.tcp_retries2: 9")
            block: [{match: {name: \(disk)}, scheduler: \(isSecond ? "kyber" : "mq-deadline"), read_ahead_kb: 4096}]
            """
        }

        private struct Ledger: Decodable {
            struct Entry: Decodable {
                let attribute: String
                let original: String
            }
            let entries: [Entry]
        }

        /// Every file of ours is whole, and the ledger holds what was there before the very first write. What a scheduler
        /// has of its own is noted when it is first met, and must stay as noted.
        private func expectWhole(_ originals: inout [String: String], _ round: Int) throws {
            let ledger = try JSONDecoder().decode(
                Ledger.self, from: Data(try sandbox.read("/var/lib/ais-hostd/ledger.json").utf8))
            for entry in ledger.entries {
                #expect(
                    originals[entry.attribute, default: entry.original] == entry.original, "round \(round): \(entry)")
                originals[entry.attribute] = entry.original
            }
            let missing = Set(Self.keys + ["scheduler", "read_ahead_kb"]).subtracting(ledger.entries.map(\.attribute))
            #expect(missing.isSubset(of: ["net.ipv4.tcp_retries2"]), "round \(round)")
            let lastGood = try sandbox.read("/var/lib/ais-hostd/last-good.json")
            _ = try JSONSerialization.jsonObject(with: Data(lastGood.utf8))
            let boot = try sandbox.read("/etc/sysctl.d/99-zz-ais-hostd.conf")
            #expect(
                boot.hasSuffix("\n")
                    && boot.split(separator: "\n").allSatisfy {
                        $0.hasPrefix("#") || $0.contains(/^-[a-z0-9_\/]+ = .+$/)
                    },
                "round \(round): \(boot)")
            let known = ["ledger.json", "last-good.json", "lock", "boot-id", "99-zz-ais-hostd.conf"]
            let others = (sandbox.names(in: "/var/lib/ais-hostd") + sandbox.names(in: "/etc/sysctl.d")).filter {
                !known.contains($0)
            }
            for name in known {
                #expect(others.filter { $0.hasPrefix(".\(name).") }.count <= 1, "round \(round): \(others)")
            }
            #expect(others.allSatisfy { $0.hasSuffix(".tmp") }, "round \(round): \(others)")
            let sockets = sandbox.names(in: "/run/ais-hostd")
            #expect(sockets.allSatisfy { ["api.sock", "api.sock.new"].contains($0) }, "round \(round): \(sockets)")
        }

        @Test("two hundred times: no file is torn, the originals are kept, it starts again, and revert gives all back")
        func anyMoment() throws {
            let found = try held()
            var originals = Dictionary(uniqueKeysWithValues: zip(Self.keys + Self.attributes, found))
            try daemon.configure(configuration(false))
            try daemon.start()
            #expect(try held().prefix(6) == tuned[...])
            try daemon.kill()
            var random = Seeded(state: 4711)
            for round in 1...200 {
                // In between others change what is ours; never what may go back any moment, since that would be theirs.
                switch round % 4 {
                case 1: try daemon.configure(configuration(round % 8 == 1))
                case 2: try sandbox.write("kyber", to: "/sys/block/\(disk)/queue/scheduler")
                default: break
                }
                let scribble = round % 3 == 0 ? "echo \(round) >/proc/sys/net/core/somaxconn;" : ""
                try daemon.begin(witness: ["sh", "-c", "\(scribble) exec \"$0\" \"$@\""])
                // As long as it takes to begin, and as the passes take: in each part of its life.
                usleep(UInt32.random(in: 0...60_000, using: &random))
                if round % 5 == 0 { daemon.signal(SIGHUP) }
                if round % 10 == 0 { #expect(eventually { daemon.isReady }, "round \(round): \(daemon.log)") }
                try daemon.kill()
                try expectWhole(&originals, round)
            }
            // What a death left goes with the next start, and beside files elsewhere with the next that is written or removed.
            try daemon.configure(configuration(true))
            try daemon.start()
            #expect(try daemon.stop().code == 0)
            try daemon.configure(configuration(false))
            try daemon.start()
            #expect(daemon.becomes("inSync"), "\(daemon.log)")
            #expect(try daemon.hostd("status").code == 0)
            #expect(try held().prefix(6) == tuned[...])
            let reverted = try daemon.hostd("revert")
            #expect(reverted.code == 0, "\(reverted)")
            #expect(try held() == found)
            #expect(try daemon.stop().code == 0)
            #expect(sandbox.names(in: "/var/lib/ais-hostd") == ["boot-id", "last-good.json", "ledger.json", "lock"])
            #expect(sandbox.names(in: "/etc/sysctl.d").allSatisfy { !$0.contains("99-zz-ais-hostd.conf") })
        }
    }
}

/// The same numbers at each run.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    /// SplitMix64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
