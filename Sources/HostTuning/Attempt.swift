package import HostModel

/// One write that was made or tried.
package struct Attempt: Sendable {
    package let id: SettingID
    /// The path or link that was written.
    package let subject: String
    package let before: SettingValue
    package let wanted: SettingValue
    package let error: KernelError?
}

/// Writes one setting's goal to its file, unless it holds already or can't be reached; nil then, and the assessment
/// says which.
func attempt(
    _ setting: Setting, file: String, reading: Reading, on host: Host,
    check: () throws(KernelError) -> Void = {}
) -> Attempt? {
    guard let change = Attempt.Change(setting, reading) else { return nil }
    return change.attempt(file, on: host) { () throws(KernelError) in
        try check()
        try host.files.write(change.goal.description, to: file)
    }
}

extension Attempt {
    /// What is to be written, and what is there.
    struct Change {
        let id: SettingID
        let held: SettingValue
        let goal: SettingValue

        /// Nil where it holds already or can't be reached.
        init?(_ setting: Setting, _ reading: Reading) {
            guard let (held, bounds) = reading.writable,
                case .reach(let goal, _) = setting.requirement.goal(held: held, bounds: bounds), goal != held
            else { return nil }
            (id, self.held, self.goal) = (setting.id, held, goal)
        }

        /// Tries it, unless nobody waits for it any more.
        func attempt(_ subject: String, on host: Host, _ write: () throws(KernelError) -> Void) -> Attempt {
            do throws(KernelError) {
                guard !host.isAbandoned() else {
                    throw KernelError(
                        "write", subject, wanted: goal.description, errno: .canceled, message: "not waited for any more"
                    )
                }
                try write()
                return Attempt(id: id, subject: subject, before: held, wanted: goal, error: nil)
            } catch {
                return Attempt(id: id, subject: subject, before: held, wanted: goal, error: error)
            }
        }
    }
}
