/// What this host is made of, as far as the configuration can ask for it. Taken once at the start of a pass.
package struct Inventory: Sendable {
    /// What takes long to find out, and is only where a domain asks for it.
    package enum Part: CaseIterable, Sendable { case disks, links, frequencyPolicies }

    package var hostname: String
    /// `uname -r`
    package var kernelRelease: String
    /// The machine's product name from DMI, where the firmware gives one.
    package var model: String?
    /// Bytes of memory the kernel manages (MemTotal): what a share of memory is a share of.
    package var memory: Int128
    /// Bytes of memory in the machine, as lsmem(1) counts them: what a person means by a node of 64 GiB.
    package var installedMemory: Int128
    /// Bytes.
    package var pageSize: Int
    /// Sockets times cores; hyperthreads are not counted.
    package var physicalCores: Int
    /// Whole disks by name.
    package var disks: [Disk]
    /// By index.
    package var links: [LinkEntry]
    /// What sets the clock of the CPUs that are online, by number; none on a machine without cpufreq.
    package var frequencyPolicies: [FrequencyPolicy]
    /// Whether a hypervisor says that it runs below; nil where nobody asked.
    package var isGuest: Bool?
    /// What went wrong at single disks or policies, which are left out for it.
    package var problems: [KernelError]
    /// Why writing is forbidden on this host whatever the configuration says, if it is.
    package var observeOnly: String?

    package init(
        hostname: String, kernelRelease: String, model: String? = nil, memory: Int128, installedMemory: Int128? = nil,
        pageSize: Int = 4096,
        physicalCores: Int, disks: [Disk] = [], links: [LinkEntry] = [], frequencyPolicies: [FrequencyPolicy] = [],
        isGuest: Bool? = nil, problems: [KernelError] = [], observeOnly: String? = nil
    ) {
        self.hostname = hostname
        self.kernelRelease = kernelRelease
        self.model = model
        self.memory = memory
        self.installedMemory = installedMemory ?? memory
        self.pageSize = pageSize
        self.physicalCores = physicalCores
        self.disks = disks
        self.links = links
        self.frequencyPolicies = frequencyPolicies
        self.isGuest = isGuest
        self.problems = problems
        self.observeOnly = observeOnly
    }
}

extension Inventory {
    /// The link of this index. Halving, since each setting of a thousand links asks.
    package func link(_ index: UInt32) -> Link? {
        var (low, high) = (links.startIndex, links.endIndex)
        while low < high {
            let middle = (low + high) / 2
            if links[middle].link.index < index { low = middle + 1 } else { high = middle }
        }
        return low < links.endIndex && links[low].link.index == index ? links[low].link : nil
    }
}

/// A whole disk: something under /sys/block that a rule can match.
package struct Disk: Hashable, Sendable {
    package var target: Target
    package var driver: String?
    package var model: String?
    package var serial: String?
    /// `sata`, `sas`, `nvme`, `virtio`, `usb`, …, as lsblk(8) names them.
    package var transport: String?
    /// udev's ID_PATH.
    package var path: String?
    package var rotational: Bool
    package var claims: [Claim]

    package init(
        target: Target, driver: String? = nil, model: String? = nil, serial: String? = nil, transport: String? = nil,
        path: String? = nil, rotational: Bool = false, claims: [Claim] = []
    ) {
        self.target = target
        self.driver = driver
        self.model = model
        self.serial = serial
        self.transport = transport
        self.path = path
        self.rotational = rotational
        self.claims = claims
    }

    package var name: String { target.name ?? "" }
}

/// A network link that a rule can match.
package struct LinkEntry: Hashable, Sendable {
    /// Its sequence is the link's index.
    package var target: Target
    package var link: Link
    package var claims: [Claim]
    /// Why it is never dropped unasked, not even at boot: "carries the default route".
    package var protection: String?

    package init(target: Target, link: Link, claims: [Claim] = [], protection: String? = nil) {
        self.target = target
        self.link = link
        self.claims = claims
        self.protection = protection
    }
}

/// CPUs that share one clock, and what sets it. (Documentation/admin-guide/pm/cpufreq.rst)
package struct FrequencyPolicy: Hashable, Sendable {
    package var target: Target
    /// `scaling_driver`: `intel_pstate`, `acpi-cpufreq`, …
    package var driver: String?

    package init(target: Target, driver: String? = nil) {
        self.target = target
        self.driver = driver
    }

    package var name: String { target.name ?? "" }
}

/// Why a match does not take a disk or a link unless its rule says the word.
package struct Claim: Hashable, Sendable {
    /// The words of `include:`.
    package enum Role: String, CaseIterable, Sendable {
        case root, boot, swap, etcd, member, virtual, removable, readOnly, virtualFunction, representor

        package static let ofDisks: [Role] = [.root, .boot, .swap, .etcd, .member, .virtual, .removable, .readOnly]
        package static let ofLinks: [Role] = [.member, .virtual, .virtualFunction, .representor]

        /// Whether naming the device exactly is word enough.
        package var isTakenByName: Bool { self == .member || self == .virtual }
    }

    package let role: Role
    /// For people: "holds /", "is a member of md0".
    package let reason: String

    package init(_ role: Role, _ reason: String) {
        self.role = role
        self.reason = reason
    }
}
