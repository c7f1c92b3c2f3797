package dev.panecast

import dev.panecast.generated.Link as GeneratedLink
import dev.panecast.generated.LinkGoal as GeneratedGoal
import dev.panecast.generated.RelayAddress as GeneratedAddress
import dev.panecast.generated.readLink as generatedReadLink
import dev.panecast.generated.readRelay as generatedReadRelay
import dev.panecast.generated.writeLink as generatedWriteLink

/** What a link lets its reader do. */
enum class LinkGoal {
    /** See a screen that somebody shows: [Link.way]. */
    SEE,

    /** Show a camera to who has sent the link: [Host.takeLink]. */
    CAMERA,

    /** See what the visitor shows whose key it is: [Link.way]. */
    KEY,
}

/**
 * Where a relay is.
 *
 * @property url `https://HOST[:PORT]`, or `http:` without TLS
 * @property hostSocket where a [Host]'s WebSocket connects to
 * @property joinerSocket where a [Joiner]'s WebSocket connects to
 * @property secure whether TLS leads there
 */
data class RelayAddress(val url: String, val hostSocket: String, val joinerSocket: String, val secure: Boolean) {
    companion object {
        /**
         * Reads an address as people write it; no scheme at all is `http`.
         *
         * @throws PanecastException.InvalidInput if it is none
         */
        fun read(address: String): RelayAddress = native { of(generatedReadRelay(address)) }

        internal fun of(address: GeneratedAddress) =
            RelayAddress(address.url, address.hostSocket, address.joinerSocket, address.secure)
    }
}

/**
 * A link to a relay, as an app is opened with. All of it but the relay and the tenant is secret.
 *
 * @property needsKey whether who sees needs a key besides
 * @property url all of it, in its one form
 * @property relay where; links may come from anybody: an app with a relay of its own compares
 * @property tenant whose visitors and agents
 * @property secret what stands behind the `#`: a link's text for [Host.takeLink] or [Way.Link], or nine digits
 */
class Link private constructor(link: GeneratedLink) {
    val goal: LinkGoal = LinkGoal.entries[link.goal.ordinal]
    val needsKey: Boolean = link.needsKey
    val url: String = link.url
    val relay: RelayAddress = RelayAddress.of(link.relay)
    val tenant: String = link.tenant
    val secret: String = link.secret

    /**
     * The way in for a [Joiner]; [key] where [needsKey].
     *
     * @throws PanecastException.InvalidInput if the link is for a camera
     */
    fun way(key: String? = null): Way = when (goal) {
        LinkGoal.SEE -> Way.Link(secret, key)
        LinkGoal.KEY -> Way.Key(secret)
        LinkGoal.CAMERA -> throw PanecastException.InvalidInput("this link asks for a camera: a host takes it")
    }

    override fun toString(): String = "Link($goal, ${relay.url})"

    companion object {
        /**
         * Reads a link such as `https://RELAY/camera?tenant=NAME#…`, as an intent brings it.
         *
         * @param appScheme the app's own scheme, if such links open it too; it stands for `https`
         * @throws PanecastException.InvalidInput if it is none, or not whole
         */
        fun read(url: String, appScheme: String? = null): Link = native { Link(generatedReadLink(url, appScheme)) }

        /**
         * Writes a link for somebody else.
         *
         * @param secret what [HostEvent.Link] told, what [drawLink] gave, or a key
         * @throws PanecastException.InvalidInput if one of them cannot be
         */
        fun write(goal: LinkGoal, relay: String, secret: String, tenant: String = "default"): Link =
            native { Link(generatedWriteLink(GeneratedGoal.entries[goal.ordinal], relay, tenant, secret)) }
    }
}
