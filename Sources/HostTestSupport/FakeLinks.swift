package import HostModel
import Synchronization

/// Links in memory that answer writes as drivers do. A new one has none.
package final class FakeLinks: Links {
    private let state = Mutex(State())

    /// What can be written to a link.
    package enum Knob: Hashable, Sendable {
        case ring(RingParameter)
        case channel(ChannelParameter)
        case mtu
    }

    /// How a driver answers a write. What is more than the maximum is EINVAL with the kernel's words, but for `clamped`.
    package enum Behaviour: Sendable {
        case plain
        /// Rounded up to a multiple without a word, as far as the maximum goes.
        case rounded(to: UInt32)
        /// vmxnet3's rx: a multiple of 32, and of 96 with an MTU beyond 3 KiB, when three buffers hold a packet. A change
        /// of the MTU rounds anew what is there: 4096 becomes 4032.
        case buffers
        /// What is more than the maximum becomes the maximum, without a word.
        case clamped
        /// Rounded up to a power of two without a word; less than the least is EINVAL, also without.
        case powersOfTwo(least: UInt32)
        /// Rounded down to a power of two without a word; less than the least is that. ENA's: `ena_set_ringparam`
        case powersOfTwoBelow(least: UInt32)
        /// Less is EINVAL, without a word.
        case atLeast(UInt32)
        /// Success, and nothing changes.
        case ignoring
        case refusing(Errno, String?)
    }

    package struct Write: Hashable, Sendable {
        package let index: UInt32
        /// What was asked for in one change.
        package let values: [Knob: UInt32]

        package init(_ index: UInt32, _ values: [Knob: UInt32]) { (self.index, self.values) = (index, values) }
    }

    fileprivate struct Port: Sendable {
        var link: Link
        var rings: Rings?
        var channels: Channels?
        var dropsCarrier: Bool
        var behaviours: [Knob: Behaviour] = [:]
        var answers: [EthtoolQuestion: [UInt8]] = [:]
        var driver: LinkDriver?
    }

    fileprivate struct State {
        var ports: [UInt32: Port] = [:]
        var writes: [Write] = []
        var equalWrites = 0
        var meanwhile: (@Sendable (FakeLinks) -> Void)?
        var listError: Errno?
        var patience: [Double] = []
    }

    package init() {}

    // MARK: Behind the scenes, unseen by `writes`

    /// Makes a link appear, or be another one than before. What is nil is EOPNOTSUPP. A change of one that is up lets its
    /// carrier go and come, unless its driver is better than most.
    package func plug(_ link: Link, rings: Rings? = nil, channels: Channels? = nil, dropsCarrier: Bool = true) {
        state.withLock {
            $0.ports[link.index] = Port(link: link, rings: rings, channels: channels, dropsCarrier: dropsCarrier)
        }
    }

    package func behave(_ index: UInt32, _ knob: Knob, _ behaviour: Behaviour) {
        state.withLock { $0.ports[index]?.behaviours[knob] = behaviour }
    }

    package func answer(_ index: UInt32, _ answers: [EthtoolQuestion: [UInt8]], _ driver: LinkDriver? = nil) {
        state.withLock { state in
            state.ports[index]?.answers = answers
            state.ports[index]?.driver = driver
        }
    }

    package func unplug(_ index: UInt32) { state.withLock { $0.ports[index] = nil } }
    package func change(_ index: UInt32, _ body: (inout Link) -> Void) {
        state.withLock { state in
            guard var port = state.ports[index] else { return }
            body(&port.link)
            state.ports[index] = port
        }
    }
    package func rename(_ index: UInt32, to name: String) { change(index) { $0.name = name } }
    /// Sets what a driver holds, as another process would.
    package func hold(_ index: UInt32, _ values: [Knob: UInt32]) {
        state.withLock { state in for (knob, value) in values { state.ports[index]?[knob]?.current = value } }
    }

    /// Does this once, right before the next write: a rename or an unplugging under our feet.
    package func beforeNextWrite(_ body: @escaping @Sendable (FakeLinks) -> Void) {
        state.withLock { $0.meanwhile = body }
    }

    /// From now on nobody can tell which links there are.
    package func refuseLists(_ errno: Errno) { state.withLock { $0.listError = errno } }

    /// For how long a carrier was waited for, each time. Seconds.
    package var patience: [Double] { state.withLock { $0.patience } }

    /// All attempts to write, in order, also those refused.
    package var writes: [Write] { state.withLock { $0.writes } }
    /// Those of them that asked only for what was there: the kernel does nothing then, and we should not ask.
    package var equalWrites: Int { state.withLock { $0.equalWrites } }
    package func forgetWrites() { state.withLock { ($0.writes, $0.equalWrites) = ([], 0) } }

    // MARK: Links

    package func links() throws(KernelError) -> [Link] {
        try state.withLock { state throws(KernelError) in
            if let errno = state.listError { throw KernelError("list", "links", errno: errno) }
            return state.ports.values.map(\.link).sorted { $0.index < $1.index }
        }
    }

    package func link(_ index: UInt32) throws(KernelError) -> Link? { state.withLock { $0.ports[index]?.link } }

    package func rings(of index: UInt32) throws(KernelError) -> Rings {
        try offered("get rings of", index, \.rings)
    }

    package func channels(of index: UInt32) throws(KernelError) -> Channels {
        try offered("get channels of", index, \.channels)
    }

    package func answer(to question: EthtoolQuestion, of index: UInt32) throws(KernelError) -> [UInt8] {
        try offered("get \(question) of", index, \.answers[question])
    }

    package func driver(of index: UInt32) throws(KernelError) -> LinkDriver {
        try offered("get driver of", index, \.driver)
    }

    package func setRings(_ values: [RingParameter: UInt32], of index: UInt32) throws(KernelError) {
        let words = RingParameter.allCases.compactMap { name in values[name].map { "\(name.rawValue) \($0)" } }
        let knobs = values.map { (Knob.ring($0.key), $0.value) }
        try write("set rings of", index, Dictionary(uniqueKeysWithValues: knobs), words.joined(separator: " "))
    }

    package func setChannels(_ values: [ChannelParameter: UInt32], of index: UInt32) throws(KernelError) {
        let words = ChannelParameter.allCases.compactMap { name in values[name].map { "\(name.rawValue) \($0)" } }
        let knobs = values.map { (Knob.channel($0.key), $0.value) }
        try write("set channels of", index, Dictionary(uniqueKeysWithValues: knobs), words.joined(separator: " "))
    }

    package func setMTU(_ mtu: UInt32, of index: UInt32) throws(KernelError) {
        try write("set mtu of", index, [.mtu: mtu], "\(mtu)")
    }

    package func awaitCarrier(of index: UInt32, seconds: Double) throws(KernelError) -> Bool {
        state.withLock { state in
            state.patience.append(seconds)
            return state.ports[index]?.link.carries ?? false
        }
    }

    private func offered<Value: Sendable>(
        _ operation: String, _ index: UInt32, _ part: KeyPath<Port, Value?>
    ) throws(KernelError) -> Value {
        try state.withLock { state throws(KernelError) in
            guard let port = state.ports[index] else {
                throw KernelError(operation, "link \(index)", errno: .noDevice)
            }
            guard let value = port[keyPath: part] else {
                throw KernelError(operation, "link \(port.link.name)", errno: .notSupported)
            }
            return value
        }
    }

    /// All of it or nothing, as the kernel does.
    private func write(
        _ operation: String, _ index: UInt32, _ values: [Knob: UInt32], _ words: String
    ) throws(KernelError) {
        let meanwhile = state.withLock { state in
            defer { state.meanwhile = nil }
            return state.meanwhile
        }
        meanwhile?(self)
        try state.withLock { state throws(KernelError) in
            state.writes.append(Write(index, values))
            guard let before = state.ports[index] else {
                throw KernelError(operation, "link \(index)", wanted: words, errno: .noDevice)
            }
            var error = KernelError(operation, "link \(before.link.name)", wanted: words)
            var port = before
            for (knob, value) in values {
                if let (errno, message) = port.take(value, knob) {
                    (error.errno, error.message) = (errno, message)
                    throw error
                }
            }
            if values.allSatisfy({ before[$0.key]?.current == $0.value }) {
                state.equalWrites += 1
                return
            }
            let isPowersOfTwo = values.keys.allSatisfy {
                if case .powersOfTwo? = before.behaviours[$0] { true } else { false }
            }
            if isPowersOfTwo, values.keys.allSatisfy({ before[$0] == port[$0] }) { return }
            if port.dropsCarrier, port.link.isUp { port.link.carrierChanges += 2 }
            state.ports[index] = port
        }
    }
}

extension FakeLinks.Port {
    /// What a knob holds now and at most; nil where this link has none.
    fileprivate subscript(knob: FakeLinks.Knob) -> LinkAmount? {
        get {
            switch knob {
            case .ring(let parameter): rings?[parameter]
            case .channel(let parameter): channels?[parameter]
            case .mtu: LinkAmount(current: link.mtu, maximum: link.maximumMTU ?? .max)
            }
        }
        set {
            guard let newValue else { return }
            switch knob {
            case .ring(let parameter): rings?[parameter] = newValue
            case .channel(let parameter): channels?[parameter] = newValue
            case .mtu: link.mtu = newValue.current
            }
        }
    }

    /// Nil for success.
    fileprivate mutating func take(_ value: UInt32, _ knob: FakeLinks.Knob) -> (Errno, String?)? {
        let behaviour = behaviours[knob] ?? .plain
        if case .refusing(let errno, let message) = behaviour { return (errno, message) }
        switch knob {
        case .ring: if rings == nil { return (.notSupported, nil) }
        case .channel: if channels == nil { return (.notSupported, nil) }
        case .mtu:
            if value < link.minimumMTU ?? 0 { return (.invalid, "mtu less than device minimum") }
        }
        let maximum = self[knob]?.maximum ?? 0
        if value > maximum {
            guard case .clamped = behaviour else { return (.invalid, excess(knob)) }
        }
        if case .atLeast(let least) = behaviour, value < least { return (.invalid, nil) }
        if case .powersOfTwo(let least) = behaviour {
            if value < least { return (.invalid, nil) }
            // A driver that comes to the size it has leaves its rings alone.
            self[knob]?.current = 1 << UInt32(UInt32.bitWidth - (value - 1).leadingZeroBitCount)
            return nil
        }
        if case .powersOfTwoBelow(let least) = behaviour {
            let value = max(value, least)
            self[knob]?.current = 1 << UInt32(UInt32.bitWidth - 1 - value.leadingZeroBitCount)
            return nil
        }
        let unit: UInt32 =
            switch behaviour {
            case .rounded(let unit): unit
            case .buffers: link.mtu > 3072 ? 96 : 32
            default: 1
            }
        if case .ignoring = behaviour { return nil }
        let held = min(rounded(min(value, maximum), to: unit), maximum / unit * unit)
        self[knob]?.current = held
        if knob == .mtu {
            for (other, behaviour) in behaviours {
                if case .buffers = behaviour, let held = self[other]?.current { _ = take(held, other) }
            }
        }
        return nil
    }

    private func rounded(_ value: UInt32, to unit: UInt32) -> UInt32 {
        let rest = value % unit
        return rest == 0 ? value : value - rest + unit
    }

    private func excess(_ knob: FakeLinks.Knob) -> String {
        switch knob {
        case .ring(let parameter): "requested ring size exceeds maximum (\(parameter.rawValue))"
        case .channel(let parameter): "requested channel count exceeds maximum (\(parameter.rawValue))"
        case .mtu: "mtu greater than device maximum"
        }
    }
}
