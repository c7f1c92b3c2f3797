package dev.panecast

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class ShareTest {
    private fun granted(purpose: Purpose, source: String) = runBlocking { consent(purpose, source) { true } }

    /** The next output that [wanted] accepts. */
    private fun <T : Any> Share.until(wanted: (ShareOutput) -> T?): T {
        repeat(300) { next(100)?.let(wanted)?.let { return it } }
        error("nothing of the kind came within 30 s")
    }

    private fun Share.packet() = until { it as? ShareOutput.Packet }

    @Test
    fun `the pattern is shared and comes back`() {
        Share.start(granted(Purpose.PREPARED, "pattern:320x200@30")).use { share ->
            share.viewerJoined(1)
            Decoder().use { decoder ->
                var pictures = 0
                while (pictures < 4) {
                    val packet = share.packet()
                    for (what in decoder.decode(packet.bytes)) if (what is Decoded.Picture) pictures++
                    packet.sequence?.let { share.viewerAck(1, it) }
                }
                assertEquals(PictureSize(320, 200), decoder.pictureSize)
                assertTrue(share.stats.framesCaptured > 0)
                assertEquals(1, share.stats.viewers)
            }
        }
    }

    @Test
    fun `pushed frames come out as they went in`() {
        val source = pushSource(200, 120)
        assertEquals("push:200x120", source)
        Share.start(granted(Purpose.SCREEN, source)).use { share ->
            share.viewerJoined(7)
            val pictures = Pictures(200, 120, 1024)
            Decoder().use { decoder ->
                for (index in 0 until 5) {
                    pictures.paint(index)
                    share.push(pictures.frame, timestampUs = index * 100_000L)
                    do {
                        val packet = share.packet()
                        decoder.decode(packet.bytes)
                        packet.sequence?.let { share.viewerAck(7, it) }
                    } while (decoder.pictureSize == null || !same(pictures, decoder.picture()))
                }
            }
            share.end()
            assertNull(share.until { it as? ShareOutput.Ended }.error)
            assertThrows<PanecastException.Closed> { share.next(0) }
        }
    }

    @Test
    fun `masks are in every picture`() {
        Share.start(granted(Purpose.SCREEN, "push:64x64")).use { share ->
            share.setMasks(Masks(rects = listOf(Rect(16, 16, 32, 32))))
            share.viewerJoined(1)
            val pictures = Pictures(64, 64)
            pictures.paint(2)
            share.push(pictures.frame, timestampUs = 0)
            Decoder().use { decoder ->
                decoder.decode(share.packet().bytes)
                val shown = decoder.picture()
                val hidden = buildSet { for (y in 16 until 48) for (x in 16 until 48) add(shown.pixel(x, y)) }
                assertEquals(1, hidden.size, "one colour")
                assertEquals(pictures.pixel(15, 15), shown.pixel(15, 15))
                assertEquals(pictures.pixel(48, 20), shown.pixel(48, 20))
            }
            assertThrows<PanecastException.InvalidInput> { share.setMasks(Masks(windows = listOf("title:"))) }
        }
    }

    @Test
    fun `no is no`() {
        val error = assertThrows<PanecastException.Denied> {
            runBlocking { consent(Purpose.SCREEN, "push:64x64") { false } }
        }
        assertEquals(6, error.status)
        assertThrows<PanecastException.Denied> { answeredConsent(Purpose.CAMERA, "push:64x64", false) }
        assertThrows<PanecastException.InvalidInput> { answeredConsent(Purpose.SCREEN, "no such thing", true) }
        // A yes to one source opens no other, and one yes starts one share.
        val grant = granted(Purpose.SCREEN, "push:64x64")
        assertThrows<PanecastException.Denied> { Share.start(grant, "push:64x65") }
        assertThrows<PanecastException.Denied> { Share.start(grant, "screen") }
        Share.start(grant).use { assertThrows<PanecastException.Denied> { Share.start(grant) } }
    }

    @Test
    fun `a dialog that is cancelled allows nothing`() = runBlocking<Unit> {
        val shown = CompletableDeferred<Question>()
        var grant: Grant? = null
        val asking = launch {
            grant = consent(Purpose.CAMERA, "push:64x64") { question ->
                shown.complete(question)
                CompletableDeferred<Boolean>().await()
            }
        }
        assertEquals(Question(Purpose.CAMERA, "push:64x64"), withTimeout(30_000) { shown.await() })
        asking.cancelAndJoin()
        assertNull(grant)
        val thrown = assertThrows<IllegalArgumentException> {
            runBlocking { consent(Purpose.CAMERA, "push:64x64") { throw IllegalArgumentException("the dialog's own") } }
        }
        assertEquals("the dialog's own", thrown.message)
    }

    @Test
    fun `an ended word ends the share`() {
        val grant = granted(Purpose.SCREEN, "push:64x64")
        val pictures = Pictures(64, 64)
        Share.start(grant).use { share ->
            share.viewerJoined(1)
            share.push(pictures.frame, timestampUs = 0)
            share.packet()
            assertFalse(grant.isRevoked)
            grant.revoke()
            assertTrue(grant.isRevoked)
            assertThrows<PanecastException.Revoked> { share.push(pictures.frame, timestampUs = 1) }
            assertInstanceOf(
                PanecastException.Revoked::class.java,
                share.until {
                    assertFalse(it is ShareOutput.Packet, "a packet after the word was taken back")
                    it as? ShareOutput.Ended
                }.error,
            )
        }
        assertThrows<PanecastException.Revoked> { Share.start(grant) }
    }

    @Test
    fun `the flow has all outputs and ends with the share`() = runBlocking<Unit> {
        val share = Share.start(granted(Purpose.SCREEN, "push:64x64"))
        share.viewerJoined(1)
        val pictures = Pictures(64, 64)
        pictures.paint(0)
        share.push(pictures.frame, timestampUs = 0)
        share.end()
        val all = withTimeout(30_000) { share.outputs().toList() }
        assertEquals(ShareOutput.Ended(null), all.last())
        assertEquals(1, all.count { it is ShareOutput.Ended })
        Decoder().use { decoder ->
            all.filterIsInstance<ShareOutput.Packet>().forEach { decoder.decode(it.bytes) }
            assertTrue(same(pictures, decoder.picture()))
        }
        share.close()
        assertEquals(emptyList<ShareOutput>(), share.outputs().toList())
    }

    @Test
    fun `states flow while outputs are collected, and closing ends both`() = runBlocking<Unit> {
        val share = Share.start(granted(Purpose.SCREEN, "push:64x64"))
        val collector = launch { share.outputs().collect {} }
        share.viewerJoined(1)
        val pictures = Pictures(64, 64)
        share.push(pictures.frame, timestampUs = 0)
        withTimeout(30_000) { share.states.first { it == ShareState.LIVE || it == ShareState.IDLE } }
        share.pause()
        withTimeout(30_000) { share.states.first { it == ShareState.PAUSED } }
        share.resume()
        pictures.paint(1)
        share.push(pictures.frame, timestampUs = 100_000)
        withTimeout(30_000) { share.states.first { it == ShareState.LIVE || it == ShareState.IDLE } }
        share.close()
        withTimeout(30_000) { collector.join() }
    }

    @Test
    fun `a collector that is cancelled lets go and the share goes on`() = runBlocking<Unit> {
        Share.start(granted(Purpose.SCREEN, "push:64x64")).use { share ->
            val collector = async { share.outputs().collect {} }
            collector.cancelAndJoin()
            assertTrue(collector.isCancelled)
            share.viewerJoined(1)
            share.push(Pictures(64, 64).frame, timestampUs = 0)
            share.packet()
        }
    }

    @Test
    fun `calls that do not fit a share are refused`() {
        val pictures = Pictures(64, 48)
        Share.start(granted(Purpose.PREPARED, "pattern:64x48@30")).use { share ->
            assertThrows<PanecastException.InvalidInput> { share.push(pictures.frame, timestampUs = 0) }
            assertThrows<PanecastException.InvalidInput> { share.end() }
            assertThrows<PanecastException.InvalidInput> { share.next(-1) }
            share.setFocus(Rect(0, 0, 8, 8))
            share.setFocus(null)
            share.viewerLeft(99)
            share.viewerBehind(99)
        }
        val grant = granted(Purpose.PREPARED, "pattern:64x48@30")
        assertThrows<PanecastException.InvalidInput> { Share.start(grant, config = ShareConfig(fps = 0)) }
    }

    @Test
    fun `the built-in desktop is among the sources`() {
        val pattern = sources().single { it.kind == SourceKind.PATTERN }
        assertEquals("pattern:1280x720@30", pattern.id)
        assertEquals(1280 to 720, pattern.width to pattern.height)
        assertEquals(100 to 0, pattern.scalePercent to pattern.rotationDegrees)
    }

    @Test
    fun `what is prepared needs nobody's permission`() {
        assertEquals(Permission(PermissionState.GRANTED, ""), permission(Purpose.PREPARED))
    }
}
