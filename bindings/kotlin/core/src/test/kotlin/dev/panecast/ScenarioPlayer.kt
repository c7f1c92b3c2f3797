package dev.panecast

import com.google.gson.JsonArray
import com.google.gson.JsonObject
import java.nio.ByteBuffer

/** What a step gave. */
internal data class Outcome(val status: String, val facts: Map<String, Any>)

/** The objects of a scenario by their names, and what each verb is in Kotlin. */
internal class ScenarioPlayer : AutoCloseable {
    private val frames = mutableMapOf<String, ScenarioFrame>()
    private val packets = mutableMapOf<String, ByteArray>()
    private val encoders = mutableMapOf<String, Encoder>()
    private val decoders = mutableMapOf<String, Decoder>()
    private val questions = mutableMapOf<String, Pair<Purpose, String>>()
    private val grants = mutableMapOf<String, Grant>()
    private val shares = mutableMapOf<String, Share>()
    private val rooms = ScenarioRooms(frames)

    /** There was nothing. */
    private object NothingNow : Exception() {
        private fun readResolve(): Any = NothingNow
    }

    override fun close() {
        listOf(encoders, decoders, grants, shares).forEach { all -> all.values.forEach { it.close() } }
        rooms.close()
    }

    fun play(step: JsonObject): Outcome = try {
        val verb = step.text("do")
        Outcome(
            "ok",
            when (verb.substringBefore('.')) {
                "pattern", "encoder" -> encoding(verb, step)
                "decoder" -> decoding(verb, step)
                "consent", "grant" -> consenting(verb, step)
                "share" -> sharing(verb, step)
                "room", "host", "joiner" -> rooms.play(verb, step)
                else -> error("no verb $verb")
            },
        )
    } catch (e: PanecastException) {
        Outcome(e.statusName, emptyMap())
    } catch (_: NothingNow) {
        Outcome("nothing-now", emptyMap())
    }

    private fun encoding(verb: String, step: JsonObject): Map<String, Any> {
        if (verb == "pattern.frame") {
            val (width, height) = step.numbers("size")
            val format = PixelFormat.valueOf(step.text("format").uppercase())
            val frame = ScenarioFrame(width, height, step.int("index"), format, step.optional("pad") ?: 0)
            frames[step.text("as")] = frame
            return mapOf("bytes" to fnv(frame.planes[0].first))
        }
        if (verb == "encoder.new") {
            encoders.put(step.text("as"), Encoder(config(step)))?.close()
            return emptyMap()
        }
        val encoder = encoders.getValue(step.text("on"))
        return when (verb) {
            "encoder.encode" -> {
                val encoded = encoder.encode(frame(step), damage(step), step.long("timestamp_us"))
                keep(step, "as", encoded.bytes) + mapOf(
                    "kind" to encoded.kind.name.lowercase(),
                    "sequence" to encoded.sequence,
                    "dirty_px" to encoded.dirtyPixels,
                    "lossy_px" to encoded.lossyPixels,
                )
            }
            "encoder.late_join" -> {
                val join = encoder.lateJoin(step.long("timestamp_us")) ?: throw NothingNow
                keep(step, "others", join.others)
                keep(step, "as", join.joiner)
            }
            "encoder.refine" ->
                keep(step, "as", encoder.refine(step.long("timestamp_us"), step.int("bytes"))?.bytes ?: ByteArray(0))
            "encoder.finish" -> keep(step, "as", encoder.finish(step.long("frames"), step.int("fps")))
            "encoder.set_bitrate" -> nothing { encoder.setBitrate(step.long("bitrate")) }
            "encoder.forget" -> nothing { encoder.forget() }
            else -> error("no verb $verb")
        }
    }

    private fun decoding(verb: String, step: JsonObject): Map<String, Any> {
        if (verb == "decoder.new") {
            decoders.put(step.text("as"), Decoder(step.optional("side_px")))?.close()
            return emptyMap()
        }
        val decoder = decoders.getValue(step.text("on"))
        return when (verb) {
            "decoder.feed" -> nothing {
                val all = step["packet"]?.let { packets.getValue(it.asString).copyOf() } ?: step.text("text").toByteArray()
                step.optional("flip")?.let { all[it] = (all[it].toInt() xor 0xFF).toByte() }
                decoder.feed(all.copyOfRange(step.optional("from") ?: 0, step.optional("to") ?: all.size))
            }
            "decoder.next" -> decoded(decoder.next() ?: throw NothingNow)
            "decoder.drain" ->
                mapOf("pictures" to generateSequence { decoder.next() }.count { it is Decoded.Picture }.toLong())
            "decoder.picture" -> {
                val size = decoder.pictureSize ?: throw NothingNow
                val picture = ByteBuffer.allocateDirect(size.width * size.height * 4)
                decoder.copyPicture(picture, size.width * 4)
                val bytes = ByteArray(picture.remaining()).also { picture.get(it) }
                mapOf(
                    "size" to listOf(size.width.toLong(), size.height.toLong()),
                    "pixels" to fnv(bytes),
                    "lossy_px" to decoder.lossyPixels,
                )
            }
            "decoder.reset" -> nothing { decoder.reset() }
            else -> error("no verb $verb")
        }
    }

    private fun decoded(what: Decoded): Map<String, Any> = when (what) {
        is Decoded.Header -> mapOf("kind" to "header", "sequence" to 0L)
        is Decoded.Epoch -> mapOf("kind" to "epoch", "sequence" to what.sequence)
        is Decoded.Cursor -> mapOf("kind" to "cursor", "sequence" to 0L)
        is Decoded.End -> mapOf("kind" to "end", "sequence" to 0L, "frames" to what.frames, "fps" to what.fps.toLong())
        is Decoded.Picture -> mapOf(
            "kind" to "picture",
            "sequence" to what.sequence,
            "timestamp_us" to what.timestampUs,
            "keyframe" to what.keyframe,
            "resized" to what.resized,
        )
    }

    private fun consenting(verb: String, step: JsonObject): Map<String, Any> = when (verb) {
        // A question that no source could answer is refused when it is asked; the object itself lives until its answer.
        "consent.ask" -> nothing {
            val purpose = Purpose.valueOf(step.text("purpose").uppercase().replace('-', '_'))
            val source = step.text("source")
            answeredConsent(purpose, source, true).close()
            questions[step.text("as")] = purpose to source
        }
        "consent.answer" -> nothing {
            val (purpose, source) = checkNotNull(questions.remove(step.text("on")))
            grants.put(step.text("as"), answeredConsent(purpose, source, step["allow"].asBoolean))?.close()
        }
        "grant.revoke" -> nothing { grants.getValue(step.text("on")).revoke() }
        else -> error("no verb $verb")
    }

    private fun sharing(verb: String, step: JsonObject): Map<String, Any> {
        if (verb == "share.start") {
            val share = Share.start(
                grants.getValue(step.text("grant")),
                step.text("source"),
                ShareConfig(fps = 1000, encoder = config(step)),
            )
            shares.put(step.text("as"), share)?.close()
            return emptyMap()
        }
        val share = shares.getValue(step.text("on"))
        return when (verb) {
            "share.push" -> nothing { share.push(frame(step), damage(step), step.long("timestamp_us")) }
            "share.viewer_joined" -> nothing { share.viewerJoined(step.int("viewer")) }
            "share.viewer_left" -> nothing { share.viewerLeft(step.int("viewer")) }
            "share.viewer_ack" -> nothing { share.viewerAck(step.int("viewer"), step.long("sequence")) }
            "share.pause" -> nothing { share.pause() }
            "share.resume" -> nothing { share.resume() }
            "share.end" -> nothing { share.end() }
            "share.stop" -> nothing { share.close() }
            "share.set_masks" -> nothing {
                share.setMasks(Masks(rects = step.getAsJsonArray("rects").map { rect(it.asJsonArray) }))
            }
            "share.next_packet" -> when (val output = next(share)) {
                is ShareOutput.Packet -> {
                    packets[step.text("as")] = output.bytes
                    mapOf(
                        "for_all" to (output.viewer == null),
                        "viewer" to (output.viewer ?: 0).toLong(),
                        "sequence" to (output.sequence ?: 0L),
                    )
                }
                else -> error("$step: $output")
            }
            "share.next_end" -> when (val output = next(share)) {
                is ShareOutput.Ended -> mapOf("reason" to (output.error?.statusName ?: "ok"))
                else -> error("$step: a packet")
            }
            "share.no_packet" -> nothing {
                val all = generateSequence { share.next(0) }.toList()
                check(all.none { it is ShareOutput.Packet }) { "$step: a packet" }
            }
            else -> error("no verb $verb")
        }
    }

    /** The next packet or the end; a minute is against hangs only. */
    private fun next(share: Share): ShareOutput {
        repeat(600) { share.next(100)?.takeIf { it !is ShareOutput.State }?.let { return it } }
        error("nothing came")
    }

    private fun keep(step: JsonObject, name: String, bytes: ByteArray): Map<String, Any> {
        step[name]?.let { packets[it.asString] = bytes }
        return mapOf("length" to bytes.size.toLong(), "bytes" to fnv(bytes))
    }

    private fun frame(step: JsonObject): Frame {
        val frame = frames.getValue(step.text("frame"))
        val (width, height) = step["size"]?.let { step.numbers("size") } ?: listOf(frame.width, frame.height)
        return frame.frame(width, height, step.optional("stride_bytes"), step.optional("length"))
    }

    private fun damage(step: JsonObject): List<Rect>? = step.getAsJsonArray("damage")?.map { rect(it.asJsonArray) }

    /** What no `Int` holds is as far as one goes: beyond every picture alike. */
    private fun rect(numbers: JsonArray): Rect {
        val n = numbers.map { it.asLong.coerceAtMost(Int.MAX_VALUE.toLong()).toInt() }
        return Rect(n[0], n[1], n[2], n[3])
    }

    private fun config(step: JsonObject): EncoderConfig {
        val own = EncoderConfig()
        return own.copy(
            mode = step["mode"]?.let { Mode.valueOf(it.asString.uppercase()) } ?: own.mode,
            quality = step.optional("quality") ?: own.quality,
            av1 = step["no_av1"]?.asBoolean != true,
        )
    }

    private inline fun nothing(act: () -> Unit): Map<String, Any> {
        act()
        return emptyMap()
    }
}

internal fun JsonObject.text(name: String): String = this[name].asString

internal fun JsonObject.int(name: String): Int = this[name].asInt

internal fun JsonObject.long(name: String): Long = this[name].asLong

internal fun JsonObject.optional(name: String): Int? = this[name]?.asInt

private fun JsonObject.numbers(name: String): List<Int> = getAsJsonArray(name).map { it.asInt }
