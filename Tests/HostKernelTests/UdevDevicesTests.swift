import FoundationEssentials
import HostKernel
import HostModel
import Testing

@Suite struct UdevDevicesTests {
    @Test("udev's disks are those of /sys/block, with their real paths; those of hardware with numbers")
    func agreesWithSysfs() throws {
        let files = SystemFiles()
        // Others may make loop devices meanwhile.
        let before = try Set(files.list("/sys/block"))
        let disks = try UdevDevices().disks()
        let after = try Set(files.list("/sys/block"))
        #expect(Set(disks.map(\.name)).isSuperset(of: before.intersection(after)))
        #expect(Set(disks.map(\.name)).isSubset(of: before.union(after)))
        #expect(disks.map(\.name) == disks.map(\.name).sorted())
        for disk in disks {
            #expect(try disk.path == files.resolve("/sys/block/\(disk.name)"))
            guard !disk.path.hasPrefix("/sys/devices/virtual/block/") else {
                #expect(disk.properties.isEmpty)
                continue
            }
            let number = try String(decoding: files.read("\(disk.path)/dev").dropLast(), as: UTF8.self)
            #expect("\(disk.properties["MAJOR"] ?? ""):\(disk.properties["MINOR"] ?? "")" == number)
            #expect(disk.properties["DEVTYPE"] == "disk")
        }
    }

    @Test("this host has a page size, a user and a clock")
    func knowsHost() {
        let host = systemHost()
        #expect(host.pageSize >= 4096 && host.pageSize.nonzeroBitCount == 1)
        #expect(host.now().timeIntervalSince1970 > 1_700_000_000)
    }
}

@Suite struct SettleTests {
    @Test("udev's queue is waited for while it is there, no longer than the limit, and not by who is to stop")
    func settle() throws {
        let scratch = try Scratch()
        let queue = "\(scratch.path)/queue"
        let clock = ContinuousClock()
        settleDevices(queue: queue, unless: { false })
        try SystemFiles().create(queue, with: [])
        #expect(
            clock.measure { settleDevices(atMost: .milliseconds(100), queue: queue, unless: { false }) }
                >= .milliseconds(100))
        settleDevices(atMost: .seconds(3600), queue: queue, unless: { true })
        var looks = 0
        settleDevices(atMost: .seconds(3600), queue: queue) {
            looks += 1
            if looks == 3 { try? SystemFiles().remove(queue) }
            return false
        }
        #expect(looks == 3)
    }
}
