import FoundationEssentials

/// Files on a real disk that look like a host with many disks, for benchmarks; `SystemFiles(root:)` reads them.
package enum SyntheticTree {
    /// What each disk has under `queue`.
    package static let attributes = [
        "scheduler": "none [mq-deadline]", "nr_requests": "256", "read_ahead_kb": "128", "rq_affinity": "1",
        "max_sectors_kb": "1280", "max_hw_sectors_kb": "32767", "nomerges": "0", "add_random": "0", "iostats": "1",
        "wbt_lat_usec": "75000", "io_timeout": "30000", "rotational": "1",
    ]

    /// The name of the disk of a number, from 0: `sda`, `sdz`, `sdaa`.
    package static func name(_ number: Int) -> String {
        var (rest, letters) = (number, "")
        repeat {
            letters = "\(Unicode.Scalar(UInt8(97 + rest % 26)))" + letters
            rest = rest / 26 - 1
        } while rest >= 0
        return "sd\(letters)"
    }

    /// Writes the host and its disks into a folder, which is made.
    package static func write(disks: Int, into folder: String) throws {
        func put(_ path: String, _ text: String) throws {
            try "\(text)\n".write(toFile: path, atomically: false, encoding: .utf8)
        }
        func make(_ path: String) throws {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        for path in ["proc/sys/kernel", "proc/1", "proc/self", "sys/block", "sys/devices/system/cpu", "etc"] {
            try make("\(folder)/\(path)")
        }
        let mounts = "22 1 0:20 / / rw,relatime shared:1 - tmpfs tmpfs rw"
        for (path, text) in [
            "proc/sys/kernel/hostname": "synthetic", "proc/sys/kernel/osrelease": "6.8.0-31-generic",
            "proc/meminfo": "MemTotal:       65843000 kB", "proc/1/mountinfo": mounts, "proc/self/mountinfo": mounts,
            "proc/cmdline": "ro quiet", "sys/devices/system/cpu/online": "0-7",
        ] { try put("\(folder)/\(path)", text) }

        for number in 0..<disks {
            let name = Self.name(number)
            let device =
                "sys/devices/pci0000:00/host0/port-0:\(number)/end_device-0:\(number)/target0:0:\(number)/0:0:\(number):0"
            let disk = "\(folder)/\(device)/block/\(name)"
            try make("\(disk)/queue")
            try make("\(disk)/holders")
            for (attribute, value) in attributes { try put("\(disk)/queue/\(attribute)", value) }
            for (file, value) in [
                "size": "35156656128", "removable": "0", "ro": "0", "hidden": "0", "diskseq": "\(number + 1)",
                "dev": "8:\(number * 16)",
            ] { try put("\(disk)/\(file)", value) }
            try put("\(folder)/\(device)/model", "ST18000NM000J-2T")
            try put("\(folder)/\(device)/serial", "ZR5\(100_000 + number)")
            let manager = FileManager.default
            try manager.createSymbolicLink(atPath: "\(disk)/device", withDestinationPath: "../../../0:0:\(number):0")
            try manager.createSymbolicLink(
                atPath: "\(folder)/sys/block/\(name)", withDestinationPath: "../../\(device)/block/\(name)")
        }
    }
}
