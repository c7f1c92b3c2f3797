package dev.panecast

import dev.panecast.generated.Masks as GeneratedMasks
import dev.panecast.generated.Share as GeneratedShare
import dev.panecast.generated.ShareConfig as GeneratedConfig
import dev.panecast.generated.ShareOutput as GeneratedOutput
import dev.panecast.generated.ShareState as GeneratedState
import dev.panecast.generated.ShareStats as GeneratedStats
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.filterNotNull

/** The truth about the picture. */
enum class ShareState {
    /** It follows the source. */
    LIVE,

    /** The source is there and unchanged. */
    IDLE,

    /** The visitor paused; nothing is captured. */
    PAUSED,

    /** The source does not answer. */
    STALLED,

    /** The operating system lets nothing be captured for now. */
    BLOCKED,

    /** What is shown forbids capture. */
    SECURE,

    /** A connection is cut and may come back. */
    RECONNECTING,
    ;

    internal companion object {
        fun of(state: GeneratedState): ShareState = entries[state.ordinal]
    }
}

/**
 * How a share runs.
 *
 * @property fps most pictures a second
 * @property bitrate most bits a second for moving pictures; `null` for as many as the lines take
 * @property encoder how pictures are coded
 */
data class ShareConfig(
    val fps: Int = 30,
    val bitrate: Long? = null,
    val encoder: EncoderConfig = EncoderConfig(),
) {
    internal fun generated(): GeneratedConfig {
        if (fps < 0) throw PanecastException.InvalidInput("$fps pictures a second")
        return GeneratedConfig(fps.toUInt(), bitrate?.toBitrate(), encoder.generated())
    }
}

/**
 * What is hidden. Windows are written `0x1200003`, `title:TEXT` or `class:TEXT`.
 *
 * @property rects in pixels of the source
 * @property windows hidden windows
 * @property onlyWindows all but these are hidden; if there is none, this hides nothing
 */
data class Masks(
    val rects: List<Rect> = emptyList(),
    val windows: List<String> = emptyList(),
    val onlyWindows: List<String> = emptyList(),
) {
    internal fun generated() = GeneratedMasks(rects.map { it.generated() }, windows, onlyWindows)
}

/** What a share tells, in order. */
sealed interface ShareOutput {
    /**
     * Bytes of the stream, for the app's transport.
     *
     * @property viewer whom they are for; `null`: all
     * @property sequence what viewers acknowledge; `null` where that is not needed
     * @property bytes one packet, after a stream header where it is for one viewer
     */
    class Packet internal constructor(val viewer: Int?, val sequence: Long?, val bytes: ByteArray) : ShareOutput

    /** The state changed. */
    data class State(val state: ShareState) : ShareOutput

    /** The last output: the source ended in its natural way (`null`), failed, or the consent was taken back. */
    data class Ended(val error: PanecastException?) : ShareOutput
}

/** Figures of a running share; totals since the start. */
data class ShareStats(
    val framesCaptured: Long,
    val updatesSent: Long,
    val refinementsSent: Long,
    val bytesSent: Long,
    val encodeMs: Float,
    val roundTripMs: Float,
    val exactRatio: Float,
    val maskedRatio: Float,
    val viewers: Int,
) {
    internal companion object {
        fun of(s: GeneratedStats) = ShareStats(
            s.framesCaptured.toLong(),
            s.updatesSent.toLong(),
            s.refinementsSent.toLong(),
            s.bytesSent.toLong(),
            s.encodeMs,
            s.roundTripMs,
            s.exactRatio,
            s.maskedRatio,
            s.viewers.toInt(),
        )
    }
}

/**
 * A running share over a captured source or pushed frames. Any thread may call it. Nothing is captured before the first viewer
 * joins. Every method throws [PanecastException]; after [close] it is [PanecastException.Closed].
 */
class Share private constructor(private val own: GeneratedShare) : AutoCloseable {
    private val newest = MutableStateFlow<ShareState?>(null)

    /**
     * The states, newest wins: who is slow misses those in between. They come with the outputs, so that somebody must collect
     * [outputs] or call [next].
     */
    val states: Flow<ShareState> = newest.filterNotNull().conflate()

    /**
     * Hands over a frame; it replaces one that was not captured yet. Returns at once, and the frame is not kept.
     *
     * @param damage where it may differ from the frame before; `null`: anywhere
     * @param timestampUs microseconds since the stream began
     */
    fun push(frame: Frame, damage: List<Rect>? = null, timestampUs: Long) = native {
        val rects = damage?.map { it.generated() }
        val at = timestampUs.toTimestamp()
        frame.planes { a, b, c -> own.push(frame.layout, a, b, c, rects, at) }
    }

    /** No more frames will be pushed: what was pushed last still goes out, then comes [ShareOutput.Ended]. */
    fun end() = native { own.end() }

    /** What happened next, in order; `null` if there is nothing within [timeoutMs]. It blocks; [outputs] suspends. */
    fun next(timeoutMs: Int): ShareOutput? = native {
        if (timeoutMs < 0) throw PanecastException.InvalidInput("a time of $timeoutMs ms")
        when (val output = own.next(timeoutMs.toUInt())) {
            null -> null
            is GeneratedOutput.Packet ->
                ShareOutput.Packet(output.viewer?.toInt(), output.sequence?.toLong(), output.bytes)
            is GeneratedOutput.State -> ShareOutput.State(ShareState.of(output.state)).also { newest.value = it.state }
            is GeneratedOutput.Ended -> ShareOutput.Ended(output.error?.translated())
        }
    }

    /**
     * All that happens, for one collector, which decides the pace: while it is busy nothing more is fetched. The flow ends after
     * [ShareOutput.Ended], and when the share is closed.
     */
    fun outputs(): Flow<ShareOutput> = polled({ next(it) }) { it is ShareOutput.Ended }

    /** A viewer joined, or lost its place: it gets a snapshot, then what follows. */
    fun viewerJoined(viewer: Int) = native { own.viewerJoined(viewer.toUInt()) }

    /** The transport has dropped what was on its way to a viewer. It holds up nobody until it joins anew. */
    fun viewerBehind(viewer: Int) = native { own.viewerBehind(viewer.toUInt()) }

    /** A viewer left. */
    fun viewerLeft(viewer: Int) = native { own.viewerLeft(viewer.toUInt()) }

    /** A viewer has painted the update [sequence]; it held it for [heldUs] before it told so, 0 if it does not say. */
    fun viewerAck(viewer: Int, sequence: Long, heldUs: Long = 0) = native {
        own.viewerAck(viewer.toUInt(), sequence.toULong(), heldUs.toTimestamp())
    }

    /** What the agents look at: it is refined first. `null` if nobody says. */
    fun setFocus(focus: Rect?) = native { own.setFocus(focus?.generated()) }

    /** Stops capturing until [resume], and forgets all pictures. Once it returns, no picture from before is given. */
    fun pause() = native { own.pause() }

    /** Goes on after [pause], with a picture taken after this call. */
    fun resume() = native { own.resume() }

    /** Hides what [masks] says from now on, in place of what was hidden before. Once it returns, no picture without them is given. */
    fun setMasks(masks: Masks) = native { own.setMasks(masks.generated()) }

    /** Figures since the start. */
    val stats: ShareStats
        get() = native { ShareStats.of(own.stats()) }

    /** Stops capturing and encoding, waits for it, and frees the share. Closing twice is harmless. */
    override fun close() {
        try {
            own.stop()
        } catch (_: IllegalStateException) {
            // Closed before.
        }
        own.close()
    }

    companion object {
        /**
         * Starts to share [source]: an id of [sources], or `push:WIDTHxHEIGHT` for frames that the app pushes. The grant must be
         * for it, and is used up.
         *
         * @throws PanecastException.Denied if [grant] is for something else or used up
         * @throws PanecastException.Revoked if it was taken back
         */
        fun start(grant: Grant, source: String = grant.source, config: ShareConfig = ShareConfig()): Share =
            native { Share(GeneratedShare.start(grant.own, source, config.generated())) }
    }
}
