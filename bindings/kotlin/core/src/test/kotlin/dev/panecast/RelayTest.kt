package dev.panecast

import com.google.gson.JsonParser
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
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
import java.nio.ByteBuffer
import java.util.concurrent.atomic.AtomicInteger

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
        address = JsonParser.parseString(first).asJsonObject["url"].asString
    }

    @AfterAll
    fun stop() = relay.destroy()

    private suspend fun host(host: Host, socket: RelaySocket = RelaySocket(host, address), told: suspend (HostEvent) -> Unit) =
        socket.use { host.events().collect { event -> if (!it.carry(event)) told(event) } }

    private suspend fun joiner(
        joiner: Joiner,
        socket: RelaySocket = RelaySocket(joiner, address),
        told: suspend (JoinerEvent) -> Unit,
    ) = socket.use { joiner.events().collect { event -> if (!it.carry(event)) told(event) } }

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

    /** The newest picture of the joiner is this one, sooner or later. */
    private suspend fun shows(joiner: Joiner, pictures: Pictures, told: Channel<JoinerEvent>) {
        while (true) {
            if (joiner.pictureSize == PictureSize(pictures.width, pictures.height)) {
                val seen = Pictures(pictures.width, pictures.height)
                joiner.copyPicture(seen.buffer, seen.strideBytes)
                if (same(pictures, seen)) return
            }
            told.receive()
        }
    }

    @Test
    fun `a cut on either side asks nobody again`() = runBlocking<Unit>(Dispatchers.Default) {
        withTimeout(90_000) {
            val key = CompletableDeferred<String>()
            val asked = AtomicInteger()
            val allowed = CompletableDeferred<Unit>()
            val host = Host()
            val hostSocket = RelaySocket(host, address)
            val hosting = launch {
                host(host, hostSocket) { event ->
                    when (event) {
                        is HostEvent.Key -> key.complete(event.key)
                        is HostEvent.Ask -> {
                            asked.incrementAndGet()
                            host.allow(event.joiner, event.purpose, "push:160x96")
                            allowed.complete(Unit)
                        }
                        else -> Unit
                    }
                }
            }
            val link = Link.write(LinkGoal.KEY, address, key.await())
            val joiner = Joiner(link.way(), "agent")
            val joinerSocket = RelaySocket(joiner, link.relay.url)
            val told = Channel<JoinerEvent>(Channel.UNLIMITED)
            val joining = launch { joiner(joiner, joinerSocket) { told.send(it) } }
            allowed.await()
            listOf({}, { joinerSocket.cut() }, { hostSocket.cut() }, { joinerSocket.cut(); hostSocket.cut() })
                .forEachIndexed { index, cut ->
                    cut()
                    val pictures = Pictures(160, 96).apply { paint(index) }
                    host.push(pictures.frame, timestampUs = index * 1000L)
                    shows(joiner, pictures, told)
                }
            assertEquals(1, asked.get())
            joiner.leave()
            joining.join()
            host.end()
            hosting.join()
            host.close()
            joiner.close()
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
    fun `links that open an app are read`() {
        val secret = drawLink()
        val link = Link.read("shop://relay.example/camera?tenant=a%20b#$secret", "shop")
        assertEquals(LinkGoal.CAMERA to "a b", link.goal to link.tenant)
        assertEquals("https://relay.example/camera?tenant=a%20b#$secret", link.url)
        val address = RelayAddress("https://relay.example", "wss://relay.example/ws/host", "wss://relay.example/ws/join", true)
        assertEquals(address to secret, link.relay to link.secret)
        assertThrows<PanecastException.InvalidInput> { link.way() }
        assertTrue(secret !in link.toString())
        val key = Link.write(LinkGoal.KEY, "127.0.0.1:7700", "482 913 507")
        assertEquals("http://127.0.0.1:7700/#482913507" to Way.Key("482913507"), key.url to key.way())
        val see = Link.read("https://relay.example/see#$secret.key")
        assertEquals(true to Way.Link("$secret.key", "123456789"), see.needsKey to see.way("123456789"))
        assertEquals("ws://host/ws/join", RelayAddress.read("host").joinerSocket)
        for (bad in listOf("", "#", secret, "https://relay.example/camera", "ftp://relay.example/see#$secret")) {
            assertThrows<PanecastException.InvalidInput>(bad) { Link.read(bad) }
        }
        assertThrows<PanecastException.InvalidInput> { RelayAddress.read("ftp://host") }
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
