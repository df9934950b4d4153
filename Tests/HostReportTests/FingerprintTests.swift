import HostModel
import HostReport
import Testing

private func fingerprint(_ settings: [Assessed]) -> String {
    stateFingerprint(settings.map { SettingReport($0) })
}

@Suite("the state's fingerprint")
struct FingerprintTests {
    private let settings = [
        sysctl("vm.swappiness", "10", .inSync(held: .integer(10)), line(own, 1)),
        disk("sda", "nr_requests", "2048", .inSync(held: .integer(2048)), line(hdd, 9), serial: "A"),
        disk("sdb", "nr_requests", "2048", .drifted(held: .integer(256)), line(hdd, 9), serial: "B"),
    ]

    @Test("is a SHA-256 in hexadecimal")
    func form() {
        let digest = fingerprint(settings).split(separator: ":")
        #expect(digest.first == "sha256" && digest.last?.count == 64)
        #expect(stateFingerprint([]) == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test("stays when disks are renamed, replaced, or listed in another order")
    func invariant() {
        let other = [
            disk("sdx", "nr_requests", "2048", .drifted(held: .integer(256)), line(hdd, 9), serial: "X"),
            disk("nvme0n1", "nr_requests", "2048", .inSync(held: .integer(2048)), line(hdd, 9), serial: "Y"),
            settings[0],
        ]
        #expect(fingerprint(other) == fingerprint(settings))
    }

    @Test("stays when only words for people differ")
    func words() {
        let one = sysctl("vm.swappiness", "10", .inSync(held: .integer(10)), line(own, 1), note: "by the way")
        #expect(fingerprint([one]) == fingerprint([settings[0]]))
    }

    @Test(
        "changes with anything that nodes of one kind share",
        arguments: [
            sysctl("vm.swappiness", "11", .inSync(held: .integer(10)), line(own, 1)),
            sysctl("vm.swappiness", "10", .inSync(held: .integer(11)), line(own, 1)),
            sysctl("vm.swappiness", "10", .drifted(held: .integer(10)), line(own, 1)),
            sysctl("vm.swappiness", "10", .unsupported("gone"), line(own, 1)),
            sysctl("vm.dirty_ratio", "10", .inSync(held: .integer(10)), line(own, 1)),
            disk("sdc", "nr_requests", "2048", .inSync(held: .integer(2048)), line(hdd, 8)),
            disk("sdc", "rq_affinity", "2048", .inSync(held: .integer(2048)), line(hdd, 9)),
        ])
    func sensitive(changed: Assessed) {
        #expect(fingerprint([changed] + settings.dropFirst()) != fingerprint(settings))
    }

    @Test("counts devices that stand alike")
    func multiplicity() {
        let third = disk("sdc", "nr_requests", "2048", .drifted(held: .integer(256)), line(hdd, 9))
        #expect(fingerprint(settings + [third]) != fingerprint(settings))
    }

    @Test("tells an empty value from an unknown one, and where one field ends")
    func delimited() {
        let empty = sysctl("a", "", .pending(.reboot, held: .word(""), ""), line(own, 1))
        let unknown = sysctl("a", "", .pending(.reboot, held: nil, ""), line(own, 1))
        #expect(fingerprint([empty]) != fingerprint([unknown]))
        let left = sysctl("a", "bc", .drifted(held: .word("d")), line(own, 1))
        let right = sysctl("ab", "c", .drifted(held: .word("d")), line(own, 1))
        #expect(fingerprint([left]) != fingerprint([right]))
    }
}

@Suite("SHA-256")
struct SHA256Tests {
    @Test(
        "gives the digests that NIST publishes",
        arguments: [
            ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
                    + "mnopqrstnopqrstu", 1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
            ),
            ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ])
    func vectors(text: String, times: Int, digest: String) {
        let bytes = [UInt8](String(repeating: text, count: times).utf8)
        let hexadecimal = sha256(bytes).map { String(Int($0) + 256, radix: 16).dropFirst() }.joined()
        #expect(hexadecimal == digest)
    }

    @Test("pads every length around a block's end", arguments: 54...66)
    func lengths(count: Int) {
        #expect(sha256([UInt8](repeating: 97, count: count)).count == 32)
    }
}
