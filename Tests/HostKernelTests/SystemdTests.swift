import CLinux
import Glibc
import HostKernel
import HostModel
import Testing

/// Each of these is a process of its own in real life: what they change of the environment is everybody's, so that they
/// run one after the other.
@Suite(.serialized) struct SystemdTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test("without a manager nothing is told and nothing asked")
    func alone() throws {
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS"] { unsetenv(name) }
        #expect(try Systemd.notify("READY=1") == false)
        #expect(try Systemd.watchdogInterval() == nil)
        #expect(try Systemd.listeningSockets().isEmpty)
    }

    @Test("the manager hears the state as it is, and when a reload has begun")
    func notifies() throws {
        let manager = datagramSocket(at: "\(scratch.path)/notify")
        defer { close(manager) }
        setenv("NOTIFY_SOCKET", "\(scratch.path)/notify", 1)
        defer { unsetenv("NOTIFY_SOCKET") }
        #expect(try Systemd.notify("READY=1\nSTATUS=211 of 214 in sync") == true)
        #expect(received(by: manager) == Array("READY=1\nSTATUS=211 of 214 in sync".utf8))
        let before = monotonicNow()
        try Systemd.notify(Systemd.reloading)
        let lines = String(decoding: received(by: manager), as: UTF8.self).split(separator: "\n")
        #expect(lines.first == "RELOADING=1")
        let time = lines.last?.split(separator: "=").last.flatMap { Int64($0) }.map { Duration.microseconds($0) }
        #expect(time.map { $0 >= before - .microseconds(1) && $0 <= monotonicNow() } == true)
    }

    @Test("a manager that is gone is an error, not silence")
    func goneManager() throws {
        setenv("NOTIFY_SOCKET", "\(scratch.path)/none", 1)
        defer { unsetenv("NOTIFY_SOCKET") }
        let error = #expect(throws: KernelError.self) { try Systemd.notify("READY=1") }
        #expect(error?.description == "notify systemd (ENOENT)")
    }

    @Test("the watchdog's interval is for the process that it names")
    func watchdog() throws {
        setenv("WATCHDOG_USEC", "30000000", 1)
        setenv("WATCHDOG_PID", "\(getpid())", 1)
        defer { for name in ["WATCHDOG_USEC", "WATCHDOG_PID"] { unsetenv(name) } }
        #expect(try Systemd.watchdogInterval() == .seconds(30))
        setenv("WATCHDOG_PID", "1", 1)
        #expect(try Systemd.watchdogInterval() == nil)
    }

    @Test(
        "a record of the journal is what was sent, and nothing in it makes another field",
        .enabled(
            if: Namespace.canBeHad, "a journal of our own takes mounts"))
    func journal() throws {
        let seen = onThrowAwayThread {
            // The path is the library's own, so that the folder is ours here.
            guard clinux_unshare_mounts() == 0, mount("tmpfs", "/run", "tmpfs", 0, nil) == 0,
                (try? SystemFiles().createFolder("/run/systemd/journal", permissions: 0o755)) != nil
            else { return ["no mounts"] }
            let socket = datagramSocket(at: "/run/systemd/journal/socket")
            defer { close(socket) }
            Journal().send(
                .warning, "sda\n\u{1b}[31mMESSAGE=forged\u{85}é\t\u{2028}",
                fields: [
                    "AIS_TARGET": "sda\nPRIORITY=0\n", "AIS_SETTING": "block/sda/nr_requests", "AIS=X\nY": "z",
                ])
            // The library adds the name of the program.
            return fields(received(by: socket)).filter { !$0.hasPrefix("SYSLOG_IDENTIFIER ") }.sorted()
        }
        #expect(
            seen == [
                "AIS_SETTING block/sda/nr_requests", "AIS_TARGET sda\nPRIORITY=0\n", "AIS_X_Y z",
                "MESSAGE sda\\n\\x1b[31mMESSAGE=forged\\x85é\\t\\u{2028}", "PRIORITY 4",
            ])
    }

    @Test(
        "without a journal a line goes to standard error, and only there",
        .enabled(
            if: Namespace.canBeHad, "no journal takes mounts"))
    func standardError() throws {
        let file = try scratch.file("stderr", "")
        let seen = onThrowAwayThread {
            guard clinux_unshare_mounts() == 0, mount("tmpfs", "/run", "tmpfs", 0, nil) == 0 else {
                return ["no mounts"]
            }
            // The tests' own standard error is everybody's: for a moment it is this file.
            let (kept, own) = (dup(STDERR_FILENO), open(file, O_WRONLY | O_APPEND | O_CLOEXEC))
            dup2(own, STDERR_FILENO)
            Journal().send(.error, "two\nlines", fields: ["AIS_TARGET": "sda"])
            dup2(kept, STDERR_FILENO)
            close(kept)
            close(own)
            return (try? SystemFiles().read(file)).map { [String(decoding: $0, as: UTF8.self)] } ?? []
        }
        #expect(seen.first?.contains("<3>two\\nlines\n") == true)
    }

    @Test("what the process takes of its host agrees with the kernel's own figures")
    func facts() throws {
        let facts = try ProcessMetrics.now()
        let status = String(decoding: try SystemFiles().read("/proc/self/status"), as: UTF8.self)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let resident = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        #expect(abs(facts.residentBytes / 1024 - resident) < resident / 2)
        #expect(facts.virtualBytes > facts.residentBytes)
        #expect(facts.cpuSeconds > 0 && facts.cpuSeconds < 3600)
        #expect(facts.openDescriptors > 2 && facts.openDescriptors < facts.maxDescriptors)
        // It started after its folder in /proc was of no process, and not in the future.
        #expect(facts.startTime > 1_700_000_000 && facts.startTime < Double(time(nil)) + 2)
        #expect(Double(time(nil)) - facts.startTime < 3600)
    }
}

private func datagramSocket(at path: String) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let socket = socket(AF_UNIX, 2 | O_CLOEXEC, 0)
    let result = withUnsafePointer(to: &address) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    return result == 0 ? socket : -1
}

private func received(by socket: Int32) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = recv(socket, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    return Array(bytes.prefix(max(0, count)))
}

/// The journal's native format: `NAME=value\n`, or `NAME\n`, eight bytes of length, the value and `\n`.
private func fields(_ record: [UInt8]) -> [String] {
    var rest = record[...]
    var fields: [String] = []
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        let head = rest[..<end]
        rest = rest[(end + 1)...]
        if let equals = head.firstIndex(of: UInt8(ascii: "=")) {
            fields.append(
                String(decoding: head[..<equals], as: UTF8.self) + " "
                    + String(decoding: head[(equals + 1)...], as: UTF8.self))
        } else {
            let length = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(8)
            fields.append(
                String(decoding: head, as: UTF8.self) + " " + String(decoding: rest.prefix(length), as: UTF8.self))
            rest = rest.dropFirst(length + 1)
        }
    }
    return fields
}
