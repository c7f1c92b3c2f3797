package dev.panecast.android

import android.media.Image
import com.sun.jna.Native
import dev.panecast.Frame
import dev.panecast.PixelFormat
import dev.panecast.Plane
import java.nio.ByteBuffer

/**
 * A plane of a `YUV_420_888` picture as Camera2's `Image.Plane` and CameraX's `ImageProxy.PlaneProxy` have it.
 *
 * @property rowStride bytes from one row to the next; the last row may be shorter
 * @property pixelStride bytes from one sample to the next: 1, or 2 where blue and red take turns
 */
class YuvPlane(val buffer: ByteBuffer, val rowStride: Int, val pixelStride: Int)

/**
 * Camera pictures as frames, in place where the device lays them out as I420 or NV12 and with a copy of the colour where it
 * does not (most have red first). One object for each camera: it keeps the memory of that copy.
 *
 * With CameraX: `frames.of(proxy.width, proxy.height, proxy.planes.map { YuvPlane(it.buffer, it.rowStride, it.pixelStride) })`,
 * then push it, then close the proxy.
 */
class YuvFrames {
    private var copy: ByteBuffer = ByteBuffer.allocateDirect(0)

    // A frame of both colours in one has the memory's address alone.
    private var kept: List<YuvPlane> = emptyList()

    /** An image as a frame; it lives as long as the image is not closed, and until the next call. */
    fun of(image: Image): Frame =
        of(image.width, image.height, image.planes.map { YuvPlane(it.buffer, it.rowStride, it.pixelStride) })

    /** As the other, from three planes: luma, blue, red. */
    fun of(width: Int, height: Int, planes: List<YuvPlane>): Frame {
        require(planes.size == 3 && planes[0].pixelStride == 1) { "these planes are not YUV_420_888" }
        kept = planes
        val (luma, blue, red) = planes
        val first = Plane(luma.buffer, luma.rowStride)
        if (blue.pixelStride == 1 && red.pixelStride == 1) {
            val colour = listOf(Plane(blue.buffer, blue.rowStride), Plane(red.buffer, red.rowStride))
            return Frame(PixelFormat.I420, width, height, listOf(first) + colour)
        }
        val both = interleaved(blue, red)
        if (both != null) return Frame(PixelFormat.NV12, width, height, listOf(first, Plane(both, blue.rowStride)))
        val (columns, rows) = (width + 1) / 2 to (height + 1) / 2
        val size = columns * rows
        if (copy.capacity() < 2 * size) copy = ByteBuffer.allocateDirect(2 * size)
        gather(blue, columns, rows, 0)
        gather(red, columns, rows, size)
        val colour = listOf(0, size).map { at ->
            Plane(copy.duplicate().apply { position(at); limit(at + size) }, columns)
        }
        return Frame(PixelFormat.I420, width, height, listOf(first) + colour)
    }

    /** Blue and red as one plane, if red's buffer is the same memory one byte on; else `null`. */
    private fun interleaved(blue: YuvPlane, red: YuvPlane): ByteBuffer? {
        if (blue.pixelStride != 2 || red.pixelStride != 2 || blue.rowStride != red.rowStride) return null
        if (!blue.buffer.isDirect || !red.buffer.isDirect) return null
        val at = blue.buffer.slice()
        val address = Native.getDirectBufferPointer(at)
        if (Native.getDirectBufferPointer(red.buffer.slice()) != address.share(1)) return null
        // Blue's buffer ends before the last red sample; red's ends after it.
        return address.getByteBuffer(0, maxOf(at.remaining(), red.buffer.remaining() + 1).toLong())
    }

    private fun gather(from: YuvPlane, columns: Int, rows: Int, to: Int) {
        val source = from.buffer.slice()
        val row = ByteArray((columns - 1) * from.pixelStride + 1)
        val samples = ByteArray(columns)
        for (y in 0 until rows) {
            source.position(y * from.rowStride)
            source.get(row)
            for (x in 0 until columns) samples[x] = row[x * from.pixelStride]
            copy.position(to + y * columns)
            copy.put(samples)
        }
    }
}
