/// Names in place of those that say whose node this is. The same name gets the same one again, so that what belongs
/// together still does.
struct Pseudonyms {
    enum Kind: String {
        case serial = "SERIAL"
        case wwid = "WWID"
        case uuid = "UUID"
        case address = "02:00:00:00"
        case host = "node"
        case place = "PLACE"
        case folder = "DIR"
        case source = "SOURCE"
        case volume = "VOLUME"
        case network = "net"

        /// Those that may stand in the middle of another text, and are unlikely to be a word of it.
        var isSought: Bool { [.serial, .wwid, .uuid, .address, .host].contains(self) }
    }

    /// By what they stand for.
    private(set) var given: [Kind: [String: String]] = [:]

    mutating func name(_ real: String, _ kind: Kind) -> String {
        let real = kind == .address ? real.lowercased() : real
        if let known = given[kind]?[real] { return known }
        let number = given[kind, default: [:]].count + 1
        let name: String
        switch kind {
        case .host: name = "node"
        case .network: name = "net\(number)"
        case .address:
            func pair(_ byte: Int) -> String { (byte < 16 ? "0" : "") + String(byte & 0xff, radix: 16) }
            name = "02:00:00:00:\(pair(number >> 8)):\(pair(number & 0xff))"
        default: name = "\(kind.rawValue)-\(number)"
        }
        given[kind, default: [:]][real] = name
        return name
    }

    /// Those of nobody stay: all zeros, and the broadcast.
    mutating func address(_ real: String) -> String {
        let digits = Set(real.lowercased()).subtracting([":"])
        return digits == ["0"] || digits == ["f"] ? real : name(real, .address)
    }
}
