import Glibc
import Testing

extension WholeProgram {
    @Suite("A loop disk's queue")
    struct Disks {
        let sandbox: Sandbox
        let disk: String

        init() throws {
            sandbox = try Sandbox()
            disk = try sandbox.disk()
        }

        private func rule(_ attributes: String) throws -> String {
            try sandbox.configuration("block: [{match: {name: \(disk)}, \(attributes)}]")
        }

        private func setting(_ attribute: String, by file: String) throws -> PrintedReport.Setting? {
            try sandbox.report(by: file)["block/\(disk)/\(attribute)"]
        }

        @Test("a depth beyond the hardware's is clamped to it under none, and said to be adjusted")
        func hardwareDepth() throws {
            let tags = try sandbox.read("/sys/block/\(disk)/mq/0/nr_tags").filter(\.isNumber)
            let file = try rule("scheduler: none, nr_requests: 100000")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            let setting = try setting("nr_requests", by: file)
            #expect(setting?.state == "adjusted" && setting?.observed == tags && setting?.desired == "100000")
            #expect(setting?.detail == "at most \(tags) here (the hardware's depth, without a scheduler)")
            #expect(try sandbox.queue(disk, "nr_requests") == tags)
        }

        @Test("a depth beyond 2048 is clamped to it under a scheduler", arguments: ["mq-deadline", "kyber", "bfq"])
        func schedulersDepth(scheduler: String) throws {
            let file = try rule("scheduler: \(scheduler), nr_requests: 4096")
            let applied = try sandbox.hostd("apply", "--config", file)
            let setting = try setting("nr_requests", by: file)
            guard try sandbox.queue(disk, "scheduler") == scheduler else {
                // A kernel without it offers something else.
                #expect(try self.setting("scheduler", by: file)?.state == "unsupported")
                return
            }
            #expect(applied.code == 0, "\(applied)")
            #expect(setting?.state == "adjusted" && setting?.observed == "2048")
            #expect(setting?.detail == "at most 2048 here (the kernel's limit under \(scheduler))")
        }

        @Test("what a switch of the scheduler resets is written after it, in one apply")
        func resetByScheduler() throws {
            let file = try rule("nr_requests: 64, scheduler: kyber")
            try sandbox.poke("/sys/block/\(disk)/queue/nr_requests", "64")
            #expect(try setting("nr_requests", by: file)?.state == "inSync")
            let dry = try sandbox.hostd("apply", "--dry-run", "--config", file)
            #expect(dry.out.contains("after scheduler resets it"), "\(dry.out)")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            #expect(try sandbox.queue(disk, "nr_requests") == "64")
            #expect(try sandbox.queue(disk, "scheduler") == "kyber")
        }

        @Test("a lower bound: fewer than four requests become four", arguments: ["none", "mq-deadline"])
        func lowestDepth(scheduler: String) throws {
            let file = try rule("scheduler: \(scheduler), nr_requests: 2")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            let setting = try setting("nr_requests", by: file)
            #expect(setting?.state == "adjusted" && setting?.observed == "4", "\(String(describing: setting))")
        }

        @Test(
            "read-ahead comes in pages",
            arguments: [("4097", "4096"), ("1", "0"), ("4096", "4096"), ("0", "0"), ("131", "128")])
        func readAhead(asked: String, holds: String) throws {
            let file = try rule("read_ahead_kb: \(asked)")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            let setting = try setting("read_ahead_kb", by: file)
            #expect(try sandbox.queue(disk, "read_ahead_kb") == holds)
            #expect(setting?.state == (asked == holds ? "inSync" : "adjusted"))
            #expect(setting?.desired == asked && setting?.observed == holds)
            #expect(setting?.detail == (asked == holds ? nil : "in steps of \(getpagesize() / 1024) here (pages)"))
            let again = try sandbox.hostd("apply", "--config", file)
            #expect(again.code == 0 && !again.out.contains("done"), "adjusted is not written again: \(again.out)")
        }

        @Test("max is what the hardware takes, and more than that is clamped to it")
        func maxSectors() throws {
            let limit = try sandbox.queue(disk, "max_hw_sectors_kb")
            try sandbox.poke("/sys/block/\(disk)/queue/max_sectors_kb", "128")
            let most = try rule("max_sectors_kb: max")
            #expect(try setting("max_sectors_kb", by: most)?.desired == limit)
            #expect(try sandbox.hostd("apply", "--config", most).code == 0)
            #expect(try sandbox.queue(disk, "max_sectors_kb") == limit)
            #expect(try setting("max_sectors_kb", by: most)?.state == "inSync")

            try sandbox.poke("/sys/block/\(disk)/queue/max_sectors_kb", "128")
            let beyond = try rule("max_sectors_kb: 4294967295")
            #expect(try sandbox.hostd("apply", "--config", beyond).code == 0)
            #expect(try sandbox.queue(disk, "max_sectors_kb") == limit)
            let setting = try setting("max_sectors_kb", by: beyond)
            #expect(setting?.state == "adjusted" && setting?.detail == "at most \(limit) here (max_hw_sectors_kb)")
        }

        @Test("of a list the first scheduler that is offered is taken; one that is not offered is unsupported")
        func offeredSchedulers() throws {
            let list = try rule("scheduler: [nosuch, mq-deadline, none]")
            #expect(try sandbox.hostd("apply", "--config", list).code == 0)
            #expect(try sandbox.queue(disk, "scheduler") == "mq-deadline")
            let unknown = try rule("scheduler: nosuch")
            #expect(try sandbox.hostd("apply", "--config", unknown).code == 0)
            #expect(try setting("scheduler", by: unknown)?.state == "unsupported")
            #expect(try sandbox.queue(disk, "scheduler") == "mq-deadline")
            let required = try rule("scheduler: {value: nosuch, required: true}")
            #expect(try sandbox.hostd("check", "--config", required).code == 2)
        }

        @Test("a virtual disk is taken by its name and by include, and not by a pattern")
        func virtualDisks() throws {
            let pattern = "\(disk.dropLast())[\(disk.suffix(1))]"
            let byPattern = try sandbox.configuration("block: [{match: {name: \"\(pattern)\"}, nomerges: 2}]")
            let report = try sandbox.report(by: byPattern)
            #expect(report.settings.map(\.state) == ["pending"] && report.settings.first?.pendingOn == "device")
            #expect(report.settings.first?.detail == "not taken: \(disk) is virtual, which takes `include: [virtual]`")
            let included = try sandbox.configuration(
                "block: [{match: {name: \"\(pattern)\"}, include: [virtual], nomerges: 2}]")
            #expect(try sandbox.report(by: included).states == ["block/\(disk)/nomerges": "drifted"])
        }

        @Test("another disk of the same name is not put back to the first one's values")
        func anotherDisk() throws {
            let file = try rule("read_ahead_kb: 4096")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            let device = "/dev/\(disk)"
            let backing = try sandbox.shell("losetup --noheadings --output BACK-FILE \(device)").out.split(
                separator: "\n")
            let other = "\(backing.first ?? "")-other"
            let swap = try sandbox.shell(
                "truncate -s 16M '\(other)' && losetup -d \(device) && losetup \(device) '\(other)'")
            #expect(swap.code == 0, "\(swap.err)")
            try sandbox.poke("/sys/block/\(disk)/queue/read_ahead_kb", "256")
            let reverted = try sandbox.hostd("revert", "--output", "json")
            let report = try PrintedReport(reverted)
            #expect(report.settings.map(\.state) == ["pending"], "\(reverted)")
            #expect(try sandbox.queue(disk, "read_ahead_kb") == "256")
        }
    }
}
