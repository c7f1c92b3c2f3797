package dev.panecast

import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.condition.EnabledIfSystemProperty
import java.lang.management.ManagementFactory

/** What a pushed frame of 1080p costs its thread: `cargo xtask push-cost`. It prints figures and judges nothing. */
@Timeout(3600)
@EnabledIfSystemProperty(named = "panecast.bench", matches = "true")
class PushCost {
    private val threads = ManagementFactory.getThreadMXBean()

    private fun microseconds(times: Int, act: (Int) -> Unit): Double {
        repeat(times) { act(it) }
        return (0 until 9).minOf {
            val before = threads.currentThreadCpuTime
            repeat(times) { act(it) }
            (threads.currentThreadCpuTime - before) / 1000.0 / times
        }
    }

    @Test
    fun `push of 1080p`() {
        val pictures = Pictures(1920, 1080).apply { paint(1) }
        Share.start(answeredConsent(Purpose.SCREEN, "push:1920x1080", true)).use { share ->
            val call = microseconds(5_000) { share.push(pictures.frame, emptyList(), it.toLong()) }
            val small = microseconds(5_000) { share.push(pictures.frame, listOf(Rect(64, 64, 64, 64)), it.toLong()) }
            val whole = microseconds(50) { share.push(pictures.frame, timestampUs = it.toLong()) }
            println("Kotlin  nothing %8.2f us   a tile %8.2f us   all %8.1f us".format(call, small, whole))
        }
        Encoder().use { encoder ->
            Decoder().use { decoder ->
                decoder.decode(encoder.encode(pictures.frame, timestampUs = 0).bytes)
                val picture = Pictures(1920, 1080)
                val copy = microseconds(50) { decoder.copyPicture(picture.buffer, picture.strideBytes) }
                println("Kotlin  copyPicture %.1f us".format(copy))
            }
        }
    }
}
