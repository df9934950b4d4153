import ArgumentParser
import HostKernel
import HostModel
import HostTuning

struct Capture: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture",
        abstract: "Writes down this node's hardware and knobs, without secrets, to be sent to who mends ais-hostd.",
        discussion: """
            Serials, addresses, host names, UUIDs and folders' names are replaced. As an ordinary user it captures what \
            it may read. The text is for reading: do that before you send it.

            Example:
              sudo ais-hostd capture --to node.txt
            """)

    @Option(
        help: ArgumentHelp("Write this file, which must not exist yet, instead of standard output.", valueName: "file"))
    var to: String?

    func run() throws {
        try reporting {
            var host = systemHost()
            // Nobody is at hand to interrupt where one disk of many hangs.
            host.worker = DeadlineWorker { _ in }
            var archive = HostTuning.capture(host)
            archive.remarks.insert("by ais-hostd \(AisHostd.version)", at: 0)
            guard let to else { return print(archive.text, terminator: "") }
            try SystemFiles().create(to, with: Array(archive.text.utf8))
            Terminal.writeError("ais-hostd: \(to): \(archive.entries.count) entries; read it before you send it\n")
        }
    }
}
