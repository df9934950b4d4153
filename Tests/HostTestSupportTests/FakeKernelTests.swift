import FoundationEssentials
import HostKernel
import HostModel
import HostTestSupport
import HostTuning
import Testing

@Suite struct FakeKernelTests {
    let kernel = FakeKernel()
    private let queue = "/sys/block/sda/queue"

    @Test("a switch of the scheduler resets nr_requests, and bfq turns wbt off")
    func resets() throws {
        kernel.disk("sda", tags: 32)
        try kernel.write("mq-deadline", to: "\(queue)/scheduler")
        #expect(kernel.text("\(queue)/scheduler") == "none [mq-deadline] kyber bfq")
        #expect(kernel.text("\(queue)/nr_requests") == "64")
        try kernel.write("2048", to: "\(queue)/nr_requests")
        try kernel.write("deadline", to: "\(queue)/scheduler")
        #expect(kernel.text("\(queue)/nr_requests") == "2048")
        try kernel.write("bfq", to: "\(queue)/scheduler")
        #expect(kernel.text("\(queue)/wbt_lat_usec") == "0")
        try kernel.write("none", to: "\(queue)/scheduler")
        #expect(kernel.text("\(queue)/nr_requests") == "32")
        #expect(kernel.writes.map(\.value) == ["mq-deadline", "2048", "deadline", "bfq", "none"])
    }

    @Test(
        "a queue answers writes as the kernel does",
        arguments: [
            ("scheduler", "noop", nil), ("nr_requests", "2", "4"), ("nr_requests", "2049", nil),
            ("nr_requests", "257", nil), ("read_ahead_kb", "4097", "4096"), ("read_ahead_kb", "1", "0"),
            ("read_ahead_kb", "x", nil), ("max_sectors_kb", "99999", "32767"), ("rq_affinity", "3", "2"),
            ("nomerges", "3", "1"), ("max_hw_sectors_kb", "5", nil), ("none", "5", nil),
        ] as [(String, String, String?)])
    func answers(attribute: String, value: String, holds: String?) throws {
        kernel.disk("sda")
        let before = kernel.text("\(queue)/\(attribute)")
        do {
            try kernel.write(value, to: "\(queue)/\(attribute)")
            #expect(kernel.text("\(queue)/\(attribute)") == holds)
        } catch {
            #expect(holds == nil)
            #expect(error.wanted == value)
            #expect(kernel.text("\(queue)/\(attribute)") == before)
        }
    }

    @Test("an NVMe multipath head takes any scheduler and keeps none")
    func ignores() throws {
        kernel.disk("nvme0n1", .nvmeHead)
        try kernel.write("nonsense", to: "/sys/block/nvme0n1/queue/scheduler")
        #expect(kernel.text("/sys/block/nvme0n1/queue/scheduler") == "[none]")
    }

    @Test("a sysctl of several fields keeps those that are not written, and coupled ones zero each other")
    func sysctls() throws {
        kernel.sysctl("net.ipv4.tcp_rmem", "4096\t131072\t6291456")
        try kernel.write("8192", to: "/proc/sys/net/ipv4/tcp_rmem")
        #expect(kernel.text("/proc/sys/net/ipv4/tcp_rmem") == "8192\t131072\t6291456")
        kernel.sysctl("vm.dirty_ratio", "20", .coupled(zeroes: "/proc/sys/vm/dirty_bytes"))
        kernel.sysctl("vm.dirty_bytes", "0", .coupled(zeroes: "/proc/sys/vm/dirty_ratio"))
        try kernel.write("1048576", to: "/proc/sys/vm/dirty_bytes")
        #expect(kernel.text("/proc/sys/vm/dirty_ratio") == "0")
        #expect(kernel.text("/proc/sys/vm/dirty_bytes") == "1048576")
    }

    @Test("an unplugged disk leaves nothing")
    func unplugs() throws {
        kernel.disk("sda")
        kernel.unplug("sda")
        #expect(try kernel.disks().isEmpty)
        #expect(try kernel.list("/sys/block").isEmpty)
        #expect(throws: KernelError.self) { try kernel.read("\(queue)/scheduler") }
    }

    @Test("ordinary files are replaced, removed and locked")
    func keepsFiles() throws {
        let path = "/var/lib/ais-hostd/ledger.json"
        try kernel.replace(path, with: [1], permissions: 0o600)
        #expect(try kernel.status(path).permissions == 0o600)
        #expect(try kernel.list("/var/lib/ais-hostd") == ["ledger.json"])
        try kernel.remove(path)
        try kernel.remove(path)
        #expect(throws: KernelError.self) { try kernel.replace("/none/x", with: [], permissions: 0o600) }
        var held: HeldLock? = try kernel.lock("/run/ais-hostd")
        #expect(held != nil)
        #expect(throws: KernelError.self) { try kernel.lock("/run/ais-hostd") }
        held = nil
        #expect(throws: Never.self) { try kernel.lock("/run/ais-hostd") }
    }

    @Test("the chosen call fails and does nothing; those before and after are done")
    func fails() throws {
        kernel.sysctl("a", "1")
        let files = FaultyFiles(kernel, .failing(2, .ioError), among: [.write])
        try files.write("2", to: "/proc/sys/a")
        _ = try files.read("/proc/sys/a")
        let error = #expect(throws: KernelError.self) { try files.write("3", to: "/proc/sys/a") }
        #expect(error?.errno == .ioError)
        #expect(kernel.text("/proc/sys/a") == "2")
        try files.write("4", to: "/proc/sys/a")
        #expect(files.calls == 3)
        #expect(files.record.last == "write /proc/sys/a")
    }

    @Test("a dead process does nothing more, not even what is not counted")
    func crashes() throws {
        kernel.sysctl("a", "1")
        let files = FaultyFiles(kernel, .crashing(2), among: [.write])
        _ = try files.read("/proc/sys/a")
        try files.write("2", to: "/proc/sys/a")
        #expect(throws: KernelError.self) { try files.write("3", to: "/proc/sys/a") }
        #expect(throws: KernelError.self) { try files.read("/proc/sys/a") }
        #expect(kernel.text("/proc/sys/a") == "2")
    }

    @Test("a captured tree answers like a host, refuses changes, and a synthetic one is such a tree")
    func readsTrees() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/ais-hostd-tree-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try SyntheticTree.write(disks: 30, into: folder)
        try FileManager.default.createDirectory(atPath: "\(folder)/run/udev/data", withIntermediateDirectories: true)
        try "I:1\nE:ID_PATH=pci-1\nE:ID_X=a=b\n".write(
            toFile: "\(folder)/run/udev/data/b8:0", atomically: false, encoding: .utf8)
        let host = fixtureHost(at: folder)
        let disks = try takeInventory(of: host).disks
        #expect(disks.count == 30)
        #expect(Set(disks.map(\.target.identity)).count == 30)
        #expect(disks.first?.name == "sda" && disks.first?.path == "pci-1" && disks.first?.transport == "sas")
        #expect(
            disks.last?.serial != nil && disks.last?.target.identity.hasPrefix("serial:ST18000NM000J-2T_ZR5") == true)
        let error = #expect(throws: KernelError.self) { try host.files.write("1", to: "/sys/block/sda/queue/iostats") }
        #expect(error?.errno == .readOnly)
    }
}
