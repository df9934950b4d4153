import ArgumentParser
import HostAPI
import HostConfiguration
import HostKernel
import HostModel
import HostReport
import HostTuning
import Synchronization

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "The daemon: applies at start, watches, answers on its socket. systemd starts it.",
        discussion: """
            SIGHUP reads the configuration again; a broken one leaves the last good one in force. SIGTERM stops; what was
            tuned stays tuned.

            Example:
              systemctl enable --now ais-hostd
            """)

    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var state: StateOptions
    @OptionGroup var socket: SocketOptions

    func run() throws {
        try reporting {
            // Before any thread starts, since each inherits it.
            EventLoop<Message>.blockSignals()
            let isStopping = StopFlag()
            let loop = try EventLoop<Message>()
            let mailbox = loop.mailbox
            var host = systemHost()
            host.worker = DeadlineWorker { mailbox.send(.answered($0)) }
            host.isAbandoned = { isStopping.isSet }
            let reconciler = Reconciler(host: host, source: files.source, stateFolder: state.stateDir)
            try needRoot(reconciler, to: "run the daemon")
            let lock = try reconciler.lock()
            defer { withExtendedLifetime(lock) {} }

            let board = Board()
            let listener = try openUnixListener(socket.path, group: "ais-hostd")
            if !listener.hasGroup {
                Journal().send(.notice, "there is no group ais-hostd: \(socket.path) is for root alone")
            }
            let server = HTTPServer(
                routes: Routes(board: board) { try? ProcessMetrics.now() }
            ) { mailbox.send(.command($0, $1)) }
            try server.listen(unix: listener.descriptor)
            watch(loop)

            let jobs = Inbox<Job>()
            try startThread(named: "reconciler") {
                reconcile(reconciler, board: board, jobs: jobs, mailbox: mailbox)
            }
            var supervisor = try Supervisor(loop, jobs: jobs) { isStopping.set() }
            try supervisor.run()
            try reconciler.host.files.remove(socket.path)
        }
    }

    /// What can't be listened to is found by the slow pass.
    private func watch(_ loop: EventLoop<Message>) {
        let folder = ConfigurationFolders().administrator
        func watch(_ source: () throws -> any EventSource) {
            do { try loop.watch(source()) } catch {
                Journal().send(.warning, "\(error): what it would tell is found by the slow pass only")
            }
        }
        watch { try LinkEvents.rtnetlink() }
        watch { try LinkEvents.ethtool() }
        watch { try UdevEvents() }
        watch { try MountEvents() }
        watch { try FolderEvents(folders: [folder, "\(folder)/config.d", "\(folder)/profiles"]) }
    }
}

/// Set once, read by many.
private final class StopFlag: Sendable {
    private let flag = Atomic(false)

    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}
