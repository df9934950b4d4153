import Foundation
import Glibc
import Testing

extension WholeProgram {
    /// With an interval of an hour: what is seen at all is seen by its event.
    @Suite("What the kernel tells the daemon")
    struct DaemonEvents {
        let sandbox: Sandbox

        init() throws { sandbox = try Sandbox() }

        private func started(_ configuration: String) throws -> RunningDaemon {
            let daemon = try RunningDaemon(configuration, in: sandbox)
            try daemon.configure(configuration, interval: "1h")
            try daemon.start()
            return daemon
        }

        /// A loop disk by a number that nobody looks for, so that it can go and come back.
        private final class Plug {
            private let sandbox: Sandbox
            private let number = Int32.random(in: 1000...9999)
            var name: String { "loop\(number)" }

            init(_ sandbox: Sandbox) throws {
                self.sandbox = sandbox
                #expect(try sandbox.shell("truncate --size=16M /var/lib/disk").code == 0)
            }

            deinit {
                _ = try? pull()
                let control = open("/dev/loop-control", O_RDWR | O_CLOEXEC)
                // LOOP_CTL_REMOVE of linux/loop.h
                _ = ioctl(control, 0x4C81, number)
                close(control)
            }

            func plug() throws {
                let plugged = try sandbox.shell("losetup /dev/\(name) /var/lib/disk")
                #expect(plugged.code == 0, "\(plugged)")
            }

            func pull() throws -> Output { try sandbox.shell("losetup --detach /dev/\(name)") }
        }

        private func rule(of disk: String) -> String {
            "block: [{match: {name: \(disk)}, scheduler: mq-deadline, read_ahead_kb: 4096}]"
        }

        @Test("a disk that comes is tuned at once, also for the second time; one that goes leaves without an error")
        func disks() throws {
            let plug = try Plug(sandbox)
            let daemon = try started(rule(of: plug.name))
            let id = "block/\(plug.name)/scheduler"
            #expect(try daemon.report().settings.allSatisfy { $0.state == "pending" && $0.pendingOn == "device" })
            for round in 1...2 {
                try plug.plug()
                #expect(daemon.becomes("inSync", id), "round \(round): \(daemon.log)")
                #expect(try sandbox.queue(plug.name, "scheduler") == "mq-deadline")
                #expect(try sandbox.queue(plug.name, "read_ahead_kb") == "4096")
                #expect(try daemon.hostd("status").code == 0)
                #expect(try plug.pull().code == 0)
                #expect(daemon.becomes("pending", id), "round \(round): \(daemon.log)")
                #expect(try daemon.hostd("status").code == 0)
            }
            #expect(!daemon.log.contains("<3>"), "\(daemon.log)")
        }

        @Test("the keys of a link are set as soon as it is there, also under its new name, and go with it")
        func links() throws {
            let daemon = try started(
                "sysctl: {net.ipv4.conf.ais0.rp_filter: 2, net.ipv4.conf.ais1.rp_filter: 2}")
            let (first, second) = ("sysctl/net.ipv4.conf.ais0.rp_filter", "sysctl/net.ipv4.conf.ais1.rp_filter")
            let missing = try #require(daemon.state(first))
            #expect(missing != "inSync")
            #expect(try sandbox.shell("ip link add ais0 type veth peer name other").code == 0)
            #expect(daemon.becomes("inSync", first), "\(daemon.log)")
            #expect(try sandbox.sysctl("net.ipv4.conf.ais0.rp_filter") == "2")
            #expect(daemon.state(second) == missing)
            #expect(try sandbox.shell("ip link set ais0 name ais1").code == 0)
            #expect(daemon.becomes("inSync", second), "\(daemon.log)")
            #expect(daemon.becomes(missing, first))
            #expect(try sandbox.shell("ip link delete ais1").code == 0)
            #expect(daemon.becomes(missing, second))
            #expect(!daemon.log.contains("<3>"), "\(daemon.log)")
        }

        @Test("a disk on which /boot is mounted is no longer its rule's, until that ends")
        func mounts() throws {
            let disk = try sandbox.disk()
            // The daemon listens to the first process, whose mounts are not those of this world.
            let bound = try sandbox.shell("mount --bind /proc/\(sandbox.keeperID)/mountinfo /proc/1/mountinfo")
            #expect(bound.code == 0, "\(bound)")
            let daemon = try started(rule(of: disk))
            let id = "block/\(disk)/scheduler"
            #expect(daemon.becomes("inSync", id))
            #expect(try sandbox.shell("mkfs.ext4 -q /dev/\(disk) && mount /dev/\(disk) /boot").code == 0)
            #expect(
                try eventually { try daemon.report().settings.contains { $0.detail?.contains("holds /boot") == true } },
                "\(daemon.log)")
            #expect(daemon.state(id) == "pending")
            #expect(try sandbox.queue(disk, "scheduler") == "mq-deadline", "who mounts it changes nothing of it")
            #expect(try sandbox.shell("umount /boot").code == 0)
            #expect(daemon.becomes("inSync", id), "\(daemon.log)")
        }
    }
}
