import HostModel

/// What only sysfs knows of a link. `Documentation/ABI/testing/sysfs-class-net` of the kernel
struct LinkHardware {
    let files: any Files

    /// Leaves a link alone that is made of software, that has gone, or that goes by this name in another namespace only:
    /// a mounted sysfs belongs to the one in which it was mounted.
    func describe(_ link: inout Link) throws(KernelError) {
        let folder = "/sys/class/net/\(link.name)"
        guard let index = try text("\(folder)/ifindex"), UInt32(index) == link.index,
            let path = try present({ () throws(KernelError) in try files.resolve(folder) }),
            !path.hasPrefix("/sys/devices/virtual/"), let end = path.range(ofLast: "/net/")
        else { return }
        let device = String(path[..<end])
        link.devicePath = device
        let driver = try present { () throws(KernelError) in try files.resolve("\(device)/driver") }
        link.driver = driver?.split(separator: "/").last.map { String($0) }
        link.devicePort = try text("\(folder)/dev_port").flatMap { UInt32($0) }
        link.isVirtualFunction = try present { () throws(KernelError) in try files.status("\(device)/physfn") } != nil
    }

    /// Nil also of a link that is being unregistered: its files answer EINVAL. `netdev_show` of net/core/net-sysfs.c
    private func text(_ path: String) throws(KernelError) -> String? {
        do throws(KernelError) {
            let bytes = try present { () throws(KernelError) in try files.read(path) }
            return bytes.map { String(decoding: $0.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self) }
        } catch let error where error.errno == .invalid {
            return nil
        }
    }
}

extension String {
    /// Where the last of these begins.
    fileprivate func range(ofLast word: String) -> String.Index? {
        indices.last { self[$0...].hasPrefix(word) }
    }
}
