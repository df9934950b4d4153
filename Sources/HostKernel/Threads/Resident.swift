import CLinux
import Glibc
package import HostModel

/// Lets go of what only the start needed: pages of the program's code that are mapped here, but not wanted again, and
/// what malloc keeps for later. Code that is called again is mapped again, from memory.
///
/// Looking up conformances at the start walks through most of the program, which stays resident otherwise for as long
/// as the process lives. `madvise(2)` with MADV_DONTNEED, of mappings that nobody can have written to; `malloc_trim(3)`
package func releaseStartMemory() throws(KernelError) {
    malloc_trim(0)
    let files = SystemFiles()
    let program = try files.resolve("/proc/self/exe")
    let maps = String(decoding: try files.read("/proc/self/maps"), as: UTF8.self)
    for line in maps.split(separator: "\n") {
        // 55d0c0a00000-55d0c1d00000 r-xp 00000000 fe:00 1234  /usr/bin/ais-hostd
        let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
        guard fields.count == 6, fields[1] == "r-xp", fields[5].drop(while: { $0 == " " }) == program else { continue }
        let ends = fields[0].split(separator: "-").compactMap { UInt(String($0), radix: 16) }
        guard ends.count == 2, let start = UnsafeMutableRawPointer(bitPattern: ends[0]) else { continue }
        _ = try call("madvise", program) { madvise(start, Int(ends[1] - ends[0]), MADV_DONTNEED) }
    }
}
