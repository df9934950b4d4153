import Foundation
import HostKernel
import HostModel
import HostTuning
import Testing

/// The rooms themselves on the real kernel, in process. They only read, so that they need no root.
@Suite("The real kernel, read only")
struct RealHostTests {
    private let files = SystemFiles()

    private func said(_ arguments: [String]) throws -> [String] { try runToItsEnd(arguments).lines }

    @Test(
        "a file of the kernel reads as cat(1) reads it",
        arguments: [
            "/proc/sys/kernel/osrelease", "/proc/sys/net/ipv4/tcp_rmem", "/proc/sys/fs/file-max", "/proc/cmdline",
            "/proc/sys/net/ipv4/ip_local_reserved_ports", "/proc/filesystems",
            "/sys/kernel/mm/transparent_hugepage/enabled",
        ])
    func reads(path: String) throws {
        guard access(path, R_OK) == 0 else { return }
        #expect(String(decoding: try files.read(path), as: UTF8.self) == (try runToItsEnd(["cat", path]).out))
    }

    @Test("an errno keeps its name: absent, no file, not to be read")
    func errnos() throws {
        func errno(of path: String) -> Errno? {
            do throws(KernelError) {
                _ = try files.read(path)
                return nil
            } catch {
                return error.errno
            }
        }
        #expect(errno(of: "/proc/sys/net/core/nosuch") == .noEntry)
        #expect(errno(of: "/proc/sys/net/core") == Errno(rawValue: EISDIR))
        #expect(errno(of: "/proc/sys/net/core/somaxconn/x") == .notDirectory)
        // Root may open a file that is write-only, and is refused by its read; others are refused at once.
        #expect(errno(of: "/proc/sys/net/ipv4/route/flush")?.isRefusal == true)
        #expect(errno(of: "/proc/sys/net\0/core/somaxconn") == .invalid)
    }

    @Test("a folder of the kernel lists as ls(1) lists it")
    func lists() throws {
        for folder in ["/proc/sys/net/core", "/proc/sys/vm", "/sys/class", "/sys/kernel"] {
            let listed = try said(["ls", "-A", folder])
            // Where somebody loads a module meanwhile, a second look agrees.
            #expect(try files.list(folder) == listed || (try files.list(folder)) == (try said(["ls", "-A", folder])))
        }
    }

    @Test("udev knows the disks that /sys/block has")
    func disks() throws {
        // Those without a medium come and go with whatever else runs here.
        func names() throws -> Set<String> { Set(try files.list("/sys/block").filter { !$0.hasPrefix("loop") }) }
        let before = try names()
        let devices = try UdevDevices().disks()
        #expect(Set(devices.map(\.name).filter { !$0.hasPrefix("loop") }) == before)
        for device in devices where before.contains(device.name) {
            #expect(try files.resolve("/sys/block/\(device.name)") == device.path)
        }
    }

    @Test("the inventory says what other tools say of this host")
    func inventory() throws {
        let inventory = try takeInventory(of: systemHost())
        #expect(inventory.kernelRelease == (try said(["uname", "-r"]).first))
        #expect(inventory.hostname == (try said(["uname", "-n"]).first))
        #expect(inventory.pageSize == Int(try said(["getconf", "PAGESIZE"]).first ?? ""))
        let total = try String(contentsOfFile: "/proc/meminfo", encoding: .utf8).split(separator: "\n")
            .first { $0.hasPrefix("MemTotal:") }
        #expect(inventory.memory == Int128(total?.filter(\.isNumber) ?? "").map { $0 * 1024 })
        let processors = Int(try said(["getconf", "_NPROCESSORS_CONF"]).first ?? "") ?? 0
        #expect((1...max(1, processors)).contains(inventory.physicalCores))
        #expect(inventory.disks.allSatisfy { files.exists($0.target.path) || $0.name.hasPrefix("loop") })
    }

    @Test("the disks below / are claimed by it")
    func rootDisks() throws {
        // What lsblk(8) finds below the device that / is on; a container's / may be on none.
        let source = try said(["findmnt", "--noheadings", "--output", "SOURCE", "/"]).first ?? ""
        guard source.hasPrefix("/dev/") else { return }
        let tree = try said(["lsblk", "--noheadings", "--list", "--inverse", "--output", "NAME,TYPE", source])
        let below = tree.filter { $0.hasSuffix("disk") }.compactMap { $0.split(separator: " ").first.map(String.init) }
        let claimed = try takeInventory(of: systemHost()).disks
            .filter { $0.claims.contains { $0.role == .root } }.map(\.name)
        #expect(!below.isEmpty && below.allSatisfy(claimed.contains), "\(below): \(claimed)")
    }
}

extension SystemFiles {
    fileprivate func exists(_ path: String) -> Bool { (try? status(path)) != nil }
}
