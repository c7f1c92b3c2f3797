package dev.panecast

import java.nio.ByteBuffer
import dev.panecast.generated.Decoded as GeneratedDecoded
import dev.panecast.generated.Decoder as GeneratedDecoder

/** What one packet did. */
sealed interface Decoded {
    /** A stream begins. */
    object Header : Decoded

    /**
     * There is a newer picture.
     *
     * @property sequence the number to acknowledge
     * @property keyframe whether it was a whole picture
     * @property resized whether the picture's size changed
     * @property dirty where it differs from the one before; a superset
     */
    data class Picture(
        val sequence: Long,
        val timestampUs: Long,
        val keyframe: Boolean,
        val resized: Boolean,
        val dirty: List<Rect>,
    ) : Decoded

    /** A new epoch over the same picture; [sequence] is to be acknowledged. */
    data class Epoch(val sequence: Long) : Decoded

    /** The cursor moved or changed its shape. */
    object Cursor : Decoded

    /** The recording ends here, after [frames] pictures, unchanged ones included. */
    data class End(val frames: Long, val fps: Int) : Decoded
}

/**
 * Turns the bytes of a stream back into pictures. Calls from several threads take turns.
 *
 * After an error it holds no picture and refuses everything until [reset]. Every method throws [PanecastException].
 *
 * @param longestSide the longest side that pictures may have; `null` for the library's own limit
 */
class Decoder(longestSide: Int? = null) : AutoCloseable {
    private val own = native {
        if (longestSide != null && longestSide < 0) throw PanecastException.InvalidInput("a side of $longestSide px")
        GeneratedDecoder(longestSide?.toUInt())
    }

    /** Takes what is between position and limit of [bytes], however the stream is chunked. A direct buffer is not copied first. */
    fun feed(bytes: ByteBuffer) = native { bytes.direct().let { synchronized(it) { own.feed(it) } } }

    /** As the other, with a copy. */
    fun feed(bytes: ByteArray) = feed(ByteBuffer.wrap(bytes))

    /** Decodes the next whole packet; `null` until more bytes are fed. */
    fun next(): Decoded? = native {
        when (val what = own.next()) {
            null -> null
            is GeneratedDecoded.Header -> Decoded.Header
            is GeneratedDecoded.Picture -> Decoded.Picture(
                what.sequence.toLong(),
                what.timestampUs.toLong(),
                what.keyframe,
                what.resized,
                what.dirty.map { Rect.of(it) },
            )
            is GeneratedDecoded.Epoch -> Decoded.Epoch(what.sequence.toLong())
            is GeneratedDecoded.Cursor -> Decoded.Cursor
            is GeneratedDecoded.End -> Decoded.End(what.frames.toLong(), what.fps.toInt())
        }
    }

    /** The newest picture's size; `null` before the first and after an error. */
    val pictureSize: PictureSize?
        get() = native { own.pictureSize()?.let { PictureSize(it.width.toInt(), it.height.toInt()) } }

    /**
     * Copies the newest picture (blue, green, red, 255) into [into], a **direct** buffer, from its position on; the position
     * stays. Bytes between the rows stay, too.
     */
    fun copyPicture(into: ByteBuffer, strideBytes: Int): PictureSize = copied(into, strideBytes, own::copyPicture)

    /** Where the cursor's hotspot is; `null` where it is hidden. */
    val cursorPlace: Point?
        get() = native { own.cursorPlace()?.let { Point(it.x, it.y) } }

    /** The cursor's shape, once one has been sent. */
    val cursorShape: CursorShape?
        get() = native { own.cursorShape()?.let { CursorShape.of(it) } }

    /** Pixels of the newest picture that are not exact yet. */
    val lossyPixels: Long
        get() = native { own.lossyPx().toLong() }

    /** Bytes of a packet that is not whole yet. */
    val pendingBytes: Long
        get() = native { own.pendingBytes().toLong() }

    /** Forgets everything; the next bytes must begin a stream. */
    fun reset() = native { own.reset() }

    /** Frees it; every later call throws [PanecastException.Closed]. Closing twice is harmless. */
    override fun close() = own.close()
}
