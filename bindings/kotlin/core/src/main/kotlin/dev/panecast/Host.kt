package dev.panecast

import kotlinx.coroutines.flow.Flow
import java.nio.ByteBuffer
import dev.panecast.generated.Host as GeneratedHost
import dev.panecast.generated.HostConfig as GeneratedConfig
import dev.panecast.generated.HostEvent as GeneratedEvent
import dev.panecast.generated.Presence as GeneratedPresence

/**
 * Who a visitor is to the app's tenant.
 *
 * @property visitor the app's own id of its visitor, of 1 to 128 bytes
 * @property tenantKey the tenant's public key, as text: agents with its passes may ask
 */
data class Presence(val visitor: String, val tenantKey: String)

/**
 * Whom a host lets in, and how it encodes.
 *
 * @property tenant whose visitors and agents these are; `default` where the relay serves one
 * @property keys whether agents may come by a key
 * @property presence whether agents with a pass may ask
 */
data class HostConfig(
    val tenant: String = "default",
    val keys: Boolean = true,
    val presence: Presence? = null,
    val share: ShareConfig = ShareConfig(),
) {
    internal fun generated() = GeneratedConfig(
        tenant,
        keys,
        presence?.let { GeneratedPresence(it.visitor, it.tenantKey) },
        share.generated(),
    )
}

/** What the app is told by a [Host], in the order in which it happens. */
sealed interface HostEvent {
    /**
     * Connect a WebSocket to the relay's `/ws/host` after [afterMs], then [Host.connected], or [Host.early] before and [Host.opened]
     * then; where it fails, [Host.disconnected].
     */
    data class Connect(val afterMs: Long) : HostEvent

    /** A text message for the WebSocket. */
    data class SendText(val text: String) : HostEvent

    /** A binary message for the WebSocket. */
    class SendBinary internal constructor(val bytes: ByteArray) : HostEvent

    /** Close the WebSocket, once what came before is sent. */
    object Disconnect : HostEvent

    /** Show this key, nine digits in groups of three, to the visitor, in place of the one before. */
    data class Key(val key: String, val lastsMs: Long) : HostEvent

    /** A link is open: `https://RELAY/see#` and [text]. Who has it needs a key besides if [withKey]. */
    data class Link(val text: String, val withKey: Boolean) : HostEvent

    /** Who sent the link that was taken is waited for. */
    object Waiting : HostEvent

    /** Agents with a pass may ask by this visitor's id. */
    data class Present(val visitor: String) : HostEvent

    /** Another device is this visitor now. */
    data class TakenOver(val visitor: String) : HostEvent

    /**
     * Ask the visitor, then [Host.allow] or [Host.decline].
     *
     * @property who what the joiner calls itself
     * @property agent the short form of the key of its pass, where a pass of the tenant's proves the name
     */
    data class Ask(val joiner: Int, val who: String, val agent: String?, val purpose: Purpose) : HostEvent

    /** A watcher points or draws. */
    data class Marked(val joiner: Int, val mark: Mark) : HostEvent

    /** A watcher's part is over, or the question about it. */
    data class Left(val joiner: Int, val who: String, val reason: EndReason) : HostEvent

    /** How the picture lives. */
    data class State(val state: ShareState) : HostEvent

    /** Nothing is captured any more: the last watcher left (`null`), or the source is gone. */
    data class Stopped(val error: PanecastException?) : HostEvent

    /** The relay does not take this host; [Ended] follows. */
    data class Refused(val kind: RefusalKind, val reason: String) : HostEvent

    /** All is over; nothing follows. */
    data class Ended(val reason: EndReason) : HostEvent
}

/**
 * The sharing end at a relay, without its WebSocket: the app carries the messages. Any thread may call it. Nothing is captured
 * before [allow]. Somebody must collect [events] or call [next] again and again: pictures wait there.
 */
class Host(config: HostConfig = HostConfig()) : RelayEnd, AutoCloseable {
    private val own = native { GeneratedHost(config.generated()) }

    /** Draws a link, in place of one before. */
    fun openLink(kind: LinkKind) = native { own.openLink(kind.generated()) }

    /** Lets in the one who drew this link and sent it here, once: a deep link that asks for a camera. */
    fun takeLink(text: String) = native { own.takeLink(text) }

    override fun early(token: String?): List<String> = native { own.early(token) }

    override fun opened(protocol: String?) = native { own.opened(protocol) }

    override fun connected(token: String?) = native { own.connected(token) }

    override fun disconnected() = native { own.disconnected() }

    override fun alive() = native { own.alive() }

    override fun text(text: String) = native { own.text(text) }

    override fun binary(bytes: ByteBuffer) = native { bytes.direct().let { synchronized(it) { own.binary(it) } } }

    /** The visitor allows [joiner] to see [source]. While others watch already, it is what they see. */
    fun allow(joiner: Int, purpose: Purpose, source: String) =
        native { own.allow(joiner.toUInt(), purpose.generated, source) }

    /** The visitor does not let [joiner] see anything. */
    fun decline(joiner: Int) = native { own.decline(joiner.toUInt()) }

    /** Hands over a frame of the app's own, as [Share.push]. [PanecastException.Denied] while nobody was allowed to see anything. */
    fun push(frame: Frame, damage: List<Rect>? = null, timestampUs: Long) = native {
        val rects = damage?.map { it.generated() }
        val at = timestampUs.toTimestamp()
        frame.planes { a, b, c -> own.push(frame.layout, a, b, c, rects, at) }
    }

    /** Shows nothing from here on, and forgets what was shown: once it returns, no picture comes out of [next]. */
    fun pause() = native { own.pause() }

    /** Goes on after [pause], with a picture taken after this call. */
    fun resume() = native { own.resume() }

    /** Hides what [masks] says from now on, whatever is shown. */
    fun setMasks(masks: Masks) = native { own.setMasks(masks.generated()) }

    /** Figures of what is shown; zeros where nothing is. */
    val stats: ShareStats
        get() = native { ShareStats.of(own.stats()) }

    /** Sends a watcher away. */
    fun dismiss(joiner: Int) = native { own.dismiss(joiner.toUInt()) }

    /** The visitor ends it and takes the consent back. Capture stops before this returns; what is left in [next] tells the others. */
    fun end() = native { own.end() }

    /** What happened next; `null` if nothing does within [timeoutMs]. It blocks; [events] suspends. */
    fun next(timeoutMs: Int): HostEvent? = native {
        if (timeoutMs < 0) throw PanecastException.InvalidInput("a time of $timeoutMs ms")
        own.next(timeoutMs.toUInt())?.let { told(it) }
    }

    /** All that happens, for one collector. The flow ends after [HostEvent.Ended], and when the host is closed. */
    fun events(): Flow<HostEvent> = polled({ next(it) }) { it is HostEvent.Ended }

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

private fun told(event: GeneratedEvent): HostEvent = when (event) {
    is GeneratedEvent.Connect -> HostEvent.Connect(event.afterMs.toLong())
    is GeneratedEvent.SendText -> HostEvent.SendText(event.text)
    is GeneratedEvent.SendBinary -> HostEvent.SendBinary(event.bytes)
    is GeneratedEvent.Disconnect -> HostEvent.Disconnect
    is GeneratedEvent.Key -> HostEvent.Key(event.key, event.lastsMs.toLong())
    is GeneratedEvent.Link -> HostEvent.Link(event.text, event.withKey)
    is GeneratedEvent.Waiting -> HostEvent.Waiting
    is GeneratedEvent.Present -> HostEvent.Present(event.visitor)
    is GeneratedEvent.TakenOver -> HostEvent.TakenOver(event.visitor)
    is GeneratedEvent.Ask ->
        HostEvent.Ask(event.joiner.toInt(), event.who, event.agent, Purpose.entries[event.purpose.ordinal])
    is GeneratedEvent.Mark -> HostEvent.Marked(event.joiner.toInt(), Mark.of(event.mark))
    is GeneratedEvent.Left -> HostEvent.Left(event.joiner.toInt(), event.who, EndReason.of(event.reason))
    is GeneratedEvent.State -> HostEvent.State(ShareState.of(event.state))
    is GeneratedEvent.Stopped -> HostEvent.Stopped(event.error?.translated())
    is GeneratedEvent.Refused -> HostEvent.Refused(RefusalKind.of(event.kind), event.reason)
    is GeneratedEvent.Ended -> HostEvent.Ended(EndReason.of(event.reason))
}

/** What is between position and limit as a direct buffer: a copy, if it is on the heap. */
internal fun ByteBuffer.direct(): ByteBuffer =
    if (isDirect) slice() else ByteBuffer.allocateDirect(remaining()).also { it.put(duplicate()).flip() }
