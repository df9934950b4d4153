import FoundationEssentials
import HostModel
import HostReport
import Testing

private func change(
    _ from: State?, _ to: State?, name: String = "sda", observed: String? = "none", pendingOn: Pending? = nil,
    required: Bool = false, detail: String? = nil
) -> Change {
    Change(
        time: Date(timeIntervalSince1970: 0), from: from, to: to,
        setting: SettingReport(
            id: SettingID(domain: "block", object: name, attribute: "scheduler"), state: to ?? .inSync,
            pendingOn: pendingOn, desired: "mq-deadline", observed: observed, required: required, source: line(hdd, 9),
            detail: detail))
}

@Suite("what the journal gets")
struct JournalTests {
    @Test(
        "one line says what happened, and its priority how bad that is",
        arguments: [
            (
                change(.inSync, .drifted), 4,
                "block/sda/scheduler: inSync -> drifted: holds none, wants mq-deadline (ais-hdd/v1:9)"
            ),
            (
                change(.drifted, .inSync, observed: "mq-deadline"), 5,
                "block/sda/scheduler: drifted -> inSync: holds mq-deadline (ais-hdd/v1:9)"
            ),
            (
                change(nil, .inSync, observed: "mq-deadline"), 6,
                "block/sda/scheduler: inSync: holds mq-deadline (ais-hdd/v1:9)"
            ),
            (
                change(.drifted, .failed, detail: "write /sys/x: (EIO)\n"), 3,
                "block/sda/scheduler: drifted -> failed: holds none, wants mq-deadline (ais-hdd/v1:9): "
                    + "write /sys/x: (EIO)\\n"
            ),
            (
                change(.drifted, .pending, pendingOn: .reboot, detail: "at the next boot"), 4,
                "block/sda/scheduler: drifted -> pending: holds none, wants mq-deadline (ais-hdd/v1:9): "
                    + "waits for reboot: at the next boot"
            ),
            (
                change(nil, .unsupported, observed: nil, required: true, detail: "no queue"), 4,
                "block/sda/scheduler: unsupported: wants mq-deadline (ais-hdd/v1:9): required: no queue"
            ),
            (
                change(nil, .pending, observed: nil, pendingOn: .device), 6,
                "block/sda/scheduler: pending: wants mq-deadline (ais-hdd/v1:9): waits for device"
            ),
            (
                change(.inSync, nil, observed: "mq-deadline"), 6,
                "block/sda/scheduler: inSync -> gone: holds mq-deadline, wants mq-deadline (ais-hdd/v1:9)"
            ),
        ])
    func text(change: Change, priority: Int, text: String) {
        #expect(journalText(change) == text)
        #expect(journalPriority(change) == priority)
    }

    @Test("programs get fields, and none of what is not known")
    func fields() {
        let known = journalFields(change(.inSync, .drifted, detail: "by hand")).map { "\($0.0)=\($0.1)" }
        #expect(
            known == [
                "AIS_SETTING=block/sda/scheduler", "AIS_WANTED=mq-deadline", "AIS_GOT=none", "AIS_STATE=drifted",
                "AIS_SOURCE=\(hdd):9", "AIS_DETAIL=by hand",
            ])
        let gone = journalFields(change(.inSync, nil, observed: nil)).map(\.0)
        #expect(gone == ["AIS_SETTING", "AIS_WANTED", "AIS_SOURCE"])
    }
}

@Suite("the journal's throttle")
struct JournalThrottleTests {
    /// At a time, so many drifts of a disk; how many of them are told.
    private struct Step: Sendable {
        let at: Double
        var disk = "sda"
        var drifts = 1
        let told: Int
        var summaries: [String] = []
    }

    private static let flapping = [
        Step(at: 0, drifts: 2, told: 2),
        Step(at: 1, told: 1),
        Step(at: 2, drifts: 57, told: 0),
        Step(at: 3, disk: "sdb", told: 1),
        Step(at: 599, drifts: 0, told: 0),
        Step(at: 600, drifts: 0, told: 0, summaries: ["block/sda/scheduler: drifted 57 more times in 10 min"]),
        Step(at: 660, drifts: 4, told: 3),
        Step(at: 1259, drifts: 0, told: 0),
        // The old window is told although a new one has begun.
        Step(at: 1260, drifts: 4, told: 3, summaries: ["block/sda/scheduler: drifted 1 more time in 10 min"]),
        Step(at: 9000, drifts: 0, told: 0, summaries: ["block/sda/scheduler: drifted 1 more time in 10 min"]),
        Step(at: 9999, drifts: 0, told: 0),
    ]

    @Test("a setting that flaps is told three times in ten minutes, then counted")
    func flapping() {
        var throttle = JournalThrottle()
        for step in Self.flapping {
            let changes = Array(repeating: change(.inSync, .drifted, name: step.disk), count: step.drifts)
            #expect(throttle.take(changes, at: step.at).count == step.told, "at \(step.at)")
            #expect(throttle.summaries(at: step.at) == step.summaries, "at \(step.at)")
        }
    }

    @Test("each state that it goes to is counted by itself")
    func states() {
        var throttle = JournalThrottle()
        let flaps = (0..<5).flatMap { _ in [change(.inSync, .drifted), change(.drifted, .inSync), change(.inSync, nil)]
        }
        #expect(throttle.take(flaps, at: 0).map(\.to) == Array(flaps.prefix(9)).map(\.to))
        #expect(
            throttle.summaries(at: 600) == [
                "block/sda/scheduler: drifted 2 more times in 10 min",
                "block/sda/scheduler: gone 2 more times in 10 min",
                "block/sda/scheduler: inSync 2 more times in 10 min",
            ])
    }

    /// So many other disks at a time, how many are told, and what is told of the rest.
    @Test("many at once are told up to a burst, which refills")
    func burst() {
        var throttle = JournalThrottle()
        var number = 0
        for (time, disks, told, summary) in [
            (0.0, 1000, 200, ["and 800 other changes"]), (0.4, 1, 0, ["and 1 other change"]), (0.5, 2, 1, nil),
            (10.5, 30, 20, ["and 11 other changes"]), (500, 1000, 200, ["and 800 other changes"]), (600, 0, 0, []),
        ] as [(Double, Int, Int, [String]?)] {
            let changes = (0..<disks).map { change(.inSync, .drifted, name: diskName(number + $0)) }
            number += disks
            #expect(throttle.take(changes, at: time).map(\.setting.id) == changes.prefix(told).map(\.setting.id))
            if let summary { #expect(throttle.summaries(at: time) == summary, "at \(time)") }
        }
    }

    @Test("summaries take part in the burst, and nothing is lost of the count")
    func manySummaries() {
        var throttle = JournalThrottle()
        // 300 disks drift five times each: 200 lines are told, the rest comes to be counted.
        let changes = (0..<5).flatMap { _ in (0..<300).map { change(.inSync, .drifted, name: diskName($0)) } }
        let told = throttle.take(changes, at: 0).count
        let lines = throttle.summaries(at: 600)
        let counted = lines.compactMap { line in line.split(separator: " ").compactMap { Int($0) }.first }
        #expect(told == 200 && lines.count == 201)
        #expect(told + counted.reduce(0, +) == changes.count)
    }
}
