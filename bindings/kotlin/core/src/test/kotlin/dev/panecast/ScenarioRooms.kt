package dev.panecast

import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import java.nio.ByteBuffer

/** Hosts, joiners and the relay between them, as the README of the scenarios describes it. */
internal class ScenarioRooms(private val frames: Map<String, ScenarioFrame>) : AutoCloseable {
    private class Told(val kind: String, val facts: Map<String, Any>)

    /** One of the two ends, its room and what it has told. */
    private abstract class End(val name: String) {
        val told = ArrayDeque<Told>()
        var room: String? = null
    }

    private class HostEnd(name: String, val host: Host) : End(name) {
        /** The newest key that no joiner has used. */
        var key: String? = null
        var link: String? = null

        /** Keys that the relay has given a number. */
        var keys = 0
    }

    private class JoinerEnd(name: String, val joiner: Joiner) : End(name) {
        /** By which the relay knows it; 0 before it has knocked. */
        var number = 0

        /** How often the relay has let it in. */
        var joined = 0
        var connected = false
    }

    private val ends = linkedMapOf<String, End>()
    private var knocks = 0

    override fun close() = ends.values.forEach {
        when (it) {
            is HostEnd -> it.host.close()
            is JoinerEnd -> it.joiner.close()
        }
    }

    fun play(verb: String, step: JsonObject): Map<String, Any> = when (verb.substringBefore('.')) {
        "room" -> nothing { room(verb, step) }
        "host" -> host(verb, step)
        else -> joiner(verb, step)
    }

    private fun room(verb: String, step: JsonObject) = when (verb) {
        "room.new" -> ends.getValue(step.text("host")).room = step.text("as")
        "room.cut" -> cut(ends.getValue(step.text("end")))
        else -> error("no verb $verb")
    }

    private fun cut(end: End) = when (end) {
        is JoinerEnd -> {
            gone(end)
            end.joiner.disconnected()
        }
        is HostEnd -> {
            inside(end).forEach { say(it, message("host-lost")) }
            end.host.disconnected()
        }
        else -> error("no such end")
    }

    /** A joiner's line is no longer there. */
    private fun gone(end: JoinerEnd) {
        if (!end.connected) return
        end.connected = false
        say(hostOf(end), message("left", "joiner" to end.number))
    }

    private fun host(verb: String, step: JsonObject): Map<String, Any> {
        if (verb == "host.new") {
            val config = HostConfig(
                tenant = step["tenant"]?.asString ?: "default",
                keys = step["no_keys"]?.asBoolean != true,
                share = ShareConfig(fps = 1000),
            )
            return nothing { step.text("as").let { ends[it] = HostEnd(it, Host(config)) } }
        }
        val end = ends.getValue(step.text("on")) as HostEnd
        if (verb == "host.next") return next(end, step)
        return nothing {
            when (verb) {
                "host.allow" -> end.host.allow(step.int("joiner"), purpose(step), step.text("source"))
                "host.decline" -> end.host.decline(step.int("joiner"))
                "host.dismiss" -> end.host.dismiss(step.int("joiner"))
                "host.push" -> {
                    val frame = frames.getValue(step.text("frame"))
                    val lent = frame.frame(frame.width, frame.height, step.optional("stride_bytes"), step.optional("length"))
                    end.host.push(lent, timestampUs = step.long("timestamp_us"))
                }
                "host.pause" -> end.host.pause()
                "host.resume" -> end.host.resume()
                "host.end" -> end.host.end()
                "host.stop" -> end.host.close()
                "host.open_link" -> end.host.openLink(LinkKind.Alone(step.int("uses"), 60))
                "host.take_link" -> end.host.takeLink(step.text("text"))
                else -> error("no verb $verb")
            }
        }
    }

    private fun joiner(verb: String, step: JsonObject): Map<String, Any> {
        if (verb == "joiner.new") {
            val joiner = Joiner(way(step), step["who"]?.asString ?: "Ann", purpose(step))
            return nothing { step.text("as").let { ends[it] = JoinerEnd(it, joiner).apply { room = step.text("room") } } }
        }
        val end = ends.getValue(step.text("on")) as JoinerEnd
        when (verb) {
            "joiner.next" -> return next(end, step)
            "joiner.picture" -> return picture(end.joiner).let(::facts)
            "joiner.shows" -> return shows(end.joiner, frames.getValue(step.text("frame")))
        }
        return nothing {
            when (verb) {
                "joiner.point" -> end.joiner.point(points(step).firstOrNull())
                "joiner.draw" -> end.joiner.draw(step.int("line"), MarkTool.PEN, 0xFF0000, points(step))
                "joiner.clear" -> end.joiner.clear()
                "joiner.pause" -> end.joiner.pause(true)
                "joiner.resume" -> end.joiner.pause(false)
                "joiner.leave" -> end.joiner.leave()
                "joiner.stop" -> end.joiner.close()
                else -> error("no verb $verb")
            }
        }
    }

    private fun way(step: JsonObject): Way {
        step["key"]?.let { return Way.Key(it.asString) }
        step["link"]?.let { return Way.Link(it.asString) }
        step["link_of"]?.let { named ->
            val host = ends.getValue(named.asString) as HostEnd
            until("a link") { host.link != null }
            return Way.Link(checkNotNull(host.link))
        }
        val host = ends.getValue(step.text("key_of")) as HostEnd
        until("a key") { host.key != null }
        val key = checkNotNull(host.key)
        if (step["wrong"]?.asBoolean == true) return Way.Key(key.dropLast(1) + if (key.endsWith('0')) '1' else '0')
        host.key = null
        return Way.Key(key)
    }

    /** The next event of this kind; others are passed over. */
    private fun next(end: End, step: JsonObject): Map<String, Any> {
        val kind = step.text("event")
        val state = step["state"]?.asString
        var found: Told? = null
        until("$step") {
            while (found == null) {
                val told = end.told.removeFirstOrNull() ?: break
                if (told.kind == kind && (state == null || told.facts["state"] == state)) {
                    found = told
                } else {
                    check(told.kind != "ended") { "$step: ${told.facts}" }
                }
            }
            found != null
        }
        return checkNotNull(found).facts
    }

    private fun shows(joiner: Joiner, frame: ScenarioFrame): Map<String, Any> {
        val wanted = frame.planes[0].first
        var seen: Pair<PictureSize, ByteArray>? = null
        until("the picture") {
            seen = try {
                picture(joiner).takeIf { it.second.contentEquals(wanted) }
            } catch (_: PanecastException.NotFound) {
                null
            }
            seen != null
        }
        return facts(checkNotNull(seen))
    }

    private fun picture(joiner: Joiner): Pair<PictureSize, ByteArray> {
        // Where there is none, the copy says so.
        val size = joiner.pictureSize ?: PictureSize(1, 1)
        val picture = ByteBuffer.allocateDirect(size.width * size.height * 4)
        joiner.copyPicture(picture, size.width * 4)
        return size to ByteArray(picture.remaining()).also { picture.get(it) }
    }

    private fun facts(seen: Pair<PictureSize, ByteArray>): Map<String, Any> =
        mapOf("size" to listOf(seen.first.width.toLong(), seen.first.height.toLong()), "pixels" to fnv(seen.second))

    /** Carries messages until [done]; a minute is against hangs only. */
    private fun until(what: String, done: () -> Boolean) {
        repeat(30_000) {
            if (done()) return
            carry()
        }
        error("$what: nothing came")
    }

    private fun carry() {
        for (end in ends.values.toList()) {
            if (end.room == null) continue
            try {
                when (end) {
                    is HostEnd -> end.host.next(1)?.let { hostTells(end, it) }
                    is JoinerEnd -> end.joiner.next(1)?.let { joinerTells(end, it) }
                }
            } catch (_: PanecastException.Closed) {
                // It has said all.
            }
        }
    }

    private fun hostTells(end: HostEnd, event: HostEvent) {
        val told = when (event) {
            is HostEvent.Connect -> return end.host.connected()
            is HostEvent.SendText -> return hostSays(end, JsonParser.parseString(event.text).asJsonObject)
            is HostEvent.SendBinary -> {
                val to = event.bytes.take(4).foldRight(0) { byte, all -> all shl 8 or (byte.toInt() and 0xFF) }
                val bytes = ByteBuffer.wrap(event.bytes.copyOfRange(5, event.bytes.size))
                return inside(end, to).forEach { quietly { it.joiner.binary(bytes.duplicate()) } }
            }
            is HostEvent.Key -> return run { end.key = event.key }
            is HostEvent.Link -> return run { end.link = event.text }
            is HostEvent.Ask ->
                Told("ask", mapOf("joiner" to event.joiner.toLong(), "who" to event.who, "purpose" to kebab(event.purpose)))
            is HostEvent.Marked -> marked(event)
            is HostEvent.Left ->
                Told("left", mapOf("joiner" to event.joiner.toLong(), "who" to event.who, "reason" to kebab(event.reason)))
            is HostEvent.State -> Told("state", mapOf("state" to kebab(event.state)))
            is HostEvent.Stopped -> Told("stopped", mapOf("reason" to (event.error?.statusName ?: "ok")))
            is HostEvent.Refused -> Told("refused", mapOf("refusal" to kebab(event.kind)))
            is HostEvent.Ended -> Told("ended", mapOf("reason" to kebab(event.reason)))
            else -> return
        }
        end.told += told
    }

    private fun marked(event: HostEvent.Marked): Told {
        fun flat(points: List<Point>) = points.flatMap { listOf(it.x.toLong(), it.y.toLong()) }
        val (kind, points) = when (val mark = event.mark) {
            is Mark.Pointer -> "pointer" to flat(listOfNotNull(mark.at))
            is Mark.Line -> "line" to flat(mark.points)
            Mark.Clear -> "clear" to emptyList()
        }
        return Told("mark", mapOf("joiner" to event.joiner.toLong(), "kind" to kind, "points" to points))
    }

    private fun joinerTells(end: JoinerEnd, event: JoinerEvent) {
        val told = when (event) {
            is JoinerEvent.Connect -> return end.run {
                connected = true
                joiner.connected()
            }
            is JoinerEvent.SendText -> return joinerSays(end, JsonParser.parseString(event.text).asJsonObject)
            is JoinerEvent.SendBinary -> {
                val number = ByteArray(4) { (end.number shr (8 * it)).toByte() }
                return quietly { hostOf(end).host.binary(ByteBuffer.wrap(number + event.bytes)) }
            }
            JoinerEvent.Disconnect -> return gone(end)
            JoinerEvent.Sealed -> Told("sealed", emptyMap())
            JoinerEvent.Asking -> Told("asking", emptyMap())
            is JoinerEvent.Allowed -> Told("allowed", mapOf("source" to event.source))
            is JoinerEvent.State -> Told("state", mapOf("state" to kebab(event.state)))
            is JoinerEvent.Refused -> Told("refused", mapOf("refusal" to kebab(event.kind)))
            is JoinerEvent.Ended -> Told("ended", mapOf("reason" to kebab(event.reason)))
            else -> return
        }
        end.told += told
    }

    private fun hostSays(end: HostEnd, says: JsonObject) {
        val to = says["joiner"]?.asInt ?: 0
        when (val type = says.text("type")) {
            "hello" -> {
                say(end, message("room", "room" to "r", "secret" to "s"))
                if (says["resume"]?.isJsonNull != false) return
                inside(end).forEach { say(end, message("came", "joiner" to it.number, "resumed" to true)) }
                inside(end).forEach { say(it, message("host-back")) }
            }
            "open" -> {
                val link = says.getAsJsonObject("door").getAsJsonObject("link")
                val opened = JsonObject().apply { addProperty("expires_in_s", 600) }
                if (link == null) {
                    end.keys += 1
                    opened.addProperty("number", "%04d".format(end.keys))
                } else {
                    opened.add("id", link["id"])
                }
                val door = JsonObject().apply { add(if (link == null) "key" else "link", opened) }
                say(end, message("opened").apply { add("door", door) })
            }
            "admit" -> inside(end, to).forEach { letIn(it) }
            "refuse" -> inside(end, to).forEach {
                say(it, message("refused", "kind" to says.text("reason"), "message" to "no"))
            }
            "dismiss", "end" -> inside(end, to).forEach { say(it, message("end", "reason" to says.text("reason"))) }
            "ping" -> say(end, message("pong"))
            "close" -> Unit
            else -> error("a host says $type")
        }
    }

    private fun joinerSays(end: JoinerEnd, says: JsonObject) {
        if (says.text("type") == "ping") return say(end, message("pong"))
        val place = says["resume"]?.takeIf { !it.isJsonNull }?.asJsonObject
        val came = if (place == null) {
            knocks += 1
            end.number = knocks
            message("came", "joiner" to end.number).apply { add("door", says["door"]) }
        } else {
            check(place.text("token") == "token ${end.joined}") { "$place" }
            letIn(end)
            message("came", "joiner" to end.number, "resumed" to true)
        }
        say(hostOf(end), came)
    }

    private fun letIn(end: JoinerEnd) {
        end.joined += 1
        say(end, message("joined", "room" to "r", "joiner" to end.number, "token" to "token ${end.joined}"))
    }

    private fun hostOf(end: JoinerEnd): HostEnd = ends.values.filterIsInstance<HostEnd>().first { it.room == end.room }

    /** Who is in a host's room: all (0), or one, which may be knocking yet. */
    private fun inside(host: HostEnd, to: Int = 0): List<JoinerEnd> = ends.values.filterIsInstance<JoinerEnd>()
        .filter { it.connected && it.room == host.room && if (to == 0) it.joined > 0 else it.number == to }

    private fun say(end: End, says: JsonObject) = quietly {
        when (end) {
            is HostEnd -> end.host.text(says.toString())
            is JoinerEnd -> end.joiner.text(says.toString())
        }
    }

    /** Who has ended hears nothing. */
    private inline fun quietly(act: () -> Unit) {
        try {
            act()
        } catch (_: PanecastException.Closed) {
            // As said.
        }
    }

    private fun message(type: String, vararg fields: Pair<String, Any>) = JsonObject().apply {
        addProperty("type", type)
        for ((name, value) in fields) {
            when (value) {
                is Boolean -> addProperty(name, value)
                is Number -> addProperty(name, value)
                else -> addProperty(name, value.toString())
            }
        }
    }

    private fun purpose(step: JsonObject): Purpose =
        Purpose.valueOf((step["purpose"]?.asString ?: "screen").uppercase().replace('-', '_'))

    private fun points(step: JsonObject): List<Point> =
        step.getAsJsonArray("points").map(JsonElement::getAsInt).chunked(2) { Point(it[0], it[1]) }

    private fun kebab(name: Enum<*>): String = name.name.lowercase().replace('_', '-')

    private inline fun nothing(act: () -> Unit): Map<String, Any> {
        act()
        return emptyMap()
    }
}
