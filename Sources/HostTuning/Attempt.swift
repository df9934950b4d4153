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
    guard case .value(let held, let bounds) = reading,
        case .reach(let goal, _) = setting.requirement.goal(held: held, bounds: bounds), goal != held
    else { return nil }
    func attempt(_ error: KernelError?) -> Attempt {
        Attempt(id: setting.id, subject: file, before: held, wanted: goal, error: error)
    }
    do throws(KernelError) {
        try check()
        guard !host.isAbandoned() else {
            throw KernelError(
                "write", file, wanted: goal.description, errno: .canceled, message: "not waited for any more")
        }
        try host.files.write(goal.description, to: file)
        return attempt(nil)
    } catch {
        return attempt(error)
    }
}
