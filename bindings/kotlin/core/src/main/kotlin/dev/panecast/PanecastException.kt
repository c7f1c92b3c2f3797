package dev.panecast

import dev.panecast.generated.InternalException
import dev.panecast.generated.PanecastException as Generated

/**
 * What went wrong. The class is for programs, the message is a sentence for people.
 *
 * @property status the number that C and Swift have for it, too
 * @property statusName its stable name, as logs show it
 */
sealed class PanecastException(
    val status: Int,
    val statusName: String,
    message: String,
    cause: Throwable? = null,
) : Exception(message, cause) {
    /** The caller broke a documented rule: a wrong stride, a size of zero, an unknown name. */
    class InvalidInput internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(1, "invalid-input", message, cause)

    /** Bytes from outside break the format. */
    class InvalidData internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(2, "invalid-data", message, cause)

    /** The bytes are sound, but were made by a newer version or need a feature that is not built in. */
    class Unsupported internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(3, "unsupported", message, cause)

    /** A cap would be exceeded. */
    class LimitExceeded internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(4, "limit-exceeded", message, cause)

    /** The source, display, window or file does not exist. */
    class NotFound internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(5, "not-found", message, cause)

    /** The visitor or the operating system said no. */
    class Denied internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(6, "denied", message, cause)

    /** The visitor took back what had been allowed. */
    class Revoked internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(7, "revoked", message, cause)

    /** The source has ended, or this object was closed. */
    class Closed internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(8, "closed", message, cause)

    /** The source is there, but has not answered within its time. */
    class Stalled internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(9, "stalled", message, cause)

    /** Decoder and encoder no longer hold the same picture; a fresh snapshot is needed. */
    class Desync internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(10, "desync", message, cause)

    /** Reading or writing failed. */
    class Io internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(11, "io", message, cause)

    /** Who wants to come in did not prove that it may. */
    class Untrusted internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(12, "untrusted", message, cause)

    /** A key, a link or a pass is no longer good. */
    class Expired internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(13, "expired", message, cause)

    /** Sealed bytes were changed, left out, repeated or reordered on their way. */
    class Tampered internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(14, "tampered", message, cause)

    /** A bug of the library's was caught; the object is of no use any more and can only be closed. */
    class Panicked internal constructor(message: String, cause: Throwable? = null) :
        PanecastException(15, "panicked", message, cause)
}

/** The generated error as the one that apps see. */
internal fun Generated.translated(): PanecastException = when (this) {
    is Generated.InvalidInput -> PanecastException.InvalidInput(reason, this)
    is Generated.InvalidData -> PanecastException.InvalidData(reason, this)
    is Generated.Unsupported -> PanecastException.Unsupported(reason, this)
    is Generated.LimitExceeded -> PanecastException.LimitExceeded(reason, this)
    is Generated.NotFound -> PanecastException.NotFound(reason, this)
    is Generated.Denied -> PanecastException.Denied(reason, this)
    is Generated.Revoked -> PanecastException.Revoked(reason, this)
    is Generated.Closed -> PanecastException.Closed(reason, this)
    is Generated.Stalled -> PanecastException.Stalled(reason, this)
    is Generated.Desync -> PanecastException.Desync(reason, this)
    is Generated.Io -> PanecastException.Io(reason, this)
    is Generated.Untrusted -> PanecastException.Untrusted(reason, this)
    is Generated.Expired -> PanecastException.Expired(reason, this)
    is Generated.Tampered -> PanecastException.Tampered(reason, this)
    is Generated.Panicked -> PanecastException.Panicked(reason, this)
}

/** Runs a call of the library's; whatever it throws is a [PanecastException]. */
internal inline fun <T> native(call: () -> T): T = try {
    call()
} catch (e: Generated) {
    throw e.translated()
} catch (e: InternalException) {
    throw PanecastException.Panicked(e.message ?: "a bug of the library's was caught", e)
} catch (e: IllegalStateException) {
    // What the generated objects say once they are destroyed.
    throw PanecastException.Closed("this object was closed", e)
}
