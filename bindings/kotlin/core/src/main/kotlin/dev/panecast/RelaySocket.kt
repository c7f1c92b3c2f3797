package dev.panecast

import java.net.URI
import java.net.http.HttpClient
import java.net.http.WebSocket
import java.nio.ByteBuffer
import java.time.Duration
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CompletionStage
import java.util.concurrent.Executors
import java.util.concurrent.RejectedExecutionException
import java.util.concurrent.TimeUnit.MILLISECONDS
import java.util.concurrent.atomic.AtomicBoolean

/**
 * An end's WebSocket to its relay, by the JDK's `java.net.http`: hand it every event of [Host.events] or [Joiner.events], in their
 * order. Android has no such package; docs/mobile.md shows the same with OkHttp.
 *
 * @param relay as `https://relay.example`
 * @param token who this is, where the tenant asks for it; asked for at each connection
 */
class RelaySocket private constructor(
    private val address: URI,
    private val end: RelayEnd,
    private val token: () -> String?,
) : AutoCloseable {
    constructor(host: Host, relay: String, token: () -> String? = { null }) :
        this(URI.create(RelayAddress.read(relay).hostSocket), host, token)

    constructor(joiner: Joiner, relay: String, token: () -> String? = { null }) :
        this(URI.create(RelayAddress.read(relay).joinerSocket), joiner, token)

    private val client = HttpClient.newBuilder().connectTimeout(Duration.ofMillis(CONNECT_MS)).build()
    private val queue = Executors.newSingleThreadScheduledExecutor { Thread(it, "panecast-relay").apply { isDaemon = true } }

    @Volatile
    private var line: Line? = null

    /** Does what a host's event asks for; false if it is none of the connection's. It returns at once. */
    fun carry(event: HostEvent): Boolean {
        when (event) {
            is HostEvent.Connect -> connect(event.afterMs)
            is HostEvent.SendText -> send { sendText(event.text, true) }
            is HostEvent.SendBinary -> send { sendBinary(ByteBuffer.wrap(event.bytes), true) }
            HostEvent.Disconnect -> disconnect()
            else -> return false
        }
        return true
    }

    /** Does what a joiner's event asks for; false if it is none of the connection's. It returns at once. */
    fun carry(event: JoinerEvent): Boolean {
        when (event) {
            is JoinerEvent.Connect -> connect(event.afterMs)
            is JoinerEvent.SendText -> send { sendText(event.text, true) }
            is JoinerEvent.SendBinary -> send { sendBinary(ByteBuffer.wrap(event.bytes), true) }
            JoinerEvent.Disconnect -> disconnect()
            else -> return false
        }
        return true
    }

    /** Cuts the line, as a bad network does: the end asks for another one. */
    fun cut() = later(0) { line?.abort() }

    /** No connection follows. */
    override fun close() {
        later(0) {
            line?.close()
            line = null
        }
        queue.shutdown()
    }

    private fun later(afterMs: Long, act: () -> Unit) {
        try {
            queue.schedule(act, afterMs, MILLISECONDS)
        } catch (_: RejectedExecutionException) {
            // Closed.
        }
    }

    private fun connect(afterMs: Long) = later(afterMs) { Line().also { line = it }.open() }

    private fun send(act: WebSocket.() -> CompletableFuture<WebSocket>) = later(0) { line?.send(act) }

    private fun disconnect() = later(0) {
        line?.close()
        line = null
    }

    /** Tells the end; after its own end it wants to hear nothing. */
    private inline fun tell(act: RelayEnd.() -> Unit) {
        try {
            end.act()
        } catch (_: PanecastException.Closed) {
            // Its last event says why.
        }
    }

    /** One connection. */
    private inner class Line : WebSocket.Listener {
        private val gone = AtomicBoolean()
        private val words = StringBuilder()
        private var bytes = ByteArray(0)

        private val opening = CompletableFuture<WebSocket>()

        /** Ends when all that was sent so far is; the socket takes one message at a time. */
        private var sent: CompletableFuture<WebSocket> = opening

        fun open() {
            val builder = client.newWebSocketBuilder().connectTimeout(Duration.ofMillis(CONNECT_MS))
            tell {
                val early = early(token())
                if (early.isNotEmpty()) builder.subprotocols(early[0], *early.drop(1).toTypedArray())
            }
            builder.buildAsync(address, this).whenComplete { socket, error ->
                if (error == null) opening.complete(socket) else lost()
            }
        }

        fun send(act: WebSocket.() -> CompletableFuture<WebSocket>) {
            sent = sent.thenCompose(act).whenComplete { _, error -> if (error != null) lost() }
        }

        /** Says goodbye once all is sent; a line that is dead is not waited for. */
        fun close() {
            val all = sent
            gone.set(true)
            all.thenCompose { it.sendClose(WebSocket.NORMAL_CLOSURE, "") }
            all.orTimeout(GOODBYE_MS, MILLISECONDS).whenComplete { socket, _ -> socket?.let { abortLater(it) } }
        }

        private fun abortLater(socket: WebSocket) =
            CompletableFuture.delayedExecutor(GOODBYE_MS, MILLISECONDS).execute { socket.abort() }

        fun abort() {
            opening.thenAccept { it.abort() }
            lost()
        }

        private fun lost() {
            if (!gone.getAndSet(true) && line === this) tell { disconnected() }
        }

        private inline fun heard(act: RelayEnd.() -> Unit) {
            if (!gone.get() && line === this) tell(act)
        }

        override fun onOpen(socket: WebSocket) {
            // Before any message.
            heard { opened(socket.subprotocol) }
            socket.request(1)
        }

        override fun onText(socket: WebSocket, data: CharSequence, last: Boolean): CompletionStage<*>? {
            words.append(data)
            if (last) heard { text(words.toString().also { words.setLength(0) }) } else heard { alive() }
            socket.request(1)
            return null
        }

        override fun onBinary(socket: WebSocket, data: ByteBuffer, last: Boolean): CompletionStage<*>? {
            bytes += ByteArray(data.remaining()).also { data.get(it) }
            if (last) heard { binary(ByteBuffer.wrap(bytes).also { bytes = ByteArray(0) }) } else heard { alive() }
            socket.request(1)
            return null
        }

        override fun onPing(socket: WebSocket, message: ByteBuffer): CompletionStage<*>? {
            heard { alive() }
            socket.request(1)
            return null
        }

        override fun onClose(socket: WebSocket, code: Int, reason: String): CompletionStage<*>? {
            lost()
            return null
        }

        override fun onError(socket: WebSocket, error: Throwable) = lost()
    }

    private companion object {
        /** How long a relay may take to answer. */
        const val CONNECT_MS = 10_000L

        /** How long the last messages may take. */
        const val GOODBYE_MS = 2_000L
    }
}
