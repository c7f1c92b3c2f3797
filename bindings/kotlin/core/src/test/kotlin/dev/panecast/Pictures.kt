package dev.panecast

import java.nio.ByteBuffer

/** Pictures that tests make up: a gradient with blocks of noise, from numbers alone. */
internal class Pictures(val width: Int, val height: Int, val strideBytes: Int = width * 4) {
    /** Blue, green, red, 255; the last row ends with its pixels. */
    val buffer: ByteBuffer = ByteBuffer.allocateDirect(strideBytes * (height - 1) + width * 4)

    val frame = Frame(PixelFormat.BGRA, width, height, buffer, strideBytes)

    fun paint(index: Int) {
        var noise = 0x2545F491 xor (index * 7919)
        for (y in 0 until height) {
            for (x in 0 until width) {
                val block = (x / 16 + y / 16 + index) % 7 == 0
                if (block) {
                    noise = noise xor (noise shl 13)
                    noise = noise xor (noise ushr 17)
                    noise = noise xor (noise shl 5)
                }
                val at = y * strideBytes + x * 4
                buffer.put(at, (if (block) noise else x + index).toByte())
                buffer.put(at + 1, (if (block) noise shr 8 else y).toByte())
                buffer.put(at + 2, (if (block) noise shr 16 else x + y).toByte())
                buffer.put(at + 3, -1)
            }
        }
    }

    fun pixel(x: Int, y: Int): Int = buffer.getInt(y * strideBytes + x * 4)
}

/** The decoder's picture in rows without padding. */
internal fun Decoder.picture(): Pictures {
    val size = checkNotNull(pictureSize) { "there is no picture" }
    return Pictures(size.width, size.height).also { copyPicture(it.buffer, it.strideBytes) }
}

/** Feeds [bytes] and decodes all that is in them. */
internal fun Decoder.decode(bytes: ByteArray): List<Decoded> {
    feed(bytes)
    return generateSequence { next() }.toList()
}

internal fun same(a: Pictures, b: Pictures): Boolean =
    a.width == b.width && a.height == b.height &&
        (0 until a.height).all { y -> (0 until a.width).all { x -> a.pixel(x, y) == b.pixel(x, y) } }
