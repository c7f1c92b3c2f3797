package dev.panecast

import dev.panecast.generated.Facing as GeneratedFacing
import dev.panecast.generated.PermissionState as GeneratedState
import dev.panecast.generated.SourceKind as GeneratedKind
import dev.panecast.generated.permission as generatedPermission
import dev.panecast.generated.sources as generatedSources
import dev.panecast.generated.version as generatedVersion

/** What kind of thing a source shows. */
enum class SourceKind {
    /** A monitor, or all of them. */
    SCREEN,

    /** One window. */
    WINDOW,

    /** A camera. */
    CAMERA,

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
 * @property origin where its first pixel is on the desktop, in the desktop's own units; null where nobody says
 * @property scalePercent how large the desktop draws on it: 100 is one physical pixel for one of the desktop's
 * @property rotationDegrees how far a monitor or a camera is turned, clockwise; pictures are upright
 * @property className what program a window is of, where that is known
 * @property pid the process that a window is of, as it says itself
 * @property facing where a camera looks
 */
data class Source(
    val id: String,
    val name: String,
    val kind: SourceKind,
    val width: Int,
    val height: Int,
    val origin: Place? = null,
    val scalePercent: Int = 100,
    val rotationDegrees: Int = 0,
    val className: String? = null,
    val pid: Long? = null,
    val facing: Facing? = null,
)

/** A place on the desktop. */
data class Place(val x: Int, val y: Int)

/** Where a camera looks. */
enum class Facing {
    /** At the person who holds the device. */
    FRONT,

    /** Away from them. */
    BACK,

    /** Wherever it was put. */
    EXTERNAL,
}

/** What the operating system says about capturing; not the visitor's consent. */
enum class PermissionState {
    /** Capture opens without a question. */
    GRANTED,

    /** Somebody said no, and nobody is asked again: settings have to be changed. */
    DENIED,

    /** Opening a source makes the system ask. */
    ASK,

    /** It cannot be had here, whatever this person says. */
    RESTRICTED,
}

/**
 * The system's word, and the way on.
 *
 * @property next what the person at the machine can do next, as a sentence to show; empty where nothing is to be done
 */
data class Permission(val state: PermissionState, val next: String)

/** What the operating system says about capturing for [purpose], as it is now; nothing is opened and nobody is asked. */
fun permission(purpose: Purpose): Permission = native {
    val found = generatedPermission(purpose.generated)
    val state = when (found.state) {
        GeneratedState.GRANTED -> PermissionState.GRANTED
        GeneratedState.DENIED -> PermissionState.DENIED
        GeneratedState.ASK -> PermissionState.ASK
        GeneratedState.RESTRICTED -> PermissionState.RESTRICTED
    }
    Permission(state, found.next)
}

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
            GeneratedKind.CAMERA -> SourceKind.CAMERA
            GeneratedKind.PATTERN -> SourceKind.PATTERN
            GeneratedKind.FILE -> SourceKind.FILE
            GeneratedKind.PUSH -> SourceKind.PUSH
        }
        val facing = when (it.facing) {
            null -> null
            GeneratedFacing.FRONT -> Facing.FRONT
            GeneratedFacing.BACK -> Facing.BACK
            GeneratedFacing.EXTERNAL -> Facing.EXTERNAL
        }
        Source(
            it.id, it.name, kind, it.width.toInt(), it.height.toInt(), it.origin?.let { at -> Place(at.x, at.y) },
            it.scalePercent.toInt(), it.rotationDegrees.toInt(), it.className, it.pid?.toLong(), facing,
        )
    }
}

/** The source that stands for frames which the app pushes, of this size until one of another size is pushed. */
fun pushSource(width: Int, height: Int): String = "push:${width}x$height"

/** The library's version, as `0.1.0`. */
val libraryVersion: String
    get() = native { generatedVersion() }
