import HostConfiguration
import HostModel
import Testing

/// SplitMix64: the same mutations in every run.
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

struct FuzzTests {
    private static let documents = [
        """
        apiVersion: ais-hostd/v1
        profiles: [a/v1, b/v12]
        mode: {default: apply, block: observe}
        allow: [io-stall, link-flap]
        interval: 60s
        when: {memory: ">= 64 GiB", kernel: ">= 5.10", hostname: ["cpu*", 'g[!a-c]?'], model: "x\\u00e9\\t"}
        sysctl: &s
          net.core.somaxconn: 65535   # a number
          net.ipv4.tcp_rmem: [4096, 262144, 134217728]
        block:
          - match: {name: "sd*", rotational: true}
            scheduler: |
              mq-deadline
            nr: *s
          - ? key
            : >-
              folded
        """,
        "apiVersion: \"ais-hostd/v1\"\r\nblock:\r\n- &a [1, -2]\r\n- *a\r\n- {x: *a, y: ~}\r\nmode: 'observe'\r\n",
    ].map { Array($0.utf8) }

    private static let pieces = [
        "\n", "\r\n", "\t", " ", "  ", "[", "]", "{", "}", ":", ": ", "- ", "? ", "&a ", "*a", "*s", "!!int ", "!x ",
        "|",
        ">", "'", "\"", "\\", "#", "%YAML 1.1\n", "---\n", "...\n", "<<: *s\n", "\0", "\u{FEFF}", "\u{85}", "ü", "0",
        "\\x00", "\\uD800", "@", "`", ",",
    ].map { Array($0.utf8) }

    @Test("no bytes make the reader stop, and every problem has a place in the file", arguments: 0..<4)
    func mutations(_ seed: Int) {
        var generator = Generator(state: UInt64(seed))
        for _ in 0..<1500 {
            var bytes = Self.documents[Int.random(in: 0..<Self.documents.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...6, using: &generator) { mutate(&bytes, &generator) }
            let places = problemPlaces(bytes)
            let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
            for place in places {
                // The end of the file is a place too: one column after the last.
                let isInside =
                    (1...lines.count).contains(place.line) && place.column >= 1
                    && place.column <= lines[place.line - 1].count + 1
                guard !isInside else { continue }
                Issue.record("\(place.line):\(place.column) is outside of \(bytes)")
            }
        }
    }

    private func mutate(_ bytes: inout [UInt8], _ generator: inout Generator) {
        let place = Int.random(in: 0...bytes.count, using: &generator)
        let other = min(bytes.count, place + Int.random(in: 0...20, using: &generator))
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes.insert(contentsOf: Self.pieces.randomElement(using: &generator) ?? [], at: place)
        case 1: bytes.removeSubrange(place..<other)
        case 2: bytes.insert(contentsOf: bytes[place..<other], at: Int.random(in: 0...bytes.count, using: &generator))
        case 3: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &generator) }
        default: bytes.removeSubrange((place == 0 ? bytes.count : place)...)
        }
    }

    /// Loads the bytes as the only file; the profiles it names are there.
    private func problemPlaces(_ bytes: [UInt8]) -> [Origin] {
        var files = MemoryFiles(["/etc/ais-hostd/profiles/a/v1.yaml": "apiVersion: ais-hostd/v1"])
        files.contents["f"] = bytes
        var problems = Problems()
        let configuration = loadConfiguration(
            .files(["f"]), domains: ["block", "sysctl"], plannedDomains: ["link"], files: files, problems: &problems)
        _ = configuration.effectivePolicy(on: .host())
        for problem in problems.list where problem.origin == nil { Issue.record("\(problem) has no place") }
        return problems.list.compactMap(\.origin)
    }
}
