import HostConfiguration
import HostModel
import Testing

struct GlobTests {
    @Test(
        "a pattern fits the whole text",
        arguments: [
            ("sd*", "sda", true), ("sd*", "sd", true), ("sd*", "xsda", false), ("sd", "sda", false),
            ("sd?", "sda", true), ("sd?", "sd", false), ("?", "ü", true), ("*", "", true), ("**", "", true),
            ("*a*b*", "xxaxxbxx", true), ("*a*b", "ab_ba", false), ("sd[abc]", "sdb", true),
            ("sd[a-c]", "sdd", false), ("sd[!a-c]", "sdd", true), ("sd[!a]", "sd", false), ("[]]", "]", true),
            ("[!]]", "]", false), ("[a-]", "-", true), ("\\*", "*", true), ("\\*", "a", false),
            ("[\\]a]", "]", true), ("nvme*n1", "nvme10n1", true), ("block/*/scheduler", "block/a/b/scheduler", true),
            ("SD*", "sda", false), ("*.yaml", ".yaml", true),
        ])
    func fits(_ pattern: String, _ text: String, _ expected: Bool) throws {
        #expect(try Glob(pattern).matches(text) == expected)
    }

    @Test(
        "a pattern that means nothing is refused",
        arguments: [
            ("", "an empty pattern matches nothing"), ("a[", "the pattern \"a[\" never closes its bracket, expected ]"),
            ("a[]", "the pattern \"a[]\" never closes its bracket, expected ]"),
            ("a[b-]c", ""), ("a[b-", "the pattern \"a[b-\" never closes its bracket, expected ]"),
            ("a[z-a]", "the pattern \"a[z-a]\" holds the empty range z-a"),
            ("a[^b]", "the pattern \"a[^b]\" holds [^, expected [! for all others"),
            ("a\\", "the pattern \"a\\\" ends in a backslash, expected what it stands before"),
        ])
    func refused(_ pattern: String, _ reason: String) {
        do throws(Refusal) {
            _ = try Glob(pattern)
            #expect(reason.isEmpty)
        } catch {
            #expect(error.description == reason)
        }
    }

    @Test(
        "only a pattern without signs is exact",
        arguments: [("sda", "sda"), ("a\\*", "a*"), ("sd*", nil), ("[a]", nil)])
    func exact(_ pattern: String, _ text: String?) throws {
        #expect(try Glob(pattern).exactText == text)
        #expect(try Glob(pattern).isExact == (text != nil))
    }

    @Test("many stars take no time")
    func stars() throws {
        let glob = try Glob(String(repeating: "a*", count: 200) + "b")
        #expect(!glob.matches(String(repeating: "a", count: 5000)))
    }
}

struct MatchTests {
    private static let fields: [String: Match.Field] = ["name": .glob, "driver": .glob, "rotational": .flag]
    private static let sda = ["name": "sda", "rotational": "true", "driver": "sd"]

    @Test(
        "all fields must fit, and of a field's patterns one",
        arguments: [
            ("{}", "*", true), ("{name: sd*}", "sd*", true), ("{name: [nvme*, sda]}", "nvme*|sda", true),
            ("{rotational: true, name: sd*}", "name=sd*,rotational=true", true),
            ("{rotational: false}", "rotational=false", false),
            ("{driver: [nvme, virtio_blk]}", "driver=nvme|virtio_blk", false),
            ("{rotational: true, driver: sd, name: sdb}", "name=sdb,driver=sd,rotational=true", false),
        ])
    func accepts(_ text: String, _ description: String, _ fits: Bool) throws {
        let match = try #require(decoded(text).match)
        #expect(match.description == description)
        #expect(match.accepts { Self.sda[$0] } == fits)
    }

    @Test("a device without the value never fits, whatever the pattern")
    func missing() throws {
        #expect(try #require(decoded("{driver: '*'}").match).accepts { _ in nil } == false)
    }

    @Test(
        "a device is named only by an exact pattern of its name",
        arguments: [
            ("{name: sda}", true), ("{name: [x, sda]}", true), ("{name: sd?}", false), ("{driver: sda}", false),
        ])
    func names(_ text: String, _ expected: Bool) throws {
        #expect(try #require(decoded(text).match).names(exactly: "sda") == expected)
    }

    @Test("equal matches are equal however they were written")
    func equality() throws {
        #expect(decoded("{name: a, driver: b}").match == decoded("{driver: 'b', name: [a]}").match)
        #expect(decoded("{}").match == Match.everything)
    }

    @Test(
        "a match that can't be read says why",
        arguments: [
            ("{nam: sd*}", "f:1:5: match.nam: unknown key, did you mean name?"),
            ("{colour: red}", "f:1:5: match.colour: unknown key, expected one of driver, name, rotational"),
            ("{rotational: yes}", #"f:1:17: match.rotational: found "yes", expected true or false"#),
            (
                "{name: {a: b}}",
                #"f:1:11: match.name: found a mapping, expected a pattern such as "sd*", or a list of them"#
            ),
            ("{name: [a, '[']}", ##"f:1:15: match.name: the pattern "[" never closes its bracket, expected ]"##),
            ("sda", #"f:1:4: match: found "sda", expected a mapping"#),
        ])
    func refused(_ text: String, _ problem: String) {
        #expect(decoded(text).problems == [problem])
        #expect(decoded(text).match == nil)
    }

    private func decoded(_ text: String) -> (match: Match?, problems: [String]) {
        var problems = Problems()
        let match = value("m", of: "m: " + text).flatMap {
            Match.decode($0, key: "match", fields: Self.fields, problems: &problems)
        }
        return (match, problems.list.map(\.description))
    }
}

struct ConditionTests {
    @Test(
        "a condition holds on the hosts it is about",
        arguments: [
            ("{}", true, ""), ("{memory: '>= 256 GiB'}", true, "memory >= 256 GiB"),
            ("{memory: '>256GiB'}", false, "memory > 256 GiB"), ("{memory: '< 1 TiB'}", true, "memory < 1 TiB"),
            ("{memory: '== 262144 MiB'}", true, "memory == 262144 MiB"),
            ("{memory: '<= 268435455 KiB'}", false, "memory <= 268435455 KiB"),
            ("{kernel: '>= 5.10'}", true, "kernel >= 5.10"), ("{kernel: '== 6.1'}", true, "kernel == 6.1"),
            ("{kernel: '> 6.1'}", false, "kernel > 6.1"), ("{kernel: '>= 6.1.91'}", false, "kernel >= 6.1.91"),
            ("{kernel: '< 6.10'}", true, "kernel < 6.10"), ("{kernel: '== 6'}", true, "kernel == 6"),
            ("{kernel: '== 6.1.0'}", false, "kernel == 6.1.0"), ("{kernel: '<= 6.1'}", true, "kernel <= 6.1"),
            ("{hostname: cpu*}", true, "hostname cpu*"), ("{hostname: [gpu*, cpu0?]}", true, "hostname gpu*|cpu0?"),
            ("{hostname: cpu}", false, "hostname cpu"), ("{model: '*'}", false, "model *"),
            ("{kernel: '>= 5.10', hostname: gpu*}", false, "kernel >= 5.10 and hostname gpu*"),
        ])
    func holds(_ text: String, _ expected: Bool, _ description: String) throws {
        var problems = Problems()
        let node = try #require(value("when", of: "when: " + text))
        let conditions = try #require(Condition.decode(node, key: "when", problems: &problems))
        #expect(conditions.hold(on: .host(kernel: "6.1.90-1-amd64")) == expected)
        #expect(Condition.all(conditions).description == description)
    }

    @Test("a model's pattern fits the product name of the firmware")
    func model() throws {
        let condition = Condition.model([try Glob("PowerEdge*")])
        #expect(condition.holds(on: .host(model: "PowerEdge R740xd")))
        #expect(!condition.holds(on: .host(model: "ProLiant")))
    }

    @Test("a missing number of the kernel's release counts as 0")
    func shortRelease() {
        #expect(Condition.kernel(.equal, [6, 0, 0]).holds(on: .host(kernel: "6")))
        #expect(!Condition.kernel(.less, [6]).holds(on: .host(kernel: "unknown")))
    }
}
