package dev.panecast

import com.google.gson.JsonParser
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestInstance
import org.junit.jupiter.api.assertThrows
import java.io.File
import java.net.URI
import java.net.http.HttpClient
import java.net.http.WebSocket
import java.nio.ByteBuffer
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CompletionException
import java.util.concurrent.CompletionStage

/** A host and a joiner at a real relay: `PANECAST_RELAY_BIN`. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RelayTest {
    private lateinit var relay: Process
    private lateinit var address: String

    @BeforeAll
    fun start() {
        val binary = checkNotNull(System.getProperty("panecast.relay")) { "panecast.relay is not set" }
        check(File(binary).canExecute()) { "there is no relay at $binary: cargo build -p panecast-relay" }
        relay = ProcessBuilder(binary, "--bind", "127.0.0.1:0", "--json")
            .redirectError(ProcessBuilder.Redirect.DISCARD).start()
        val first = checkNotNull(relay.inputStream.bufferedReader().readLine()) { "the relay said nothing" }
        address = JsonParser.parseString(first).asJsonObject["url"].asString.replace("http", "ws").trimEnd('/')
    }

    @AfterAll
    fun stop() = relay.destroy()

    /** A WebSocket that hands whole messages on, one at a time. */
    private class Line(val text: (String) -> Unit, val binary: (ByteBuffer) -> Unit, val gone: () -> Unit) :
        WebSocket.Listener {
        private val words = StringBuilder()
        private var bytes = ByteArray(0)

        override fun onText(socket: WebSocket, data: CharSequence, last: Boolean): CompletionStage<*>? {
            words.append(data)
            if (last) text(words.toString().also { words.clear() })
            socket.request(1)
            return null
        }

        override fun onBinary(socket: WebSocket, data: ByteBuffer, last: Boolean): CompletionStage<*>? {
            bytes += ByteArray(data.remaining()).also { data.get(it) }
            if (last) binary(ByteBuffer.wrap(bytes).also { bytes = ByteArray(0) })
            socket.request(1)
            return null
        }

        override fun onClose(socket: WebSocket, code: Int, reason: String): CompletionStage<*>? {
            gone()
            return null
        }

        override fun onError(socket: WebSocket, error: Throwable) = gone()
    }

    private fun connect(path: String, line: Line): WebSocket =
        HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(URI.create(address + path), line).join()

    private suspend fun host(host: Host, told: suspend (HostEvent) -> Unit) {
        var socket: WebSocket? = null
        host.events().collect { event ->
            when (event) {
                is HostEvent.Connect -> {
                    socket = connect("/ws/host", Line(quiet(host::text), quiet(host::binary), quiet(host::disconnected)))
                    host.connected()
                }
                is HostEvent.SendText -> socket.send { sendText(event.text, true) }
                is HostEvent.SendBinary -> socket.send { sendBinary(ByteBuffer.wrap(event.bytes), true) }
                is HostEvent.Disconnect -> socket.send { sendClose(WebSocket.NORMAL_CLOSURE, "") }
                else -> told(event)
            }
        }
    }

    private suspend fun joiner(joiner: Joiner, told: suspend (JoinerEvent) -> Unit) {
        var socket: WebSocket? = null
        joiner.events().collect { event ->
            when (event) {
                is JoinerEvent.Connect -> {
                    socket = connect("/ws/join", Line(quiet(joiner::text), quiet(joiner::binary), quiet(joiner::disconnected)))
                    joiner.connected()
                }
                is JoinerEvent.SendText -> socket.send { sendText(event.text, true) }
                is JoinerEvent.SendBinary -> socket.send { sendBinary(ByteBuffer.wrap(event.bytes), true) }
                is JoinerEvent.Disconnect -> socket.send { sendClose(WebSocket.NORMAL_CLOSURE, "") }
                else -> told(event)
            }
        }
    }

    /** What the relay has closed takes nothing any more; its listener has told so. */
    private fun WebSocket?.send(act: WebSocket.() -> CompletableFuture<WebSocket>) {
        try {
            this?.act()?.join()
        } catch (_: CompletionException) {
            // As said.
        }
    }

    /** Messages that come after the end are nobody's. */
    private fun <T> quiet(take: (T) -> Unit): (T) -> Unit = { message ->
        try {
            take(message)
        } catch (_: PanecastException.Closed) {
            // The end was told already.
        }
    }

    private fun quiet(gone: () -> Unit): () -> Unit = {
        try {
            gone()
        } catch (_: PanecastException.Closed) {
            // As above.
        }
    }

    @Test
    fun `by a key, the visitor's frames reach the agent and the agent's marks the visitor`() = runBlocking<Unit>(Dispatchers.Default) {
        withTimeout(90_000) {
            val pictures = Pictures(160, 96).apply { paint(4) }
            val key = CompletableDeferred<String>()
            val question = CompletableDeferred<HostEvent.Ask>()
            val mark = CompletableDeferred<Mark>()
            val seen = CompletableDeferred<Pictures>()
            val ends = CompletableDeferred<EndReason>() to CompletableDeferred<EndReason>()
            val host = Host()
            launch {
                host(host) { event ->
                    when (event) {
                        is HostEvent.Key -> key.complete(event.key)
                        is HostEvent.Ask -> {
                            // Nothing goes out before the visitor's yes.
                            assertThrows<PanecastException.Denied> { host.push(pictures.frame, timestampUs = 0) }
                            question.complete(event)
                            host.allow(event.joiner, event.purpose, "push:160x96")
                            host.push(pictures.frame, timestampUs = 0)
                        }
                        is HostEvent.Marked -> mark.complete(event.mark)
                        is HostEvent.Ended -> ends.first.complete(event.reason)
                        else -> Unit
                    }
                }
            }
            val joiner = Joiner(Way.Key(key.await()), "Agent Smith")
            launch {
                joiner(joiner) { event ->
                    when (event) {
                        is JoinerEvent.Picture -> {
                            val picture = Pictures(event.size.width, event.size.height)
                            joiner.copyPicture(picture.buffer, picture.strideBytes)
                            seen.complete(picture)
                        }
                        is JoinerEvent.Ended -> ends.second.complete(event.reason)
                        else -> Unit
                    }
                }
            }
            assertEquals("Agent Smith" to Purpose.SCREEN, question.await().let { it.who to it.purpose })
            assertTrue(same(pictures, seen.await()))
            assertEquals(PictureSize(160, 96), joiner.pictureSize)
            joiner.draw(3, MarkTool.ARROW, 0xFF8800, listOf(Point(1, 2), Point(-3, 4)))
            assertEquals(Mark.Line(3, MarkTool.ARROW, 0xFF8800, listOf(Point(1, 2), Point(-3, 4))), mark.await())
            assertTrue(host.stats.framesCaptured > 0)
            host.end()
            assertEquals(EndReason.SHARER_STOPPED to EndReason.SHARER_STOPPED, ends.first.await() to ends.second.await())
            host.close()
            joiner.close()
            assertThrows<PanecastException.Closed> { host.pause() }
            assertThrows<PanecastException.Closed> { joiner.clear() }
        }
    }

    @Test
    fun `a visitor who says no shows nothing`() = runBlocking<Unit>(Dispatchers.Default) {
        withTimeout(90_000) {
            val key = CompletableDeferred<String>()
            val host = Host()
            val hosting = launch {
                host(host) { event ->
                    if (event is HostEvent.Key) key.complete(event.key)
                    if (event is HostEvent.Ask) host.decline(event.joiner)
                }
            }
            val events = mutableListOf<JoinerEvent>()
            val joiner = Joiner(Way.Key(key.await()), "agent", Purpose.CAMERA)
            joiner(joiner) { events += it }
            assertEquals(JoinerEvent.Ended(EndReason.DECLINED), events.last())
            assertTrue(events.none { it is JoinerEvent.Picture || it is JoinerEvent.Allowed }, events.toString())
            joiner.close()
            host.close()
            hosting.join()
        }
    }

    @Test
    fun `what cannot be is refused`() {
        assertThrows<PanecastException.InvalidInput> { Joiner(Way.Key("12"), "agent") }
        assertThrows<PanecastException> { Joiner(Way.Sent("no link"), "agent") }
        assertThrows<PanecastException> { Host(HostConfig(presence = Presence("visitor", "no key"))) }
        Joiner(Way.Sent(drawLink()), "agent").use { joiner ->
            assertThrows<PanecastException.InvalidInput> { joiner.draw(1, MarkTool.PEN, 0, emptyList()) }
            assertThrows<PanecastException.NotFound> { joiner.copyPicture(ByteBuffer.allocateDirect(16), 4) }
            assertTrue(joiner.next(0) is JoinerEvent.Connect)
        }
        Host().use { host ->
            assertThrows<PanecastException> { host.takeLink("no link") }
            assertThrows<PanecastException.InvalidInput> { host.allow(1, Purpose.SCREEN, "push:8x8") }
            assertThrows<PanecastException.Denied> {
                host.push(Pictures(8, 8).frame, timestampUs = 0)
            }
            assertTrue(host.next(0) is HostEvent.Connect)
        }
    }
}
