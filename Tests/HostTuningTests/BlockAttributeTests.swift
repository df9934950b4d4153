import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct BlockAttributeTests {
    private func decoded(_ attribute: String, _ text: String) -> (demand: Demand?, problem: String) {
        let (rules, problems) = rules(BlockDomain(), "[{match: {name: \"sd*\"}, \(attribute): \(text)}]")
        return (rules.first?.demand, problems.joined(separator: "; "))
    }

    private static let unsigned32 = "4294967295"
    private static let unsigned64 = "18446744073709551615"

    @Test(
        "each number is taken in its range and refused beyond",
        arguments: [
            ("nr_requests", "1", unsigned32, "0", "4294967296"), ("io_timeout", "1", unsigned32, "0", "4294967296"),
            ("max_sectors_kb", "1", unsigned32, "0", "4294967296"),
            ("read_ahead_kb", "0", unsigned64, "-1", "18446744073709551616"),
            ("discard_max_bytes", "0", unsigned64, "-1", "18446744073709551616"),
            ("rq_affinity", "0", "2", "-1", "3"), ("nomerges", "0", "2", "-1", "3"),
            ("add_random", "0", "1", "-1", "2"), ("iostats", "0", "1", "-1", "2"),
            ("wbt_lat_usec", "0", "9223372036854775807", "-1", "9223372036854775808"),
        ])
    func ranges(attribute: String, lowest: String, highest: String, below: String, above: String) {
        for text in [lowest, highest] { #expect(decoded(attribute, text).demand?.description == text) }
        for text in [below, above] {
            #expect(decoded(attribute, text).problem.contains("expected a whole number from \(lowest) to \(highest)"))
        }
        #expect(decoded(attribute, "010").problem.contains("octal"))
    }

    @Test("max is for what a device tells the most of, physical-cores for what counts more than a few")
    func symbols() {
        for attribute in ["max_sectors_kb", "discard_max_bytes"] {
            #expect(decoded(attribute, "max").demand == .requirement(.maximum))
        }
        for attribute in ["nr_requests", "read_ahead_kb", "rq_affinity", "wbt_lat_usec"] {
            #expect(decoded(attribute, "max").problem.contains("no device tells the most it takes"))
        }
        #expect(decoded("nr_requests", "physical-cores").demand == .workedOut([.physicalCores]))
        for attribute in ["rq_affinity", "nomerges", "add_random", "iostats"] {
            #expect(decoded(attribute, "physical-cores").problem.contains("is no number"))
        }
    }

    @Test(
        "schedulers",
        arguments: [
            ("mq-deadline", "mq-deadline"), ("none", "none"), ("[bfq, mq-deadline]", "bfq or mq-deadline"),
            ("[none]", "none"),
        ])
    func schedulers(text: String, demand: String) {
        #expect(decoded("scheduler", text).demand?.description == demand)
    }

    @Test(
        "schedulers that are none",
        arguments: [
            ("noop", "expected none"), ("deadline", "expected mq-deadline"), ("cfq", "expected bfq"),
            ("[bfq, noop]", "expected none"), ("[]", "expected a scheduler"), ("\"[none]\"", "no name"),
            ("\"mq deadline\"", "no name"), ("\"\"", "no name"), ("{include: [a]}", "not a set"),
        ])
    func refusesSchedulers(text: String, reason: String) {
        #expect(decoded("scheduler", text).problem.contains(reason), "\(decoded("scheduler", text).problem)")
    }

    @Test("a rule needs a match, and unknown words get advice")
    func rulesOfSection() {
        #expect(rules(BlockDomain(), "[{scheduler: none}]").problems.first?.contains("no match, expected") == true)
        #expect(rules(BlockDomain(), "{scheduler: none}").problems.first?.contains("a list of rules") == true)
        let unknown = rules(BlockDomain(), "[{match: {name: x}, nr_request: 1, include: [rooot]}]").problems
        #expect(unknown.contains { $0.contains("did you mean nr_requests?") })
        #expect(unknown.contains { $0.contains("did you mean root?") })
        #expect(rules(BlockDomain(), "[{match: {nam: x}, scheduler: none}]").problems[0].contains("did you mean name?"))
    }

    @Test(
        "the kernel's list of schedulers",
        arguments: [
            ("none [mq-deadline] kyber\n", "mq-deadline", ["none", "mq-deadline", "kyber"]),
            ("[none]\n", "none", ["none"]), ("none\n", "none", ["none"]), ("", "", []),
        ])
    func choice(text: String, current: String, offered: [String]) {
        let choice = KernelText.choice(text)
        #expect(choice.current == current)
        #expect(choice.offered == offered)
        #expect(BlockDomain().value(text, of: "scheduler") == .word(current))
    }
}
