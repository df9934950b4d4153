import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct SysctlGuardRailTests {
    /// A host of 100 MiB, so that 5 % of it are 5120 KiB and all of it 25600 pages.
    private func problems(_ section: String) throws -> [String] {
        let node = Node("sysctl: \(section)")
        node.kernel.memory(kibibytes: 102_400)
        do { return try node.check().problems.list.map(\.description) } catch let error as InvalidConfiguration {
            return error.problems.list.map(\.description)
        }
    }

    @Test("min_free_kbytes up to 5 % of memory is taken, more is refused with the numbers")
    func minFree() throws {
        #expect(try problems("{vm.min_free_kbytes: 5120}").isEmpty)
        #expect(try problems("{vm.min_free_kbytes: 5% of memory}").isEmpty)
        let refusal = "more than 5 % of this host's memory (102400 KiB, of which 5 % are 5120)"
        #expect(
            try problems("{vm.min_free_kbytes: 5121}") == [
                "/etc/ais-hostd/config.yaml:2:10: sysctl.vm.min_free_kbytes: 5121 KiB is \(refusal),"
                    + " expected less (force: true overrules this)"
            ])
        #expect(try problems("{vm.min_free_kbytes: 5.001% of memory}").count == 1)
        #expect(
            try problems("{vm.min_free_kbytes: {value: 5121, force: true}}") == [
                "/etc/ais-hostd/config.yaml:2:10: warning: sysctl.vm.min_free_kbytes: 5121 KiB is \(refusal); forced"
            ])
    }

    @Test("tcp_mem up to all memory is taken, more is refused with the numbers")
    func tcpMem() throws {
        #expect(try problems("{net.ipv4.tcp_mem: [1, 2, 25600]}").isEmpty)
        #expect(
            try problems("{net.ipv4.tcp_mem: [1, 2, 25601]}") == [
                "/etc/ais-hostd/config.yaml:2:10: sysctl.net.ipv4.tcp_mem: 25601 pages are more than this host's memory"
                    + " (25600 pages of 4096 bytes), expected less (force: true overrules this)"
            ])
        #expect(try problems("{net.ipv4.tcp_mem: [25601, 2, 3]}").count == 1)
        let forced = try problems("{net.ipv4.tcp_mem: {value: [1, 2, 25601], force: true}}")
        #expect(forced.count == 1 && forced[0].contains("warning") && forced[0].hasSuffix("; forced"))
    }

    @Test("force counts for the rule that wins, not for one that lost")
    func forceOfLoser() throws {
        let node = Node("sysctl: {vm.min_free_kbytes: {value: 9999999, force: true}}")
        node.kernel.memory(kibibytes: 102_400)
        #expect(try node.check().problems.list.count == 1)
        node.configure("sysctl: {vm.min_free_kbytes: 9999999}", in: "config.d/b.yaml")
        #expect(throws: InvalidConfiguration.self) { try node.check() }
    }

    @Test("a refusal keeps everything from being written")
    func refusesBeforeWriting() throws {
        let node = Node("sysctl: {vm.min_free_kbytes: 99999999, vm.swappiness: 1}")
        node.kernel.sysctl("vm.swappiness", "60")
        node.kernel.sysctl("vm.min_free_kbytes", "1000")
        #expect(throws: InvalidConfiguration.self) { try node.apply() }
        #expect(node.kernel.writes.isEmpty)
    }

    @Test(
        "AIS's ports in the ephemeral range need a reservation, and the warning names the line to add",
        arguments: [
            ("[2048, 65535]", "", "51080-51083,52001"), ("[32768, 51080]", "", "51080-51083"),
            ("[51083, 51083]", "", "51080-51083"), ("[51084, 52000]", "", nil), ("[52001, 60999]", "", "52001"),
            ("[2048, 65535]", "{include: [51080-51083, 52001]}", nil), ("[2048, 65535]", "51000-53000", nil),
            ("[2048, 65535]", "{include: [51080-51082, 52001]}", "51080-51083"),
            ("[2048, 65535]", "{include: [51080-51083]}", "52001"),
        ] as [(String, String, String?)])
    func ports(range: String, reserved: String, open: String?) throws {
        let reservation = reserved.isEmpty ? "" : ", net.ipv4.ip_local_reserved_ports: \(reserved)"
        let all = try problems("{net.ipv4.ip_local_port_range: \(range)\(reservation)}")
        guard let open else {
            #expect(all.isEmpty)
            return
        }
        #expect(all.count == 1)
        #expect(all.first?.contains("warning: sysctl.net.ipv4.ip_local_port_range") == true)
        #expect(all.first?.contains("ports of AIS's (\(open)) in it") == true, "\(all)")
        let line = "add `net.ipv4.ip_local_reserved_ports: {include: [51080-51083, 52001]}`"
        #expect(all.first?.hasSuffix(line) == true)
    }
}
