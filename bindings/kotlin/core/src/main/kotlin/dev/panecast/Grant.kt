package dev.panecast

import dev.panecast.generated.Consent
import dev.panecast.generated.Grant as GeneratedGrant
import dev.panecast.generated.Purpose as GeneratedPurpose

/** What a person is asked to show. */
enum class Purpose(internal val generated: GeneratedPurpose) {
    /** The visitor's screen, or one of the monitors. */
    SCREEN(GeneratedPurpose.SCREEN),

    /** One of the visitor's windows. */
    WINDOW(GeneratedPurpose.WINDOW),

    /** The visitor's camera. */
    CAMERA(GeneratedPurpose.CAMERA),

    /** The agent's own screen or window, shown to the visitor. */
    AGENT_SCREEN(GeneratedPurpose.AGENT_SCREEN),

    /** Nothing of a person's: the built-in desktop, a file. */
    PREPARED(GeneratedPurpose.PREPARED),
}

/** A question to the visitor: may agents see this source? */
data class Question(val purpose: Purpose, val source: String)

/** Proof that the visitor said yes, for one source and one share. Only [consent] gives one. */
class Grant internal constructor(internal val own: GeneratedGrant) : AutoCloseable {
    /** What the visitor allowed. */
    val source: String
        get() = native { own.source() }

    /** Whether it was taken back. */
    val isRevoked: Boolean
        get() = native { own.isRevoked() }

    /** Takes it back, for good: the share that runs on it ends, and nothing of it is sent once this returns. */
    fun revoke() = native { own.revoke() }

    /** Frees the handle; it takes nothing back. */
    override fun close() = own.close()
}

/**
 * Asks the visitor by [dialog], which returns true for Allow and may suspend as long as the visitor thinks. If it is cancelled
 * or throws, nothing is allowed.
 *
 * @param source an id of [sources], or `push:WIDTHxHEIGHT` for frames that the app pushes
 * @throws PanecastException.Denied if the visitor says no
 * @throws PanecastException.InvalidInput if [source] names none
 */
suspend fun consent(purpose: Purpose, source: String, dialog: suspend (Question) -> Boolean): Grant {
    val question = native { Consent(purpose.generated, source) }
    return question.use {
        val allow = dialog(Question(purpose, source))
        native { Grant(it.answer(allow)) }
    }
}

/** The same for callers without coroutines: what the visitor [allow]ed has been asked already. */
fun answeredConsent(purpose: Purpose, source: String, allow: Boolean): Grant =
    native { Consent(purpose.generated, source).use { Grant(it.answer(allow)) } }
