package dev.panecast

import java.nio.ByteBuffer

/** An end at a relay, as far as its connection goes: what a WebSocket tells it. */
interface RelayEnd {
    /**
     * Before a WebSocket is opened: the sub-protocols that its request is to name, with the first messages among them; none if it is
     * to name none. Then [opened] takes the place of [connected]. It saves a round trip.
     *
     * @param token who this is, where the tenant asks for it
     */
    fun early(token: String? = null): List<String>

    /** The WebSocket that [early] was asked for is there; the answer named [protocol]. */
    fun opened(protocol: String?)

    /** The WebSocket is there. [token]: who this is, where the tenant asks for it. */
    fun connected(token: String? = null)

    /** The WebSocket is gone, or could not be had. */
    fun disconnected()

    /** A text message came. */
    fun text(text: String)

    /** A binary message came: what is between position and limit. */
    fun binary(bytes: ByteBuffer)

    /** Bytes come or go that are no whole message yet: the relay is there. For WebSockets that tell. */
    fun alive()
}
