import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct LinkSelectionTests {
    private let node = Node()
    private let links = FakeLinks()

    private func states(_ match: String) throws -> [String] {
        node.configure("link: [{match: {\(match)}, mtu: 1500}]")
        let reconciler = Reconciler(host: node.kernel.host(links: links), stateFolder: Node.state)
        return try reconciler.check().settings.map { "\($0.setting.id): \($0.outcome.detail ?? "taken")" }
    }

    @Test("any of a link's names is its name, and an address may be written in capitals")
    func names() throws {
        links.mellanox(2, "enp94s0", address: "b8:ce:f6:12:34:56")
        links.change(2) { $0.alternativeNames = ["storage0"] }
        for match in [
            "name: storage0", "name: \"stor*\"", "name: enp94s0", "mac: \"B8:CE:F6:*\"", "mac: \"b8:ce:f6:12:34:56\"",
        ] {
            #expect(try states(match) == ["link/enp94s0/mtu: taken"], "\(match)")
        }
        #expect(try states("name: other") == ["link/other/mtu: nothing here matches"])
    }

    @Test("links that a rule matches and does not take are told, those of containers by their number")
    func leftOut() throws {
        for index: UInt32 in 2...4 {
            var link = Link(index: index, name: "v\(index)", mtu: 1500)
            link.kind = "veth"
            links.plug(link)
        }
        #expect(
            try states("driver: veth") == [
                "link/driver=veth/mtu: not taken: 3 virtual links, without `include: [virtual]`"
            ])
        #expect(
            try states("name: \"v2*\"") == ["link/v2*/mtu: not taken: 1 virtual link, without `include: [virtual]`"])
        #expect(try states("name: v2") == ["link/v2/mtu: taken"])
    }
}
