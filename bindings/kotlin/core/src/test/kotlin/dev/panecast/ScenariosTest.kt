package dev.panecast

import com.google.gson.JsonArray
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import java.io.File

/** Plays tests/vectors/scenarios as every other door does: the same bytes, the same pixels, the same errors. */
class ScenariosTest {
    private val files: List<File> =
        File(checkNotNull(System.getenv("PANECAST_VECTORS")) { "PANECAST_VECTORS is not set" }, "scenarios")
            .listFiles { file -> file.extension == "json" }.orEmpty().sorted()

    @Test
    fun `there are scenarios`() = assertTrue(files.size >= 8, files.toString())

    @TestFactory
    fun scenarios(): List<DynamicTest> = files.map { file -> DynamicTest.dynamicTest(file.nameWithoutExtension) { play(file) } }

    private fun play(file: File) {
        val steps = JsonParser.parseString(file.readText()).asJsonObject.getAsJsonArray("steps")
        ScenarioPlayer().use { player ->
            steps.map { it.asJsonObject }.filter { it["untyped"]?.asBoolean != true }.forEachIndexed { index, step ->
                val expect = step.getAsJsonObject("expect") ?: JsonObject()
                val outcome = player.play(step)
                val at = "step $index: $step\n  gave $outcome"
                assertEquals(expect["status"]?.asString ?: "ok", outcome.status, at)
                for (name in expect.keySet() - "status") {
                    assertEquals(plain(expect[name]), outcome.facts[name], "`$name` of $at")
                }
            }
        }
    }

    private fun plain(value: com.google.gson.JsonElement): Any = when {
        value is JsonArray -> value.map { it.asLong }
        value.asJsonPrimitive.isBoolean -> value.asBoolean
        value.asJsonPrimitive.isNumber -> value.asLong
        else -> value.asString
    }

    @Test
    fun `hashes and blocks are as they are described`() {
        assertEquals("cbf29ce484222325", fnv(ByteArray(0)))
        assertEquals("af63dc4c8601ec8c", fnv("a".toByteArray()))
        assertEquals("85944171f73967e8", fnv("foobar".toByteArray()))
    }
}
