package dev.panecast

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.nio.ByteBuffer
import dev.panecast.generated.FrameLayout as GeneratedLayout
import dev.panecast.generated.PanecastException as Generated
import dev.panecast.generated.PixelFormat as GeneratedFormat

class ErrorsTest {
    private val direct = ByteBuffer.allocateDirect(64 * 48 * 4)

    private fun refused(make: () -> Frame) = assertThrows<PanecastException.InvalidInput> {
        Encoder().use { it.encode(make(), timestampUs = 0) }
    }

    @Test
    fun `frames that do not fit are refused`() {
        refused { Frame(PixelFormat.BGRA, 0, 48, direct) }
        refused { Frame(PixelFormat.BGRA, 64, -1, direct) }
        refused { Frame(PixelFormat.BGRA, 64, 48, direct, 64 * 4 - 1) }
        refused { Frame(PixelFormat.BGRA, 64, 48, direct, -4) }
        refused { Frame(PixelFormat.BGRA, 64, 49, direct) }
        refused { Frame(PixelFormat.BGRA, 64, 48, direct, Int.MAX_VALUE) }
        refused { Frame(PixelFormat.NV12, 64, 48, direct) }
        refused { Frame(PixelFormat.BGRA, 64, 48, ByteBuffer.allocate(64 * 48 * 4)) }
        refused { Frame(PixelFormat.I420, 64, 48, List(3) { Plane(ByteBuffer.allocateDirect(8), 64) }) }
        assertThrows<PanecastException.InvalidInput> {
            Encoder().use { it.encode(Frame(PixelFormat.BGRA, 64, 48, direct), listOf(Rect(-1, 0, 1, 1)), 0) }
        }
        assertThrows<PanecastException.InvalidInput> {
            Encoder().use { it.encode(Frame(PixelFormat.BGRA, 64, 48, direct), timestampUs = -1) }
        }
        assertThrows<PanecastException.InvalidInput> { Encoder(EncoderConfig(quality = 0)) }
        val large = Frame(PixelFormat.BGRA, 100_000, 1, ByteBuffer.allocateDirect(400_000))
        assertThrows<PanecastException.LimitExceeded> { Encoder().use { it.encode(large, timestampUs = 0) } }
        assertThrows<PanecastException.LimitExceeded> {
            Encoder(EncoderConfig(memoryBytes = 1000)).use {
                it.encode(Frame(PixelFormat.BGRA, 64, 48, direct), timestampUs = 0)
            }
        }
    }

    @Test
    fun `the library itself refuses what the layer above would`() {
        val none = ByteBuffer.allocateDirect(0)
        dev.panecast.generated.Encoder(EncoderConfig().generated()).use { encoder ->
            for ((w, h, stride) in listOf(Triple(0, 48, 256), Triple(64, 48, 255), Triple(-1, -1, -1), Triple(65, 48, 260))) {
                val layout = GeneratedLayout(GeneratedFormat.BGRA, w.toUInt(), h.toUInt(), stride.toUInt(), 0u, 0u)
                assertThrows<Generated.InvalidInput> { encoder.encode(layout, direct, none, none, null, 0u) }
            }
            val layout = GeneratedLayout(GeneratedFormat.BGRA, 64u, 48u, 256u, 0u, 0u)
            assertThrows<Generated.InvalidInput> { encoder.encode(layout, direct, direct, none, null, 0u) }
        }
        dev.panecast.generated.Decoder(null).use { decoder ->
            assertThrows<Generated.NotFound> { decoder.copyPicture(0u, 0u, 0u) }
            val bytes = Encoder().use { it.encode(Frame(PixelFormat.BGRA, 64, 48, direct), timestampUs = 0).bytes }
            decoder.feed(ByteBuffer.allocateDirect(bytes.size).apply { put(bytes); flip() })
            generateSequence { decoder.next() }.toList()
            assertThrows<Generated.InvalidInput> { decoder.copyPicture(0u, 1_000_000u, 256u) }
            assertThrows<Generated.InvalidInput> { decoder.copyPicture(4096u, ULong.MAX_VALUE, 256u) }
            assertThrows<Generated.InvalidInput> { decoder.copyPicture(4096u, 1_000_000u, 255u) }
        }
    }

    @Test
    fun `pictures go nowhere but into room enough`() {
        Decoder().use { decoder ->
            assertThrows<PanecastException.NotFound> { decoder.copyPicture(direct, 256) }
            val pictures = Pictures(64, 48)
            decoder.decode(Encoder().use { it.encode(pictures.frame, timestampUs = 0).bytes })
            assertThrows<PanecastException.InvalidInput> { decoder.copyPicture(ByteBuffer.allocate(64 * 48 * 4), 256) }
            assertThrows<PanecastException.InvalidInput> { decoder.copyPicture(ByteBuffer.allocateDirect(100), 256) }
            assertThrows<PanecastException.InvalidInput> { decoder.copyPicture(direct, 255) }
            assertThrows<PanecastException.InvalidInput> { decoder.copyPicture(direct.asReadOnlyBuffer(), 256) }
            assertThrows<PanecastException.InvalidInput> { decoder.copyPicture(direct, -1) }
            decoder.copyPicture(direct, 256)
        }
    }

    @Test
    fun `closed objects say so`() {
        val encoder = Encoder()
        encoder.close()
        encoder.close()
        assertEquals(8, assertThrows<PanecastException.Closed> { encoder.forget() }.status)
        val decoder = Decoder()
        decoder.close()
        decoder.close()
        assertThrows<PanecastException.Closed> { decoder.next() }
        val grant = answeredConsent(Purpose.PREPARED, "pattern:64x48@30", true)
        val share = Share.start(grant)
        share.close()
        share.close()
        assertThrows<PanecastException.Closed> { share.pause() }
        assertThrows<PanecastException.Closed> { share.next(0) }
        grant.close()
        assertThrows<PanecastException.Closed> { grant.isRevoked }
    }

    @Test
    fun `numbers and names are the library's`() {
        val made = listOf(
            Generated.InvalidInput(""), Generated.InvalidData(""), Generated.Unsupported(""), Generated.LimitExceeded(""),
            Generated.NotFound(""), Generated.Denied(""), Generated.Revoked(""), Generated.Closed(""),
            Generated.Stalled(""), Generated.Desync(""), Generated.Io(""), Generated.Untrusted(""),
            Generated.Expired(""), Generated.Tampered(""), Generated.Panicked(""),
        ).map { it.translated() }
        assertEquals((1..15).toList(), made.map { it.status })
        for (error in made) {
            val words = error.javaClass.simpleName.replace(Regex("(?<=.)([A-Z])"), "-$1").lowercase()
            assertEquals(words, error.statusName)
        }
        assertTrue(Regex("""\d+\.\d+\.\d+""").matches(libraryVersion))
    }
}
