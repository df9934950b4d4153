import HostConfiguration
import HostModel
import Testing

struct BrokenTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let text: String
        let problems: [String]
        init(_ text: String, _ problems: String...) { (self.text, self.problems) = (text, problems) }
        var testDescription: String { problems.joined(separator: "; ") }
    }

    private static let head = "apiVersion: ais-hostd/v1\n"

    /// Each text follows a first line with the right apiVersion.
    static let top: [Case] = [
        Case("modes: apply", "f:2:1: modes: unknown key, did you mean mode?"),
        Case("APIversions: x", "f:2:1: APIversions: unknown key, did you mean apiVersion?"),
        Case(
            "tuning: {}",
            "f:2:1: tuning: unknown key, "
                + "expected one of apiVersion, profiles, mode, allow, interval, when, block, sysctl"),
        Case("sysctls: {}", "f:2:1: sysctls: unknown key, did you mean sysctl?"),
        Case("link: []", "f:2:1: link: not built in this version, expected one of block, sysctl"),
        Case("mode: aply", #"f:2:7: mode: unknown word "aply", did you mean apply?"#),
        Case("mode: [apply]", "f:2:7: mode: found a list, expected one of observe, apply, enforce"),
        Case("mode:", "f:2:6: mode: nothing here, expected one of observe, apply, enforce"),
        Case("mode: ~", "f:2:7: mode: nothing here, expected one of observe, apply, enforce"),
        Case("mode: {blok: apply}", "f:2:8: mode.blok: unknown key, did you mean block?"),
        Case(
            "mode: {cpu: apply}", "f:2:8: mode.cpu: not built in this version, expected one of block, sysctl"),
        Case(
            "mode: {block: never}",
            #"f:2:15: mode.block: unknown word "never", expected one of observe, apply, enforce"#),
        Case(
            "allow: io-stall",
            #"f:2:8: allow: found "io-stall", "#
                + "expected a list of io-stall, link-flap, service-restart, remount, reboot"),
        Case("allow: [iostall]", #"f:2:9: allow: unknown word "iostall", did you mean io-stall?"#),
        Case(
            "allow: [none]",
            #"f:2:9: allow: unknown word "none", "#
                + "expected one of io-stall, link-flap, service-restart, remount, reboot"),
        Case("interval: 60", #"f:2:11: interval: found "60", expected a time from 1s to 1h, such as 60s, 5m or 1h"#),
        Case("interval: 0s", #"f:2:11: interval: found "0s", expected a time from 1s to 1h, such as 60s, 5m or 1h"#),
        Case("interval: 2h", #"f:2:11: interval: found "2h", expected a time from 1s to 1h, such as 60s, 5m or 1h"#),
        Case(
            "interval: 0x10s", #"f:2:11: interval: found "0x10s", expected a time from 1s to 1h, such as 60s, 5m or 1h"#
        ),
        Case(
            "profiles: ais-hdd/v1", #"f:2:11: profiles: found "ais-hdd/v1", expected a list of profiles"#),
        Case(
            "profiles: [../../x/v1]",
            #"f:2:12: profiles: found "../../x/v1", expected a profile as NAME/vN, such as ais-hdd/v1"#),
        Case(
            "profiles: [ais-hdd/v01, ais-hdd]",
            #"f:2:12: profiles: found "ais-hdd/v01", expected a profile as NAME/vN, such as ais-hdd/v1"#,
            #"f:2:25: profiles: found "ais-hdd", expected a profile as NAME/vN, such as ais-hdd/v1"#),
        Case(
            "profiles: [ais-hdd/v1]",
            "f:2:12: profiles: there is no profile ais-hdd/v1, "
                + "expected it in /etc/ais-hostd/profiles or /usr/lib/ais-hostd/profiles"),
        Case("when: gpu", #"f:2:7: when: found "gpu", expected a mapping"#),
        Case("when: {memry: x}", "f:2:8: when.memry: unknown key, did you mean memory?"),
        Case(
            "when: {memory: \">= 64 GB\"}",
            #"f:2:16: when.memory: found ">= 64 GB", "#
                + #"expected a comparison such as ">= 64 GiB", in KiB, MiB, GiB or TiB"#),
        Case(
            "when: {memory: 64 GiB}",
            #"f:2:16: when.memory: found "64 GiB", "#
                + #"expected a comparison such as ">= 64 GiB", in KiB, MiB, GiB or TiB"#),
        Case(
            "when: {kernel: 5.10}",
            #"f:2:16: when.kernel: found "5.10", expected a comparison such as ">= 5.10""#),
        Case(
            "when: {kernel: \">= 5.10-rc1\"}",
            #"f:2:16: when.kernel: found ">= 5.10-rc1", expected a comparison such as ">= 5.10""#),
        Case(
            "when: {hostname: \"cpu[0\"}",
            #"f:2:18: when.hostname: the pattern "cpu[0" never closes its bracket, expected ]"#),
        Case(
            "when: {hostname: []}",
            #"f:2:18: when.hostname: an empty list matches nothing, "#
                + #"expected a pattern such as "sd*", or a list of them"#),
        Case(
            "mode: aply\ninterval: soon",
            #"f:2:7: mode: unknown word "aply", did you mean apply?"#,
            #"f:3:11: interval: found "soon", expected a time from 1s to 1h, such as 60s, 5m or 1h"#),
    ]

    static let yaml: [Case] = [
        Case("mode: apply", "f:1:1: apiVersion: missing, expected ais-hostd/v1"),
        Case("apiVersion: ais-hostd/v2", #"f:1:13: apiVersion: found "ais-hostd/v2", expected ais-hostd/v1"#),
        Case("apiVersion: 1.0", #"f:1:13: apiVersion: found "1.0", expected ais-hostd/v1"#),
        Case("- apiVersion", "f:1:1: found a list, expected a mapping"),
        Case("hello", #"f:1:1: found "hello", expected a mapping"#),
        Case("null", "f:1:1: nothing here, expected a mapping"),
        Case(
            head + "mode: apply\nmode: observe\nmode: enforce",
            #"f:3:1: the key "mode" is here twice, first in line 2"#,
            #"f:4:1: the key "mode" is here twice, first in line 2"#),
        Case(
            head + "\"mode\": apply\nmode: observe", #"f:3:1: the key "mode" is here twice, first in line 2"#),
        Case(head + "? [mode]\n: apply", "f:2:3: found a list as a key, expected a name"),
        Case(head + "? \n: apply", "f:2:2: an empty key, expected a name"),
        Case(head + "\"a\\nb\": 1", #"f:2:1: the key "a\nb" is no single line, expected a name"#),
        Case(
            head + "sysctl: &s {a: 1}\nblock:\n  <<: *s",
            "f:4:3: merge keys are not taken, expected the keys themselves"),
        Case(
            head + "interval: !!str 60s",
            #"f:2:11: the tag "tag:yaml.org,2002:str" is not taken, expected a value without one"#),
        Case(head + "block: !foo []", #"f:2:8: the tag "!foo" is not taken, expected a value without one"#),
        Case(head + "---\n" + head, "f:2:1: a second document in this file, expected only one"),
        Case(head + "block: &b [*b]", "f:2:12: the alias *b stands inside its own anchor, expected no circle"),
        Case(head + "block: *b", "f:2:8: the alias *b has no anchor &b before it"),
        Case(
            head + "mode: \"\\0\"", "f:2:7: the control character U+0000, expected text",
            #"f:2:7: mode: unknown word "\0", expected one of observe, apply, enforce"#),
        Case(
            head + "block: [1, 2",
            "f:2:13: did not find expected ',' or ']' while parsing a flow sequence"),
        Case(
            head + "block:\n\t- 1",
            "f:3:1: a tab, expected spaces: YAML indents with nothing else"),
        Case(
            head + "mode: apply: x", "f:2:12: a second value here, expected other indentation, or quotes around a text with a colon"),
        Case(
            head + "mode: \"apply", "f:2:13: found unexpected end of stream while scanning a quoted scalar"),
        Case(
            head + "block:\n  - a\n b: c",
            "f:4:2: did not find expected key while parsing a block mapping that began in line 1"),
    ]

    @Test("what is wrong at the top of a file is refused with its place and what was expected", arguments: top)
    func topLevel(_ broken: Case) {
        let loaded = load(Self.head + broken.text)
        #expect(loaded.problems == broken.problems)
        #expect(loaded.configuration == nil)
    }

    @Test("what is wrong in the file itself is refused with its place", arguments: yaml)
    func document(_ broken: Case) {
        let loaded = load(broken.text)
        #expect(loaded.problems == broken.problems)
        #expect(loaded.configuration == nil)
    }

    @Test("with CRLF the same problems stand at the same places", arguments: top + yaml)
    func carriageReturns(_ broken: Case) {
        let text = (Self.top.contains { $0.text == broken.text } ? Self.head : "") + broken.text
        let bytes = text.utf8.flatMap { $0 == UInt8(ascii: "\n") ? [13, 10] : [$0] }
        var files = MemoryFiles()
        files.contents["f"] = bytes
        #expect(load(files, .files(["f"])).problems == broken.problems)
    }
}
