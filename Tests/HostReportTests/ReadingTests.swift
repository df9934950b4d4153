import FoundationEssentials
import HostModel
import HostReport
import Testing

@Suite("what is on the wire")
struct ReadingTests {
    @Test("reads back as what was printed", arguments: 0..<200)
    func roundTrip(seed: Int) throws {
        var dice = Dice(seed: seed)
        let (report, change, write, result) = (dice.report(), dice.change(), dice.write(), dice.result())
        #expect(try Report(json: [UInt8](json(report).utf8)) == report)
        #expect(try Change(json: [UInt8](jsonLine(change).utf8)) == change)
        #expect(try PlannedChange(json: [UInt8](jsonLine(write).utf8)) == write)
        #expect(try PassResult(json: [UInt8](jsonLine(result).utf8)) == result)
        for line in [jsonLine(change), jsonLine(write), jsonLine(result)] {
            #expect(!line.contains("\n"))
        }
    }

    @Test("a bad day comes through whole")
    func badDayComesThrough() throws {
        let report = report(badDay, error: "config.yaml:7:3: no", held: true)
        #expect(try Report(json: [UInt8](json(report).utf8)) == report)
        #expect(
            table(try Report(json: [UInt8](json(report).utf8)), style: TableStyle(verbose: true))
                == table(report, style: TableStyle(verbose: true)))
    }

    @Test("fields that are not known yet are passed over")
    func unknownFields() throws {
        let text = json(report(badDay)).replacing("\"writer\" : null", with: "\"writer\" : {\"pid\": 1}, \"new\" : [1]")
        #expect(try Report(json: [UInt8](text.utf8)) == report(badDay))
    }

    @Test(
        "an id prints as it was read, wherever its object ends",
        arguments: [
            ("sysctl/net.core.somaxconn", nil, "net.core.somaxconn"),
            ("sysctl/net.ipv4.conf.eth0/100.rp_filter", nil, "net.ipv4.conf.eth0/100.rp_filter"),
            ("block/sda/scheduler", "sda", "scheduler"), ("block/sda/iosched/fifo_batch", "sda", "iosched/fifo_batch"),
            ("block/path=a/b,name=x/scheduler", "path=a", "b,name=x/scheduler"), ("time/servers", nil, "servers"),
            ("block//x", "", "x"), ("a/", nil, ""),
        ] as [(String, String?, String)])
    func ids(text: String, object: String?, attribute: String) throws {
        let id = try #require(SettingID(text))
        #expect(id.description == text && id.object == object && id.attribute == attribute)
    }

    @Test("a whole id of one part is none")
    func noID() { #expect(SettingID("scheduler") == nil && SettingID("") == nil) }

    @Test(
        "what is no report is refused in words",
        arguments: [
            ("", "read a report: "), ("{", "read a report: "), ("[]", "read a report: "),
            ("{}", "read a report: no node"),
            ("\u{0}\u{ff}", "read a report: "),
        ])
    func garbage(text: String, words: String) {
        #expect { try Report(json: [UInt8](text.utf8)) } throws: { "\($0)".hasPrefix(words) }
    }

    @Test(
        "a wrong field is named",
        arguments: [
            (
                "\"state\" : \"pending\",\n      \"writer\"", "\"state\" : \"sleepy\",\n      \"writer\"",
                "settings.0.state: "
            ),
            ("\"id\" : \"block/sda/nr_requests\"", "\"id\" : \"x\"", "settings.3.id: \"x\" is not an id"),
            (".yaml:31\"", ".yaml\"", "settings.0.source: \"/etc/ais-hostd/config.yaml\" is not FILE:LINE"),
            ("\"time\" : \"2026-11-23T", "\"time\" : \"yesterday", "time: \"yesterday18:03:11.120Z\" is not a time"),
            ("\"held\" : false", "\"held\" : 0", "configuration.held: "),
        ])
    func wrongField(right: String, wrong: String, words: String) {
        let text = json(report(badDay)).replacing(right, with: wrong)
        #expect { try Report(json: [UInt8](text.utf8)) } throws: { "\($0)".hasPrefix("read a report: \(words)") }
    }

    @Test("a list of settings and the rules carry their version, one setting is as in the report")
    func shapes() throws {
        let setting = SettingReport(badDay[0])
        let rules = [
            RuleReport(
                domain: "block", match: "sd*", attribute: "scheduler", value: "mq-deadline", mode: .enforce,
                source: line(hdd, 9), conditions: ["memory: \">= 64 GiB\""]),
            RuleReport(
                domain: "sysctl", match: nil, attribute: "vm.swappiness", value: "10", mode: nil, source: line(own, 1),
                conditions: []),
        ]
        try expectGolden(
            json(settings: [setting]) + json(settings: []) + json(setting) + json(rules: rules, generation: 3),
            "messages.json")
    }
}
