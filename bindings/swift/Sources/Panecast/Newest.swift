import Foundation

/// Tells any number of listeners the newest value; who is slow misses those in between.
final class Newest<Value: Sendable>: @unchecked Sendable {
    // All that follows is touched with this held.
    private let lock = NSLock()
    private var newest: Value?
    private var finished = false
    private var listeners: [UInt64: AsyncStream<Value>.Continuation] = [:]
    private var joined: UInt64 = 0

    /// What is told from now on, the newest value first.
    func stream() -> AsyncStream<Value> {
        let (stream, listener) = AsyncStream.makeStream(of: Value.self, bufferingPolicy: .bufferingNewest(1))
        let id = lock.withLock { () -> UInt64? in
            if let newest { listener.yield(newest) }
            if finished { return nil }
            joined += 1
            listeners[joined] = listener
            return joined
        }
        guard let id else {
            listener.finish()
            return stream
        }
        listener.onTermination = { [weak self] _ in self?.leave(id) }
        return stream
    }

    func tell(_ value: Value) {
        // In the lock, so that all hear the same order. A yield runs nothing of the listener's.
        lock.withLock {
            newest = value
            listeners.values.forEach { _ = $0.yield(value) }
        }
    }

    func finish() {
        let left = lock.withLock {
            finished = true
            defer { listeners = [:] }
            return Array(listeners.values)
        }
        // Not in the lock: a listener that ends leaves.
        left.forEach { $0.finish() }
    }

    private func leave(_ id: UInt64) {
        lock.withLock { _ = listeners.removeValue(forKey: id) }
    }
}

/// Asks a blocking call again and again on a thread of its own, as fast as the stream's only reader goes.
///
/// Nothing is fetched ahead of the reader: what the library takes back with a pause is never told after it.
func pulled<Value: Sendable>(
    on queue: DispatchQueue, _ next: @escaping @Sendable (_ timeoutMs: UInt32) throws(PanecastError) -> Value?
) -> AsyncStream<Value> {
    AsyncStream(unfolding: {
        while !Task.isCancelled {
            let fetched: Result<Value?, PanecastError> = await withCheckedContinuation { waiting in
                queue.async {
                    // Short, so that a cancelled reader lets go soon.
                    do throws(PanecastError) {
                        waiting.resume(returning: .success(try next(100)))
                    } catch {
                        waiting.resume(returning: .failure(error))
                    }
                }
            }
            switch fetched {
            case .success(nil): continue
            case .success(let value): return value
            case .failure: return nil
            }
        }
        return nil
    })
}
