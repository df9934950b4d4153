/// As whom a listener answers. A web page elsewhere can have its own name resolved to this address (DNS rebinding), but
/// not make a browser send another `Host` than that name.
package struct HostNames: Hashable, Sendable {
    private let names: Set<String>
    private let port: Int

    /// All of loopback's names come with any of them.
    package init(_ names: [String], port: Int) {
        let loopback: Set = ["127.0.0.1", "::1", "localhost"]
        let given = Set(names.map { Self.plain($0) })
        self.names = given.isDisjoint(with: loopback) ? given : given.union(loopback)
        self.port = port
    }

    /// `NAME`, `NAME:PORT`, `[ADDRESS]:PORT`. No port means 80, as for every client.
    func contain(_ authority: String) -> Bool {
        var name = authority[...]
        var port = 80
        let end = name.hasPrefix("[") ? name.firstIndex(of: "]") ?? name.startIndex : name.startIndex
        if let colon = name[end...].lastIndex(of: ":") {
            let digits = name[name.index(after: colon)...]
            guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let number = Int(digits)
            else { return false }
            port = number
            name = name[..<colon]
        }
        return port == self.port && names.contains(Self.plain(String(name)))
    }

    private static func plain(_ name: String) -> String {
        var name = name.lowercased()[...]
        if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
        return String(name.hasSuffix(".") ? name.dropLast() : name)
    }
}
