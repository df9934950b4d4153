import HostConfiguration
import HostModel

/// Which configuration is in force: the newest files, or the last good ones where those are broken.
extension Daemon {
    /// Puts the newest files into force, or says why not.
    mutating func load() {
        problems = Problems()
        let recording = RecordingFiles(reconciler.host.files)
        do throws(InvalidConfiguration) {
            let rules = try reconciler.load(from: recording, problems: &problems)
            try refuseLoss(in: recording.record)
            try review(rules)
            configuration.error = nil
            keep(rules, recording.record)
        } catch {
            problems = error.problems
            configuration.error = text(error)
            if rules == nil { recall() }
        }
    }

    /// The main file says what may be done to this host: what is left of a configuration without it means another thing.
    /// Where it was in force and is gone, its loss is a slip.
    private func refuseLoss(in new: ConfigurationRecord) throws(InvalidConfiguration) {
        let main = "\(reconciler.folders.administrator)/config.yaml"
        let last = record ?? (try? lastGood.load(from: reconciler.host.files))?.record
        guard reconciler.source == .standard, last?.files[main] != nil, new.files[main] == nil else { return }
        var problems = Problems()
        problems.error(
            "\(main) was in force and is gone, expected it; one that says only `apiVersion: ais-hostd/v1` asks for nothing",
            at: nil)
        throw InvalidConfiguration(problems)
    }

    /// Guard-rails need this host: what they refuse is as broken as what can't be read. A host that can't be looked at
    /// now is no fault of the files: the pass will say so.
    private func review(_ rules: Rules) throws(InvalidConfiguration) {
        var problems = Problems()
        let ledger = ledger ?? Ledger()
        guard let inventory = try? reconciler.inventory(for: rules, ledger, previous: inventory) else { return }
        _ = desire(rules, on: inventory, ledger: ledger, problems: &problems)
        if problems.hasErrors { throw InvalidConfiguration(problems) }
    }

    var secrets: Secrets { Secrets(files: reconciler.host.files) }

    private var lastGood: LastGoodFile { LastGoodFile(folder: reconciler.ledgerFile.folder) }

    private mutating func keep(_ rules: Rules, _ record: ConfigurationRecord) {
        let kept = try? lastGood.load(from: reconciler.host.files)
        if kept?.record != record {
            let contents = LastGoodFile.Contents(
                generation: max(kept?.generation ?? 0, configuration.generation) + 1, record: record)
            do {
                try lastGood.save(contents, to: reconciler.host.files)
            } catch {
                // It is in force all the same; only a start with broken files would not know it.
                problems.warn("\(error)", at: nil)
            }
            configuration.generation = contents.generation
        } else {
            configuration.generation = kept?.generation ?? 1
        }
        (self.rules, self.record) = (rules, record)
        configuration.files = rules.configuration.files
    }

    private mutating func recall() {
        do {
            guard let contents = try lastGood.load(from: reconciler.host.files) else { return }
            var problems = Problems()
            let rules = try reconciler.load(from: contents.record, problems: &problems)
            (self.rules, record) = (rules, contents.record)
            configuration.files = rules.configuration.files
            configuration.generation = contents.generation
        } catch {
            let text = "the last good configuration can't be used either: \(text(error))"
            problems.error(text, at: nil)
            configuration.error = [configuration.error, text].compactMap(\.self).joined(separator: "\n")
        }
    }
}
