import FoundationEssentials
import Glibc
package import HostModel

/// This host, as it is. `geteuid(2)`, `sysconf(3)`
package func systemHost() -> Host {
    Host(
        files: SystemFiles(), devices: UdevDevices(), links: SystemLinks(), bus: SystemBus(), userID: geteuid(),
        pageSize: sysconf(Int32(_SC_PAGESIZE)), now: { Date() })
}
