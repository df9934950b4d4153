package import HostModel
import Synchronization

/// A service manager in memory: it knows the units that it was told of and does what it is asked, or refuses.
package final class FakeBus: MessageBus {
    private struct State: Sendable {
        var objects: [BusObject: [String: BusValue]] = [:]
        var calls: [String] = []
        var refusals: [String: KernelError] = [:]
        var reactions: [String: @Sendable (FakeBus) -> Void] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    // MARK: Behind the scenes

    package func set(_ object: BusObject, _ properties: [String: BusValue]) {
        state.withLock { $0.objects[object, default: [:]].merge(properties) { $1 } }
    }

    /// A unit that is loaded, and runs as `process`.
    package func unit(_ name: String, process: Int? = nil, _ properties: [String: BusValue] = [:]) {
        let known: [String: BusValue] = [
            "Id": .text(name), "LoadState": .text("loaded"),
            "ActiveState": .text(process == nil ? "inactive" : "active"),
            "MainPID": .number(Int128(process ?? 0)),
        ]
        set(.unit(name), known.merging(properties) { $1 })
    }

    /// What a call does beside being noted: `restart kubelet.service`, `reload`, `run /usr/sbin/update-grub`.
    package func on(_ call: String, _ reaction: @escaping @Sendable (FakeBus) -> Void) {
        state.withLock { $0.reactions[call] = reaction }
    }

    /// From now on that call fails.
    package func refuse(_ call: String, _ error: KernelError) { state.withLock { $0.refusals[call] = error } }
    package func permit(_ call: String) { state.withLock { $0.refusals[call] = nil } }

    /// All that it was asked to do, in order.
    package var calls: [String] { state.withLock { $0.calls } }
    package func forgetCalls() { state.withLock { $0.calls = [] } }

    private func perform(_ call: String) throws(KernelError) {
        let (refusal, reaction) = state.withLock { state in
            state.calls.append(call)
            return (state.refusals[call], state.reactions[call])
        }
        if let refusal { throw refusal }
        reaction?(self)
    }

    // MARK: Bus

    package func properties(of object: BusObject) throws(KernelError) -> [String: BusValue] {
        let (refusal, found) = state.withLock { ($0.refusals["properties"], $0.objects[object]) }
        if let refusal { throw refusal }
        if let found { return found }
        guard object.service == BusObject.manager.service, object != .manager else {
            throw KernelError("GetAll", "\(object.service) \(object.path)", errno: .noEntry)
        }
        return ["LoadState": .text("not-found"), "ActiveState": .text("inactive"), "MainPID": .number(0)]
    }

    package func reload() throws(KernelError) { try perform("reload") }

    package func perform(_ job: UnitJob, of unit: String, within timeout: Duration) throws(KernelError) {
        try perform("\(job) \(unit)")
    }

    package func change(_ change: UnitFileChange, of units: [String]) throws(KernelError) {
        try perform("\(change) \(units.joined(separator: " "))")
    }

    package func run(_ command: TransientCommand) throws(KernelError) {
        try perform("run \(command.arguments.joined(separator: " "))")
    }
}
