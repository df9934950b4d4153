import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct BlockSelectionTests {
    private func disk(_ name: String, rotational: Bool = false, _ roles: Claim.Role...) -> Disk {
        Disk(
            target: Target(name: name, identity: "serial:\(name)", path: "/sys/block/\(name)"), driver: "sd",
            model: "ST18000NM000J", serial: name, transport: "sata", path: "pci-0000:00:17.0-ata-1",
            rotational: rotational, claims: roles.map { Claim($0, "is \($0)") })
    }

    private func selection(_ rule: String, of disks: [Disk]) throws -> Selection {
        let rule = try #require(rules(BlockDomain(), "[{\(rule), iostats: 1}]").rules.first)
        return BlockDomain().select(rule, in: .sample(disks: disks))
    }

    @Test(
        "each field of a match",
        arguments: [
            ("name: \"sd*\"", true), ("name: sda", true), ("name: [sdb, sda]", true), ("name: sdb", false),
            ("driver: sd", true), ("driver: nvme", false), ("model: \"ST18*\"", true), ("serial: sda", true),
            ("transport: sata", true), ("transport: sas", false), ("path: \"pci-0000:00:17.0-*\"", true),
            ("rotational: true", true), ("rotational: false", false), ("name: \"sd*\", rotational: false", false),
            ("", true),
        ])
    func matches(match: String, isTaken: Bool) throws {
        let selection = try selection("match: {\(match)}", of: [disk("sda", rotational: true)])
        #expect(selection.targets.count == (isTaken ? 1 : 0))
        #expect(selection.leftOut.isEmpty)
    }

    @Test(
        "a claimed disk takes its word; its exact name does for virtual and member ones", arguments: Claim.Role.ofDisks
    )
    func claims(role: Claim.Role) throws {
        let disks = [disk("sda", role)]
        func isTaken(_ rule: String) throws -> Bool { try !selection(rule, of: disks).targets.isEmpty }
        #expect(try !isTaken("match: {name: \"sd*\"}"))
        #expect(
            try selection("match: {name: \"sd*\"}", of: disks).leftOut == [
                "sda is \(role), which takes `include: [\(role.rawValue)]`"
            ])
        #expect(try isTaken("match: {name: \"sd*\"}, include: [\(role.rawValue)]"))
        #expect(try isTaken("match: {name: sda}") == [.member, .virtual].contains(role))
        #expect(try isTaken("match: {serial: sda}") == false)
        for other in Claim.Role.ofDisks where other != role {
            #expect(try !isTaken("match: {name: \"sd*\"}, include: [\(other.rawValue)]"))
        }
    }

    @Test("every claim needs its word, and those that have none are told")
    func severalClaims() throws {
        let disks = [disk("sda", .root, .member)]
        #expect(
            try selection("match: {name: sda}", of: disks).leftOut == ["sda is root, which takes `include: [root]`"])
        #expect(
            try selection("match: {name: \"sd*\"}, include: [root]", of: disks).leftOut == [
                "sda is member, which takes `include: [member]`"
            ])
        #expect(try selection("match: {name: sda}, include: [root]", of: disks).targets.count == 1)
        #expect(try selection("match: {name: \"*\"}, include: [root, member]", of: disks).targets.count == 1)
    }

    @Test(
        "a later rule that may not take a disk does not displace one that does",
        arguments: ["iostats: 0", "iostats: unset"])
    func displacesNothing(later: String) throws {
        let node = Node("block: [{match: {name: sda}, include: [root], iostats: 1}, {match: {name: sda}, \(later)}]")
        node.kernel.disk("sda", serial: "A")
        node.kernel.mount("/", device: node.kernel.number("sda"), type: "ext4", source: "/dev/sda")
        #expect(try node.check().states == ["block/sda/iostats inSync"])
    }

    @Test("a rule that takes nothing waits for a device, and says what it left out")
    func waits() throws {
        let node = Node("block: [{match: {name: \"sd*\"}, iostats: 1}, {match: {name: \"nvme*\"}, iostats: 1}]")
        node.kernel.disk("sda", serial: "A")
        node.kernel.mount("/", device: node.kernel.number("sda"), type: "ext4", source: "/dev/sda")
        let pass = try node.check()
        #expect(pass.states == ["block/nvme*/iostats pending", "block/sd*/iostats pending"])
        #expect(pass.details("block/nvme*/iostats") == "nothing here matches")
        #expect(pass.details("block/sd*/iostats") == "not taken: sda holds /, which takes `include: [root]`")
        #expect(pass.settings.allSatisfy { $0.outcome.pendingOn == .device && !$0.isFault })
        node.configure("block: [{match: {name: \"sd*\"}, iostats: 1, include: [root]}]")
        #expect(try node.check().states == ["block/sda/iostats inSync"])
        node.configure("block: [{match: {name: \"x\"}, iostats: 1, required: true}]")
        #expect(try node.check().settings.allSatisfy(\.isFault))
    }

    @Test("explain of a disk that a rule matches and does not take says why not")
    func explainsWhatIsLeftOut() throws {
        let node = Node("block: [{match: {name: \"sd*\"}, iostats: 1}]")
        for name in ["sda", "sdb"] { node.kernel.disk(name, serial: name) }
        node.kernel.mount("/", device: node.kernel.number("sda"), type: "ext4", source: "/dev/sda")
        guard case .leftOut(_, let reason) = try node.reconciler().explain("block/sda/iostats") else {
            Issue.record("it is not said to be left out")
            return
        }
        #expect(reason == "sda holds /, which takes `include: [root]`")
        guard case .setting = try node.reconciler().explain("block/sdb/iostats"),
            case .unknown = try node.reconciler().explain("block/sdc/iostats")
        else {
            Issue.record("one is taken, the other is not there")
            return
        }
    }
}
