package dev.panecast.android

import dev.panecast.Encoder
import dev.panecast.Frame
import dev.panecast.PixelFormat
import dev.panecast.Plane
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Test
import java.nio.ByteBuffer

/** Every layout of `YUV_420_888` that devices have gives the bytes of the same picture. */
class YuvFramesTest {
    private val width = 62
    private val height = 46
    private val columns = 31
    private val rows = 23
    private val luma = ByteBuffer.allocateDirect(width * height).apply {
        for (i in 0 until capacity()) put(i, (16 + i * 7 % 200).toByte())
    }

    private fun blue(i: Int) = (100 + i % 50).toByte()

    private fun red(i: Int) = (90 + i % 70).toByte()

    private fun encoded(frame: Frame): ByteArray = Encoder().use { it.encode(frame, timestampUs = 0).bytes }

    private val expected: ByteArray by lazy {
        val planes = listOf(::blue, ::red).map { sample ->
            ByteBuffer.allocateDirect(columns * rows).also { for (i in 0 until columns * rows) it.put(i, sample(i)) }
        }
        encoded(Frame(PixelFormat.I420, width, height, listOf(Plane(luma, width)) + planes.map { Plane(it, columns) }))
    }

    /** Samples two bytes apart in rows of [stride] bytes, as one memory; blue begins at [blueAt], red at [redAt]. */
    private fun paired(stride: Int, blueAt: Int, redAt: Int): List<YuvPlane> {
        val memory = ByteBuffer.allocateDirect(stride * (rows - 1) + columns * 2)
        for (i in 0 until columns * rows) {
            val at = i / columns * stride + i % columns * 2
            memory.put(at + blueAt, blue(i))
            memory.put(at + redAt, red(i))
        }
        return listOf(blueAt, redAt).map { from ->
            // Up to the plane's own last sample, as devices have it.
            val end = stride * (rows - 1) + (columns - 1) * 2 + from + 1
            YuvPlane((memory.duplicate().position(from).limit(end) as ByteBuffer).slice(), stride, 2)
        }
    }

    // Outside its methods: a frame lives no longer than what made it.
    private val frames = YuvFrames()

    private fun frame(colour: List<YuvPlane>) = frames.of(width, height, listOf(YuvPlane(luma, width, 1)) + colour)

    @Test
    fun `blue before red is taken in place`() {
        for (stride in listOf(62, 96)) {
            val frame = frame(paired(stride, 0, 1))
            assertEquals(PixelFormat.NV12, frame.format)
            assertArrayEquals(expected, encoded(frame))
        }
    }

    @Test
    fun `red before blue is brought in order`() {
        for (stride in listOf(62, 96)) assertArrayEquals(expected, encoded(frame(paired(stride, 1, 0))))
    }

    @Test
    fun `planes apart are taken in place, the last row short`() {
        val planes = listOf(::blue, ::red).map { sample ->
            val buffer = ByteBuffer.allocateDirect(40 * (rows - 1) + columns)
            for (i in 0 until columns * rows) buffer.put(i / columns * 40 + i % columns, sample(i))
            YuvPlane(buffer, 40, 1)
        }
        val frame = frame(planes)
        assertEquals(PixelFormat.I420, frame.format)
        assertArrayEquals(expected, encoded(frame))
    }

    @Test
    fun `the copy serves one frame after another`() {
        repeat(3) {
            val planes = listOf(YuvPlane(luma, width, 1)) + paired(62, 1, 0)
            assertArrayEquals(expected, encoded(frames.of(width, height, planes)))
        }
    }

    @Test
    fun `time begins with the first frame and never runs back`() {
        val clock = StreamClock()
        assertEquals(listOf(0L, 33L, 33L, 66L), listOf(5_000_000L, 5_033_000, 5_010_000, 5_066_999).map { clock.at(it) })
    }
}
