import HostModel

extension FakeLinks {
    /// Plugs in a port of a ConnectX card that answers as Linux's driver does. `drivers/net/ethernet/mellanox/mlx5/core`
    ///
    /// - `en.h`: rings hold 2^10 at first and 2^13 at most, those that send no less than 2^6
    ///   (`MLX5E_PARAMS_MINIMUM_LOG_SQ_SIZE`), those that receive no less than 2^4 with pages of 4 KiB
    ///   (`MLX5E_PARAMS_MINIMUM_LOG_RQ_SIZE`); at most 64 channels, and no more than there are interrupts
    ///   (`mlx5e_get_max_num_channels`).
    /// - `en_ethtool.c`, `mlx5e_ethtool_set_ringparam`: sizes become `order_base_2`, so they are rounded up in silence.
    ///   Less than the least is EINVAL, and its words are in the kernel's log only. Mini and jumbo rings have a maximum of
    ///   0, so ethtool's netlink does not have them. A size that comes to the same touches nothing.
    /// - `mlx5e_ethtool_set_channels`: no channel at all is EINVAL.
    package func mellanox(
        _ index: UInt32, _ name: String, cores: UInt32 = 16, mtu: UInt32 = 1500, address: String? = nil,
        devicePath: String = "/sys/devices/pci0000:5d/0000:5d:00.0/0000:5e:00.0"
    ) {
        var link = Link(index: index, name: name, mtu: mtu)
        link.address = address ?? "02:00:00:00:01:0\(index % 10)"
        link.permanentAddress = link.address
        (link.minimumMTU, link.maximumMTU) = (68, 9978)
        (link.isUp, link.hasCarrier, link.carrierChanges) = (true, true, 2)
        (link.devicePath, link.driver, link.devicePort, link.portName) = (devicePath, "mlx5_core", 0, "p0")
        plug(
            link,
            rings: [.rx: LinkAmount(current: 1024, maximum: 8192), .tx: LinkAmount(current: 1024, maximum: 8192)],
            channels: [.combined: LinkAmount(current: min(cores, 64), maximum: min(cores, 64))])
        behaveAsMellanox(index)
    }

    /// Makes a link that is there, as one of a capture, answer writes so.
    package func behaveAsMellanox(_ index: UInt32) {
        behave(index, .ring(.rx), .powersOfTwo(least: 16))
        behave(index, .ring(.tx), .powersOfTwo(least: 64))
        behave(index, .channel(.combined), .atLeast(1))
    }
}
