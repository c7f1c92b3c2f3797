package dev.panecast

import dev.panecast.generated.Encoder as GeneratedEncoder
import dev.panecast.generated.EncoderConfig as GeneratedConfig
import dev.panecast.generated.Encoded as GeneratedEncoded
import dev.panecast.generated.Mode as GeneratedMode
import dev.panecast.generated.Refine as GeneratedRefine
import dev.panecast.generated.UpdateKind as GeneratedKind

/** What an encoder may lose. */
enum class Mode {
    /** Nothing: every picture is exact. */
    LOSSLESS,

    /** Films and photographs lose something at first and become exact once they are quiet; all else is exact. */
    AUTO,
}

/** When what was lost is made good. */
enum class Refine {
    /** Never. */
    OFF,

    /** Once the place is quiet. */
    IDLE,
}

/**
 * How an encoder works.
 *
 * @property mode what may be lost
 * @property quality of films and photographs, from 1 (smallest) to 100 (best)
 * @property refine when lossy places become exact
 * @property memoryBytes most bytes that the encoder keeps
 * @property av1 whether films are coded by AV1, where an encoder for it is built in
 */
data class EncoderConfig(
    val mode: Mode = Mode.LOSSLESS,
    val quality: Int = 60,
    val refine: Refine = Refine.IDLE,
    val memoryBytes: Long = 512L shl 20,
    val av1: Boolean = true,
) {
    internal fun generated(): GeneratedConfig {
        if (quality !in 1..100) throw PanecastException.InvalidInput("a quality of $quality; it goes from 1 to 100")
        if (memoryBytes < 0) throw PanecastException.InvalidInput("$memoryBytes bytes of memory")
        return GeneratedConfig(
            if (mode == Mode.LOSSLESS) GeneratedMode.LOSSLESS else GeneratedMode.AUTO,
            quality.toUByte(),
            if (refine == Refine.OFF) GeneratedRefine.OFF else GeneratedRefine.IDLE,
            memoryBytes.toULong(),
            av1,
        )
    }

    internal companion object {
        fun of(c: GeneratedConfig) = EncoderConfig(
            if (c.mode == GeneratedMode.LOSSLESS) Mode.LOSSLESS else Mode.AUTO,
            c.quality.toInt(),
            if (c.refine == GeneratedRefine.OFF) Refine.OFF else Refine.IDLE,
            c.memoryBytes.toLong(),
            c.av1,
        )
    }
}

/** What an encoder wrote. */
enum class UpdateKind {
    /** Nothing: the picture is what the viewers hold. */
    UNCHANGED,

    /** What changed. */
    DELTA,

    /** Pixels made exact which had lost something. */
    REFINEMENT,

    /** A whole picture, because there was none or its size changed. */
    KEYFRAME,
}

/**
 * A packet, and what is in it.
 *
 * @property sequence the number by which viewers acknowledge it; the last one's if nothing was written
 * @property dirtyPixels pixels of row segments that changed
 * @property lossyPixels pixels of the shown picture that are not exact
 * @property bytes one packet, after a stream header if it is the first; empty if nothing was written
 */
class Encoded internal constructor(
    val kind: UpdateKind,
    val sequence: Long,
    val dirtyPixels: Long,
    val lossyPixels: Long,
    val bytes: ByteArray,
) {
    internal companion object {
        fun of(e: GeneratedEncoded) = Encoded(
            when (e.kind) {
                GeneratedKind.UNCHANGED -> UpdateKind.UNCHANGED
                GeneratedKind.DELTA -> UpdateKind.DELTA
                GeneratedKind.REFINEMENT -> UpdateKind.REFINEMENT
                GeneratedKind.KEYFRAME -> UpdateKind.KEYFRAME
            },
            e.sequence.toLong(),
            e.dirtyPx.toLong(),
            e.lossyPx.toLong(),
            e.bytes,
        )
    }
}

/**
 * What brings a late joiner in.
 *
 * @property sequence the number of both packets
 * @property joiner a stream header, a snapshot and the cursor
 * @property others for those who hold the picture already
 */
class LateJoin internal constructor(val sequence: Long, val joiner: ByteArray, val others: ByteArray)

/** Turns frames into packets of a stream. Calls from several threads take turns. Every method throws [PanecastException]. */
class Encoder(config: EncoderConfig = EncoderConfig()) : AutoCloseable {
    private val own = native { GeneratedEncoder(config.generated()) }

    /**
     * Encodes what changed since the last call.
     *
     * @param damage where the frame may differ from the one before; `null`: anywhere
     * @param timestampUs microseconds since the stream began
     */
    fun encode(frame: Frame, damage: List<Rect>? = null, timestampUs: Long): Encoded = native {
        val rects = damage?.map { it.generated() }
        val at = timestampUs.toTimestamp()
        frame.planes { a, b, c -> Encoded.of(own.encode(frame.layout, a, b, c, rects, at)) }
    }

    /** What brings a late joiner in; `null` if there has been no picture yet. */
    fun lateJoin(timestampUs: Long): LateJoin? = native {
        own.lateJoin(timestampUs.toTimestamp())?.let { LateJoin(it.sequence.toLong(), it.joiner, it.others) }
    }

    /** Makes lossy places that are quiet exact: a packet of about [bytes], what is in [focus] first; `null` if none is due. */
    fun refine(timestampUs: Long, bytes: Int, focus: Rect? = null): Encoded? = native {
        if (bytes < 0) throw PanecastException.InvalidInput("a packet of $bytes bytes")
        own.refine(timestampUs.toTimestamp(), bytes.toUInt(), focus?.generated())?.let { Encoded.of(it) }
    }

    /** How many bits a second films may be coded for; `null` for as many as the quality asks for. */
    fun setBitrate(bitsASecond: Long?) = native { own.setBitrate(bitsASecond?.toBitrate()) }

    /** Forgets all pictures and what it has learnt of them; the next frame is a keyframe after a stream header. */
    fun forget() = native { own.forget() }

    /** The end of a recording of so many pictures, unchanged ones included. */
    fun finish(frames: Long, fps: Int): ByteArray = native {
        if (frames < 0 || fps < 0) throw PanecastException.InvalidInput("$frames pictures, $fps a second")
        own.finish(frames.toULong(), fps.toUInt())
    }

    /** Frees it; every later call throws [PanecastException.Closed]. Closing twice is harmless. */
    override fun close() = own.close()
}

internal fun Long.toTimestamp(): ULong =
    if (this < 0) throw PanecastException.InvalidInput("a time of $this us") else toULong()

internal fun Long.toBitrate(): ULong =
    if (this < 0) throw PanecastException.InvalidInput("$this bits a second") else toULong()
