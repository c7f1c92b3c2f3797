package dev.panecast

import dev.panecast.generated.SourceKind as GeneratedKind
import dev.panecast.generated.sources as generatedSources
import dev.panecast.generated.version as generatedVersion

/** What kind of thing a source shows. */
enum class SourceKind {
    /** A monitor, or all of them. */
    SCREEN,

    /** One window. */
    WINDOW,

    /** The built-in animated desktop. */
    PATTERN,

    /** A recorded file. */
    FILE,

    /** Frames that the app pushes. */
    PUSH,
}

/**
 * A source as a person would choose it.
 *
 * @property id how it is named to [consent] and [Share.start]
 * @property name what a person calls it: a monitor's name, a window's title
 * @property width columns, in physical pixels
 * @property height rows, in physical pixels
 */
data class Source(val id: String, val name: String, val kind: SourceKind, val width: Int, val height: Int)

/**
 * The sources that are there now. Names and titles are for the visitor's own choice.
 *
 * @throws PanecastException.Stalled if the display does not answer
 */
fun sources(): List<Source> = native {
    generatedSources().map {
        val kind = when (it.kind) {
            GeneratedKind.SCREEN -> SourceKind.SCREEN
            GeneratedKind.WINDOW -> SourceKind.WINDOW
            GeneratedKind.PATTERN -> SourceKind.PATTERN
            GeneratedKind.FILE -> SourceKind.FILE
            GeneratedKind.PUSH -> SourceKind.PUSH
        }
        Source(it.id, it.name, kind, it.width.toInt(), it.height.toInt())
    }
}

/** The source that stands for frames which the app pushes, of this size until one of another size is pushed. */
fun pushSource(width: Int, height: Int): String = "push:${width}x$height"

/** The library's version, as `0.1.0`. */
val libraryVersion: String
    get() = native { generatedVersion() }
