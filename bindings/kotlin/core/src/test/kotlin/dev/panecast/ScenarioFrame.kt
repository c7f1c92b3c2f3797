package dev.panecast

import java.nio.ByteBuffer

/** FNV-1a with 64 bits, as 16 hexadecimal digits. */
internal fun fnv(bytes: ByteArray): String {
    var hash = 0xcbf29ce484222325uL
    for (byte in bytes) hash = (hash xor byte.toUByte().toULong()) * 0x100000001b3uL
    return hash.toString(16).padStart(16, '0')
}

/** A frame of tests/vectors/scenarios/README.md. */
internal class ScenarioFrame(val width: Int, val height: Int, index: Int, val format: PixelFormat, private val pad: Int) {
    /** Bytes of each plane, the padding included, and its stride. */
    val planes: List<Pair<ByteArray, Int>>

    init {
        val blue = ByteArray(width * height)
        val green = ByteArray(width * height)
        val red = ByteArray(width * height)
        for (y in 0 until height) for (x in 0 until width) {
            val h = block(x / 16, y / 16, index)
            val flat = (h and 0x300u) == 0u
            val (dx, dy) = if (flat) 0u to 0u else (x % 16).toUInt() to (y % 16).toUInt()
            val at = y * width + x
            blue[at] = (h + 3u * dx).toByte()
            green[at] = ((h shr 8) + 2u * dy).toByte()
            red[at] = ((h shr 16) + dx + dy).toByte()
        }
        val (columns, rows) = (width + 1) / 2 to (height + 1) / 2
        val quarter = { from: ByteArray -> { x: Int, y: Int -> from[2 * y * width + 2 * x] } }
        val full = { from: ByteArray -> { x: Int, y: Int -> from[y * width + x] } }
        val opaque = { _: Int, _: Int -> (-1).toByte() }
        planes = when (format) {
            PixelFormat.BGRA -> listOf(plane(width, height, full(blue), full(green), full(red), opaque))
            PixelFormat.RGBA -> listOf(plane(width, height, full(red), full(green), full(blue), opaque))
            PixelFormat.I420 -> listOf(
                plane(width, height, full(green)),
                plane(columns, rows, quarter(blue)),
                plane(columns, rows, quarter(red)),
            )
            PixelFormat.NV12 ->
                listOf(plane(width, height, full(green)), plane(columns, rows, quarter(blue), quarter(red)))
        }
    }

    private fun block(bx: Int, by: Int, index: Int): UInt {
        val lively = (3 * bx + 5 * by) % 7 == 0
        var h = 1u + 7919u * bx.toUInt() + 104729u * by.toUInt() + (if (lively) 31u * index.toUInt() else 0u)
        h = h or 1u
        h = h xor (h shl 13)
        h = h xor (h shr 17)
        h = h xor (h shl 5)
        return h
    }

    private fun plane(columns: Int, rows: Int, vararg samples: (Int, Int) -> Byte): Pair<ByteArray, Int> {
        val stride = columns * samples.size + pad
        val bytes = ByteArray(stride * rows - pad) { PADDING }
        for (y in 0 until rows) for (x in 0 until columns) for ((i, sample) in samples.withIndex()) {
            bytes[y * stride + x * samples.size + i] = sample(x, y)
        }
        return bytes to stride
    }

    /** The frame as the library takes it; what is given is wrong on purpose, of the size or of the first plane. */
    fun frame(width: Int = this.width, height: Int = this.height, strideBytes: Int? = null, length: Int? = null): Frame =
        Frame(
            format,
            width,
            height,
            planes.mapIndexed { i, (bytes, stride) ->
                val end = if (i == 0) length ?: bytes.size else bytes.size
                val buffer = ByteBuffer.allocateDirect(end)
                buffer.put(bytes, 0, end).flip()
                Plane(buffer, if (i == 0) strideBytes ?: stride else stride)
            },
        )

    private companion object {
        const val PADDING = 170.toByte()
    }
}
