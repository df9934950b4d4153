import HostModel
import HostTestSupport
import Testing

@testable import HostTuning

@Suite struct InventoryTests {
    let kernel = FakeKernel()

    private func inventory() throws -> Inventory { try takeInventory(of: kernel.host()) }

    @Test("a host tells its name, kernel, model, memory and page size")
    func describesHost() throws {
        let inventory = try inventory()
        #expect(inventory.hostname == "node1")
        #expect(inventory.kernelRelease == "6.8.0-31-generic")
        #expect(inventory.model == "PowerEdge R740xd")
        #expect(inventory.memory == 65_843_000 * 1024)
        #expect(inventory.pageSize == 4096)
        #expect(inventory.observeOnly == nil)
        #expect(inventory.disks.isEmpty)
    }

    @Test("firmware without a product name is a host without a model", arguments: ["", "  "])
    func toleratesNoModel(name: String) throws {
        kernel.set("/sys/class/dmi/id/product_name", name)
        #expect(try inventory().model == nil)
        kernel.vanish("/sys/class/dmi")
        #expect(try inventory().model == nil)
    }

    @Test("a node of 64 GiB is one, though the kernel keeps some of it to itself")
    func installedMemory() throws {
        let kernel = FakeKernel()
        #expect(try takeInventory(of: kernel.host()).installedMemory == 65_843_000 * 1024)
        kernel.set("/sys/devices/system/memory/block_size_bytes", "80000000")
        for block in 0..<32 { kernel.set("/sys/devices/system/memory/memory\(block)/state", "online") }
        let inventory = try takeInventory(of: kernel.host())
        #expect(inventory.installedMemory == 64 << 30)
        #expect(inventory.memory == 65_843_000 * 1024)
    }

    @Test(
        "memory that can't be read is an error, never a default",
        arguments: ["MemFree: 1 kB", "MemTotal: x kB", "MemTotal: -5 kB", "MemTotal:", "MemTotal: 5 MB", ""])
    func refusesMemory(text: String) {
        kernel.set("/proc/meminfo", text)
        #expect(throws: KernelError.self) { try inventory() }
    }

    @Test(
        "cores are counted, not threads",
        arguments: [(1, 4, 2, 4), (2, 10, 2, 20), (2, 8, 1, 16), (1, 1, 1, 1), (4, 28, 2, 112)])
    func countsCores(packages: Int, cores: Int, threads: Int, expected: Int) throws {
        kernel.processors(packages: packages, cores: cores, threads: threads)
        #expect(try inventory().physicalCores == expected)
    }

    @Test("a core counts as long as one of its threads is online")
    func countsOnlineCores() throws {
        kernel.processors(packages: 2, cores: 10, threads: 2, offline: [0, 3, 23])
        #expect(try inventory().physicalCores == 19)
    }

    @Test("a machine that tells no topology has a core for each CPU online")
    func countsWithoutTopology() throws {
        kernel.vanish("/sys/devices/system/cpu")
        kernel.set("/sys/devices/system/cpu/online", "0-5,8")
        #expect(try inventory().physicalCores == 7)
    }

    @Test("a list of CPUs that is none is an error", arguments: ["", "x", "3-1", "-1", "0-99999999", "1-2-3", "0-"])
    func refusesList(text: String) {
        kernel.set("/sys/devices/system/cpu/online", text)
        #expect(throws: KernelError.self) { try inventory() }
    }

    @Test("the administrator's file forbids writing")
    func obeysFile() throws {
        kernel.set("/etc/ais-hostd/disable", "")
        #expect(try inventory().observeOnly == "/etc/ais-hostd/disable exists")
    }

    @Test("where we may not look for the administrator's file, it counts as there")
    func assumesFile() throws {
        let files = FaultyFiles(kernel, .failing(1, .accessDenied), among: [.status])
        let inventory = try takeInventory(of: kernel.host(files: files))
        #expect(inventory.observeOnly?.hasPrefix("/etc/ais-hostd/disable may exist: ") == true)
    }

    @Test(
        "the kernel's command line forbids writing by our word alone",
        arguments: [
            ("quiet ais_hostd.observe", true), ("ais_hostd.observe=1 quiet", true), ("ais_hostd.observe=0", false),
            ("ais_hostd.observe=true", true), ("ais_hostd.observe=yes", true), ("ais_hostd.observe=", true),
            ("ais_hostd.observe=of", true), ("ais_hostd.observe=no", false), ("ais_hostd.observe=off", false),
            ("ais_hostd.observe=false", false), ("ais_hostd.observe=0 ais_hostd.observe", true),
            ("ais_hostd.observer", false), ("xais_hostd.observe", false),
            ("ais_hostd.observe=1 ais_hostd.observe=0", false),
        ])
    func obeysCommandLine(text: String, forbids: Bool) throws {
        kernel.set("/proc/cmdline", text)
        #expect(try (inventory().observeOnly != nil) == forbids)
    }

    @Test("no call that fails goes unseen where it could make a used disk look free")
    func failsEveryCall() throws {
        kernel.disk("sda", serial: "A")
        kernel.partition("sda1", of: "sda")
        kernel.disk("sdb", serial: "B")
        kernel.layer("dm-0", over: ["sda1"])
        kernel.mount("/", device: kernel.number("dm-0"), type: "xfs", source: "/dev/dm-0")
        kernel.swap("/dev/sdb")
        kernel.folder("/srv/etcd")
        kernel.set("/etc/etcd.env", "ETCD_DATA_DIR=/srv/etcd")
        kernel.folder("/var/lib/etcd")
        let good = Dictionary(uniqueKeysWithValues: try inventory().disks.map { ($0.name, Set($0.claims)) })
        let counting = FaultyFiles(kernel)
        _ = try takeInventory(of: kernel.host(files: counting))
        var failures = 0
        for number in 1...counting.calls {
            let files = FaultyFiles(kernel, .failing(number, .ioError))
            do {
                let inventory = try takeInventory(of: kernel.host(files: files))
                let call = files.record[number - 1]
                #expect(inventory.disks.allSatisfy { good[$0.name]?.isSubset(of: $0.claims) == true }, "\(call)")
                #expect(inventory.disks.count + inventory.problems.count == good.count, "\(call)")
                failures += inventory.problems.count
            } catch {
                failures += 1
            }
        }
        #expect(failures > 20)
    }

    @Test("a sick disk is an error of every pass, which tunes and puts back all others")
    func passesBySick() throws {
        let node = Node("sysctl: {vm.swappiness: 10}\nblock: [{match: {name: \"sd*\"}, read_ahead_kb: 4096}]")
        node.kernel.sysctl("vm.swappiness", "60")
        for name in ["sda", "sdb"] { node.kernel.disk(name, serial: name) }
        try node.apply()
        node.kernel.sysctl("vm.swappiness", "60")
        let file = "/sys/block/sda/device/vpd_pg80"
        node.kernel.behave(file, .unreadable(.ioError))
        let errors = [KernelError("read", file, errno: .ioError)]
        #expect(try node.check().errors == errors)
        #expect(try node.apply().errors == errors)
        #expect(node.sysctl("vm.swappiness") == "10")
        #expect(try node.reconciler().planRevert().errors == errors)
        #expect(try node.revert().errors == errors)
        #expect(node.sysctl("vm.swappiness") == "60")
        #expect(node.queue("sdb", "read_ahead_kb") == "128")
        node.kernel.behave(file, .plain)
        #expect(try node.revert().errors == [])
        #expect(node.queue("sda", "read_ahead_kb") == "128")
    }
}
