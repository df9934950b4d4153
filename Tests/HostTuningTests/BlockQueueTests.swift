import HostConfiguration
import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct BlockQueueTests {
    let node = Node()

    /// How one attribute of the only disk stands, as the state and its detail.
    private func outcome(_ attributes: String, of attribute: String = "") throws -> String {
        let name = try node.kernel.disks()[0].name
        node.configure("block: [{match: {name: \(name)}, \(attributes)}]")
        let key = attribute.isEmpty ? String(attributes.prefix { $0 != ":" }) : attribute
        let result = try #require(try node.check()["block/\(name)/\(key)"])
        return "\(result.desired): \(result.outcome.state)\(result.outcome.detail.map { ", \($0)" } ?? "")"
    }

    @Test(
        "values beyond a bound that is known are adjusted where the nearest is held, else drifted",
        arguments: [
            (
                "nr_requests: 257", "none", "256",
                "257: adjusted, at most 256 here (the hardware's depth, without a scheduler)"
            ),
            ("nr_requests: 2", "none", "4", "2: adjusted, at least 4 here"),
            (
                "nr_requests: 4096", "mq-deadline", "2048",
                "4096: adjusted, at most 2048 here (the kernel's limit under mq-deadline)"
            ),
            ("nr_requests: 2048", "mq-deadline", "2048", "2048: inSync"),
            ("nr_requests: 2048", "none", "100", "2048: drifted"),
            ("read_ahead_kb: 4097", "none", "4096", "4097: adjusted, in steps of 4 here (pages)"),
            ("read_ahead_kb: 4098", "none", "4092", "4098: drifted"),
            ("max_sectors_kb: 99999", "none", "32767", "99999: adjusted, at most 32767 here (max_hw_sectors_kb)"),
            ("max_sectors_kb: max", "none", "32767", "32767: inSync"),
            ("max_sectors_kb: max", "none", "1280", "32767: drifted"),
            ("rq_affinity: 2", "none", "1", "2: drifted"),
        ])
    func bounds(attributes: String, scheduler: String, held: String, expected: String) throws {
        node.kernel.disk("sda", serial: "A", scheduler: scheduler)
        let attribute = attributes.prefix { $0 != ":" }
        node.kernel.set("/sys/block/sda/queue/\(attribute)", held)
        #expect(try outcome(attributes) == expected)
    }

    @Test("a SCSI disk's own limit counts too: what it says of itself, and what a short command can ask of a small one")
    func scsiMaximum() throws {
        let node = Node("block: [{match: {name: sda}, max_sectors_kb: max}]")
        let path = node.kernel.disk("sda", .sas, serial: "A", maxHardwareSectorsKiB: 2_147_483_647)
        let device = try node.kernel.resolve("\(path)/device")
        #expect(try node.check().settings.first?.desired == "2147483647")
        node.kernel.set("\(device)/scsi_level", "7")
        #expect(try node.check().settings.first?.desired == "2147483647")
        // 0x1000 blocks of 512 bytes.
        node.kernel.set("\(device)/vpd_pgb0", bytes: [0, 0xb0, 0, 0x3c, 0, 0, 0, 1, 0, 0, 0x10, 0, 0, 0, 4, 0])
        #expect(try node.check().settings.first?.desired == "2048")
        node.kernel.set("\(device)/vpd_pgb0", bytes: [0, 0xb0, 0, 0x3c, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0])
        #expect(try node.check().settings.first?.desired == "2147483647")
        node.kernel.set("\(path)/size", "131072")
        #expect(try node.check().settings.first?.desired == "32767")
    }

    @Test("a device without the maximum's file, or without the attribute, is told")
    func missing() throws {
        node.kernel.disk("sda", serial: "A")
        node.kernel.vanish("/sys/block/sda/queue/max_hw_sectors_kb")
        #expect(try outcome("max_sectors_kb: max") == "max: unsupported, the device does not tell its maximum")
        #expect(try outcome("io_timeout: 30000") == "30000: unsupported, sda has no queue/io_timeout")
        node.kernel.behave("/sys/block/sda/queue/wbt_lat_usec", .unreadable(.invalid))
        #expect(try outcome("wbt_lat_usec: 0") == "0: unsupported, sda has no queue/wbt_lat_usec")
        node.kernel.behave("/sys/block/sda/queue/iostats", .unreadable(.invalid))
        #expect(try outcome("iostats: 0").hasPrefix("0: failed, read /sys/block/sda/queue/iostats"))
        node.kernel.set("/sys/block/sda/queue/rq_affinity", "x")
        #expect(try outcome("rq_affinity: 0").hasSuffix("kernel holds x, expected a number"))
    }

    @Test(
        "a bound that can't be read is a failure, not a missing bound",
        arguments: [
            ("nr_requests: 9", "queue/scheduler"), ("nr_requests: 9", "mq/0/nr_tags"),
            ("max_sectors_kb: max", "queue/max_hw_sectors_kb"),
        ])
    func unreadableBounds(attributes: String, file: String) throws {
        node.kernel.disk("sda", serial: "A")
        node.kernel.behave("/sys/block/sda/\(file)", .unreadable(.ioError))
        #expect(try outcome(attributes).contains("failed, read /sys/block/sda/\(file) (EIO)"))
    }

    @Test("a disk without hardware queues has no use for what belongs to them, unless it holds it anyway")
    func bioBased() throws {
        node.kernel.disk("dm-0", .virtual)
        node.kernel.vanish("/sys/block/dm-0/mq")
        let text = "unsupported, dm-0 passes its requests on and has no queue of its own"
        for attributes in ["nr_requests: 9", "rq_affinity: 2", "nomerges: 2", "wbt_lat_usec: 1"] {
            #expect(try outcome(attributes).hasSuffix(text))
        }
        #expect(try outcome("nr_requests: 256") == "256: inSync")
        #expect(try outcome("read_ahead_kb: 4096") == "4096: drifted")
    }

    @Test("the head of NVMe multipath takes any scheduler and never has it")
    func multipathHead() throws {
        node.kernel.disk("nvme0n1", .nvmeHead, serial: "S")
        let text = "unsupported, not offered here, only none"
        #expect(try outcome("scheduler: mq-deadline") == "mq-deadline: \(text)")
        #expect(try outcome("scheduler: [bfq, mq-deadline]") == "bfq or mq-deadline: \(text)")
        #expect(try outcome("scheduler: none") == "none: inSync")
        #expect(try outcome("scheduler: [bfq, none]") == "none: inSync")
        node.kernel.set("/lib/modules/6.8.0-31-generic/kernel/block/bfq.ko", "")
        #expect(try outcome("scheduler: bfq") == "bfq: \(text)")
    }

    @Test("the first scheduler that the disk offers is taken, and one that is a module is loaded by its name")
    func schedulers() throws {
        node.kernel.disk("sda", serial: "A", offered: ["none", "mq-deadline"])
        #expect(try outcome("scheduler: [kyber, mq-deadline]") == "mq-deadline: drifted")
        #expect(try outcome("scheduler: kyber") == "kyber: unsupported, not offered here, only none, mq-deadline")
        for name in ["kyber-iosched.ko.zst", "bfq.ko"] {
            node.kernel.set("/lib/modules/6.8.0-31-generic/kernel/block/\(name)", "")
        }
        #expect(try outcome("scheduler: [kyber, mq-deadline]") == "kyber: drifted")
        #expect(try outcome("scheduler: bfq") == "bfq: drifted")
    }

    @Test("another disk under the same name is not written")
    func anotherDisk() throws {
        node.kernel.disk("sda", serial: "A")
        node.configure("block: [{match: {name: sda}, iostats: 0, rq_affinity: 2}]")
        let number = node.kernel.text("/sys/block/sda/diskseq") ?? ""
        let reads = CountingReads(node.kernel) { kernel, path, count in
            if path.hasSuffix("/diskseq"), count > 1 { kernel.set("/sys/block/sda/diskseq", "99") }
        }
        let pass = try node.reconciler(through: reads).apply()
        #expect(node.kernel.writes.isEmpty)
        #expect(pass.states == ["block/sda/iostats failed", "block/sda/rq_affinity failed"])
        #expect(
            pass.details("block/sda/iostats") == "write /sys/block/sda: wanted \(number), kernel holds 99,"
                + " it is another disk now (diskseq)")
    }

    @Test("what a scheduler resets are its companions, with the parameters of the one that goes")
    func companions() throws {
        node.kernel.disk("sda", serial: "A", scheduler: "mq-deadline")
        let target = try takeInventory(of: node.kernel.host()).disks[0].target
        func companions(_ attribute: String) throws -> [String] {
            let setting = Setting(
                id: SettingID(domain: "block", object: "sda", attribute: attribute), target: target,
                requirement: .maximum, origin: Origin(file: "f", line: 1))
            return try BlockDomain().companions(of: setting, on: node.kernel.host())
        }
        let own = ["iosched/fifo_batch", "iosched/read_expire"]
        #expect(try companions("scheduler") == ["nr_requests", "wbt_lat_usec"] + own)
        #expect(try companions("nr_requests").isEmpty)
    }

    @Test("udev rules that set the same attribute are found")
    func mentions() {
        node.kernel.set(
            "/usr/lib/udev/rules.d/60-x.rules",
            "# ATTR{queue/scheduler}=\"a\"\nACTION==\"add\", ATTR{queue/scheduler}=\"bfq\", X=\"1\"")
        node.kernel.set("/etc/udev/rules.d/61-y.rules", "ATTR{queue/scheduler}==\"none\", ATTR{queue/iostats}=\"0\"")
        let id = SettingID(domain: "block", object: "sda", attribute: "scheduler")
        let mentions = BlockDomain().mentions(of: [id], on: node.kernel.host())[id] ?? []
        #expect(mentions.map(\.origin.description) == ["/usr/lib/udev/rules.d/60-x.rules:2"])
        #expect(mentions.map(\.value) == ["bfq"])
    }
}
