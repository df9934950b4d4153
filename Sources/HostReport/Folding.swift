import HostModel

/// An entry of a listing before its name is known: one id, or several that differ only in the object.
struct Entry {
    var ids: [SettingID]
    /// What stands for the ids where that is not themselves.
    var label: String?
    /// How bad it is; larger comes first.
    var rank = 0
    /// Without the name.
    var row: Row
}

/// Entries for listing: three or more that say the same of several objects become one; worst first, then by name.
func folded(_ entries: [Entry]) -> [Entry] {
    var groups: [Sameness: [Entry]] = [:]
    for entry in entries { groups[Sameness(entry), default: []].append(entry) }
    return groups.flatMap { same, entries in
        entries.count < 3 ? entries : [Entry(ids: entries.flatMap(\.ids), rank: same.rank, row: same.row)]
    }.map { (key: Order($0), entry: $0) }.sorted { $0.key < $1.key }.map(\.entry)
}

/// The name of an entry: `block/sda/scheduler`, `block/{sda,sdb,sdc}/scheduler`, `block/{sda..sdx}/scheduler (24)`.
func name(_ entry: Entry) -> String {
    if let label = entry.label { return visible(label) }
    guard let first = entry.ids.first, entry.ids.count > 1 else {
        return visible(entry.ids.first?.description ?? "")
    }
    let objects = entry.ids.compactMap(\.object)
    let names = ranges(objects)
    let count = names.count < objects.count ? " (\(objects.count))" : ""
    return visible("\(first.domain)/{\(names.joined(separator: ","))}/\(first.attribute)") + count
}

/// What entries must have in common to become one.
private struct Sameness: Hashable {
    let domain: String
    let attribute: String
    let rank: Int
    let row: Row
    /// What has no object, or a name of its own already, is like nothing else.
    let alone: String?

    init(_ entry: Entry) {
        domain = entry.ids.first?.domain ?? ""
        attribute = entry.ids.first?.attribute ?? ""
        rank = entry.rank
        let object = entry.ids.first?.object
        var row = entry.row
        if entry.label == nil, let object {
            alone = nil
            row.beneath = row.beneath.map { replacing(object, in: $0) }
        } else {
            alone = entry.label ?? entry.ids.first?.description
        }
        self.row = row
    }
}

/// The text with a `*` for each mention of the object, so that `/sys/block/sda/queue` reads alike for all disks.
private func replacing(_ object: String, in text: String) -> String {
    var result = ""
    var word = ""
    for character in text + " " {
        if character.isLetter || character.isNumber || object.contains(character) {
            word.append(character)
            continue
        }
        result += word == object ? "*" : word
        result.append(character)
        word = ""
    }
    return String(result.dropLast())
}

private struct Order: Comparable {
    let rank: Int
    let domain: String
    let object: NaturalName
    let attribute: NaturalName
    /// Decides between entries of one name, so that the order is the same each time.
    let text: String

    init(_ entry: Entry) {
        rank = entry.rank
        domain = entry.ids.first?.domain ?? ""
        object = entry.ids.map { NaturalName($0.object ?? "") }.min() ?? NaturalName("")
        attribute = NaturalName(entry.ids.first?.attribute ?? "")
        text = entry.row.cells.joined(separator: " ")
    }

    static func < (left: Self, right: Self) -> Bool {
        if left.rank != right.rank { return left.rank > right.rank }
        return (left.domain, left.object, left.attribute, left.text)
            < (right.domain, right.object, right.attribute, right.text)
    }
}
