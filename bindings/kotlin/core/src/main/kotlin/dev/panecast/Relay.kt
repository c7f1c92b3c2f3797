package dev.panecast

import dev.panecast.generated.LinkKind as GeneratedLink
import dev.panecast.generated.Mark as GeneratedMark
import dev.panecast.generated.MarkTool as GeneratedTool
import dev.panecast.generated.EndReason as GeneratedReason
import dev.panecast.generated.RefusalKind as GeneratedRefusal
import dev.panecast.generated.drawLink as generatedDrawLink

/** Why a session is over. */
enum class EndReason {
    /** Who shared stopped, and so took the consent back. */
    SHARER_STOPPED,

    /** Who watched left. */
    WATCHER_LEFT,

    /** Who was asked said no. */
    DECLINED,

    /** Who was asked did not answer in time. */
    NO_ANSWER,

    /** Who shared sent this watcher away. */
    DISMISSED,

    /** What was shared is gone: a closed window, the end of a file. */
    SOURCE_ENDED,

    /** Capture failed. */
    SOURCE_FAILED,

    /** The key is not the one that was told. */
    WRONG_KEY,

    /** The pass is not one of the tenant's. */
    UNTRUSTED,

    /** The key, the link or the pass is too old. */
    EXPIRED,

    /** The key or the link was used already, or guessed at too often. */
    SPENT,

    /** Bytes were changed, repeated, left out or exchanged on their way. */
    TAMPERED,

    /** The other end broke the rules of the session. */
    BROKE_RULES,

    /** A connection was cut and did not come back in time. */
    LOST,

    /** The other end took too long over the beginning. */
    TIMED_OUT,

    /** The relay shuts down. */
    RELAY_STOPPED,

    /** Something that should not fail did, on the device of who ended it. */
    FAILED,
    ;

    internal companion object {
        fun of(reason: GeneratedReason): EndReason = entries[reason.ordinal]
    }
}

/** Why the relay does not let an end in. */
enum class RefusalKind {
    /** No room has this key. */
    WRONG_KEY,

    /** The room or the relay is full. */
    FULL,

    /** Another version of the protocol. */
    VERSION,

    /** A message that does not fit the protocol, or is too large. */
    BAD_MESSAGE,

    /** Too many keys were tried from this network, or of this tenant. */
    TOO_MANY_TRIES,

    /** The other side said no. */
    DECLINED,

    /** Nobody is there to be reached this way now. */
    UNAVAILABLE,

    /** The tenant is not known here, or the token does not allow this. */
    NOT_ALLOWED,

    /** The link was used up, or its host has closed it. */
    SPENT,
    ;

    internal companion object {
        fun of(kind: GeneratedRefusal): RefusalKind = entries[kind.ordinal]
    }
}

/** What a line looks like. */
enum class MarkTool {
    /** A thin line. */
    PEN,

    /** A broad one that lets through what is below. */
    HIGHLIGHT,

    /** A straight line with a head at its last point. */
    ARROW,
    ;

    internal fun generated(): GeneratedTool = GeneratedTool.entries[ordinal]
}

/** What a watcher points at or draws. It is drawn over the shared screen, never part of the picture. */
sealed interface Mark {
    /** The laser pointer is at [at]; `null`: it is gone. */
    data class Pointer(val at: Point?) : Mark

    /**
     * A line begins or, with the same number, goes on.
     *
     * @property line the watcher's number for it
     * @property colour 0xRRGGBB
     */
    data class Line(val line: Int, val tool: MarkTool, val colour: Int, val points: List<Point>) : Mark

    /** All lines of this watcher go away. */
    object Clear : Mark

    companion object {
        internal fun of(mark: GeneratedMark): Mark = when (mark) {
            is GeneratedMark.Pointer -> Pointer(mark.at?.let { Point(it.x, it.y) })
            is GeneratedMark.Line -> Line(
                mark.line.toInt(),
                MarkTool.entries[mark.tool.ordinal],
                mark.colour.toInt(),
                mark.points.map { Point(it.x, it.y) },
            )
            is GeneratedMark.Clear -> Clear
        }
    }
}

/** Whom a link lets in. */
sealed interface LinkKind {
    /** So many, so long, without more. */
    data class Alone(val uses: Int, val lastsSeconds: Int) : LinkKind

    /** Those who have a key as well. */
    object WithKeys : LinkKind

    /** The one who has drawn it and sent it here. */
    object Taken : LinkKind
}

internal fun LinkKind.generated(): GeneratedLink = when (this) {
    is LinkKind.Alone -> {
        if (uses < 0 || lastsSeconds < 0) throw PanecastException.InvalidInput("$uses uses within $lastsSeconds s")
        GeneratedLink.Alone(uses.toUInt(), lastsSeconds.toUInt())
    }
    LinkKind.WithKeys -> GeneratedLink.WithKeys
    LinkKind.Taken -> GeneratedLink.Taken
}

/** Draws a link's secret to send to somebody: `https://RELAY/camera#` and this text. */
fun drawLink(): String = native { generatedDrawLink() }
