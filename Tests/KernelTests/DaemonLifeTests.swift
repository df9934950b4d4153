import Foundation
import Testing

extension WholeProgram {
    @Suite("The daemon from start to stop")
    struct DaemonLife {
        let daemon: RunningDaemon

        init() throws { daemon = try RunningDaemon("sysctl: {net.core.somaxconn: 1234, net.ipv4.tcp_fin_timeout: 31}") }

        private var sandbox: Sandbox { daemon.sandbox }
        private func somaxconn() throws -> String { try sandbox.sysctl("net.core.somaxconn") }
        private func drift(to value: String = "77") throws { try sandbox.poke("/proc/sys/net/core/somaxconn", value) }

        @Test("it applies at start, and status tells it as a table, JSON and YAML")
        func start() throws {
            try daemon.start()
            #expect(try somaxconn() == "1234")
            let table = try daemon.hostd("status")
            #expect(table.code == 0 && table.out.contains("all 2 settings in sync"), "\(table)")
            let report = try PrintedReport(try daemon.hostd("status", "--output", "json"))
            #expect(report[RunningDaemon.id]?.original == "4096")
            #expect(report[RunningDaemon.id]?.source == "\(RunningDaemon.configuration):3")
            let yaml = try daemon.hostd("status", "--output", "yaml", "--only", "*somaxconn")
            #expect(yaml.code == 0 && yaml.out.contains("id: sysctl/net.core.somaxconn"), "\(yaml)")
            #expect(!yaml.out.contains("tcp_fin_timeout"))
            #expect(try daemon.hostd("status", "--quiet").out.isEmpty)
            #expect(try daemon.hostd("status", "--only", "nosuch").code == 1)
            #expect(daemon.logs("<6>watching 2 settings: 2 in sync\n"))
            let config = try daemon.ask("/v1/config")
            #expect(config.status == 200 && config.body.contains("\"source\" : \"\(RunningDaemon.configuration):3\""))
            let one = try daemon.ask("/v1/settings/\(RunningDaemon.id)")
            #expect(one.status == 200 && one.body.contains("\"observed\" : \"1234\""))
        }

        @Test("a drift behind its back is told by status, drift, metrics, events and the log, and in apply stays")
        func drifts() throws {
            try daemon.start()
            let events = try daemon.wire()
            events.ask("/v1/events")
            _ = events.read { $0.contains("id: ") }
            try drift()
            #expect(daemon.becomes("drifted"))
            let status = try daemon.hostd("status")
            #expect(status.code == 2 && status.out.contains("77 -> 1234"), "\(status)")
            let answer = try daemon.ask("/v1/drift")
            #expect(answer.body.contains("\"observed\" : \"77\"") && !answer.body.contains("tcp_fin_timeout"))
            #expect(try daemon.metric("ais_hostd_drifts_total{domain=\"sysctl\"}") == "1")
            #expect(
                try daemon.metric("ais_hostd_setting_state{id=\"\(RunningDaemon.id)\",state=\"drifted\"}") == "1")
            let told = events.read { $0.contains("\"to\":\"drifted\"}") }
            #expect(
                told.contains("event: state\n") && told.contains("data: {\"from\":\"inSync\",\"setting\":"), "\(told)")
            #expect(
                daemon.logs("<4>sysctl/net.core.somaxconn: inSync -> drifted: holds 77, wants 1234 (config.yaml:3)\n"))
            try daemon.look()
            #expect(try somaxconn() == "77", "apply does not write again")
            // By another hand.
            try drift(to: "1234")
            #expect(daemon.becomes("inSync"))
            #expect(try daemon.hostd("status").code == 0)
        }

        @Test("in enforce a drift is put back, until it is contested, which apply ends")
        func enforce() throws {
            try daemon.configure("mode: enforce\nsysctl: {net.core.somaxconn: 1234}")
            try daemon.start()
            for round in 1...2 {
                try drift()
                #expect(try eventually { try somaxconn() == "1234" }, "round \(round)")
                #expect(daemon.becomes("inSync"))
            }
            #expect(daemon.logs(": set to "))
            try drift()
            #expect(daemon.becomes("contested"))
            #expect(try somaxconn() == "77")
            let status = try daemon.hostd("status")
            #expect(status.code == 2 && status.out.contains("changed back 3 times within"), "\(status)")
            try daemon.look()
            #expect(try somaxconn() == "77")
            #expect(try daemon.hostd("apply").code == 0)
            #expect(try somaxconn() == "1234" && daemon.state() == "inSync")
        }

        @Test("SIGTERM ends it with 0: values stay, the socket goes, and a start that finds all well replaces no file")
        func restart() throws {
            let program = Layer.program ?? ""
            let absent = try daemon.hostd("status")
            #expect(
                absent.code == 4 && absent.err.contains("no daemon listens on \(RunningDaemon.socket)"), "\(absent)")
            try daemon.start()
            let files = try daemon.identities()
            #expect(files.count == 3)
            let stopped = try daemon.stop()
            #expect(stopped.code == 0, "\(stopped)")
            #expect(try somaxconn() == "1234")
            #expect(sandbox.names(in: "/run/ais-hostd").isEmpty)
            #expect(try daemon.hostd("status").code == 4)

            let log = "/var/lib/trace"
            try daemon.start(witness: ["strace", "-D", "-f", "-o", log, "-e", Trace.calls])
            try daemon.look()
            #expect(try daemon.stop().code == 0)
            let strange = Trace(try sandbox.read(log)).writes.filter { write in
                !["/run/ais-hostd", "\"api.sock", "\"lock\"", "(\"/var/lib/ais-hostd\"", "\"/dev/"].contains(
                    where: write.contains)
            }
            #expect(strange.isEmpty, "\(program): \(strange)")
            #expect(try daemon.identities() == files)
        }

        @Test("killed with -9 it is told to be gone, and its socket is taken over")
        func killed() throws {
            try daemon.start()
            try daemon.kill()
            let status = try daemon.hostd("status")
            #expect(
                status.code == 4 && status.err.contains("is gone") && status.err.contains("ECONNREFUSED"), "\(status)")
            try daemon.start()
            #expect(try daemon.hostd("status").code == 0)
        }

        @Test("changed files are told of, and SIGHUP loads them: a line that was dropped goes back")
        func reload() throws {
            try daemon.start()
            #expect(try daemon.inForce().generation == 1)
            try daemon.configure("sysctl: {net.ipv4.tcp_fin_timeout: 32}")
            #expect(try eventually { try daemon.inForce().changed })
            #expect(try somaxconn() == "1234" && sandbox.sysctl("net.ipv4.tcp_fin_timeout") == "31")
            #expect(try daemon.hostd("status").out.contains("changed"))
            daemon.signal(SIGHUP)
            #expect(try eventually { try daemon.inForce().generation == 2 })
            #expect(try somaxconn() == "4096" && sandbox.sysctl("net.ipv4.tcp_fin_timeout") == "32")
            #expect(daemon.becomes(nil))
            #expect(try !daemon.inForce().changed)
            #expect(!(try sandbox.read("/etc/sysctl.d/99-zz-ais-hostd.conf")).contains("somaxconn"))
        }

        @Test("what it writes because it was told to is no drift: a reload, a revert")
        func ownDoing() throws {
            try daemon.start()
            try daemon.configure("sysctl: {net.core.somaxconn: 1235, net.ipv4.tcp_fin_timeout: 31}")
            daemon.signal(SIGHUP)
            #expect(try eventually { try somaxconn() == "1235" })
            #expect(daemon.becomes("inSync"))
            #expect(try daemon.hostd("revert").code == 0)
            #expect(daemon.becomes("drifted"))
            #expect(try daemon.metric("ais_hostd_drifts_total{domain=\"sysctl\"}") == "0")
        }

        @Test("a broken reload leaves the last good configuration in force, over a restart too, and says so everywhere")
        func brokenReload() throws {
            try daemon.configure("mode: enforce\nsysctl: {net.core.somaxconn: 1234}")
            try daemon.start()
            try daemon.configure("mode: enforce\nsysctl: {net.core.somaxconn: 010}")
            daemon.signal(SIGHUP)
            let message =
                "\(RunningDaemon.configuration):4:30: sysctl.net.core.somaxconn: 010 would be read as octal 8 by the "
                + "kernel, expected a number"
            for isRestarted in [false, true] {
                if isRestarted {
                    #expect(try daemon.stop().code == 0)
                    try daemon.start()
                }
                #expect(try eventually { try daemon.inForce().error == message })
                let status = try daemon.hostd("status")
                #expect(
                    status.code == 1 && status.out.contains(message)
                        && status.out.contains("generation 1 stays in force"), "\(status)")
                #expect(try daemon.metric("ais_hostd_configuration_valid") == "0")
                #expect(daemon.logs("<3>\(message) (configuration refused, generation 1 stays in force)\n"))
                try drift()
                #expect(try eventually { try somaxconn() == "1234" }, "the last good one is enforced")
            }
            let apply = try daemon.hostd("apply")
            #expect(apply.code == 1 && apply.err == "\(message)\n" && apply.out.isEmpty, "\(apply)")
            try daemon.configure("sysctl: {net.core.somaxconn: 1235}")
            daemon.signal(SIGHUP)
            #expect(try eventually { try daemon.inForce().error == nil })
            #expect(try somaxconn() == "1235" && daemon.inForce().generation == 2)
            #expect(try daemon.metric("ais_hostd_configuration_valid") == "1")
        }

        @Test("without any configuration that ever was good it runs, writes nothing, and waits for one")
        func neverGood() throws {
            try daemon.configure("sysctl: {net.core.somaxconn: 010}")
            try daemon.start()
            #expect(try daemon.hostd("status").code == 1)
            #expect(try somaxconn() == "4096" && daemon.report().settings.isEmpty)
            try daemon.configure("sysctl: {net.core.somaxconn: 1234}")
            #expect(try daemon.hostd("apply").code == 0)
            #expect(try somaxconn() == "1234" && daemon.hostd("status").code == 0)
        }

        @Test("the file `disable` stops all writing at once, not only at the next slow pass, and lets go as soon")
        func disable() throws {
            // What is seen within a minute is seen by the event.
            try daemon.configure("mode: enforce\nsysctl: {net.core.somaxconn: 1234}", interval: "1h")
            try daemon.start()
            try sandbox.write("", to: "/etc/ais-hostd/disable")
            #expect(try eventually { try daemon.report()[RunningDaemon.id]?.mode == "observe" })
            try drift()
            let apply = try daemon.hostd("apply")
            #expect(apply.code == 2 && apply.out.contains("/etc/ais-hostd/disable exists"), "\(apply)")
            #expect(daemon.becomes("drifted"))
            let revert = try daemon.hostd("revert")
            #expect(revert.code == 1 && revert.err.contains("/etc/ais-hostd/disable exists"), "\(revert)")
            #expect(try somaxconn() == "77")
            #expect(try sandbox.shell("rm /etc/ais-hostd/disable").code == 0)
            #expect(try eventually { try somaxconn() == "1234" })
            #expect(daemon.becomes("inSync"))
        }

        @Test("revert holds, over reloads and restarts, until the next apply")
        func held() throws {
            try daemon.configure("mode: enforce\nsysctl: {net.core.somaxconn: 1234}")
            try daemon.start()
            let revert = try daemon.hostd("revert")
            #expect(revert.code == 0 && revert.out.contains("1 put back") && revert.out.contains("Held"), "\(revert)")
            // Nobody else did it.
            #expect(daemon.logs(": put back to ") && !daemon.log.contains("inSync -> drifted"))
            daemon.signal(SIGHUP)
            for isRestarted in [false, true] {
                if isRestarted {
                    try daemon.kill()
                    try daemon.start()
                }
                try daemon.look()
                let status = try daemon.hostd("status")
                #expect(status.code == 2 && status.out.contains("held: nothing is applied"), "\(status)")
                #expect(try daemon.metric("ais_hostd_held") == "1")
                #expect(try somaxconn() == "4096")
                #expect(!sandbox.exists("/etc/sysctl.d/99-zz-ais-hostd.conf"))
            }
            #expect(try daemon.hostd("apply").code == 0)
            #expect(try somaxconn() == "1234" && daemon.metric("ais_hostd_held") == "0")
            #expect(try daemon.hostd("status").code == 0)
        }
    }

    @Suite("Commands beside the daemon")
    struct DaemonCommands {
        let daemon: RunningDaemon

        init() throws { daemon = try RunningDaemon("sysctl: {net.core.somaxconn: 1234, net.ipv4.tcp_fin_timeout: 31}") }

        private var sandbox: Sandbox { daemon.sandbox }

        @Test("apply --config is refused while it runs, and a dry run of it is not")
        func otherFiles() throws {
            try daemon.start()
            let other = try sandbox.configuration("sysctl: {net.core.somaxconn: 99}")
            let refused = try daemon.hostd("apply", "--config", other)
            #expect(
                refused.code == 1
                    && refused.err.contains(
                        "the daemon runs and reads its own files: with it --config is for --dry-run")
            )
            let dry = try daemon.hostd("apply", "--dry-run", "--config", other)
            #expect(
                dry.code == 2 && dry.out.contains("1234 -> 99") && dry.out.contains("Dry run: nothing was written."))
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234")
        }

        @Test("apply and revert of some settings leave the others as they are")
        func only() throws {
            try daemon.start()
            try sandbox.poke("/proc/sys/net/core/somaxconn", "77")
            try sandbox.poke("/proc/sys/net/ipv4/tcp_fin_timeout", "33")
            let apply = try daemon.hostd("apply", "--only", "*somaxconn")
            #expect(
                apply.code == 0 && apply.out.contains("77 -> 1234") && !apply.out.contains("fin_timeout"), "\(apply)")
            #expect(try sandbox.sysctl("net.ipv4.tcp_fin_timeout") == "33")
            #expect(try daemon.hostd("apply").code == 0)
            let void = try daemon.hostd("apply", "--only", "nosuch")
            #expect(void.code == 64, "\(void)")
            let revert = try daemon.hostd("revert", "--only", "*fin_timeout")
            #expect(revert.code == 0, "\(revert)")
            #expect(try sandbox.sysctl("net.ipv4.tcp_fin_timeout") == "60")
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234")
        }

        @Test("with `observe` in the files apply says why it wrote nothing, and --mode apply overrules it once")
        func modes() throws {
            try daemon.configure("mode: observe\nsysctl: {net.core.somaxconn: 1234}")
            try daemon.start()
            let apply = try daemon.hostd("apply")
            #expect(apply.code == 2 && apply.out.contains("the mode is observe"), "\(apply)")
            #expect(try sandbox.sysctl("net.core.somaxconn") == "4096")
            #expect(try daemon.hostd("apply", "--mode", "apply").code == 0)
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234")
            try sandbox.poke("/proc/sys/net/core/somaxconn", "77")
            #expect(daemon.becomes("drifted"))
            try daemon.look()
            #expect(try sandbox.sysctl("net.core.somaxconn") == "77")
        }

        @Test("on a terminal each change is told while it is made")
        func progress() throws {
            try daemon.start()
            try sandbox.poke("/proc/sys/net/core/somaxconn", "77")
            let typescript = "/var/lib/typescript"
            let watched = try sandbox.run(
                ["script", "--quiet", "--return", "--command", "\(Layer.program ?? "") apply", typescript])
            #expect(watched.code == 0)
            #expect(try sandbox.read(typescript).contains("sysctl/net.core.somaxconn: done\r\n"))
        }

        @Test("two at once are done one after the other, and both are told")
        func together() throws {
            try daemon.start()
            let program = Layer.program ?? ""
            for round in 1...5 {
                try sandbox.poke("/proc/sys/net/core/somaxconn", "7\(round)")
                let both = try (1...2).map { _ in try sandbox.start([program, "apply"]) }.map { $0.wait() }
                #expect(both.allSatisfy { $0.code == 0 }, "\(both)")
                #expect(both.filter { $0.out.contains("7\(round) -> 1234") }.count == 1, "\(both)")
            }
        }

        @Test(
            "other users are told that they may not; the group may ask, and nobody but root may have anything done")
        func users() throws {
            try daemon.start()
            #expect(
                try sandbox.shell("stat -c '%a %U %g' \(RunningDaemon.socket)").out
                    == "660 root \(RunningDaemon.group)\n")
            let stranger = try daemon.hostd(inGroup: "65534", "status")
            #expect(stranger.code == 4 && stranger.err.contains("is for root and the group ais-hostd"), "\(stranger)")
            #expect(try daemon.hostd(inGroup: RunningDaemon.group, "status").code == 0)
            for verb in ["apply", "revert"] {
                for group in ["65534", RunningDaemon.group] {
                    let refused = try daemon.hostd(inGroup: group, verb)
                    #expect(refused.code == 1 && refused.err.contains("only root may \(verb)"), "\(refused)")
                }
            }
            #expect(try daemon.hostd(inGroup: RunningDaemon.group, "run").err.contains("only root may run the daemon"))
            for path in ["apply", "revert", "reload"] {
                let posted = try sandbox.run([
                    "setpriv", "--reuid=65534", "--regid=\(RunningDaemon.group)", "--clear-groups", "curl", "--silent",
                    "--include", "--max-time", "20", "--unix-socket", RunningDaemon.socket, "--request", "POST",
                    "http://localhost/v1/\(path)",
                ])
                #expect(posted.out.hasPrefix("HTTP/1.1 403"), "\(posted)")
            }
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234" && !daemon.inForce().held)
        }

        @Test("a second daemon is refused: by the lock, which says who holds it, or by the socket that is answered on")
        func second() throws {
            try daemon.start()
            let process = try #require(daemon.run?.processID)
            let locked = try daemon.hostd("run", "--socket", "/run/ais-hostd/other.sock")
            #expect(
                locked.code == 1
                    && locked.err.contains("lock /var/lib/ais-hostd: held by process \(process) (ais-hostd) (EAGAIN)"),
                "\(locked)")
            let answered = try daemon.hostd("run", "--state-dir", "/var/lib/other")
            #expect(
                answered.code == 1
                    && answered.err.contains("\(RunningDaemon.socket): another ais-hostd answers there (EADDRINUSE)"),
                "\(answered)")
            #expect(sandbox.names(in: "/run/ais-hostd") == ["api.sock"])
            #expect(try daemon.hostd("status").code == 0, "the first is not disturbed")
        }

        @Test("apply and revert while the daemon is still starting are refused by its lock")
        func starting() throws {
            // The lock is held by then, and nothing listens yet.
            try daemon.begin(witness: [
                "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=listen", "-e",
                "inject=listen:delay_enter=3000000",
            ])
            #expect(eventually { sandbox.exists("/run/ais-hostd/api.sock.new") })
            for verb in ["apply", "revert"] {
                let refused = try daemon.hostd(verb)
                #expect(
                    refused.code == 1 && refused.err.contains("held by process") && refused.err.contains("EAGAIN"),
                    "\(refused)")
            }
            #expect(try daemon.hostd("status").code == 4)
            #expect(eventually { daemon.isReady })
            #expect(try sandbox.sysctl("net.core.somaxconn") == "1234")
        }

        @Test("what another program asked to listen in the socket's place stays")
        func occupied() throws {
            try sandbox.write("precious", to: RunningDaemon.socket)
            let refused = try daemon.hostd("run")
            #expect(refused.code == 1 && refused.err.contains("something is there that is no socket"), "\(refused)")
            #expect(try sandbox.read(RunningDaemon.socket) == "precious")
        }

        @Test("explain beside it tells the same as without it")
        func explain() throws {
            try daemon.start()
            let told = try daemon.hostd("explain", "net.core.somaxconn")
            #expect(told.code == 0 && told.out.contains("\(RunningDaemon.configuration):3"), "\(told)")
        }
    }
}
