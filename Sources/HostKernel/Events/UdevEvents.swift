import CLinux
import Glibc
package import HostModel

/// Disks, links, modules and CPUs that come, go or change: after udev's rules where udevd runs, else as the kernel tells
/// it. `udev_monitor(3)`
package final class UdevEvents: EventSource {
    /// The library's monitor refers to it and does not keep it.
    private let udev: OpaquePointer
    private let monitor: OpaquePointer

    package init() throws(KernelError) {
        let group = access("/run/udev/control", F_OK) == 0 ? "udev" : "kernel"
        let library = try call("udev_new", "udev", pointer: { udev_new() })
        do throws(KernelError) {
            monitor = try call("monitor", "udev", pointer: { udev_monitor_new_from_netlink(library, group) })
        } catch {
            udev_unref(library)
            throw error
        }
        udev = library
        try check("filter", udev_monitor_filter_add_match_subsystem_devtype(monitor, "block", "disk"))
        for subsystem in ["module", "cpu", "net"] {
            try check("filter", udev_monitor_filter_add_match_subsystem_devtype(monitor, subsystem, nil))
        }
        // A thousand disks come at once where a shelf of them is plugged in. Beyond the limit that others have it takes
        // CAP_NET_ADMIN: without, the size that all have must do.
        _ = udev_monitor_set_receive_buffer_size(monitor, 8 << 20)
        try check("listen", udev_monitor_enable_receiving(monitor))
    }

    deinit {
        udev_monitor_unref(monitor)
        udev_unref(udev)
    }

    package var descriptor: Int32 { udev_monitor_get_fd(monitor) }

    /// Names are those of `/sys/block`: `cciss!c0d0`.
    package func drain() throws(KernelError) -> [HostEvent] {
        var events: [HostEvent] = []
        // So many that a storm of them does not keep the loop: it asks again.
        for _ in 0..<256 {
            do throws(KernelError) {
                let device = try call("recv", "udev", pointer: { udev_monitor_receive_device(monitor) })
                defer { udev_device_unref(device) }
                if let event = event(of: device), !events.contains(event) { events.append(event) }
            } catch let error where error.errno == .again {
                // Also after a message of somebody else's: what is behind it makes the descriptor ready again.
                break
            } catch let error where [.invalid, .noDevice].contains(error.errno) {
                // The message makes no device. Root of a container can have the kernel send such ones.
                continue
            } catch let error where error.errno == .noBuffers {
                if !events.contains(.everything) { events.append(.everything) }
            }
        }
        return events
    }

    private func event(of device: OpaquePointer) -> HostEvent? {
        // Not the name that udev answers, which has a slash for each `!`.
        guard let subsystem = udev_device_get_subsystem(device), let path = udev_device_get_syspath(device),
            let name = String(cString: path).split(separator: "/").last
        else { return nil }
        return switch String(cString: subsystem) {
        case "block": .disk(String(name))
        case "cpu": .cpu
        // That a link has got its name, which rtnetlink does not tell where that is the kernel's.
        case "net": .links
        default: .module(String(name))
        }
    }

    private func check(_ operation: String, _ result: Int32) throws(KernelError) {
        // udev answers a negative error number, and does not always set errno.
        guard result >= 0 else { throw KernelError(operation, "udev", errno: Errno(rawValue: -result)) }
    }
}
