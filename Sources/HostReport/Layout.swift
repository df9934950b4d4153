/// One entry of a listing: cells in columns, and what is to be said beneath them.
struct Row: Hashable {
    var cells: [String]
    var beneath: String?
    var tint: Tint = .plain
}

/// Red and yellow colour the first cell; dim takes back the whole entry. Colour only repeats what words say.
enum Tint: Hashable {
    case plain, red, yellow, dim

    func painted(_ text: String) -> String {
        switch self {
        case .plain: text
        case .red: "\u{1b}[31m\(text)\u{1b}[0m"
        case .yellow: "\u{1b}[33m\(text)\u{1b}[0m"
        case .dim: "\u{1b}[2m\(text)\u{1b}[0m"
        }
    }
}

/// Rows in columns, no line wider than `width`, nothing cut. The last of the first `head` cells is the name.
///
/// A row too wide for one line keeps the head on it and continues beneath the name, a little to the right.
func layout(_ rows: [Row], head: Int, style: TableStyle) -> String {
    let columns = Columns(rows.map { $0.cells.map(\.count) }, head: head, width: style.width)
    var text = ""
    for row in rows {
        var lines = columns.lines(row.cells)
        if let beneath = row.beneath {
            lines += wrapped(beneath, to: columns.room).map { columns.indentation + $0 }
        }
        for (index, line) in lines.enumerated() {
            text += style.color ? tinted(line, row: row, isFirst: index == 0) : line
            text += "\n"
        }
    }
    return text
}

private func tinted(_ line: String, row: Row, isFirst: Bool) -> String {
    if row.tint == .dim { return row.tint.painted(line) }
    guard isFirst, let first = row.cells.first, line.hasPrefix(first) else { return line }
    return row.tint.painted(first) + line.dropFirst(first.count)
}

private let gap = 2

/// Where the columns start.
private struct Columns {
    private let starts: [Int]
    private let head: Int
    private let width: Int

    init(_ lengths: [[Int]], head: Int, width: Int) {
        var widths = [Int](repeating: 0, count: lengths.map(\.count).max() ?? 0)
        // The state's column, or whatever leads, is as wide as it must be: names align in every row.
        for row in lengths { for cell in 0..<min(head - 1, row.count) { widths[cell] = max(widths[cell], row[cell]) } }
        // Few long rows must not drive all others apart: the shortest settle the columns, as long as they fit together.
        for row in lengths.sorted(by: { $0.reduce(0, +) < $1.reduce(0, +) }) {
            var wider = widths
            for (cell, length) in row.enumerated() { wider[cell] = max(wider[cell], length) }
            if wider.reduce(0, +) + gap * (wider.count - 1) <= width { widths = wider }
        }
        var starts: [Int] = []
        var next = 0
        for width in widths {
            starts.append(next)
            next += width + gap
        }
        self.starts = starts
        self.head = head
        self.width = width
    }

    private var indent: Int { (starts.indices.contains(head - 1) ? starts[head - 1] : 0) + gap }

    var indentation: String { String(repeating: " ", count: indent) }

    /// What is left of a line beneath a name.
    var room: Int { width - indent }

    func lines(_ cells: [String]) -> [String] {
        var whole = ""
        if cells.indices.allSatisfy({ place(cells[$0], column: $0, on: &whole) }) { return [whole] }

        var lines = [""]
        for (column, cell) in cells.enumerated() where !cell.isEmpty {
            if column == head { lines.append(indentation) }
            if place(cell, column: column, on: &lines[lines.count - 1]) { continue }
            var pieces = wrapped(cell, to: room)
            if column < head {
                // The name stays beside its state, however long it is.
                pieces = wrapped(cell, to: room + gap)
                lines[lines.count - 1].pad(to: starts[column])
                lines[lines.count - 1] += pieces.removeFirst()
            } else if lines.last == indentation {
                lines.removeLast()
            }
            lines += pieces.map { indentation + $0 }
        }
        return lines
    }

    /// Adds a cell in its column, or as near behind it as there is room; says whether there was.
    private func place(_ cell: String, column: Int, on line: inout String) -> Bool {
        if cell.isEmpty { return true }
        let isBlank = line.allSatisfy { $0 == " " }
        let earliest = isBlank ? line.count : line.count + gap
        let aligned = max(starts[column], earliest)
        let start = isBlank && column >= head ? earliest : aligned
        guard let fitting = [start, earliest].first(where: { $0 + cell.count <= width }) else { return false }
        line.pad(to: fitting)
        line += cell
        return true
    }
}

extension String {
    fileprivate mutating func pad(to width: Int) { self += String(repeating: " ", count: max(0, width - count)) }
}
