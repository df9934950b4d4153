/// Something of this host changed. It says what may be stale by now and carries nothing else: what is there is read
/// anew.
package enum HostEvent: Hashable, Sendable {
    /// A whole disk came, went or changed, by its name in `/sys/block`.
    case disk(String)
    /// A network link came, went or was renamed.
    case links
    /// The kernel loaded or dropped a module: its keys came or went.
    case module(String)
    /// A CPU came or went, and with the last one that shares its clock their cpufreq policy.
    case cpu
    /// Something was mounted or unmounted.
    case mounts
    /// A file of the configuration, or `disable` beside it.
    case configuration
    /// A target that had not answered in time does so again, by its folder in sysfs.
    case answered(String)
    /// More happened than the kernel kept for us: any of the above may have.
    case everything
}
