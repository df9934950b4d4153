/// The numbers of a kernel release, compared as numbers: 6.1.0 of `6.1.0-56-amd64`.
package struct KernelVersion: Hashable, Sendable {
    package let numbers: [Int]

    /// Takes the leading numbers between dots; nil where there is none. A missing number counts as 0.
    package init?(_ release: String) {
        let leading = release.prefix { $0 == "." || ("0"..."9").contains($0) }
        var numbers: [Int] = []
        for part in leading.split(separator: ".", omittingEmptySubsequences: false).prefix(3) {
            guard let number = Int(part) else { break }
            numbers.append(number)
        }
        guard !numbers.isEmpty else { return nil }
        while numbers.last == 0, numbers.count > 1 { numbers.removeLast() }
        self.numbers = numbers
    }
}

extension KernelVersion: Comparable {
    package static func < (left: Self, right: Self) -> Bool { left.numbers.lexicographicallyPrecedes(right.numbers) }
}

extension KernelVersion: CustomStringConvertible {
    package var description: String { numbers.map(String.init).joined(separator: ".") }
}
