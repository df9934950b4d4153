import Glibc

/// A value of several threads that they wait for, without looking again and again.
///
/// `pthread_mutex_lock(3)`, `pthread_cond_timedwait(3)` by CLOCK_MONOTONIC: a clock that is set moves no deadline.
// @unchecked Sendable: the value is touched only while the mutex is held, and the pointers never change.
final class Monitor<Value: Sendable>: @unchecked Sendable {
    private var value: Value
    // At an address that stays: a mutex must not move.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(_ value: Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Changes the value while nobody else does, and lets all who wait look at it.
    func change<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// Waits until `body` answers something. It runs while nobody else changes the value, and may change it for itself:
    /// nobody is told.
    func wait<Result>(for body: (inout Value) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            pthread_cond_wait(changed, mutex)
        }
    }

    /// The same, until a time of CLOCK_MONOTONIC: nil after it. Nothing changes between the last look and `giveUp`.
    func wait<Result>(
        until deadline: Duration, for body: (inout Value) -> Result?, orElse giveUp: (inout Value) -> Void
    ) -> Result? {
        var time = timespec(deadline)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            // 0 is a change, or nothing at all; all else would be for ever.
            if pthread_cond_timedwait(changed, mutex, &time) == 0 { continue }
            let result = body(&value)
            if result == nil { giveUp(&value) }
            return result
        }
    }
}
