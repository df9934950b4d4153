import CLinux
import Glibc

/// Lets go of code that is mapped here and not wanted for a while: what the start needed, and each pass. It is mapped
/// again, from the page cache, where it is called again.
///
/// Code that is mapped by somebody is what the kernel gives up last. Swift's lookup of conformances alone walks through
/// half of the program once, and would keep those pages for as long as the process lives. `madvise(2)` with
/// MADV_DONTNEED, of mappings that nobody can have written to; where it fails nothing is lost.
package func releaseCode() {
    malloc_trim(0)
    guard let maps = try? SystemFiles().read("/proc/self/maps") else { return }
    for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") {
        // 55d0c0a00000-55d0c1d00000 r-xp 00000000 fe:00 1234  /usr/bin/ais-hostd
        let fields = line.split(separator: " ", maxSplits: 5)
        guard fields.count == 6, fields[1] == "r-xp", fields[5].contains("/") else { continue }
        let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, let start = UnsafeMutableRawPointer(bitPattern: ends[0]) else { continue }
        madvise(start, Int(ends[1] - ends[0]), MADV_DONTNEED)
    }
}
