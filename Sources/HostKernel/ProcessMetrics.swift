import Glibc
package import HostModel

extension ProcessMetrics {
    /// Reads `/proc/self/stat`, `/proc/self/fd`, `/proc/stat`; `getrlimit(2)`
    package static func now() throws(KernelError) -> ProcessMetrics {
        let files = SystemFiles()
        var limit = rlimit()
        _ = try call("getrlimit", "descriptors") { getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
        let own = try files.read("/proc/self/stat")
        // The second field is a name, which may hold blanks and brackets.
        let end = own.lastIndex(of: UInt8(ascii: ")")) ?? own.startIndex
        let fields = own[end...].split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        func field(_ number: Int) throws(KernelError) -> Int {
            guard fields.indices.contains(number - 2), let value = Int(fields[number - 2]) else {
                throw KernelError("read", "/proc/self/stat", message: "has no number as field \(number)")
            }
            return value
        }
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        return ProcessMetrics(
            cpuSeconds: Double(try field(14)) / ticks + Double(try field(15)) / ticks,
            residentBytes: try field(24) * sysconf(Int32(_SC_PAGESIZE)), virtualBytes: try field(23),
            // Not the one by which they are listed.
            openDescriptors: try files.list("/proc/self/fd").count - 1,
            maxDescriptors: Int(clamping: limit.rlim_cur),
            startTime: Double(try bootTime(files)) + Double(try field(22)) / ticks)
    }

    private static func bootTime(_ files: SystemFiles) throws(KernelError) -> Int {
        let text = String(decoding: try files.read("/proc/stat"), as: UTF8.self)
        for line in text.split(separator: "\n") where line.hasPrefix("btime ") {
            if let seconds = Int(line.dropFirst(6)) { return seconds }
        }
        throw KernelError("read", "/proc/stat", message: "has no btime")
    }
}
