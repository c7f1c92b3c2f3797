package dev.panecast

import com.sun.jna.Native
import com.sun.jna.Pointer
import java.nio.ByteBuffer
import dev.panecast.generated.CursorShape as GeneratedShape
import dev.panecast.generated.PictureSize as GeneratedSize

/** A point in pixels of the picture; it may lie outside. */
data class Point(val x: Int, val y: Int)

/**
 * A cursor's picture.
 *
 * @property pixels blue, green, red, alpha (premultiplied), rows without padding
 */
class CursorShape internal constructor(
    val width: Int,
    val height: Int,
    val hotspotX: Int,
    val hotspotY: Int,
    val pixels: ByteArray,
) {
    internal companion object {
        fun of(s: GeneratedShape) =
            CursorShape(s.width.toInt(), s.height.toInt(), s.hotspotX.toInt(), s.hotspotY.toInt(), s.pixels)
    }
}

/** Has [copy] write a picture into [into], from its position on: by its address, its length and the rows' stride. */
internal inline fun copied(
    into: ByteBuffer,
    strideBytes: Int,
    copy: (ULong, ULong, UInt) -> GeneratedSize,
): PictureSize = native {
    if (!into.isDirect || into.isReadOnly) {
        throw PanecastException.InvalidInput("pictures go into a direct buffer that can be written to")
    }
    if (strideBytes < 0) throw PanecastException.InvalidInput("a stride of $strideBytes bytes")
    val from = into.slice()
    val length = from.remaining()
    if (length == 0) throw PanecastException.InvalidInput("a buffer without room")
    // The lock keeps the buffer from being collected while its address is in use.
    synchronized(from) {
        val address = Pointer.nativeValue(Native.getDirectBufferPointer(from))
        val size = copy(address.toULong(), length.toULong(), strideBytes.toUInt())
        PictureSize(size.width.toInt(), size.height.toInt())
    }
}
