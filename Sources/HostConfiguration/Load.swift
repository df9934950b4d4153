package import HostModel

/// Which files to read.
package enum ConfigurationSource: Hashable, Sendable {
    /// The administrator's `config.yaml`, then `config.d/*.yaml` in name order.
    case standard
    /// These, in this order; a relative path stays as it was typed.
    case files([String])
}

/// Where files are looked for.
package struct ConfigurationFolders: Hashable, Sendable {
    package var administrator: String
    package var shippedProfiles: String

    package init(
        administrator: String = "/etc/ais-hostd", shippedProfiles: String = "/usr/lib/ais-hostd/profiles"
    ) {
        self.administrator = administrator
        self.shippedProfiles = shippedProfiles
    }

    /// The first that holds a profile wins.
    fileprivate var profiles: [String] { ["\(administrator)/profiles", shippedProfiles] }
}

/// Reads all files of a configuration, the profiles that they name too. What is wrong in them is in `problems`; the
/// sections are there all the same, for their domains to read and to find fault with too. Not to be used after an
/// error.
package func loadConfiguration(
    _ source: ConfigurationSource, folders: ConfigurationFolders = ConfigurationFolders(), domains: [String],
    plannedDomains: [String], files: any ReadableFiles, problems: inout Problems
) -> Configuration {
    var loader = Loader(
        folders: folders, domains: DomainNames(built: domains, planned: plannedDomains), files: files,
        problems: problems)
    let configuration = loader.load(source)
    problems = loader.problems
    return configuration
}

private struct Loader {
    let folders: ConfigurationFolders
    let domains: DomainNames
    let files: any ReadableFiles
    var problems: Problems

    mutating func load(_ source: ConfigurationSource) -> Configuration {
        let documents =
            switch source {
            case .standard: standardDocuments()
            case .files(let paths): paths.compactMap { document($0, isProfile: false) }
            }
        let profiles = merged(documents.flatMap(\.profiles)).compactMap { profile($0) }
        return Configuration(layers: profiles + documents.map(\.layer))
    }

    private mutating func standardDocuments() -> [Document] {
        let (main, folder) = ("\(folders.administrator)/config.yaml", "\(folders.administrator)/config.d")
        let first = document(main, isProfile: false, mayBeMissing: true)
        let others = list(folder).filter { isConfiguration($0, in: folder) }
        if first == nil, others.isEmpty, !problems.hasErrors {
            problems.error(
                "no configuration: \(main) is not there, expected it or a .yaml file in \(folder)", at: nil)
        }
        return [first].compactMap(\.self)
            + others.compactMap { document("\(folder)/\($0)", isProfile: false) }
    }

    /// Editors leave `10-disks.yaml~` and `.#10-disks.yaml` beside a file.
    private mutating func isConfiguration(_ name: String, in folder: String) -> Bool {
        if name.hasSuffix(".yml") {
            problems.warn("\(folder)/\(name) is not read, expected a name that ends in .yaml", at: nil)
        }
        return name.hasSuffix(".yaml") && !name.hasPrefix(".")
    }
}

// MARK: - Profiles

extension Loader {
    /// Each profile once, at its first place. Named under several conditions, it counts where any of them holds.
    private func merged(_ wishes: [ProfileWish]) -> [ProfileWish] {
        var names: [String] = []
        var byName: [String: [ProfileWish]] = [:]
        for wish in wishes {
            if byName[wish.name] == nil { names.append(wish.name) }
            byName[wish.name, default: []].append(wish)
        }
        return names.compactMap { name in
            guard let all = byName[name], var wish = all.first else { return nil }
            let conditions = all.map(\.conditions)
            if conditions.contains([]) {
                wish.conditions = []
            } else if Set(conditions).count > 1 {
                wish.conditions = [.any(conditions.map(Condition.all))]
            }
            return wish
        }
    }

    private mutating func profile(_ wish: ProfileWish) -> Layer? {
        for folder in folders.profiles {
            let file = "\(folder)/\(wish.name).yaml"
            guard var layer = document(file, isProfile: true, mayBeMissing: true)?.layer else { continue }
            layer.conditions = wish.conditions + layer.conditions
            return layer
        }
        let places = folders.profiles.joined(separator: " or ")
        let installed = installedProfiles()
        let expected = installed.isEmpty ? "expected it in \(places)" : advice(for: wish.name, among: installed)
        problems.error("there is no profile \(wish.name), \(expected)", at: wish.origin, key: "profiles")
        return nil
    }

    private mutating func installedProfiles() -> [String] {
        var found: Set<String> = []
        for folder in folders.profiles {
            for name in list(folder) {
                let versions = (try? files.list("\(folder)/\(name)")) ?? []
                found.formUnion(versions.filter { $0.hasSuffix(".yaml") }.map { "\(name)/\($0.dropLast(5))" })
            }
        }
        return found.filter(isProfileName).sorted()
    }
}

// MARK: - Files

extension Loader {
    /// Nil where it is not there and need not be. What can't be read is a problem and an empty document, so that
    /// nothing else takes its place.
    private mutating func document(_ file: String, isProfile: Bool, mayBeMissing: Bool = false) -> Document? {
        let bytes: [UInt8]
        do {
            bytes = try files.read(file)
        } catch {
            if mayBeMissing, error.errno?.isAbsence == true { return nil }
            problems.error("\(error)", at: nil)
            return Document(unreadable: file, isProfile: isProfile)
        }
        return Document(bytes, file: file, isProfile: isProfile, domains: domains, problems: &problems)
    }

    /// The names in a folder, none where it is not there.
    private mutating func list(_ folder: String) -> [String] {
        do {
            return try files.list(folder)
        } catch {
            if error.errno?.isAbsence != true { problems.error("\(error)", at: nil) }
            return []
        }
    }
}
