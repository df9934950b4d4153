/// What the process costs this host.
package struct ProcessMetrics: Hashable, Sendable {
    /// User and system time.
    package var cpuSeconds: Double
    package var residentBytes: Int
    package var virtualBytes: Int
    package var openDescriptors: Int
    package var maxDescriptors: Int
    /// Seconds since 1970.
    package var startTime: Double

    package init(
        cpuSeconds: Double, residentBytes: Int, virtualBytes: Int, openDescriptors: Int, maxDescriptors: Int,
        startTime: Double
    ) {
        self.cpuSeconds = cpuSeconds
        self.residentBytes = residentBytes
        self.virtualBytes = virtualBytes
        self.openDescriptors = openDescriptors
        self.maxDescriptors = maxDescriptors
        self.startTime = startTime
    }
}
