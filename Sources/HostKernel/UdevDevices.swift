import CLinux
package import HostModel

/// The devices that udev knows. Where udevd does not run, the kernel's own properties are all there is.
package struct UdevDevices: Devices {
    package init() {}

    /// Names are those of `/sys/block`: `cciss!c0d0`. `udev_enumerate_scan_devices(3)`
    package func disks() throws(KernelError) -> [Device] {
        guard let udev = udev_new() else { throw failure("udev_new") }
        defer { udev_unref(udev) }
        guard let scan = udev_enumerate_new(udev) else { throw failure("udev_enumerate_new") }
        defer { udev_enumerate_unref(scan) }
        guard udev_enumerate_add_match_subsystem(scan, "block") >= 0, udev_enumerate_scan_devices(scan) >= 0 else {
            throw failure("udev_enumerate_scan_devices")
        }
        var disks: [Device] = []
        var entry = udev_enumerate_get_list_entry(scan)
        while let here = entry {
            // A device that went since the scan is none.
            if let path = udev_list_entry_get_name(here), let device = udev_device_new_from_syspath(udev, path) {
                defer { udev_device_unref(device) }
                if let disk = disk(device) { disks.append(disk) }
            }
            entry = udev_list_entry_get_next(here)
        }
        return disks.sorted { $0.name < $1.name }
    }

    private func disk(_ device: OpaquePointer) -> Device? {
        guard udev_device_get_devtype(device).map({ String(cString: $0) }) == "disk",
            let path = udev_device_get_syspath(device).map({ String(cString: $0) }),
            let name = path.split(separator: "/").last
        else { return nil }
        var properties: [String: String] = [:]
        var entry = udev_device_get_properties_list_entry(device)
        while let here = entry {
            if let key = udev_list_entry_get_name(here), let value = udev_list_entry_get_value(here) {
                properties[String(cString: key)] = String(cString: value)
            }
            entry = udev_list_entry_get_next(here)
        }
        return Device(name: String(name), path: path, properties: properties)
    }

    private func failure(_ operation: String) -> KernelError {
        KernelError(operation, "/sys/class/block", message: "udev can't list the disks")
    }
}
