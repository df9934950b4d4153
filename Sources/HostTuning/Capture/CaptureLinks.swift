import HostModel

extension Capture {
    mutating func links() {
        let links: [Link]
        do throws(KernelError) {
            links = try host.ask(CapturedLink.folder) { host throws(KernelError) in try host.links.links() }
        } catch {
            return problem(error, with: "links")
        }
        for link in links { asking(folder(of: link)) { $0.capture(link) } }
        routes()
    }

    private func folder(of link: Link) -> String { "\(CapturedLink.folder)/\(link.index)" }

    private mutating func capture(_ link: Link) {
        let index = link.index
        let rings = answer(of: link) { links throws(KernelError) in try links.rings(of: index) }
        let channels = answer(of: link) { links throws(KernelError) in try links.channels(of: index) }
        let captured = CapturedLink(masked(link), rings: rings, channels: channels, owner: owner(of: link))
        put(folder(of: link), captured.lines.joined(separator: "\n"))
        let ethtool = "\(CapturedLink.ethtoolFolder)/\(index)"
        for question in EthtoolQuestion.allCases {
            let answer = answer(of: link) { links throws(KernelError) in try links.answer(to: question, of: index) }
            if let answer { archive.entries["\(ethtool)/\(question)"] = .bytes(answer) }
        }
        if let driver = answer(of: link, { links throws(KernelError) in try links.driver(of: index) }) {
            put("\(ethtool)/driver", driver.lines.joined(separator: "\n"), isVersion: true)
        }
        hardware(link)
    }

    /// Nil where the driver has none.
    private mutating func answer<Value: Sendable>(
        of link: Link, _ get: @escaping @Sendable (any Links) throws(KernelError) -> Value
    ) -> Value? {
        do throws(KernelError) {
            return try host.ask(folder(of: link)) { host throws(KernelError) in try get(host.links) }
        } catch {
            if !error.isAbsence { problem(error, with: folder(of: link)) }
            return nil
        }
    }

    /// Who sets it up at boot, and in which kind of file: `netplan /etc/netplan/*.yaml`. Names of files are people's.
    private mutating func owner(of link: Link) -> String? {
        do throws(KernelError) {
            guard let owner = try HostTuning.owner(of: ManagedLink(link), in: files) else { return nil }
            let parts = owner.evidence.file.split(separator: "/")
            let name = parts.last.map(String.init) ?? ""
            let kind = [".yaml", ".network", ".nmconnection"].first { name.hasSuffix($0) } ?? ""
            let folder = maskedPath(parts.dropLast().joined(separator: "/"))
            return "\(owner.program.rawValue) \(folder)/\(name == "interfaces" ? name : "*\(kind)")"
        } catch {
            problem(error, with: "owner of \(folder(of: link))")
            return nil
        }
    }

    private mutating func masked(_ link: Link) -> Link {
        var masked = link
        masked.address = link.address.map { names.address($0) }
        masked.permanentAddress = link.permanentAddress.map { names.address($0) }
        masked.name = linkName(link.name)
        masked.alternativeNames = link.alternativeNames.map { linkName($0) }
        // A switch's number is made of its address.
        masked.switchID = link.switchID.map { names.name($0, .wwid) }
        return masked
    }

    /// Names that the kernel and systemd give stay; what a person thought of does not.
    private mutating func linkName(_ name: String) -> String {
        let schemes = [
            "enP", "en", "eth", "ib", "wl", "bond", "team", "veth", "docker", "cni", "virbr", "dummy", "ifb", "lo",
        ]
        guard let scheme = schemes.first(where: { name.hasPrefix($0) }) else { return names.name(name, .network) }
        let rest = name.dropFirst(scheme.count)
        // `enx0011aabbccdd` is an address.
        let hasAddress = rest.hasPrefix("x") && rest.count == 13
        let isPlain = rest.allSatisfy { $0.isHexDigit || "opsunviDPS.".contains($0) } && rest.count { $0.isLetter } < 8
        return isPlain && !hasAddress ? name : names.name(name, .network)
    }

    /// What sysfs and the driver say of hardware.
    private mutating func hardware(_ link: Link) {
        guard let device = link.devicePath else { return }
        let name = linkName(link.name)
        let (folder, other) = ("\(device)/net/\(link.name)", "\(device)/net/\(name)")
        archive.entries["/sys/class/net/\(name)"] = .link(to: relative(other, from: "/sys/class/net/\(name)"))
        for file in [
            "ifindex", "mtu", "speed", "duplex", "type", "dev_port", "carrier_changes", "tx_queue_len",
            "phys_port_name",
        ] { self.file("\(folder)/\(file)", as: "\(other)/\(file)") }
        file("\(folder)/address", as: "\(other)/address") { $0.names.address($1) }
        for file in ["phys_switch_id", "phys_port_id"] {
            self.file("\(folder)/\(file)", as: "\(other)/\(file)") { $0.names.name($1, .wwid) }
        }
        archive.entries["\(other)/device"] = .link(to: "../..")
        self.link("\(device)/driver", asFolder: true)
        for file in [
            "vendor", "device", "subsystem_vendor", "subsystem_device", "revision", "class", "numa_node",
            "max_link_speed", "max_link_width", "current_link_speed", "current_link_width", "sriov_numvfs",
            "sriov_totalvfs",
        ] { self.file("\(device)/\(file)") }
        if link.isVirtualFunction { self.link("\(device)/physfn", asFolder: true) }
        // The firmware of cards that do RDMA too, as all of ConnectX do.
        for port in list("\(device)/infiniband") {
            for file in ["fw_ver", "hw_rev", "board_id", "hca_type"] {
                self.file("\(device)/infiniband/\(port)/\(file)", isVersion: true)
            }
        }
        if let driver = link.driver { file("/sys/module/\(driver)/version", isVersion: true) }
    }

    /// Which links a default route goes by, and nothing of where to.
    private mutating func routes() {
        let none = "00000000"
        file("/proc/net/route") { capture, text in
            var lines = text.split(separator: "\n")
            guard !lines.isEmpty else { return nil }
            let heading = String(lines.removeFirst())
            return
                ([heading]
                + lines.compactMap { line in
                    let fields = line.split { $0 == "\t" || $0 == " " }.map(String.init)
                    guard fields.count > 7, fields[1] == none, fields[7] == none else { return nil }
                    return ([capture.linkName(fields[0]), none, none] + fields[3...7] + ["0", "0", "0"]).joined(
                        separator: "\t")
                }).joined(separator: "\n")
        }
        file("/proc/net/ipv6_route") { capture, text in
            let nobody = String(repeating: "0", count: 32)
            return text.split(separator: "\n").compactMap { line in
                let fields = line.split(separator: " ").map(String.init)
                guard fields.count > 9, fields[1] == "00" else { return nil }
                return ([nobody, "00", nobody, "00", nobody] + fields[5...8] + [capture.linkName(fields[9])])
                    .joined(separator: " ")
            }.joined(separator: "\n")
        }
    }
}
