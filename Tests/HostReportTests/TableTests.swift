import FoundationEssentials
import HostModel
import HostReport
import Testing

@Suite("the report for people")
struct TableTests {
    @Test("a bad day reads well at any width", arguments: [60, 80, 120])
    func widths(width: Int) throws {
        let text = table(report(badDay), style: TableStyle(width: width))
        try expectGolden(text, "table-\(width).txt")
        expectFits(text, width)
    }

    @Test("verbose shows what is in sync, and every attribute that waits")
    func verbose() throws {
        try expectGolden(table(report(badDay), style: TableStyle(verbose: true)), "table-verbose.txt")
    }

    @Test("colour adds to the words and takes none away")
    func color() throws {
        let colored = table(report(badDay), style: TableStyle(color: true))
        try expectGolden(colored, "table-color.txt")
        var plain = colored
        for code in ["[0m", "[2m", "[31m", "[33m"] { plain.replace("\u{1b}\(code)", with: "") }
        #expect(plain == table(report(badDay), style: TableStyle()))
    }

    @Test("a terminal that takes more than ASCII gets a real arrow")
    func unicode() {
        let drifted = [sysctl("vm.swappiness", "10", .drifted(held: .integer(60)), line(own, 1))]
        #expect(table(report(drifted), style: TableStyle(unicode: true)).contains("60 → 10"))
        #expect(table(report(drifted), style: TableStyle()).contains("60 -> 10"))
    }

    @Test("a host that is as asked takes one line")
    func green() {
        let settings = badDay.filter { $0.outcome.state == .inSync && $0.setting.note == nil }
        #expect(table(report(settings), style: TableStyle()) == "cpu01: all 2 settings in sync\n")
    }

    @Test("a report about nothing says so")
    func empty() {
        #expect(table(report([]), style: TableStyle()) == "cpu01: nothing is asked of this host\n")
    }

    @Test("a broken configuration and a held host are said first")
    func configuration() throws {
        let broken = report(
            badDay.filter { $0.outcome.state == .inSync },
            error:
                "/etc/ais-hostd/config.yaml:7:3: sysctl.net.core.somaxcon: unknown key, did you mean net.core.somaxconn?",
            held: true)
        try expectGolden(table(broken, style: TableStyle()), "table-configuration.txt")
    }

    @Test("files that changed are said, with what loads them")
    func changedFiles() {
        var report = report([])
        report.configuration.hasChanged = true
        #expect(
            table(report, style: TableStyle())
                == "cpu01: nothing is asked of this host\n"
                + "files changed since they were loaded: systemctl reload ais-hostd\n")
    }

    @Test("verbose says since when, where somebody watched")
    func since() throws {
        var report = report(badDay)
        let plain = table(report, style: TableStyle())
        for index in report.settings.indices where index % 3 > 0 {
            report.settings[index].since = Date(timeIntervalSince1970: 1_795_456_979.004)
        }
        #expect(table(report, style: TableStyle()) == plain)
        try expectGolden(table(report, style: TableStyle(width: 120, verbose: true)), "table-since.txt")
    }

    @Test("a thousand disks that stand alike take one row")
    func thousandDisks() throws {
        var settings: [Assessed] = []
        for number in 0..<1000 {
            let name = diskName(number)
            settings += [
                disk(name, "scheduler", "mq-deadline", .drifted(held: .word("none")), line(hdd, 9)),
                disk(
                    name, "nr_requests", "2048",
                    .failed(held: .integer(256), refused("/sys/block/\(name)/queue/nr_requests", "2048", got: "256")),
                    line(hdd, 10)),
                disk(
                    name, "rotational", "1",
                    number % 100 == 7 ? .drifted(held: .integer(0)) : .inSync(held: .integer(1)), line(hdd, 11)),
            ]
        }
        let text = table(report(settings), style: TableStyle())
        try expectGolden(text, "table-1000-disks.txt")
        expectFits(text, 80)
    }

    @Test("two disks that stand alike keep a row each")
    func twoDisks() {
        let settings = ["sda", "sdb"].map {
            disk($0, "scheduler", "none", .drifted(held: .word("bfq")), line(hdd, 9))
        }
        let text = table(report(settings), style: TableStyle())
        #expect(text.contains("block/sda/scheduler") && text.contains("block/sdb/scheduler"))
    }

    @Test("what waits for the same device is one row for each file that asks")
    func waiting() throws {
        let outcome = Outcome.pending(.device, held: nil, "no disk matches name sd*")
        let settings = [
            disk("sd*", "scheduler", "none", outcome, line("/srv/lab/site.yaml", 3)),
            disk("sd*", "nr_requests", "2048", outcome, line(hdd, 10)),
            disk("sd*", "read_ahead_kb", "4096", outcome, line(hdd, 9)),
            disk("sd*", "rq_affinity", "2", outcome, line(hdd, 11), required: true),
        ]
        try expectGolden(table(report(settings), style: TableStyle()), "table-waiting.txt")
    }

    @Test(
        "a range says only names that count on in one place",
        arguments: [
            ("nvme0n1 nvme0n2 nvme1n2 nvme1n3", "{nvme0n1,nvme0n2,nvme1n2,nvme1n3}/scheduler"),
            ("nvme3n1 nvme1n1 nvme2n1 nvme0n1 nvme5n1", "{nvme0n1..nvme3n1,nvme5n1}/scheduler (5)"),
            ("sdab sdy sdaa sdz", "{sdy..sdab}/scheduler (4)"),
            ("sda sdb sdc", "{sda,sdb,sdc}/scheduler"),
            ("dm-9 dm-10 dm-11 dm-12", "{dm-9..dm-12}/scheduler (4)"),
        ])
    func ranges(names: String, folded: String) {
        let settings = names.split(separator: " ").map {
            disk(String($0), "scheduler", "none", .drifted(held: .word("bfq")), line(hdd, 9))
        }
        #expect(table(report(settings), style: TableStyle(width: 120)).contains("block/\(folded)  "))
    }

    @Test("names come as people count them")
    func order() throws {
        let names = ["sda10", "sda2", "sdaa", "sdz", "nvme10n1", "nvme0n1", "nvme0n10", "nvme0n2"]
        let settings = names.enumerated().map { index, name in
            disk(name, "read_ahead_kb", "4096", .drifted(held: .integer(Int128(index))), line(hdd, 9))
        }
        try expectGolden(table(report(settings), style: TableStyle()), "table-order.txt")
    }

    @Test("long and hostile values wrap, and nothing of them is lost", arguments: [40, 80])
    func longValues(width: Int) throws {
        let ports = (0..<100).map { String(20_000 + 7 * $0) }.joined(separator: ",")
        let settings = [
            sysctl("net.ipv4.ip_local_reserved_ports", ports, .drifted(held: .word("")), line(own, 4)),
            sysctl(
                "kernel.core_pattern", String(repeating: "x", count: 500), .drifted(held: .word("|/bin/a b")),
                line(own, 5)),
            sysctl(
                "kernel.\u{1b}[31m", "a\nb", .drifted(held: .word("\u{202e}\t\u{7f}ü")), line("/tmp/\u{1b}.yaml", 6)),
        ]
        let text = table(report(settings), style: TableStyle(width: width))
        try expectGolden(text, "table-long-\(width).txt")
        expectFits(text, width)
        #expect(!text.contains("\u{1b}") && !text.contains("\u{202e}"))
        let joined = text.filter { !" \n".contains($0) }
        #expect(joined.contains(ports) && joined.contains(String(repeating: "x", count: 500)))
    }

    private func expectFits(_ text: String, _ width: Int) {
        for line in text.split(separator: "\n") {
            #expect(line.count <= width && line.last != " ", "\(line)")
        }
    }
}

@Suite("the list of changes")
struct ChangesTests {
    private static let changes = [
        PlannedChange(
            id: SettingID(domain: "block", object: "sda", attribute: "scheduler"), from: "none", to: "mq-deadline",
            disruption: .ioStall, source: line(hdd, 9)),
        PlannedChange(
            id: SettingID(domain: "sysctl", attribute: "net.core.somaxconn"), from: "4096", to: "65535",
            disruption: .none, source: line(required, 12)),
        PlannedChange(
            id: SettingID(domain: "sysctl", attribute: "net.ipv4.tcp_rmem"), from: "4096 131072 6291456",
            to: "4096 262144 134217728", disruption: .none, source: line(own, 14)),
    ]

    @Test("each change says from, to, what it disrupts and who asked")
    func planned() throws {
        try expectGolden(changeList(Self.changes, style: TableStyle()), "changes.txt")
    }

    @Test("a change that was made says what came of it")
    func made() throws {
        var changes = Self.changes
        changes[0].result = "done"
        changes[1].result = "\(refused("/proc/sys/net/core/somaxconn", "65535", got: "4096"))"
        changes += (0..<24).map { number in
            PlannedChange(
                id: SettingID(domain: "block", object: diskName(number), attribute: "nr_requests"), from: "256",
                to: "2048", disruption: .ioStall, source: line(hdd, 10), result: "done")
        }
        try expectGolden(changeList(changes, style: TableStyle()), "changes-made.txt")
    }

    @Test("no change is said in words")
    func none() {
        #expect(changeList([], style: TableStyle()) == "nothing to change\n")
    }
}
