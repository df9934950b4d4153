import HostModel
import HostTestSupport
import Testing

@Suite("Fake links") struct FakeLinksTests {
    let links = FakeLinks()

    init() {
        var link = Link(index: 7, name: "enp1s0", mtu: 1500)
        (link.minimumMTU, link.maximumMTU, link.isUp) = (68, 9000, true)
        links.plug(
            link, rings: [.rx: LinkAmount(current: 256, maximum: 4096), .tx: LinkAmount(current: 256, maximum: 4096)])
    }

    @Test("a driver takes what fits, and refuses the rest with the kernel's words")
    func plain() throws {
        try links.setRings([.rx: 1000, .tx: 512], of: 7)
        #expect(try links.rings(of: 7).mapValues(\.current) == [.rx: 1000, .tx: 512])
        let error = #expect(throws: KernelError.self) { try links.setRings([.rx: 8192, .tx: 64], of: 7) }
        #expect(
            error?.description
                == "set rings of link enp1s0: wanted rx 8192 tx 64, requested ring size exceeds maximum (rx) (EINVAL)")
        #expect(try links.rings(of: 7)[.tx]?.current == 512)
        #expect(throws: KernelError.self) { try links.setRings([.rxMini: 1], of: 7) }
        let absent = #expect(throws: KernelError.self) { try links.channels(of: 7) }
        #expect(absent?.errno?.isAbsence == true)
    }

    @Test("a change drops the carrier of a link that is up; an equal one does not, and is counted")
    func carrier() throws {
        try links.setRings([.rx: 512], of: 7)
        try links.setRings([.rx: 512], of: 7)
        try links.setMTU(9000, of: 7)
        #expect(try links.link(7)?.carrierChanges == 4)
        #expect(links.equalWrites == 1 && links.writes.count == 3)
        #expect(links.writes.last == FakeLinks.Write(7, [.mtu: 9000]))
        links.change(7) { $0.isUp = false }
        try links.setRings([.rx: 1024], of: 7)
        #expect(try links.link(7)?.carrierChanges == 4)
    }

    @Test(
        "a driver rounds, clamps, ignores or refuses",
        arguments: [
            (FakeLinks.Behaviour.rounded(to: 64), 1000, 1024), (.rounded(to: 3000), 4096, 3000), (.clamped, 9999, 4096),
            (.ignoring, 512, 256), (.buffers, 1000, 1024), (.refusing(.noMemory, "no room"), 512, 256),
        ])
    func behaviours(_ behaviour: FakeLinks.Behaviour, _ wanted: UInt32, _ held: UInt32) throws {
        links.behave(7, .ring(.rx), behaviour)
        try? links.setRings([.rx: wanted], of: 7)
        #expect(try links.rings(of: 7)[.rx]?.current == held)
    }

    @Test("vmxnet3 holds 4032 of 4096 at an MTU of 9000")
    func buffers() throws {
        links.behave(7, .ring(.rx), .buffers)
        try links.setRings([.rx: 4096], of: 7)
        #expect(try links.rings(of: 7)[.rx]?.current == 4096)
        try links.setMTU(9000, of: 7)
        #expect(try links.rings(of: 7)[.rx]?.current == 4032)
        try links.setRings([.rx: 1000], of: 7)
        #expect(try links.rings(of: 7)[.rx]?.current == 1056)
    }

    @Test("a link is renamed or goes right before a write")
    func underOurFeet() throws {
        links.beforeNextWrite { $0.rename(7, to: "storage0") }
        let error = #expect(throws: KernelError.self) { try links.setMTU(9001, of: 7) }
        #expect(error?.subject == "link storage0" && error?.message == "mtu greater than device maximum")
        links.beforeNextWrite { $0.unplug(7) }
        let gone = #expect(throws: KernelError.self) { try links.setMTU(1400, of: 7) }
        #expect(gone?.errno == .noDevice)
        #expect(try links.links().isEmpty && links.link(7) == nil)
    }
}
