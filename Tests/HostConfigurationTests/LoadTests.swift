import HostConfiguration
import HostModel
import Testing

struct LoadTests {
    private static let head = "apiVersion: ais-hostd/v1\n"
    private static let etc = "/etc/ais-hostd"
    private static let shipped = "/usr/lib/ais-hostd/profiles"

    @Test("a file that says nothing is wrong: it may have been cut off", arguments: ["", "# nothing yet\n", "---\n"])
    func nothing(text: String) {
        let loaded = load(MemoryFiles(["\(Self.etc)/config.yaml": text]))
        #expect(
            loaded.problems == [
                "\(Self.etc)/config.yaml:1:1: apiVersion: nothing in this file, expected ais-hostd/v1"
            ])
    }

    @Test("profiles come first, then config.yaml, then config.d by name; what editors leave is passed over")
    func order() throws {
        let loaded = load(
            MemoryFiles([
                "\(Self.etc)/config.yaml": Self.head + "profiles: [b/v1, a/v2]",
                "\(Self.etc)/config.d/20-y.yaml": Self.head + "profiles: [c/v1, b/v1]",
                "\(Self.etc)/config.d/10-x.yaml": Self.head + "# nothing yet\n",
                "\(Self.etc)/config.d/10-x.yaml~": "broken: [", "\(Self.etc)/config.d/.#10-x.yaml": "broken: [",
                "\(Self.etc)/config.d/README": "broken: [",
                "\(Self.shipped)/a/v2.yaml": Self.head, "\(Self.shipped)/b/v1.yaml": Self.head,
                "\(Self.shipped)/c/v1.yaml": Self.head,
            ]))
        #expect(loaded.problems.isEmpty)
        let configuration = try #require(loaded.configuration)
        #expect(
            configuration.files == [
                "\(Self.shipped)/b/v1.yaml", "\(Self.shipped)/a/v2.yaml", "\(Self.shipped)/c/v1.yaml",
                "\(Self.etc)/config.yaml", "\(Self.etc)/config.d/10-x.yaml", "\(Self.etc)/config.d/20-y.yaml",
            ])
        #expect(configuration.layers.map(\.isProfile) == [true, true, true, false, false, false])
    }

    @Test("files given by name are read in that order, under the names given, instead of the standard ones")
    func given() throws {
        let files = MemoryFiles([
            "b.yaml": Self.head, "./a.yaml": Self.head + "sysctl: {x: 1}\nblock: []",
            "\(Self.etc)/config.yaml": "broken: [",
        ])
        let configuration = try #require(load(files, .files(["b.yaml", "./a.yaml"])).configuration)
        #expect(configuration.files == ["b.yaml", "./a.yaml"])
        let sections = configuration.layers[1].sections.map { "\($0.domain) \($0.origin):\($0.origin.column)" }
        #expect(sections == ["sysctl ./a.yaml:2:1", "block ./a.yaml:3:1"])
    }

    @Test("the administrator's profile replaces the shipped one")
    func replaced() throws {
        let files = MemoryFiles([
            "f": Self.head + "profiles: [a/v1]", "\(Self.etc)/profiles/a/v1.yaml": Self.head,
            "\(Self.shipped)/a/v1.yaml": "broken: [",
        ])
        let loaded = load(files, .files(["f"]))
        #expect(loaded.configuration?.files == ["\(Self.etc)/profiles/a/v1.yaml", "f"])
    }

    @Test("an unreadable profile of the administrator does not fall back to the shipped one")
    func unreadableProfile() {
        let path = "\(Self.etc)/profiles/a/v1.yaml"
        let files = MemoryFiles(
            ["f": Self.head + "profiles: [a/v1]", "\(Self.shipped)/a/v1.yaml": Self.head], errors: [path: .ioError])
        let loaded = load(files, .files(["f"]))
        #expect(loaded.configuration == nil)
        #expect(loaded.problems == ["read \(path) (EIO)"])
    }

    @Test(
        "a profile that is not there is refused with the nearest of those installed",
        arguments: [
            ("ais-hdd/v2", "did you mean ais-hdd/v1?"), ("ais-hd/v1", "did you mean ais-hdd/v1?"),
            ("gpu/v1", "expected one of ais-hdd/v1, own/v3"),
        ])
    func missingProfile(_ name: String, _ advice: String) {
        let files = MemoryFiles([
            "f": Self.head + "profiles: [\(name)]", "\(Self.shipped)/ais-hdd/v1.yaml": Self.head,
            "\(Self.etc)/profiles/own/v3.yaml": Self.head, "\(Self.etc)/profiles/own/v3.yaml~": Self.head,
        ])
        #expect(load(files, .files(["f"])).problems == ["f:2:12: profiles: there is no profile \(name), \(advice)"])
    }

    @Test(
        "a profile decides nothing for the host",
        arguments: ["mode: apply", "allow: []", "interval: 5s", "profiles: []"])
    func notInProfile(_ line: String) {
        let path = "\(Self.shipped)/a/v1.yaml"
        let files = MemoryFiles(["f": Self.head + "profiles: [a/v1]", path: Self.head + line])
        let key = line.prefix { $0 != ":" }
        #expect(
            load(files, .files(["f"])).problems
                == ["\(path):2:1: \(key): not taken in a profile, expected in the configuration"])
    }

    @Test(
        "a profile counts where its own conditions and those of a file that names it hold",
        arguments: [
            (["gpu*"], "gpu1", true), (["gpu*"], "cpu1", false), (["gpu*", "cpu*"], "cpu1", true),
            (["gpu*", "cpu*"], "dpu1", false), (["gpu*", "*"], "dpu1", true), (["gpu*", nil], "dpu1", true),
            ([nil], "dpu1", true), ([nil], "old", false),
        ] as [([String?], String, Bool)])
    func conditions(_ named: [String?], _ host: String, _ expected: Bool) throws {
        var texts = ["\(Self.shipped)/a/v1.yaml": Self.head + "when: {hostname: '?pu*'}"]
        for (index, pattern) in named.enumerated() {
            let when = pattern.map { "when: {hostname: '\($0)'}\n" } ?? ""
            texts["f\(index)"] = Self.head + when + "profiles: [a/v1]"
        }
        let loaded = load(MemoryFiles(texts), .files(named.indices.map { "f\($0)" }))
        let layer = try #require(loaded.configuration?.layers.first)
        #expect(layer.isProfile)
        #expect(layer.holds(on: .host(host)) == expected)
    }

    @Test("a profile that any file names without a condition has only its own")
    func unconditional() throws {
        let files = MemoryFiles([
            "a": Self.head + "when: {hostname: a}\nprofiles: [a/v1]", "b": Self.head + "profiles: [a/v1]",
            "\(Self.shipped)/a/v1.yaml": Self.head + "when: {kernel: '>= 6'}",
        ])
        let layer = try #require(load(files, .files(["a", "b"])).configuration?.layers.first)
        #expect(layer.conditions == [.kernel(.atLeast, [6])])
    }

    @Test("without any file there is an error that says where one should be")
    func nothing() {
        let problem =
            "no configuration: /etc/ais-hostd/config.yaml is not there, "
            + "expected it or a .yaml file in /etc/ais-hostd/config.d"
        #expect(load(MemoryFiles()).problems == [problem])
        #expect(load(MemoryFiles(["\(Self.etc)/config.d/a.yaml": Self.head])).problems.isEmpty)
    }

    @Test("a name in config.d that is nearly right is warned of")
    func nearlyYaml() {
        let loaded = load(MemoryFiles(["\(Self.etc)/config.yaml": Self.head, "\(Self.etc)/config.d/a.yml": "x: ["]))
        #expect(
            loaded.problems
                == ["warning: /etc/ais-hostd/config.d/a.yml is not read, expected a name that ends in .yaml"])
        #expect(loaded.configuration != nil)
    }

    @Test("what can't be read is an error in the kernel's words")
    func unreadable() {
        #expect(load(MemoryFiles(), .files(["f"])).problems == ["open f (ENOENT)"])
        let errors: [String: Errno] = ["\(Self.etc)/config.yaml": .accessDenied, "\(Self.etc)/config.d": .ioError]
        #expect(
            load(MemoryFiles(errors: errors)).problems
                == ["open /etc/ais-hostd/config.d (EIO)", "read /etc/ais-hostd/config.yaml (EACCES)"])
    }

    @Test("all files are read to the end, and their problems come in the order of the files")
    func allProblems() {
        let files = MemoryFiles(["z": "modes: 1", "a": Self.head + "mode: x\nblok: 1"])
        #expect(
            load(files, .files(["z", "a"])).problems == [
                "z:1:1: apiVersion: missing, expected ais-hostd/v1", "z:1:1: modes: unknown key, did you mean mode?",
                #"a:2:7: mode: unknown word "x", expected one of observe, apply, enforce"#,
                "a:3:1: blok: unknown key, did you mean block?",
            ])
    }

    @Test("a profile's name has its version", arguments: ["a/v1", "ais-hdd/v10", "0/v9"])
    func profileNames(_ name: String) {
        let loaded = load(MemoryFiles(["f": Self.head + "profiles: ['\(name)']"]), .files(["f"]))
        #expect(loaded.problems.count == 1)
        #expect(loaded.problems.allSatisfy { $0.contains("there is no profile \(name)") })
    }

    @Test(
        "a profile's name leads nowhere else",
        arguments: [
            "a/v0", "a/v01", "a/v", "A/v1", "../v1", "a/../v1", "a//v1", "/v1", "a/v1/", "a/V1", "a/v1.", "ä/v1", "",
        ])
    func noProfileName(_ name: String) {
        let loaded = load(MemoryFiles(["f": Self.head + "profiles: ['\(name)']"]), .files(["f"]))
        #expect(
            loaded.problems == [
                #"f:2:12: profiles: found "\#(name)", expected a profile as NAME/vN, such as ais-hdd/v1"#
            ])
    }
}

struct PolicyTests {
    private static let head = "apiVersion: ais-hostd/v1\n"

    @Test("without a word the defaults hold")
    func defaults() throws {
        let configuration = try #require(load(Self.head).configuration)
        #expect(configuration.effectivePolicy(on: .host()) == Policy())
        #expect(Policy() == Policy(mode: .apply, domainModes: [:], allow: [.ioStall], interval: 60))
    }

    @Test(
        "an interval is a number with its unit, from a second to an hour",
        arguments: [("1s", 1), ("3600s", 3600), ("5m", 300), ("60m", 3600), ("1h", 3600)])
    func interval(_ text: String, _ seconds: Int) throws {
        let configuration = try #require(load(Self.head + "interval: \(text)").configuration)
        #expect(configuration.effectivePolicy(on: .host()).interval == seconds)
    }

    @Test("the last file that counts here and says a word wins, word by word")
    func lastWins() throws {
        let files = MemoryFiles([
            "1": Self.head + "mode: {default: observe, block: enforce, sysctl: observe}\nallow: []\ninterval: 5m",
            "2": Self.head + "mode: {sysctl: apply}\ninterval: 10s",
            "3": Self.head + "when: {hostname: gpu*}\nmode: enforce\nallow: [reboot, link-flap]",
        ])
        let configuration = try #require(load(files, .files(["1", "2", "3"])).configuration)
        let domainModes: [String: Mode] = ["block": .enforce, "sysctl": .apply]
        #expect(
            configuration.effectivePolicy(on: .host("cpu01"))
                == Policy(mode: .observe, domainModes: domainModes, allow: [], interval: 10))
        #expect(
            configuration.effectivePolicy(on: .host("gpu01"))
                == Policy(mode: .enforce, domainModes: domainModes, allow: [.reboot, .linkFlap], interval: 10))
    }
}
