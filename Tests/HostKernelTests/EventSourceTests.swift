import CLinux
import Glibc
import HostKernel
import HostModel
import Testing

@Suite("What the kernel tells of") struct EventSourceTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test("a link that comes, goes or is renamed is one event", .enabled(if: Namespace.canBeHad, "takes a network"))
    func links() {
        let seen = onThrowAwayThread {
            do {
                guard unshareAll() else { return ["no namespace"] }
                let links = try LinkEvents.rtnetlink()
                var seen = [try words(links)]
                for command in [
                    ["link", "add", "left", "type", "veth", "peer", "name", "right"],
                    ["link", "set", "left", "name", "middle"], ["link", "set", "middle", "mtu", "9000"],
                    ["link", "del", "middle"],
                ] {
                    guard run("ip", command) else { return ["no ip \(command)"] }
                    seen.append(try words(links))
                }
                // Addresses and routes are not links.
                guard run("ip", ["addr", "add", "192.0.2.1/24", "dev", "lo"]) else { return ["no ip addr"] }
                return seen + [try words(links)]
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["", "links", "links", "links", "links", ""])
    }

    @Test("more news of links than the kernel keeps is still news", .enabled(if: Namespace.canBeHad, "takes a network"))
    func linkStorm() {
        let seen = onThrowAwayThread {
            do {
                guard unshareAll() else { return ["no namespace"] }
                let links = try LinkEvents.rtnetlink()
                // The smallest that the kernel gives: two messages fill it.
                var size: Int32 = 1
                setsockopt(links.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
                for number in 1...8 {
                    guard run("ip", ["link", "add", "v\(number)", "type", "veth"]) else { return ["no ip"] }
                }
                // It is heard again after that.
                let seen = [try words(links), try words(links)]
                guard run("ip", ["link", "del", "v1"]) else { return ["no ip"] }
                return seen + [try words(links)]
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["links", "", "links"])
    }

    @Test("messages that are none harm nobody and are no news", .enabled(if: Namespace.canBeHad, "takes a network"))
    func hostileLinks() {
        let seen = onThrowAwayThread {
            do {
                guard unshareAll() else { return ["no namespace"] }
                let links = try LinkEvents.rtnetlink()
                let good = header(32, RTM_NEWLINK) + [UInt8](repeating: 0, count: 16)
                var seen: [String] = []
                for bytes in [
                    [1], Array(good.prefix(15)), Array(good.prefix(31)), header(0, RTM_NEWLINK), header(5, RTM_NEWLINK),
                    header(.max, RTM_NEWLINK), header(.max, RTM_NEWADDR), header(16, RTM_NEWLINK),
                    header(17, RTM_DELLINK) + [0],
                    header(32, RTM_NEWADDR) + [UInt8](repeating: 0, count: 16),
                    // A port of a bridge.
                    header(32, RTM_NEWLINK) + [7] + [UInt8](repeating: 0, count: 15),
                ] {
                    try send(bytes, to: links.descriptor)
                    seen.append(try words(links))
                }
                try send(header(16, RTM_NEWADDR) + good, to: links.descriptor)
                seen.append(try words(links))
                try send([UInt8](repeating: 0, count: 40000), to: links.descriptor)
                return seen + [try words(links)]
            } catch { return ["\(error)"] }
        }
        // The last two: behind another message, and longer than what we take.
        #expect(seen == [String](repeating: "", count: 11) + ["links", "links"])
    }

    @Test("nor of ethtool's", .enabled(if: Namespace.canBeHad, "takes a network"))
    func hostileEthtool() {
        let seen = onThrowAwayThread {
            do {
                guard unshareAll() else { return ["no namespace"] }
                let family = try GenericFamily.find(ETHTOOL_GENL_NAME, NetlinkSocket(bus: NETLINK_GENERIC)).id
                let links = try LinkEvents.ethtool()
                var seen: [String] = []
                for bytes in [
                    [1], Array(header(16, Int(family)).dropLast()), header(0, Int(family)), header(5, Int(family)),
                    header(.max, Int(family)), header(20, Int(family)), header(16, Int(family) + 1),
                    header(16, Int(family) + 1) + header(16, Int(family)),
                ] {
                    try send(bytes, to: links.descriptor, bus: NETLINK_GENERIC)
                    seen.append(try words(links))
                }
                return seen
            } catch { return ["\(error)"] }
        }
        #expect(seen == [String](repeating: "", count: 7) + ["links"])
    }

    @Test("a mount and an unmount are told of, once each", .enabled(if: Namespace.canBeHad, "takes mounts"))
    func mounts() {
        let path = scratch.path
        let seen = onThrowAwayThread {
            do {
                guard unshareAll() else { return ["no namespace"] }
                let loop = try EventLoop<String>()
                try loop.watch(MountEvents(paths: ["/proc/thread-self/mountinfo"]))
                var seen: [String] = []
                for isMounted in [false, true] {
                    if isMounted { umount2(path, 0) } else { mount("tmpfs", path, "tmpfs", 0, nil) }
                    seen += try loop.next().map(text)
                    // Were it still ready, the loop would answer before this message comes.
                    try watchSleep(tellingIn: loop.mailbox)
                    seen += try loop.next().map(text)
                }
                return seen
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["mounts", "asleep", "mounts", "asleep"])
    }

    @Test("where the table of the host may not be read, ours has to do")
    func otherTable() throws {
        #expect(throws: Never.self) { try MountEvents(paths: ["/proc/0/mountinfo", "/proc/self/mountinfo"]) }
        let error = #expect(throws: KernelError.self) { try MountEvents(paths: ["/proc/0/mountinfo"]) }
        #expect(error?.description == "open /proc/0/mountinfo (ENOENT)")
    }

    @Test("a disk that changes is named as in /sys/block", .enabled(if: Namespace.canBeHad, "takes root"))
    func disks() throws {
        let udev = try UdevEvents()
        let disk = try LoopDisk(in: scratch)
        var seen = Set(try wait(for: udev))
        #expect(seen.contains(.disk(disk.name)))
        disk.detach()
        seen = Set(try wait(for: udev))
        #expect(seen.contains(.disk(disk.name)))
        // Nothing but disks, links, modules and CPUs is told of; other tests make news of a CPU meanwhile.
        #expect(uevent("/sys/devices/virtual/mem/null", "change") && uevent("/sys/devices/virtual/tty/tty0", "change"))
        #expect(try udev.drain().allSatisfy { if case .disk = $0 { true } else { [.cpu, .links].contains($0) } })
    }

    @Test(
        "modules and disks are named as the kernel names them, partitions and all else are not",
        .enabled(if: Namespace.canBeHad, "takes a network"))
    func names() {
        let seen = onThrowAwayThread {
            do {
                guard unshareAll() else { return ["no namespace"] }
                let udev = try UdevEvents()
                for (path, subsystem, kind) in [
                    ("/module/mpt3sas", "module", ""), ("/devices/pci0/block/cciss!c0d0", "block", "disk"),
                    ("/devices/pci0/block/cciss!c0d0/cciss!c0d0p1", "block", "partition"),
                    ("/devices/virtual/net/eth0", "net", ""), ("/devices/system/cpu/cpu1", "cpu", ""),
                    ("/devices/pci0/block/cciss!c0d0", "block", "disk"),
                ] {
                    try sendUevent(
                        ["ACTION=add", "DEVPATH=\(path)", "SUBSYSTEM=\(subsystem)"]
                            + (kind.isEmpty ? [] : ["DEVTYPE=\(kind)", "MAJOR=104", "MINOR=0"]), path)
                }
                // Not what others do to loop disks meanwhile, which every network is told of.
                return try udev.drain().map { "\($0)" }.filter { !$0.contains("loop") }
            } catch { return ["\(error)"] }
        }
        #expect(seen.sorted() == ["cpu", "disk(\"cciss!c0d0\")", "links", "module(\"mpt3sas\")"])
    }

    @Test("a CPU that comes or goes is told of, whichever it is", .enabled(if: Namespace.canBeHad, "takes root"))
    func cpus() throws {
        let udev = try UdevEvents()
        // Real news of a CPU that is not taken away for it; one that comes is told of with another word.
        #expect(uevent("/sys/devices/system/cpu/cpu0", "change"))
        #expect(try wait(for: udev).contains(.cpu))
    }

    @Test("uevents that are none harm nobody", .enabled(if: Namespace.canBeHad, "takes a network"))
    func hostileUevents() {
        let seen = onThrowAwayThread {
            do {
                guard unshareAll() else { return ["no namespace"] }
                let udev = try UdevEvents()
                let hostile: [[String]] = [
                    [], [""], ["DEVPATH=/"], ["ACTION=add", "SUBSYSTEM=block", "DEVTYPE=disk"],
                    ["ACTION=add", "DEVPATH=", "SUBSYSTEM=block", "DEVTYPE=disk"],
                    ["ACTION=add", "DEVPATH=/../../etc", "SUBSYSTEM=block", "DEVTYPE=disk"],
                    ["ACTION=add", "DEVPATH=/a", "SUBSYSTEM=" + String(repeating: "x", count: 1500)],
                ]
                for lines in hostile { try sendUevent(lines, "/x") }
                try sendUevent(["ACTION=add", "DEVPATH=/module/after", "SUBSYSTEM=module"], "/module/after")
                var seen: [HostEvent] = []
                for _ in 0...hostile.count { seen += try udev.drain() }
                return seen.contains(.module("after")) ? ["heard"] : ["deaf"]
            } catch { return ["\(error)"] }
        }
        #expect(seen == ["heard"])
    }

    @Test("more uevents than the kernel keeps make everything stale", .enabled(if: Namespace.canBeHad, "takes root"))
    func ueventStorm() throws {
        let udev = try UdevEvents()
        var size: Int32 = 1
        setsockopt(udev.descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
        for _ in 0..<64 { #expect(uevent("/sys/block/loop0", "change")) }
        #expect(try wait(for: udev).contains(.everything))
        _ = try udev.drain()
        #expect(uevent("/sys/block/loop0", "change"))
        #expect(try wait(for: udev).contains(.disk("loop0")))
    }

    /// Uevents of a device come a little after what made them.
    private func wait(for source: some EventSource) throws -> [HostEvent] {
        var ready = pollfd(fd: source.descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&ready, 1, 5000) == 1)
        usleep(20_000)
        return try source.drain()
    }

    private func uevent(_ folder: String, _ action: String) -> Bool {
        (try? SystemFiles().write(action, to: "\(folder)/uevent")) != nil
    }
}

private func words(_ source: some EventSource) throws -> String {
    try source.drain().map { "\($0)" }.joined(separator: " ")
}

private func header(_ length: UInt32, _ type: Int) -> [UInt8] {
    let header = nlmsghdr(nlmsg_len: length, nlmsg_type: UInt16(type), nlmsg_flags: 0, nlmsg_seq: 0, nlmsg_pid: 0)
    return withUnsafeBytes(of: header) { Array($0) }
}

/// As root may: no other process of its own namespace can.
private func send(_ bytes: [UInt8], to receiver: Int32, bus: Int32 = NETLINK_ROUTE) throws {
    var address = sockaddr_nl()
    var size = socklen_t(MemoryLayout<sockaddr_nl>.size)
    let socket = socket(AF_NETLINK, 3 | O_CLOEXEC, bus)
    defer { close(socket) }
    let sent = withUnsafeMutablePointer(to: &address) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            getsockname(receiver, address, &size) == 0 ? sendto(socket, bytes, bytes.count, 0, address, size) : -1
        }
    }
    guard sent == bytes.count else { throw KernelError("send", "netlink", errno: Errno(rawValue: errno)) }
}

/// Lets the kernel tell the network of the calling thread of a device that is not there.
private func sendUevent(_ lines: [String], _ path: String) throws {
    let payload = Array((["add@\(path)"] + lines).map { "\($0)\0" }.joined().utf8)
    let size = MemoryLayout<nlmsghdr>.size + payload.count
    // Any type that netlink does not keep for itself.
    let header = nlmsghdr(
        nlmsg_len: UInt32(size), nlmsg_type: 16, nlmsg_flags: UInt16(NLM_F_REQUEST), nlmsg_seq: 0, nlmsg_pid: 0)
    let bytes = withUnsafeBytes(of: header) { Array($0) } + payload
    guard let socket = mnl_socket_open(NETLINK_KOBJECT_UEVENT) else { throw KernelError("socket", "uevents") }
    defer { mnl_socket_close(socket) }
    guard mnl_socket_sendto(socket, bytes, bytes.count) == bytes.count else {
        throw KernelError("send", "uevents", errno: Errno(rawValue: errno))
    }
}

/// A loop disk of a test's own, by its own number.
private final class LoopDisk {
    let name: String
    private var descriptor: Int32

    init(in scratch: Scratch) throws {
        let file = try scratch.file("disk", String(repeating: "\0", count: 1 << 20))
        let control = open("/dev/loop-control", O_RDWR | O_CLOEXEC)
        let backing = open(file, O_RDWR | O_CLOEXEC)
        defer {
            close(control)
            close(backing)
        }
        // Others take free ones too: try again.
        for _ in 0..<100 {
            let number = ioctl(control, LOOP_CTL_GET_FREE)
            let device = open("/dev/loop\(number)", O_RDWR | O_CLOEXEC)
            if ioctl(device, LOOP_SET_FD, backing) == 0 {
                (name, descriptor) = ("loop\(number)", device)
                return
            }
            close(device)
        }
        throw KernelError("attach", "/dev/loop", errno: .busy)
    }

    deinit { detach() }

    /// The kernel does it when the last who has it open closes it.
    func detach() {
        guard descriptor >= 0 else { return }
        _ = ioctl(descriptor, LOOP_CLR_FD)
        close(descriptor)
        descriptor = -1
    }
}

/// `linux/loop.h`
private let (LOOP_CTL_GET_FREE, LOOP_SET_FD, LOOP_CLR_FD): (UInt, UInt, UInt) = (0x4C82, 0x4C00, 0x4C01)
