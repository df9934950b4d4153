import Foundation
import Glibc
import Testing

extension WholeProgram {
    /// Of links that are the test's own: the network of a sandbox has none of the host's.
    @Suite("Links")
    struct Links {
        let sandbox: Sandbox

        init() throws {
            sandbox = try Sandbox()
            try sandbox.pair("ais0", "ais1")
        }

        // MARK: check, apply, revert

        @Test("a veth's MTU and channels are checked, shown, set and put back; rings it has not, and nothing flaps")
        func wholeLife() throws {
            let file = try sandbox.configuration(
                "link: [{match: {name: ais0}, mtu: 9000, channels: {rx: 2, tx: 3}, rings: {rx: 512}}]")
            let ids = ["link/ais0/channels.rx", "link/ais0/channels.tx", "link/ais0/mtu"]
            let first = try sandbox.report(by: file)
            #expect(
                first.states == [
                    ids[0]: "drifted", ids[1]: "drifted", ids[2]: "drifted", "link/ais0/rings.rx": "unsupported",
                ])
            #expect(first["link/ais0/rings.rx"]?.detail == "the driver of ais0 has no rings.rx")
            #expect(ids.map { first[$0]?.observed } == ["4", "4", "1500"])
            // Both ends of its wire are software's.
            #expect(first.settings.allSatisfy { $0.disruption == "none" })

            let dry = try sandbox.hostd("apply", "--dry-run", "--config", file)
            #expect(dry.code == 2 && dry.out.contains("Dry run: nothing was written."), "\(dry)")
            for id in ids {
                let line = dry.lines.first { $0.hasPrefix("\(id) ") }
                #expect(line?.contains(" none ") == true, "\(dry.out)")
            }
            #expect(try sandbox.mtu("ais0") == 1500 && sandbox.names(in: "/var/lib").isEmpty)

            let monitor = try sandbox.start(["ip", "-o", "monitor", "link"])
            #expect(try sandbox.isSeen("begun", by: monitor))
            let applied = try sandbox.hostd("apply", "--config", file)
            #expect(applied.code == 0 && applied.lines.count { $0.hasSuffix("done") } == 3, "\(applied)")
            #expect(try sandbox.mtu("ais0") == 9000 && sandbox.mtu("ais1") == 1500)
            #expect(try sandbox.channels("ais0") == ["RX": "2", "TX": "3"])
            #expect(try sandbox.channels("ais1") == ["RX": "4", "TX": "4"])
            // veth_set_channels takes the carrier away and gives it back before anybody can see that: it is counted only.
            #expect(try sandbox.isSeen("ended", by: monitor))
            kill(monitor.processID, SIGTERM)
            let told = monitor.printed.split(separator: "\n").filter { $0.contains(": ais") }
            #expect(told.contains { $0.contains(" mtu 9000 ") })
            #expect(told.filter { $0.contains("NO-CARRIER") || $0.contains("state DOWN") } == [])

            let tuned = try sandbox.report(by: file)
            #expect(ids.map { tuned[$0]?.state } == ["inSync", "inSync", "inSync"])
            #expect(ids.map { tuned[$0]?.original } == ["4", "4", "1500"])
            let required = try sandbox.configuration(
                "link: [{match: {name: ais0}, rings: {rx: {value: 512, required: true}}}]", name: "required.yaml")
            #expect(try sandbox.hostd("check", "--config", required).code == 2)

            let explained = try sandbox.hostd("explain", "link/ais0/mtu", "--config", file)
            #expect(explained.out.contains("kept over a reboot by  nobody: the daemon sets it at boot"), "\(explained)")
            let reverted = try sandbox.hostd("revert")
            #expect(reverted.code == 0, "\(reverted)")
            #expect(try sandbox.mtu("ais0") == 1500)
            #expect(try sandbox.channels("ais0") == ["RX": "4", "TX": "4"])
        }

        @Test(
            "an MTU beyond the driver's is not brought into bounds: the kernel's own words say why",
            .enabled(if: Sandbox.canMake("tuntap add x mode tap"), "no tap in this kernel"))
        func beyond() throws {
            try sandbox.ip("tuntap add tap0 mode tap")
            let file = try sandbox.configuration("link: [{match: {name: tap0}, mtu: 65530}]")
            let applied = try sandbox.hostd("apply", "--config", file, "--output", "json")
            let setting = try #require(try PrintedReport(applied)["link/tap0/mtu"])
            #expect(applied.code == 2 && setting.state == "failed" && setting.observed == "1500")
            #expect(
                setting.detail
                    == "set mtu of link tap0: wanted 65530, kernel holds 1500, mtu greater than device maximum (EINVAL)"
            )
            #expect(try sandbox.mtu("tap0") == 1500)
            let largest = try sandbox.configuration("link: [{match: {name: tap0}, mtu: max}]", name: "max.yaml")
            #expect(try sandbox.hostd("apply", "--config", largest).code == 0)
            #expect(try sandbox.mtu("tap0") == 65521)
        }

        @Test("more channels than there are is what there are, said with the bound, and written once")
        func channelBounds() throws {
            let file = try sandbox.configuration(
                "link: [{match: {name: ais0}, channels: {rx: 9, tx: max, combined: 2}}]")
            #expect(try sandbox.shell("ethtool -L ais0 rx 1 tx 1").code == 0)
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            #expect(try sandbox.channels("ais0") == ["RX": "4", "TX": "4"])
            let report = try sandbox.report(by: file)
            #expect(report["link/ais0/channels.rx"]?.state == "adjusted")
            #expect(report["link/ais0/channels.rx"]?.detail == "at most 4 here (the driver's maximum)")
            #expect(report["link/ais0/channels.tx"]?.state == "inSync")
            #expect(report["link/ais0/channels.combined"]?.state == "unsupported")
        }

        // MARK: Nothing is written

        @Test(
            "where nothing is to be written, nothing but reading is asked of the kernel",
            arguments: [
                ("apply", ["apply"]), ("apply", ["check"]), ("observe", ["apply"]), ("apply", ["apply", "--dry-run"]),
                ("apply", ["explain", "link/ais0/mtu"]),
            ])
        func equal(mode: String, command: [String]) throws {
            let file = try sandbox.configuration(
                "mode: \(mode)\nlink: [{match: {name: ais0}, mtu: 9000, channels: {rx: 2}, rings: {tx: 64}}]")
            let isSecond = mode == "apply" && command == ["apply"]
            if isSecond { #expect(try sandbox.hostd("apply", "--config", file).code == 0) }
            let before = [try sandbox.mtu("ais0"), try sandbox.carrierChanges("ais0")]
            let requests = try sandbox.requests(of: command + ["--config", file])
            #expect(requests.contains { $0.contains("RTM_GETLINK") } && requests.contains { $0.contains("ethtool") })
            #expect(requests.filter(Sandbox.isWrite) == [])
            #expect([try sandbox.mtu("ais0"), try sandbox.carrierChanges("ais0")] == before)
            #expect(try sandbox.channels("ais0")["RX"] == (isSecond ? "2" : "4"))
        }

        @Test("what is written is what differs, each once")
        func writes() throws {
            let file = try sandbox.configuration(
                "link: [{match: {name: ais0}, mtu: 9000, channels: {rx: 2, tx: 3}}, {match: {name: ais1}, mtu: 1500}]")
            let writes = try sandbox.requests(of: ["apply", "--config", file]).filter(Sandbox.isWrite)
            #expect(writes.count == 2, "\(writes)")
            #expect(writes.first?.contains("RTM_SETLINK") == true && writes.last?.contains("ethtool") == true)
        }

        // MARK: Names

        @Test("a name is a virtual link's identity: what is renamed is left alone, who takes its name is tuned")
        func renamed() throws {
            let file = try sandbox.configuration("link: [{match: {name: ais0}, mtu: 9000}]")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            try sandbox.rename("ais0", to: "other")
            let without = try sandbox.hostd("apply", "--config", file, "--output", "json")
            #expect(without.code == 0)
            #expect(try PrintedReport(without).settings.map(\.pendingOn) == ["device"])
            #expect(try sandbox.mtu("other") == 9000)
            try sandbox.rename("ais1", to: "ais0")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            #expect(try sandbox.mtu("ais0") == 9000)
            #expect(try sandbox.hostd("revert").code == 0)
            #expect(try sandbox.mtu("ais0") == 1500 && sandbox.mtu("other") == 9000)
        }

        @Test("a link that goes to another network leaves the report, and is tuned when it is back")
        func moved() throws {
            let file = try sandbox.configuration("link: [{match: {name: ais0}, mtu: 9000}]")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            try sandbox.ip("netns add elsewhere")
            try sandbox.ip("link set ais0 netns elsewhere")
            let away = try sandbox.hostd("check", "--config", file, "--output", "json")
            #expect(away.code == 0)
            let settings = try PrintedReport(away).settings
            #expect(settings.map(\.pendingOn) == ["device"] && settings.allSatisfy { $0.observed == nil })
            try sandbox.ip("-n elsewhere link set ais0 mtu 1400")
            try sandbox.ip("-n elsewhere link set ais0 netns \(sandbox.keeperID)")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            #expect(try sandbox.mtu("ais0") == 9000)
            #expect(try sandbox.report(by: file)["link/ais0/mtu"]?.original == "1500")
        }

        @Test("what belongs to containers and bridges is taken by its exact name, never by a pattern")
        func containers() throws {
            try sandbox.ip("link add cni0 type bridge")
            try sandbox.pair("cali0", "cali1")
            try sandbox.ip("link set cali0 master cni0")
            for match in ["name: \"*\"", "name: \"c*\"", "driver: veth", "driver: bridge"] {
                let file = try sandbox.configuration("link: [{match: {\(match)}, mtu: 1400}]")
                let report = try sandbox.report(by: file)
                #expect(report.settings.map(\.pendingOn) == ["device"], "\(match)")
                #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            }
            for name in ["cni0", "cali0", "ais0", "lo"] {
                #expect(try sandbox.mtu(name) == (name == "lo" ? 65536 : 1500))
            }
            let file = try sandbox.configuration("link: [{match: {name: cali0}, mtu: 1400}]")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            #expect(try ["cali0", "cali1"].map { try sandbox.mtu($0) } == [1400, 1500])
            #expect(try sandbox.hostd("revert").code == 0)
            let both = try sandbox.configuration("link: [{match: {name: \"c*\"}, include: [virtual], mtu: 1300}]")
            #expect(
                Set(try sandbox.report(by: both).settings.map(\.id)) == ["link/cni0/mtu", "link/cali1/mtu"],
                "the port takes `member` too")
        }

        // MARK: Links that ride on others

        @Test(
            "what rides on a link grows after it and shrinks before it, and goes back",
            .enabled(if: Sandbox.canMake("link add x link parent type macvlan"), "no macvlan in this kernel"))
        func rider() throws { try riding("type macvlan") }

        @Test(
            "so does a vlan",
            .enabled(if: Sandbox.canMake("link add x link parent type vlan id 5"), "no vlan in this kernel"))
        func vlan() throws { try riding("type vlan id 5") }

        private func riding(_ type: String) throws {
            // A name that is sorted before its parent's.
            try sandbox.ip("link add link ais0 name a-rider \(type)")
            for mtu in [9000, 1400, 2000] {
                let file = try sandbox.configuration("link: [{match: {name: [ais0, a-rider]}, mtu: \(mtu)}]")
                let applied = try sandbox.hostd("apply", "--config", file)
                #expect(applied.code == 0, "\(applied)")
                #expect(try ["ais0", "a-rider"].map { try sandbox.mtu($0) } == [mtu, mtu])
            }
            #expect(try sandbox.hostd("revert").code == 0)
            #expect(try ["ais0", "a-rider"].map { try sandbox.mtu($0) } == [1500, 1500])
        }

        @Test(
            "a bond hands its MTU to its ports, which are not taken themselves",
            .enabled(if: Sandbox.canMake("link add x type bond"), "no bond in this kernel"))
        func bond() throws {
            try sandbox.ip("link add bond0 type bond mode active-backup")
            try sandbox.ip("link set ais0 down")
            try sandbox.ip("link set ais0 master bond0")
            try sandbox.ip("link set bond0 up")
            let file = try sandbox.configuration("link: [{match: {driver: [bond, veth]}, mtu: 9000}]")
            let report = try sandbox.report(by: file)
            #expect(report.settings.map(\.id) == ["link/bond0/mtu"])
            #expect(report.settings.map(\.disruption) == ["link-flap"])
            #expect(try sandbox.hostd("apply", "--config", file, "--allow", "link-flap").code == 0)
            #expect(try ["bond0", "ais0"].map { try sandbox.mtu($0) } == [9000, 9000])
        }

        // MARK: The same as others say

        @Test("of a thousand links all are there, and each is as ip(8) and ethtool(8) say")
        func thousand() throws {
            struct Printed: Decodable {
                let ifname: String
                let mtu: Int
            }
            let lines = (0..<500).map {
                "link add many\($0) mtu \(1280 + $0) type veth peer name peer\($0) mtu \(9000 - $0)"
            }
            try sandbox.write(lines.joined(separator: "\n"), to: "/var/lib/batch")
            try sandbox.ip("-batch /var/lib/batch")
            for name in ["many0", "peer499"] { #expect(try sandbox.shell("ethtool -l \(name)").code == 0) }
            let file = try sandbox.configuration(
                "link: [{match: {name: [\"many*\", \"peer*\"]}, include: [virtual], mtu: 1500, channels: {rx: 1}}]")
            let begun = Date()
            let report = try sandbox.report(by: file)
            #expect(Date().timeIntervalSince(begun) < 10)
            #expect(report.settings.count == 2000)
            let printed: [Printed] = try decoded(try sandbox.shell("ip -j link show"))
            #expect(printed.count == 1003)
            for link in printed where link.ifname != "lo" && !link.ifname.hasPrefix("ais") {
                #expect(report["link/\(link.ifname)/mtu"]?.observed == "\(link.mtu)")
            }
            for name in ["many7", "peer7"] {
                #expect(report["link/\(name)/channels.rx"]?.observed == (try sandbox.channels(name)["RX"]))
            }
            let applied = try sandbox.hostd("apply", "--config", file, "--quiet")
            #expect(applied.code == 0, "\(applied.err)")
            let after: [Printed] = try decoded(try sandbox.shell("ip -j link show"))
            #expect(after.count { $0.mtu == 1500 } == 1002)
        }

        // MARK: The daemon

        /// With an interval of an hour: what is seen at all is seen by its event.
        private func started(_ rules: String, mode: String = "apply") throws -> RunningDaemon {
            let text = "mode: \(mode)\nlink: [\(rules)]"
            let daemon = try RunningDaemon(text, in: sandbox)
            try daemon.configure(text, interval: "1h")
            try daemon.start()
            return daemon
        }

        @Test("a link that appears is tuned at once, also for the second time, and leaves without an error")
        func appears() throws {
            let daemon = try started("{match: {name: plug0}, mtu: 9000, channels: {rx: 2}}")
            let ids = ["link/plug0/mtu", "link/plug0/channels.rx"]
            #expect(try daemon.report().settings.allSatisfy { $0.state == "pending" && $0.pendingOn == "device" })
            for round in 1...2 {
                try sandbox.pair("plug0", "plug1")
                for id in ids { #expect(daemon.becomes("inSync", id), "round \(round): \(daemon.log)") }
                #expect(try sandbox.mtu("plug0") == 9000)
                #expect(try sandbox.channels("plug0")["RX"] == "2")
                try sandbox.ip("link delete plug0")
                for id in ids { #expect(daemon.becomes("pending", id), "round \(round): \(daemon.log)") }
                #expect(try daemon.hostd("status").code == 0)
            }
            // It is not there yet when it is told of: the kernel tells before udev has renamed it, too.
            try sandbox.pair("early", "plug1")
            try sandbox.rename("early", to: "plug0")
            #expect(daemon.becomes("inSync", ids[0]), "\(daemon.log)")
            #expect(!daemon.log.contains("<3>"), "\(daemon.log)")
        }

        @Test(
            "drift is seen at once, and with enforce put right, whatever hand it was", arguments: ["apply", "enforce"])
        func drifts(mode: String) throws {
            let daemon = try started("{match: {name: ais0}, mtu: 9000, channels: {rx: 2}}", mode: mode)
            let ids = ["link/ais0/mtu", "link/ais0/channels.rx"]
            for id in ids { #expect(daemon.becomes("inSync", id), "\(daemon.log)") }
            try sandbox.ip("link set ais0 mtu 1400")
            #expect(try sandbox.shell("ethtool -L ais0 rx 3").code == 0)
            if mode == "apply" {
                for id in ids { #expect(daemon.becomes("drifted", id), "\(daemon.log)") }
                #expect(try sandbox.mtu("ais0") == 1400)
                #expect(try sandbox.channels("ais0")["RX"] == "3")
                #expect(try daemon.hostd("status").code == 2)
                #expect(try daemon.hostd("apply").code == 0)
            }
            #expect(
                try eventually { try sandbox.mtu("ais0") == 9000 && sandbox.channels("ais0")["RX"] == "2" },
                "\(daemon.log)")
            for id in ids { #expect(daemon.becomes("inSync", id), "\(daemon.log)") }
            #expect(!daemon.log.contains("<3>"), "\(daemon.log)")
        }

        @Test("a daemon that observes sees links come and drift, and asks the kernel for nothing but what is there")
        func observes() throws {
            let daemon = try RunningDaemon("", in: sandbox)
            try daemon.configure(
                "mode: observe\nlink: [{match: {name: [ais0, plug0]}, mtu: 9000, channels: {rx: 2}}]", interval: "1h")
            try daemon.start(witness: Sandbox.witness + ["-D"])
            try sandbox.pair("plug0", "plug1")
            #expect(daemon.becomes("drifted", "link/plug0/mtu"), "\(daemon.log)")
            try sandbox.ip("link set ais0 mtu 9000")
            #expect(daemon.becomes("inSync", "link/ais0/mtu"), "\(daemon.log)")
            _ = try daemon.hostd("apply")
            #expect(try daemon.stop().code == 0)
            let requests = try sandbox.requests()
            #expect(requests.count { $0.contains("RTM_GETLINK") } > 2)
            #expect(requests.filter(Sandbox.isWrite) == [])
        }

        // MARK: The files of who sets a link up

        /// As systemd-networkd leaves it while it has this link.
        private func networkd(_ name: String) throws {
            let index = try sandbox.read("/sys/class/net/\(name)/ifindex").trimmingCharacters(
                in: .whitespacesAndNewlines)
            let network = try sandbox.write(
                "[Match]\nName=\(name)\n", to: "/etc/systemd/network/20-\(name).network")
            try sandbox.write(
                "ADMIN_STATE=configured\nNETWORK_FILE=\(network)\n", to: "/run/systemd/netif/links/\(index)")
        }

        private func dropIn(_ name: String) -> String {
            "/etc/systemd/network/20-\(name).network.d/99-zz-ais-hostd.conf"
        }

        @Test("an MTU is kept in a drop-in of who sets the link up, goes with revert, and `--only` leaves the others'")
        func persisted() throws {
            for name in ["ais0", "ais1"] { try networkd(name) }
            let file = try sandbox.configuration("link: [{match: {name: [ais0, ais1]}, mtu: 9000}]")
            let explained = try sandbox.hostd("explain", "link/ais0/mtu", "--config", file)
            let keeper = "kept over a reboot by  systemd-networkd (/etc/systemd/network/20-ais0.network:1)"
            #expect(explained.out.contains(keeper), "\(explained)")
            #expect(!sandbox.exists(dropIn("ais0")), "explain only looks")
            #expect(try sandbox.hostd("apply", "--config", file).code == 0)
            for name in ["ais0", "ais1"] { #expect(try sandbox.read(dropIn(name)).contains("[Link]\nMTUBytes=9000\n")) }

            let lower = try sandbox.configuration(
                "link: [{match: {name: [ais0, ais1]}, mtu: 4000}]", name: "lower.yaml")
            #expect(try sandbox.hostd("apply", "--config", lower, "--only", "link/ais0/*").code == 0)
            #expect(try ["ais0", "ais1"].map { try sandbox.mtu($0) } == [4000, 9000])
            #expect(try sandbox.read(dropIn("ais0")).contains("MTUBytes=4000\n"))
            #expect(try sandbox.read(dropIn("ais1")).contains("MTUBytes=9000\n"))

            // What the owner reads after ours wins at boot: that is told where it stands.
            let later = try sandbox.write(
                "[Link]\nMTUBytes=1300\n", to: "/etc/systemd/network/20-ais1.network.d/99-zzz.conf")
            let warned = try sandbox.hostd("apply", "--config", file)
            #expect(warned.code == 0 && warned.err.contains("\(later):2"), "\(warned)")

            #expect(try sandbox.hostd("revert").code == 0)
            for name in ["ais0", "ais1"] { #expect(!sandbox.exists(dropIn(name)), "\(name)") }
            #expect(sandbox.exists(later) && sandbox.exists("/etc/systemd/network/20-ais0.network"))
            #expect(try ["ais0", "ais1"].map { try sandbox.mtu($0) } == [1500, 1500])
        }

        @Test("one whose line is dropped leaves the file too, and the daemon writes and drops it as a command does")
        func persistedByDaemon() throws {
            for name in ["ais0", "ais1"] { try networkd(name) }
            let daemon = try started("{match: {name: [ais0, ais1]}, mtu: 9000}")
            for name in ["ais0", "ais1"] { #expect(sandbox.exists(dropIn(name)), "\(daemon.log)") }
            try daemon.configure("link: [{match: {name: ais0}, mtu: 9000}]", interval: "1h")
            #expect(try daemon.hostd("apply").code == 0)
            #expect(sandbox.exists(dropIn("ais0")) && !sandbox.exists(dropIn("ais1")))
            #expect(try ["ais0", "ais1"].map { try sandbox.mtu($0) } == [9000, 1500])
            #expect(try daemon.hostd("revert").code == 0)
            #expect(!sandbox.exists(dropIn("ais0")))
            #expect(try sandbox.mtu("ais0") == 1500)
        }
    }
}

extension Sandbox {
    fileprivate func ip(_ command: String) throws {
        let output = try shell("ip \(command)")
        guard output.code == 0 else { throw CannotRun(description: "ip \(command): \(output.err)") }
    }

    /// A veth of four queues each way and its other end, both up.
    fileprivate func pair(_ name: String, _ peer: String) throws {
        let queues = "numtxqueues 4 numrxqueues 4"
        try ip("link add \(name) \(queues) type veth peer name \(peer) \(queues)")
        for end in [name, peer] { try ip("link set \(end) up") }
    }

    /// Older kernels rename only what is down.
    fileprivate func rename(_ name: String, to new: String) throws {
        try ip("link set \(name) down")
        try ip("link set \(name) name \(new)")
        try ip("link set \(new) up")
    }

    fileprivate func mtu(_ name: String) throws -> Int { try number(name, "mtu") }
    fileprivate func carrierChanges(_ name: String) throws -> Int { try number(name, "carrier_changes") }

    private func number(_ name: String, _ attribute: String) throws -> Int {
        Int(try read("/sys/class/net/\(name)/\(attribute)").trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
    }

    /// What `ethtool -l` says is set: `RX`, `TX`.
    fileprivate func channels(_ name: String) throws -> [String: String] {
        let current = try shell("ethtool -l \(name)").lines.drop { !$0.hasPrefix("Current") }
        let pairs = current.map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
        return Dictionary(
            pairs.filter { $0.count == 2 && ["RX:", "TX:"].contains($0[0]) }.map { (String($0[0].dropLast()), $0[1]) },
            uniquingKeysWith: { $1 })
    }

    /// Whether what happens now is told of by `ip monitor`, which may not listen yet.
    fileprivate func isSeen(_ mark: String, by monitor: Child) throws -> Bool {
        try eventually {
            try ip("link add \(mark) type bridge")
            try ip("link delete \(mark)")
            return monitor.printed.contains(mark)
        }
    }

    /// Whether this kernel has such links: some are modules.
    fileprivate static func canMake(_ command: String) -> Bool {
        guard Layer.canRun, let sandbox = try? Sandbox() else { return false }
        return (try? sandbox.pair("parent", "peer")) != nil && (try? sandbox.ip(command)) != nil
    }

    // MARK: What is asked of the kernel

    private static let log = "/var/lib/trace"
    fileprivate static let witness = ["strace", "-f", "-o", log, "-e", "trace=sendto,sendmsg,ioctl"]

    /// Every request that the program sends by netlink, and every ioctl.
    fileprivate func requests(of command: [String]) throws -> [String] {
        let output = try run(Self.witness + [Layer.program ?? ""] + command)
        guard [0, 2].contains(output.code) else { throw CannotRun(description: "\(output)") }
        return try requests()
    }

    fileprivate func requests() throws -> [String] {
        try read(Self.log).split(separator: "\n").map(String.init).filter {
            $0.contains("nlmsg_type=") || $0.contains("ioctl(")
        }
    }

    /// All but what is known to read: links, the number of ethtool's family, ETHTOOL_MSG_RINGS_GET (15) and
    /// ETHTOOL_MSG_CHANNELS_GET (17) of linux/ethtool_netlink.h, names and terminals.
    fileprivate static func isWrite(_ request: String) -> Bool {
        ![
            "nlmsg_type=RTM_GETLINK,", "nlmsg_type=nlctrl,", "}, \"\\x0f\\x01", "}, \"\\x11\\x01", "SIOCGIFNAME",
            "TCGETS",
            "TIOCGWINSZ",
        ].contains(where: request.contains)
    }
}
