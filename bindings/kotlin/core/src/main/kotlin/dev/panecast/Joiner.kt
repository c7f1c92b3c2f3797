package dev.panecast

import kotlinx.coroutines.flow.Flow
import java.nio.ByteBuffer
import dev.panecast.generated.Joiner as GeneratedJoiner
import dev.panecast.generated.JoinerEvent as GeneratedEvent
import dev.panecast.generated.Point as GeneratedPoint
import dev.panecast.generated.Way as GeneratedWay

/** The way in. */
sealed interface Way {
    /** A key that was read out: nine digits. */
    data class Key(val key: String) : Way

    /** A link by which somebody shows a screen: what stands behind its `#`, and the key, if it needs one. */
    data class Link(val text: String, val key: String? = null) : Way

    /** A visitor's id in the app, and a credential of the tenant's, as its file has it. */
    class Visitor(val visitor: String, val credential: String) : Way

    /** A link that was drawn here ([drawLink]) and sent to somebody else. */
    data class Sent(val text: String) : Way
}

/** What the app is told by a [Joiner], in the order in which it happens. */
sealed interface JoinerEvent {
    /**
     * Connect a WebSocket to the relay's `/ws/join` after [afterMs], then [Joiner.connected], or [Joiner.early] before and
     * [Joiner.opened] then; where it fails, [Joiner.disconnected].
     */
    data class Connect(val afterMs: Long) : JoinerEvent

    /** A text message for the WebSocket. */
    data class SendText(val text: String) : JoinerEvent

    /** A binary message for the WebSocket. */
    class SendBinary internal constructor(val bytes: ByteArray) : JoinerEvent

    /** Close the WebSocket, once what came before is sent. */
    object Disconnect : JoinerEvent

    /** The key was right: nobody between can read what follows. */
    object Sealed : JoinerEvent

    /** The person at the other end is being asked. */
    object Asking : JoinerEvent

    /** Allowed; pictures of [source] follow. */
    data class Allowed(val source: String) : JoinerEvent

    /** How the picture lives. While it is paused there is no picture. */
    data class State(val state: ShareState, val source: String) : JoinerEvent

    /** There is a newer picture: paint it ([Joiner.copyPicture]). The next [Joiner.next] says that it is painted. */
    data class Picture(val size: PictureSize, val dirty: List<Rect>, val resized: Boolean) : JoinerEvent

    /** The cursor moved or has another shape. */
    object Cursor : JoinerEvent

    /** The relay does not let it in; [Ended] follows. */
    data class Refused(val kind: RefusalKind, val reason: String) : JoinerEvent

    /** All is over; nothing follows. */
    data class Ended(val reason: EndReason) : JoinerEvent
}

/**
 * The watching end at a relay, with its decoder, without its WebSocket: the app carries the messages. Any thread may call it.
 *
 * @param who what the other end is told of this person
 */
class Joiner(way: Way, who: String, purpose: Purpose = Purpose.SCREEN, tenant: String = "default") :
    RelayEnd, AutoCloseable {
    private val own = native { GeneratedJoiner(tenant, way.generated(), who, purpose.generated) }

    override fun early(token: String?): List<String> = native { own.early(token) }

    override fun opened(protocol: String?) = native { own.opened(protocol) }

    override fun connected(token: String?) = native { own.connected(token) }

    override fun disconnected() = native { own.disconnected() }

    override fun alive() = native { own.alive() }

    override fun text(text: String) = native { own.text(text) }

    override fun binary(bytes: ByteBuffer) = native { bytes.direct().let { synchronized(it) { own.binary(it) } } }

    /** Where the person looks: it is made exact first. `null`: everywhere. */
    fun focus(rect: Rect?) = native { own.focus(rect?.generated()) }

    /** The person points here; `null`: no more. */
    fun point(at: Point?) = native { own.point(at?.let { GeneratedPoint(it.x, it.y) }) }

    /** The person draws: a line of up to 512 points begins or, with the same number, goes on. [colour] is 0xRRGGBB. */
    fun draw(line: Int, tool: MarkTool, colour: Int, points: List<Point>) = native {
        own.draw(line.toUInt(), tool.generated(), colour.toUInt(), points.map { GeneratedPoint(it.x, it.y) })
    }

    /** All lines of this person go away. */
    fun clear() = native { own.clear() }

    /** The person wants no pictures for now, or wants them again. */
    fun pause(paused: Boolean) = native { own.pause(paused) }

    /** The person leaves; what is left in [next] tells the other end. */
    fun leave() = native { own.leave() }

    /** What happened next; `null` if nothing does within [timeoutMs]. It blocks; [events] suspends. */
    fun next(timeoutMs: Int): JoinerEvent? = native {
        if (timeoutMs < 0) throw PanecastException.InvalidInput("a time of $timeoutMs ms")
        own.next(timeoutMs.toUInt())?.let { told(it) }
    }

    /** All that happens, for one collector, which paints. The flow ends after [JoinerEvent.Ended], and when the joiner is closed. */
    fun events(): Flow<JoinerEvent> = polled({ next(it) }) { it is JoinerEvent.Ended }

    /** The newest picture's size; `null` while there is none. */
    val pictureSize: PictureSize?
        get() = native { own.pictureSize()?.let { PictureSize(it.width.toInt(), it.height.toInt()) } }

    /** Pixels of the newest picture that are not exact yet; 0 while there is none. */
    val lossyPixels: Long
        get() = native { own.lossyPx().toLong() }

    /** Copies the newest picture, as [Decoder.copyPicture]. */
    fun copyPicture(into: ByteBuffer, strideBytes: Int): PictureSize = copied(into, strideBytes, own::copyPicture)

    /** Where the cursor's hotspot is; `null` where it is hidden. */
    val cursorPlace: Point?
        get() = native { own.cursorPlace()?.let { Point(it.x, it.y) } }

    /** The cursor's shape, once one has been sent. */
    val cursorShape: CursorShape?
        get() = native { own.cursorShape()?.let { CursorShape.of(it) } }

    /** Ends all at once, without a word to anybody, and frees it. Closing twice is harmless. */
    override fun close() {
        try {
            own.stop()
        } catch (_: IllegalStateException) {
            // Closed before.
        }
        own.close()
    }
}

private fun Way.generated(): GeneratedWay = when (this) {
    is Way.Key -> GeneratedWay.Key(key)
    is Way.Link -> GeneratedWay.Link(text, key)
    is Way.Visitor -> GeneratedWay.Visitor(visitor, credential)
    is Way.Sent -> GeneratedWay.Sent(text)
}

private fun told(event: GeneratedEvent): JoinerEvent = when (event) {
    is GeneratedEvent.Connect -> JoinerEvent.Connect(event.afterMs.toLong())
    is GeneratedEvent.SendText -> JoinerEvent.SendText(event.text)
    is GeneratedEvent.SendBinary -> JoinerEvent.SendBinary(event.bytes)
    is GeneratedEvent.Disconnect -> JoinerEvent.Disconnect
    is GeneratedEvent.Sealed -> JoinerEvent.Sealed
    is GeneratedEvent.Asking -> JoinerEvent.Asking
    is GeneratedEvent.Allowed -> JoinerEvent.Allowed(event.source)
    is GeneratedEvent.State -> JoinerEvent.State(ShareState.of(event.state), event.source)
    is GeneratedEvent.Picture -> JoinerEvent.Picture(
        PictureSize(event.width.toInt(), event.height.toInt()),
        event.dirty.map { Rect.of(it) },
        event.resized,
    )
    is GeneratedEvent.Cursor -> JoinerEvent.Cursor
    is GeneratedEvent.Refused -> JoinerEvent.Refused(RefusalKind.of(event.kind), event.reason)
    is GeneratedEvent.Ended -> JoinerEvent.Ended(EndReason.of(event.reason))
}
