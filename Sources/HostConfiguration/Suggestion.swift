/// The candidate that a person most likely meant: the fewest slips of typing away, if they are few for its length.
///
/// Letters' case counts only between candidates equally near.
package func nearest(to text: String, among candidates: [String]) -> String? {
    let typed = Array(text.lowercased().unicodeScalars)
    let bound = max(1, typed.count / 3)
    let ranked = candidates.compactMap { candidate -> (distance: Int, exact: Int, candidate: String)? in
        let other = Array(candidate.lowercased().unicodeScalars)
        // The cheap test first: a key may be as long as its file.
        guard abs(other.count - typed.count) <= bound else { return nil }
        let distance = slips(from: typed, to: other)
        // Every letter replaced is another word, not a slip.
        guard distance <= bound, distance < typed.count else { return nil }
        return (distance, slips(from: Array(text.unicodeScalars), to: Array(candidate.unicodeScalars)), candidate)
    }
    return ranked.min { $0 < $1 }?.candidate
}

/// How an error about an unknown word ends: `did you mean apply?`, or all that was expected, in the order given.
package func advice(for text: String, among candidates: [String]) -> String {
    if let near = nearest(to: text, among: candidates) { return "did you mean \(near)?" }
    let all = candidates.joined(separator: ", ")
    return candidates.count == 1 ? "expected \(all)" : "expected one of \(all)"
}

/// The Damerau-Levenshtein distance (no letter moved twice): letters added, dropped, replaced, or swapped with the
/// next.
private func slips(from left: [Unicode.Scalar], to right: [Unicode.Scalar]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in left.indices {
        var current = [row + 1]
        for column in right.indices {
            var best = last[column] + (left[row] == right[column] ? 0 : 1)
            best = min(best, last[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                best = min(best, beforeLast[column - 1] + 1)
            }
            current.append(best)
        }
        (beforeLast, last) = (last, current)
    }
    return last[right.count]
}
