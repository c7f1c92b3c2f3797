package dev.panecast

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.withContext

/** Short, so that a cancelled collector lets go soon. */
private const val POLL_MS = 100

/**
 * What [next] gives, which waits so many milliseconds at most, until [last] or until the object is closed.
 *
 * Not `flowOn`: it would hold something back that was fetched before a pause, and give it after.
 */
internal fun <T : Any> polled(next: (Int) -> T?, last: (T) -> Boolean): Flow<T> = flow {
    while (true) {
        val event = try {
            withContext(Dispatchers.IO) { next(POLL_MS) }
        } catch (_: PanecastException.Closed) {
            return@flow
        } ?: continue
        emit(event)
        if (last(event)) return@flow
    }
}
