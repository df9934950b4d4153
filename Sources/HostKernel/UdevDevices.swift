import CLinux
package import HostModel

/// The devices that udev knows. Where udevd does not run, the kernel's own properties are all there is.
///
/// What the kernel makes of software alone (loop, device mapper, RAM) has no model, serial or place that udev's rules
/// could find out: those have no properties here, which saves asking for dozens on some hosts.
package struct UdevDevices: Devices {
    private let files = SystemFiles()

    package init() {}

    /// Names are those of `/sys/block`: `cciss!c0d0`. A kernel without it has no disks.
    /// `udev_device_new_from_syspath(3)` for each: the library's own scan enters partitions too, and every device three
    /// times.
    package func disks() throws(KernelError) -> [Device] {
        guard let udev = udev_new() else {
            throw KernelError("udev_new", "/sys/block", message: "udev can't list the disks")
        }
        defer { udev_unref(udev) }
        var disks: [Device] = []
        for name in try present({ () throws(KernelError) in try files.list("/sys/block") }) ?? [] {
            // A device that went since the list was made is none.
            let path = try present { () throws(KernelError) in try files.resolve("/sys/block/\(name)") }
            guard let path else { continue }
            if path.hasPrefix("/sys/devices/virtual/block/") {
                disks.append(Device(name: name, path: path))
            } else if let device = udev_device_new_from_syspath(udev, path) {
                defer { udev_device_unref(device) }
                disks.append(Device(name: name, path: path, properties: properties(of: device)))
            }
        }
        return disks
    }

    private func properties(of device: OpaquePointer) -> [String: String] {
        var properties: [String: String] = [:]
        var entry = udev_device_get_properties_list_entry(device)
        while let here = entry {
            if let key = udev_list_entry_get_name(here), let value = udev_list_entry_get_value(here) {
                properties[String(cString: key)] = String(cString: value)
            }
            entry = udev_list_entry_get_next(here)
        }
        return properties
    }
}

/// Waits until udev has handled what the kernel has told it of, at most so long: at boot most disks and links are not
/// there yet, or not under their names. `udevadm-settle(8)`, which looks at the same file.
package func settleDevices(
    atMost limit: Duration = .seconds(10), queue: String = "/run/udev/queue", unless isStopping: () -> Bool
) {
    let end = monotonicNow() + limit
    while access(queue, F_OK) == 0, monotonicNow() < end, !isStopping() {
        var pause = timespec(.milliseconds(20))
        nanosleep(&pause, nil)
    }
}
