import CLinux
import Glibc
package import HostModel

/// The bus of this system. A connection for each call: there are few, and none is kept open at rest.
///
/// Root speaks to systemd by its own socket, as systemctl does: that is there before the message bus is.
package struct SystemBus: MessageBus {
    private static let timeout = Duration.seconds(10)
    private static let manager = "org.freedesktop.systemd1.Manager"

    package init() {}

    package func properties(of object: BusObject) throws(KernelError) -> [String: BusValue] {
        let subject = "\(object.service) \(object.path)"
        let bus = try BusConnection(to: object.service)
        let call = try bus.newCall(object, "org.freedesktop.DBus.Properties", "GetAll")
        try call.append("")
        let reply = try bus.send(call, subject, within: Self.timeout)
        var found: [String: BusValue] = [:]
        for pair in try reply.value()?.list ?? [] {
            if case .list(let parts) = pair, parts.count == 2, let name = parts[0].text { found[name] = parts[1] }
        }
        return found
    }

    package func reload() throws(KernelError) {
        let bus = try BusConnection(to: BusObject.manager.service)
        // Longer than any other: systemd runs its generators.
        try bus.send(try bus.newCall(.manager, Self.manager, "Reload"), "systemd", within: .seconds(60))
    }

    package func perform(_ job: UnitJob, of unit: String, within timeout: Duration) throws(KernelError) {
        let member =
            switch job {
            case .start: "StartUnit"
            case .stop: "StopUnit"
            case .restart: "RestartUnit"
            }
        let bus = try BusConnection(to: BusObject.manager.service)
        try bus.subscribe()
        let call = try bus.newCall(.manager, Self.manager, member)
        try call.append(unit)
        try call.append("replace")
        let reply = try bus.send(call, unit, within: Self.timeout)
        try bus.wait(for: reply.value()?.text, job.rawValue, unit, within: timeout)
    }

    package func change(_ change: UnitFileChange, of units: [String]) throws(KernelError) {
        let member =
            switch change {
            case .enable: "EnableUnitFiles"
            case .disable: "DisableUnitFiles"
            case .mask: "MaskUnitFiles"
            case .unmask: "UnmaskUnitFiles"
            }
        let bus = try BusConnection(to: BusObject.manager.service)
        let call = try bus.newCall(.manager, Self.manager, member)
        try call.open("a", "s")
        for unit in units { try call.append(unit) }
        try call.close()
        // Not only until the next boot; and, where they are put down, over what is there.
        try call.append(false)
        if [.enable, .mask].contains(change) { try call.append(true) }
        try bus.send(call, units.joined(separator: " "), within: .seconds(60))
    }

    package func run(_ command: TransientCommand) throws(KernelError) {
        let subject = command.arguments.first ?? command.unit
        let bus = try BusConnection(to: BusObject.manager.service)
        try bus.subscribe()
        let call = try bus.newCall(.manager, Self.manager, "StartTransientUnit")
        try call.append(command.unit)
        // An equal one that runs is not replaced.
        try call.append("fail")
        try call.open("a", "(sv)")
        try call.property("Description", "s") { call throws(KernelError) in
            try call.append("\(subject), for ais-hostd")
        }
        try call.property("Type", "s") { call throws(KernelError) in try call.append("oneshot") }
        try call.property("TimeoutStartUSec", "t") { call throws(KernelError) in
            try call.append(microseconds(command.timeout))
        }
        try call.property("Environment", "as") { call throws(KernelError) in try call.append(command.environment) }
        if !command.after.isEmpty {
            try call.property("After", "as") { call throws(KernelError) in try call.append(command.after) }
        }
        try call.property("ExecStart", "a(sasb)") { call throws(KernelError) in
            try call.open("a", "(sasb)")
            try call.open("r", "sasb")
            try call.append(subject)
            try call.append(command.arguments)
            try call.append(false)
            try call.close()
            try call.close()
        }
        try call.close()
        // No auxiliary units.
        try call.open("a", "(sa(sv))")
        try call.close()
        let reply = try bus.send(call, subject, within: Self.timeout)
        guard command.isAwaited else { return }
        do throws(KernelError) {
            try bus.wait(for: reply.value()?.text, "run", subject, within: command.timeout + Self.timeout)
        } catch {
            var error = error
            let found = (try? properties(of: .unit(command.unit))) ?? [:]
            let code = found["ExecMainStatus"]?.number.map { "exit code \($0)" }
            let told = [code ?? error.message, "see journalctl -u \(command.unit)"].compactMap(\.self)
            error.message = told.joined(separator: ", ")
            forget(command.unit)
            throw error
        }
    }

    /// A unit that failed stays loaded, and keeps the next one of its name from being made.
    private func forget(_ unit: String) {
        guard let bus = try? BusConnection(to: BusObject.manager.service),
            let call = try? bus.newCall(.manager, Self.manager, "ResetFailedUnit"), (try? call.append(unit)) != nil
        else { return }
        _ = try? bus.send(call, unit, within: Self.timeout)
    }
}
