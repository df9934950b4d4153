import FoundationEssentials
import HostConfiguration
import HostModel
import Testing

@testable import HostTuning

@Suite struct JudgeTests {
    private func setting(_ requirement: Requirement, _ disruption: Disruption = .none, mode: Mode = .apply) -> Setting {
        Setting(
            id: SettingID(domain: "block", object: "sda", attribute: "x"),
            target: Target(name: "sda", identity: "serial:A", path: "/sys/block/sda"), requirement: requirement,
            mode: mode, disruption: disruption, origin: Origin(file: "f", line: 1))
    }

    /// `drifted 5`, with the detail behind a comma; nil for what is left alone.
    private func judged(
        _ requirement: Requirement, _ reading: Reading, disruption: Disruption = .none, mode: Mode = .apply,
        entry: Ledger.Entry? = nil, kernel: String = "6.8"
    ) -> String? {
        let result = judge(
            setting(requirement, disruption, mode: mode), reading, allowing: [.ioStall], entry: entry, kernel: kernel)
        return result.map { result in
            "\(result.desired): \(result.outcome.state) \(result.outcome.held?.description ?? "-")"
                + (result.outcome.detail.map { ", \($0)" } ?? "")
        }
    }

    private static func held(_ number: Int128, _ bounds: Bounds = Bounds()) -> Reading {
        .value(.integer(number), bounds)
    }

    private static let table: [(Requirement, Reading, String?)] = [
        (.exactly(.integer(5)), held(5), "5: inSync 5"), (.exactly(.integer(5)), held(4), "5: drifted 4"),
        (.exactly(.integer(9)), held(8, Bounds(upper: 8, source: "s")), "9: adjusted 8, at most 8 here (s)"),
        (.exactly(.integer(9)), held(7, Bounds(upper: 8)), "9: drifted 7"),
        (.exactly(.integer(1)), held(4, Bounds(lower: 4)), "1: adjusted 4, at least 4 here"),
        (.exactly(.integer(9)), held(8, Bounds(step: 4)), "9: adjusted 8, in steps of 4 here"),
        (.exactly(.integer(9)), held(8, Bounds(step: 0)), "9: drifted 8"),
        (.exactly(.integer(5)), .absent("no x"), "5: unsupported -, no x"),
        (.exactly(.integer(5)), .awaited(.module, "m"), "5: pending -, m"),
        (
            .exactly(.integer(5)), .unreadable(KernelError("read", "/x", errno: .accessDenied)),
            "5: unknown -, read /x (EACCES)"
        ),
        (
            .exactly(.integer(5)), .unreadable(KernelError("read", "/x", errno: .ioError)),
            "5: failed -, read /x (EIO)"
        ),
        (
            .exactly(.integer(5)), .value(.integers([1, 2, 3]), Bounds()),
            "5: failed 1 2 3, compare block/sda/x: wanted 5, kernel holds 1 2 3, it holds 3 numbers, asked was one number"
        ),
        (
            .exactly(.integers([1, 2])), .value(.integers([1, 2, 3]), Bounds()),
            "1 2: failed 1 2 3, compare block/sda/x: wanted 1 2, kernel holds 1 2 3, it holds 3 numbers, asked was 2 numbers"
        ),
        (.exactly(.words(["a", "b"])), .value(.words(["b", "a"]), Bounds()), "a b: inSync a b"),
        (.maximum, held(8, Bounds(upper: 8)), "8: inSync 8"), (.maximum, held(7, Bounds(upper: 8)), "8: drifted 7"),
        (.maximum, held(7), "max: unsupported -, the device does not tell its maximum"),
        (
            .firstOffered(["a", "b"]), .value(.word("c"), Bounds(offered: ["c", "b"])), "b: drifted c"
        ),
        (.firstOffered(["a", "c"]), .value(.word("c"), Bounds(offered: ["c", "b"])), "c: inSync c"),
        (
            .firstOffered(["a"]), .value(.word("c"), Bounds(offered: ["c", "b"])),
            "a: unsupported -, not offered here, only c, b"
        ),
        (.exactly(.word("a")), .value(.word("c"), Bounds()), "a: drifted c"),
        (
            .including(.ranges(IntegerRanges([5...6]))), .value(.ranges(IntegerRanges([1...2])), Bounds()),
            "1-2,5-6: drifted 1-2"
        ),
        (
            .including(.ranges(IntegerRanges([5...6]))), .value(.ranges(IntegerRanges([1...9])), Bounds()),
            "1-9: inSync 1-9"
        ),
        (
            .including(.words(["a"])), held(1),
            "including a: failed 1, compare block/sda/x: wanted including a, kernel holds 1, it holds one number, which is no such set"
        ),
        (.original(.integer(1), ours: [.integer(5)]), held(5), "1: drifted 5"),
        (.original(.integer(1), ours: [.integer(5)]), held(1), "1: inSync 1"),
        (.original(.integer(1), ours: [.integer(5)]), held(3), nil),
        (.original(.integer(1), ours: nil), held(3), "1: drifted 3"),
        (.original(.integer(1), ours: nil), .absent("gone"), "1: unsupported -, gone"),
    ]

    @Test("every requirement on every reading", arguments: table.indices)
    func outcomes(row: Int) {
        let (requirement, reading, expected) = Self.table[row]
        #expect(judged(requirement, reading) == expected)
    }

    @Test("a disruption that is not allowed waits for permission, unless it is only observed or holds already")
    func permission() {
        let reading = Self.held(4)
        let text = "takes link-flap, which `allow:` or --allow link-flap permits"
        #expect(judged(.exactly(.integer(5)), reading, disruption: .linkFlap) == "5: pending 4, \(text)")
        #expect(judged(.exactly(.integer(5)), reading, disruption: .ioStall) == "5: drifted 4")
        #expect(judged(.exactly(.integer(5)), reading, disruption: .linkFlap, mode: .observe) == "5: drifted 4")
        #expect(judged(.exactly(.integer(4)), reading, disruption: .linkFlap) == "4: inSync 4")
    }

    @Test("what only files say waits for a restart, which a service gets where that is allowed")
    func staged() {
        func judged(
            _ configured: Int128, _ effective: Int128?, _ pending: Pending, _ disruption: Disruption = .none,
            allowing: Set<Disruption> = []
        ) -> String? {
            let reading = Reading.staged(
                configured: .integer(configured), effective: effective.map { .integer($0) }, pending, "since")
            let result = judge(
                setting(.exactly(.integer(5)), disruption), reading, allowing: allowing, entry: nil, kernel: "6.8")
            return result.map {
                "\($0.outcome.state) \($0.outcome.held?.description ?? "-")"
                    + ($0.outcome.detail.map { ", \($0)" } ?? "")
            }
        }
        #expect(judged(5, 5, .restart) == "inSync 5")
        #expect(judged(5, nil, .restart) == "inSync 5")
        #expect(judged(5, 4, .reboot) == "pending 4, since")
        #expect(judged(5, 4, .reboot, .reboot, allowing: [.reboot, .serviceRestart]) == "pending 4, since")
        #expect(judged(4, 5, .restart) == "drifted 4")
        #expect(judged(4, 4, .restart, .serviceRestart) == "drifted 4")
        #expect(judged(5, 4, .restart, allowing: [.serviceRestart]) == "pending 4, since")
        #expect(
            judged(5, 4, .restart, .serviceRestart)
                == "pending 4, since; takes service-restart, which `allow:` or --allow service-restart permits")
        #expect(judged(5, 4, .restart, .serviceRestart, allowing: [.serviceRestart]) == "drifted 4")
    }

    @Test("what the kernel made of a wish counts for the same wish, value and kernel")
    func settled() {
        let key = Ledger.Key(domain: "block", identity: "serial:A", attribute: "x")
        var entry = Ledger.Entry(
            key: key, original: "1", keepOnRemoval: false, source: Origin(file: "f", line: 1), kernel: "6.8",
            time: Date(timeIntervalSince1970: 0))
        entry.settled = Ledger.Settled(asked: "1000", held: "1056", kernel: "6.8")
        func judged(_ wish: Int128, _ held: Int128, _ kernel: String) -> String? {
            self.judged(.exactly(.integer(wish)), Self.held(held), entry: entry, kernel: kernel)
        }
        #expect(judged(1000, 1056, "6.8") == "1000: adjusted 1056, the kernel makes 1056 of 1000")
        #expect(judged(1000, 1056, "6.9") == "1000: drifted 1056")
        #expect(judged(1000, 1057, "6.8") == "1000: drifted 1057")
        #expect(judged(1001, 1056, "6.8") == "1001: drifted 1056")
    }
}
