/// Does the work on one target, which a sick device may never end.
package protocol Worker: Sendable {
    /// Runs `work`, and throws ETIMEDOUT where it does not end in time: it is abandoned then, and until it has ended
    /// after all every other work on that target throws at once. `work` must look at `isAbandoned` before each write:
    /// nobody expects one any more.
    ///
    /// `target` is the target's folder in sysfs or procfs. `patience` overrules how long is waited.
    func perform<Value: Sendable>(
        on target: String, patience: Duration?,
        _ work: @escaping @Sendable (_ isAbandoned: @escaping @Sendable () -> Bool) -> Value
    ) throws(KernelError) -> Value
}

/// Works where it is called, and waits for as long as it takes: for commands, which somebody can interrupt.
package struct PatientWorker: Worker {
    package init() {}

    package func perform<Value: Sendable>(
        on target: String, patience: Duration?,
        _ work: @escaping @Sendable (_ isAbandoned: @escaping @Sendable () -> Bool) -> Value
    ) throws(KernelError) -> Value { work { false } }
}
