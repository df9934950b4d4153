import Foundation
import HostModel
import HostTestSupport
import HostTuning
import Testing

extension WholeProgram {
    @Suite("A capture of this kernel")
    struct Captures {
        let sandbox: Sandbox
        let disk: String
        /// Of four queues each way; a name of the kernel's scheme, so that it keeps it.
        let link = "veth0"

        init() throws {
            sandbox = try Sandbox()
            disk = try sandbox.disk()
            let made = try sandbox.shell(
                """
                ip link add \(link) numtxqueues 4 numrxqueues 4 type veth peer name veth1 && ip link set \(link) up
                ethtool -L \(link) rx 3
                """)
            guard made.code == 0 else { throw CannotRun(description: "\(made)") }
        }

        private func configuration() throws -> String {
            try sandbox.configuration(
                """
                mode: observe
                sysctl: {net.core.somaxconn: 4097, net.ipv4.tcp_rmem: [4096, 131072, 6291456], net.core.nosuch: 1}
                block: [{match: {name: \(disk)}, scheduler: none, read_ahead_kb: 4096, max_sectors_kb: max}]
                link: [{match: {name: \(link)}, mtu: 9000, rings: {rx: 512}, channels: {rx: 3, tx: 9, combined: 1}}]
                """)
        }

        @Test("a test that loads it gets the report that this host gives itself")
        func replays() throws {
            let file = try configuration()
            let live = try sandbox.report(by: file)
            let captured = try CapturedHost(try sandbox.hostd("capture").out)
            captured.kernel.set("/etc/ais-hostd/config.yaml", try sandbox.read(file))
            let pass = try Reconciler(host: captured.host, stateFolder: "/var/lib/ais-hostd").check()
            #expect(pass.errors == [])
            let replayed = Dictionary(
                uniqueKeysWithValues: pass.settings.map { ($0.setting.id.description, $0.outcome) })
            #expect(live.settings.count == 11)
            #expect(Set(replayed.keys) == Set(live.settings.map(\.id)))
            for setting in live.settings {
                let outcome = replayed[setting.id]
                #expect(outcome?.state.rawValue == setting.state, "\(setting)")
                #expect(outcome?.held?.description == setting.observed, "\(setting)")
            }
            #expect(live["link/\(link)/channels.rx"]?.observed == "3")
        }

        @Test("it opens nothing for writing, sends no request that sets, and needs no right to")
        func readsOnly() throws {
            let log = "/var/lib/trace"
            let calls = "\(Trace.calls),sendto,sendmsg,ioctl,setxattr,utimensat,kill,unshare,setns"
            // ethtool's ioctl is not shown by its command, but none that sets goes through without these.
            let output = try sandbox.run(
                ["strace", "-f", "-o", log, "-e", calls, "setpriv", "--bounding-set", "-net_admin,-sys_admin"]
                    + [Layer.program ?? "", "capture"])
            #expect(output.code == 0, "\(output)")
            let trace = try sandbox.read(log)
            let requests = trace.split(separator: "\n").map(String.init)
                .filter { $0.contains("nlmsg_type=") || $0.contains("ioctl(") }
            // The reading commands of EthtoolQuestion: linkmodes 4, linkstate 6, privflags 13, rings 15, channels 17,
            // coalesce 19, pause 21, fec 29 of linux/ethtool_netlink.h.
            let questions = ["04", "06", "0d", "0f", "11", "13", "15", "1d"].map { "}, \"\\x\($0)\\x01" }
            let reading =
                questions + [
                    "nlmsg_type=RTM_GETLINK,", "nlmsg_type=nlctrl,", "SIOCETHTOOL", "SIOCGIFNAME", "SIOCGIFINDEX",
                    "TCGETS",
                    "TIOCGWINSZ",
                ]
            #expect(requests.filter { request in !reading.contains(where: request.contains) } == [])
            #expect(requests.count { $0.contains("nlmsg_type=ethtool,") } > 8)
            #expect(requests.contains { $0.contains("SIOCETHTOOL") })
            #expect(!requests.contains { $0.contains("EPERM") })
            let others = Trace(trace).writes.filter { write in
                !["ioctl(", "sendto(", "sendmsg("].contains(where: write.hasPrefix)
            }
            #expect(others == [])
            // And all that root with every right is told of what is ours here is in it.
            #expect(try own(output) == own(sandbox.hostd("capture")))
        }

        private func own(_ output: Output) throws -> [String: CaptureArchive.Entry] {
            try CaptureArchive(parsing: output.out).entries.filter { path, _ in
                ["/links/", "/ethtool/", "/sys/devices/virtual/block/\(disk)/"].contains(where: path.hasPrefix)
            }
        }

        @Test("a file that does not answer is told of after ten seconds, and all else is there")
        func hangs() throws {
            // To open a FIFO takes somebody who writes into it.
            let made = try sandbox.shell("mkfifo /var/lib/fifo && mount --bind /var/lib/fifo /sys/block/\(disk)/size")
            #expect(made.code == 0, "\(made)")
            let output = try sandbox.hostd("capture")
            #expect(output.code == 0, "\(output)")
            let archive = try CaptureArchive(parsing: output.out)
            let folder = "/sys/devices/virtual/block/\(disk)"
            #expect(
                archive.remarks.filter { $0.contains("ETIMEDOUT") } == [
                    "could not be read: wait for \(folder) (ETIMEDOUT)"
                ])
            // What was read before it, it itself, what was to be read after it, what is another's.
            #expect(archive.entries["\(folder)/dev"] != nil)
            #expect(archive.entries["\(folder)/size"] == .unreadable(.timedOut))
            #expect(archive.entries["\(folder)/ro"] == .unreadable(.timedOut))
            #expect(archive.entries["/proc/sys/net/core/somaxconn"] != nil)
            #expect(output.out.contains("\nname \(link)\n"))
        }
    }
}
