package dev.panecast

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.nio.ByteBuffer

class CodecTest {
    @Test
    fun `every picture comes back as it was`() {
        Encoder().use { encoder ->
            Decoder().use { decoder ->
                val pictures = Pictures(321, 117, 321 * 4 + 20)
                for (index in 0 until 6) {
                    pictures.paint(index)
                    val encoded = encoder.encode(pictures.frame, timestampUs = index * 33_333L)
                    assertEquals(if (index == 0) UpdateKind.KEYFRAME else UpdateKind.DELTA, encoded.kind)
                    val decoded = decoder.decode(encoded.bytes)
                    if (index == 0) assertEquals(Decoded.Header, decoded.first())
                    val picture = assertInstanceOf(Decoded.Picture::class.java, decoded.last())
                    assertEquals(encoded.sequence, picture.sequence)
                    assertEquals(index * 33_333L, picture.timestampUs)
                    assertTrue(same(pictures, decoder.picture()), "picture $index")
                }
                val again = encoder.encode(pictures.frame, timestampUs = 999_999)
                assertEquals(UpdateKind.UNCHANGED, again.kind)
                assertEquals(0, again.bytes.size)
                assertEquals(Decoded.End(7, 30), decoder.decode(encoder.finish(7, 30)).single())
            }
        }
    }

    @Test
    fun `hints change no byte`() {
        val pictures = Pictures(128, 96)
        Encoder().use { hinted ->
            Encoder().use { plain ->
                pictures.paint(0)
                assertArrayEquals(
                    plain.encode(pictures.frame, timestampUs = 0).bytes,
                    hinted.encode(pictures.frame, emptyList(), 0).bytes,
                )
                for (y in 40 until 50) for (x in 20 until 60) pictures.buffer.putInt(y * 512 + x * 4, 0xFF00FF)
                assertArrayEquals(
                    plain.encode(pictures.frame, timestampUs = 1).bytes,
                    hinted.encode(pictures.frame, listOf(Rect(20, 40, 40, 10)), 1).bytes,
                )
            }
        }
    }

    @Test
    fun `a buffer counts from its position`() {
        val pictures = Pictures(64, 48)
        pictures.paint(3)
        val shifted = ByteBuffer.allocateDirect(1000 + pictures.buffer.capacity())
        shifted.position(1000)
        shifted.put(pictures.buffer.duplicate())
        shifted.position(1000)
        val plain = Encoder().use { it.encode(pictures.frame, timestampUs = 0).bytes }
        val moved = Encoder().use {
            it.encode(Frame(PixelFormat.BGRA, 64, 48, shifted), timestampUs = 0).bytes
        }
        assertArrayEquals(plain, moved)
        Decoder().use { decoder ->
            decoder.decode(plain)
            val into = ByteBuffer.allocateDirect(100 + 64 * 48 * 4)
            into.position(100)
            decoder.copyPicture(into, 64 * 4)
            assertEquals(pictures.pixel(0, 0), into.getInt(100))
            assertEquals(0, into.getInt(96))
            assertEquals(100, into.position())
        }
    }

    @Test
    fun `planes of both video formats mean the same picture`() {
        val (width, height) = 62 to 46
        val luma = ByteBuffer.allocateDirect(width * height)
        for (i in 0 until width * height) luma.put(i, (16 + (i * 7) % 200).toByte())
        val chroma = 31 * 23
        val blue = ByteBuffer.allocateDirect(chroma)
        val red = ByteBuffer.allocateDirect(chroma)
        val both = ByteBuffer.allocateDirect(chroma * 2)
        for (i in 0 until chroma) {
            val (b, r) = (100 + i % 50).toByte() to (90 + i % 70).toByte()
            blue.put(i, b)
            red.put(i, r)
            both.put(2 * i, b)
            both.put(2 * i + 1, r)
        }
        val three = Frame(PixelFormat.I420, width, height, listOf(Plane(luma, 62), Plane(blue, 31), Plane(red, 31)))
        val two = Frame(PixelFormat.NV12, width, height, listOf(Plane(luma, 62), Plane(both, 62)))
        val a = Encoder().use { it.encode(three, timestampUs = 0).bytes }
        val b = Encoder().use { it.encode(two, timestampUs = 0).bytes }
        assertArrayEquals(a, b)
    }

    @Test
    fun `red and blue change places`() {
        val bgra = Pictures(32, 16)
        bgra.paint(1)
        val swapped = ByteBuffer.allocateDirect(32 * 16 * 4)
        for (at in 0 until 32 * 16 * 4 step 4) {
            for ((to, from) in listOf(0 to 2, 1 to 1, 2 to 0, 3 to 3)) swapped.put(at + to, bgra.buffer.get(at + from))
        }
        val a = Encoder().use { it.encode(bgra.frame, timestampUs = 0).bytes }
        val b = Encoder().use { it.encode(Frame(PixelFormat.RGBA, 32, 16, swapped), timestampUs = 0).bytes }
        assertArrayEquals(a, b)
    }

    @Test
    fun `a late joiner sees what the others see`() {
        Encoder().use { encoder ->
            assertNull(encoder.lateJoin(0))
            val pictures = Pictures(96, 64)
            Decoder().use { first ->
                Decoder().use { late ->
                    pictures.paint(0)
                    first.decode(encoder.encode(pictures.frame, timestampUs = 0).bytes)
                    val join = checkNotNull(encoder.lateJoin(5))
                    late.decode(join.joiner)
                    assertEquals(Decoded.Epoch(join.sequence), first.decode(join.others).single())
                    pictures.paint(1)
                    val update = encoder.encode(pictures.frame, timestampUs = 10).bytes
                    first.decode(update)
                    late.decode(update)
                    assertTrue(same(first.picture(), late.picture()))
                    assertTrue(same(pictures, late.picture()))
                }
            }
        }
    }

    @Test
    fun `what is lossy becomes exact`() {
        Encoder(EncoderConfig(mode = Mode.AUTO, quality = 20)).use { encoder ->
            Decoder().use { decoder ->
                // Soft everywhere, as a photograph is.
                val pictures = Pictures(256, 256)
                for (y in 0 until 256) for (x in 0 until 256) {
                    val wave = (x * x / 40 + y * y / 50 + (x * 31 + y * 17) % 5) and 255
                    pictures.buffer.putInt(y * 1024 + x * 4, wave or (wave / 2 shl 8) or (wave / 3 shl 16))
                }
                val first = encoder.encode(pictures.frame, timestampUs = 0)
                decoder.decode(first.bytes)
                assertTrue(first.lossyPixels > 0)
                assertEquals(first.lossyPixels, decoder.lossyPixels)
                var at = 0L
                while (decoder.lossyPixels > 0 && at < 60_000_000) {
                    at += 500_000
                    encoder.refine(at, 1 shl 20, Rect(0, 0, 64, 64))?.let {
                        assertEquals(UpdateKind.REFINEMENT, it.kind)
                        decoder.decode(it.bytes)
                    }
                }
                assertEquals(0, decoder.lossyPixels)
                val shown = decoder.picture()
                val wrong = (0 until 256 * 256).count {
                    (shown.buffer.getInt(it * 4) ushr 8) != (pictures.buffer.getInt(it * 4) ushr 8)
                }
                assertEquals(0, wrong)
            }
        }
    }

    @Test
    fun `forgetting begins anew`() {
        Encoder().use { encoder ->
            val pictures = Pictures(64, 64)
            pictures.paint(0)
            encoder.encode(pictures.frame, timestampUs = 0)
            encoder.setBitrate(1_000_000)
            encoder.forget()
            val fresh = encoder.encode(pictures.frame, timestampUs = 1)
            assertEquals(UpdateKind.KEYFRAME, fresh.kind)
            Decoder().use { assertEquals(Decoded.Header, it.decode(fresh.bytes).first()) }
        }
    }

    @Test
    fun `defaults are the library's`() {
        assertEquals(EncoderConfig.of(dev.panecast.generated.encoderConfig()), EncoderConfig())
        val share = dev.panecast.generated.shareConfig()
        val own = ShareConfig()
        assertEquals(share.fps.toInt(), own.fps)
        assertEquals(share.bitrate, own.bitrate?.toULong())
        assertEquals(share.encoder, own.encoder.generated())
    }

    @Test
    fun `broken bytes are an error, and reset heals`() {
        val pictures = Pictures(64, 64)
        pictures.paint(0)
        val good = Encoder().use { it.encode(pictures.frame, timestampUs = 0).bytes }
        Decoder().use { decoder ->
            decoder.feed(ByteArray(64) { 0x55 })
            val error = assertThrows<PanecastException.InvalidData> { decoder.next() }
            assertEquals(2, error.status)
            assertEquals("invalid-data", error.statusName)
            assertTrue(checkNotNull(error.message).isNotEmpty())
            assertThrows<PanecastException.InvalidData> { decoder.feed(good) }
            decoder.reset()
            decoder.decode(good)
            assertTrue(same(pictures, decoder.picture()))
            decoder.reset()
            good[good.size - 1] = (good[good.size - 1] + 1).toByte()
            assertThrows<PanecastException> { decoder.decode(good) }
        }
    }
}
