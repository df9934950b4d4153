import HostModel
import Testing

@testable import HostTuning

@Suite struct ScheduleTests {
    /// What is to be done at a time, in a word.
    private func next(_ schedule: inout Schedule<String>, at uptime: Double) -> String {
        switch schedule.next(at: uptime) {
        case nil: "-"
        case .command(let name)?: name
        case .pass(.schedule)?: "schedule"
        case .pass(.reload)?: "reload"
        case .pass(.events(let events))?: "\(events.count) events"
        case .pass?: "?"
        }
    }

    /// Past the first pass, at 100, with an interval of a minute; the next slow one is due at 160.
    private func schedule() -> Schedule<String> {
        var schedule = Schedule<String>(at: 99)
        schedule.begin()
        schedule.end(wasFull: true, interval: 60, jitter: 0.5, at: 100)
        return schedule
    }

    @Test("at rest nothing is due before the slow pass")
    func rest() {
        var schedule = schedule()
        #expect(schedule.wakeup == 160)
        #expect(next(&schedule, at: 159.9) == "-")
        #expect(next(&schedule, at: 160) == "schedule")
        #expect(schedule.wakeup == nil)
    }

    @Test("passes keep a tenth of their interval apart from those of other nodes", arguments: [(0.0, 154.0), (1, 166)])
    func jitter(jitter: Double, due: Double) {
        var schedule = Schedule<String>(at: 0)
        schedule.begin()
        schedule.end(wasFull: true, interval: 60, jitter: jitter, at: 100)
        #expect(schedule.wakeup == due)
    }

    @Test("an event hastens a pass, a storm of them is one, and the next waits a second")
    func events() {
        var schedule = schedule()
        for _ in 1...100 { schedule.add(.links) }
        schedule.add(.disk("sda"))
        #expect(schedule.wakeup == 101)
        #expect(next(&schedule, at: 100.5) == "-")
        #expect(next(&schedule, at: 101) == "2 events")
        schedule.add(.links)
        #expect(next(&schedule, at: 101.1) == "-")
        schedule.end(wasFull: false, interval: 60, jitter: 0.5, at: 101.2)
        #expect(next(&schedule, at: 102.1) == "-")
        #expect(next(&schedule, at: 102.2) == "1 events")
        schedule.end(wasFull: false, interval: 60, jitter: 0.5, at: 103)
        #expect(schedule.wakeup == 160)
    }

    @Test("events without end do not put off the slow pass, which takes them along")
    func storm() {
        var schedule = schedule()
        var done: [String] = []
        for second in 101...161 {
            schedule.add(.mounts)
            let job = next(&schedule, at: Double(second))
            done.append(job)
            if job != "-" { schedule.end(wasFull: job == "schedule", interval: 60, jitter: 0.5, at: Double(second)) }
        }
        #expect(done.filter { $0 == "schedule" }.count == 1)
        #expect(done[59] == "schedule")
    }

    @Test("commands go first and one at a time, then a reload")
    func order() {
        var schedule = schedule()
        schedule.add(.links)
        schedule.reload()
        schedule.reload()
        schedule.add("apply")
        schedule.add("revert")
        var done: [String] = []
        for second in 200...204 {
            done.append(next(&schedule, at: Double(second)))
            #expect(next(&schedule, at: Double(second)) == "-")
            schedule.end(wasFull: done.last == "schedule", interval: 60, jitter: 0.5, at: Double(second))
        }
        #expect(done == ["apply", "revert", "reload", "schedule", "-"])
    }

    @Test("a shorter interval counts at once")
    func shorter() {
        var schedule = schedule()
        schedule.reload()
        _ = next(&schedule, at: 110)
        schedule.end(wasFull: true, interval: 5, jitter: 0.5, at: 110)
        #expect(schedule.wakeup == 115)
    }
}
