import FoundationEssentials
import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

// The domain that docs/adding-a-domain.md builds, step by step. The last test here holds the page to this file.

/// Transparent huge pages: /sys/kernel/mm/transparent_hugepage. (Documentation/admin-guide/mm/transhuge.rst)
struct HugePagesDomain: TuningDomain {
    let name = "hugepages"

    private static let attributes = ["enabled", "defrag"]
    private static let target = Target(
        name: nil, identity: "hugepages", path: "/sys/kernel/mm/transparent_hugepage")

    func rules(of section: Section, conditions: [Condition], problems: inout Problems) -> [Rule] {
        let entries = section.node.entries(name, &problems) ?? []
        return entries.compactMap { entry in
            let key = "\(name).\(entry.name)"
            guard Self.attributes.contains(entry.name) else {
                problems.unknownKey(entry, key: key, expected: Self.attributes)
                return nil
            }
            let wish = Wish.decode(
                entry.value, key: key, options: RuleOptions(conditions: conditions), problems: &problems,
                value: { node, problems in node.text(key, &problems).map { .requirement(.exactly(.word($0))) } },
                members: nil)
            return wish.map {
                Rule(
                    domain: name, attribute: entry.name, demand: $0.demand, options: $0.options, origin: entry.origin)
            }
        }
    }

    func targets(in inventory: Inventory) -> [Target] { [Self.target] }

    func select(_ rule: Rule, in inventory: Inventory) -> Selection { Selection(targets: [Self.target]) }

    func disruption(of attribute: String) -> Disruption { .none }

    func value(_ text: String, of attribute: String) -> SettingValue { .word(KernelText.choice(text).current) }

    func read(_ setting: Setting, on host: Host) -> Reading {
        do throws(KernelError) {
            let text = String(decoding: try host.files.read(file(setting)), as: UTF8.self)
            let (current, offered) = KernelText.choice(text)
            return .value(.word(current), Bounds(offered: offered))
        } catch {
            guard error.errno?.isAbsence == true else { return .unreadable(error) }
            return .absent("this kernel is built without transparent huge pages")
        }
    }

    func apply(_ settings: [Setting], to target: Target, on host: Host) -> [Attempt] {
        settings.compactMap { attempt($0, file: file($0), reading: read($0, on: host), on: host) }
    }

    private func file(_ setting: Setting) -> String { "\(Self.target.path)/\(setting.id.attribute)" }
}

@Suite("the domain of docs/adding-a-domain.md")
struct ExampleDomainTests {
    private let kernel = FakeKernel()
    private let enabled = "/sys/kernel/mm/transparent_hugepage/enabled"

    /// One pass with this domain alone, as the reconciler makes it.
    private func pass(_ section: String, writing: Bool) throws -> [Assessed] {
        let host = kernel.host()
        kernel.set("/node.yaml", "apiVersion: ais-hostd/v1\n\(section)")
        var problems = Problems()
        let configuration = loadConfiguration(
            .files(["/node.yaml"]), folders: ConfigurationFolders(), domains: ["hugepages"], plannedDomains: [],
            files: kernel, problems: &problems)
        let rules = Rules(of: configuration, by: [HugePagesDomain()], problems: &problems)
        guard !problems.hasErrors else { throw InvalidConfiguration(problems) }
        let inventory = try takeInventory(of: host)
        let file = LedgerFile(folder: "/var/lib/ais-hostd")
        var ledger = try file.load(from: kernel)
        let wanted = desire(
            rules, on: inventory, ledger: ledger, domains: [HugePagesDomain()], problems: &problems)
        let settings = assess(
            wanted.settings, allowing: wanted.allowed(for:), on: host, kernel: "6.8", ledger: ledger,
            domains: [HugePagesDomain()])
        guard writing else { return settings }
        return try correct(
            settings, wanted, isSelected: { _ in true }, on: host, kernel: "6.8", ledger: &ledger, file: file,
            domains: [HugePagesDomain()]
        ).settings
    }

    private func setTheKernel(_ text: String) {
        kernel.set(
            enabled, text,
            .custom { value, held in
                let names = KernelText.choice(held).offered
                guard names.contains(value) else {
                    return .failure(KernelError("write", "enabled", errno: .invalid))
                }
                return .success(names.map { $0 == value ? "[\($0)]" : $0 }.joined(separator: " "))
            })
    }

    @Test("drift is found, corrected, and remembered with what was there before")
    func corrects() throws {
        setTheKernel("[always] madvise never")
        let before = try pass("hugepages: {enabled: madvise}", writing: false)
        #expect(before.map(\.outcome) == [.drifted(held: .word("always"))])
        let after = try pass("hugepages: {enabled: madvise}", writing: true)
        #expect(after.map(\.outcome) == [.inSync(held: .word("madvise"))])
        #expect(after.map(\.original) == ["always"])
        #expect(kernel.text(enabled) == "always [madvise] never")
    }

    @Test("a word that the kernel does not offer is unsupported, and names those it offers")
    func offers() throws {
        setTheKernel("[always] madvise never")
        let settings = try pass("hugepages: {enabled: sometimes}", writing: true)
        #expect(settings.map(\.outcome) == [.unsupported("not offered here, only always, madvise, never")])
        #expect(kernel.writes.isEmpty)
    }

    @Test("a kernel without the folder has no such knob")
    func absence() throws {
        let settings = try pass("hugepages: {defrag: never}", writing: true)
        #expect(settings.map(\.outcome.state) == [.unsupported])
    }

    @Test("an unknown key is refused with the nearest one")
    func unknownKey() throws {
        #expect(throws: InvalidConfiguration.self) { try pass("hugepages: {enable: never}", writing: false) }
    }

    @Test("the page shows this code, to the letter")
    func page() throws {
        let file = #filePath
        let root = file.split(separator: "/").dropLast(3).joined(separator: "/")
        let code = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
        let document = URL(filePath: "/\(root)/docs/adding-a-domain.md")
        let page = String(decoding: try Data(contentsOf: document), as: UTF8.self)
        let blocks = page.split(separator: "```swift\n").dropFirst().compactMap { $0.split(separator: "```").first }
        #expect(blocks.count >= 4)
        for block in blocks {
            let lines = block.split(separator: "\n").map { $0.drop { $0 == " " } }
            let shown = lines.joined(separator: "\n")
            let real = code.split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: "\n")
            #expect(real.contains(shown), "\(block)")
        }
    }
}
