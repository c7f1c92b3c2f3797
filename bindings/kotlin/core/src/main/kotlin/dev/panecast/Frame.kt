package dev.panecast

import dev.panecast.generated.FrameLayout
import java.nio.ByteBuffer
import dev.panecast.generated.PixelFormat as GeneratedFormat
import dev.panecast.generated.Rect as GeneratedRect

/** How a frame lays out its pixels. */
enum class PixelFormat(internal val planes: Int, internal val generated: GeneratedFormat) {
    /** One plane: blue, green, red, alpha. Alpha is ignored. */
    BGRA(1, GeneratedFormat.BGRA),

    /** One plane: red, green, blue, alpha. Alpha is ignored. */
    RGBA(1, GeneratedFormat.RGBA),

    /** Three planes: luma, blue and red differences at half width and height. BT.601 limited range. */
    I420(3, GeneratedFormat.I420),

    /** Two planes: luma, interleaved differences at half width and height. BT.601 limited range. */
    NV12(2, GeneratedFormat.NV12),
}

/** A rectangle of pixels; the origin is the top left corner. */
data class Rect(val x: Int, val y: Int, val width: Int, val height: Int) {
    internal fun generated(): GeneratedRect {
        if (x < 0 || y < 0 || width < 0 || height < 0) {
            throw PanecastException.InvalidInput("a rectangle at ($x, $y) of $width x $height")
        }
        return GeneratedRect(x.toUInt(), y.toUInt(), width.toUInt(), height.toUInt())
    }

    internal companion object {
        fun of(r: GeneratedRect) = Rect(r.x.toInt(), r.y.toInt(), r.width.toInt(), r.height.toInt())
    }
}

/** A picture's size in pixels. */
data class PictureSize(val width: Int, val height: Int)

/**
 * A plane of a frame.
 *
 * @property pixels a **direct** buffer: what is between its position and its limit; the library reads it in place
 * @property strideBytes bytes from one row to the next; the last row may be shorter
 */
class Plane(val pixels: ByteBuffer, val strideBytes: Int)

/**
 * A frame whose memory stays the caller's: it is read during the call that takes it, and not kept.
 *
 * One `Frame` can stand for all frames in a buffer that is written anew each time.
 */
class Frame(val format: PixelFormat, val width: Int, val height: Int, planes: List<Plane>) {
    internal val layout: FrameLayout
    private val buffers: List<ByteBuffer>

    /** A frame of one plane. */
    constructor(format: PixelFormat, width: Int, height: Int, pixels: ByteBuffer, strideBytes: Int = width * 4) :
        this(format, width, height, listOf(Plane(pixels, strideBytes)))

    init {
        if (width <= 0 || height <= 0) {
            throw PanecastException.InvalidInput("a picture of ${width}x$height has no pixels")
        }
        if (planes.size != format.planes) {
            throw PanecastException.InvalidInput("$format has ${format.planes} planes, ${planes.size} were given")
        }
        for (plane in planes) {
            if (!plane.pixels.isDirect) {
                throw PanecastException.InvalidInput("pixels come in a direct buffer: ByteBuffer.allocateDirect")
            }
            if (plane.strideBytes < 0) {
                throw PanecastException.InvalidInput("a stride of ${plane.strideBytes} bytes")
            }
        }
        val stride = { i: Int -> (planes.getOrNull(i)?.strideBytes ?: 0).toUInt() }
        layout = FrameLayout(format.generated, width.toUInt(), height.toUInt(), stride(0), stride(1), stride(2))
        buffers = planes.map { it.pixels }
    }

    /** Calls [use] with the three planes; those that the format does not have are empty. They live until it returns. */
    internal inline fun <T> planes(use: (ByteBuffer, ByteBuffer, ByteBuffer) -> T): T =
        // A lock keeps the buffers, whose addresses alone cross over, from being collected meanwhile.
        synchronized(buffers) {
            // A slice begins at the position; the address of a buffer does not.
            use(buffers[0].slice(), plane(1), plane(2))
        }

    internal fun plane(i: Int): ByteBuffer = buffers.getOrNull(i)?.slice() ?: EMPTY

    private companion object {
        val EMPTY: ByteBuffer = ByteBuffer.allocateDirect(0)
    }
}
