package dev.panecast.android

import android.graphics.PixelFormat
import android.hardware.display.DisplayManager
import android.hardware.display.VirtualDisplay
import android.media.Image
import android.media.ImageReader
import android.media.projection.MediaProjection
import android.os.Handler
import android.os.HandlerThread
import dev.panecast.Frame
import dev.panecast.PixelFormat as FrameFormat

/**
 * The device's screen, frame by frame, from a [MediaProjection] into a [FrameSink].
 *
 * Android 14 wants this order: the visitor's consent, the foreground service of type `mediaProjection`, then the projection,
 * its callback, and one virtual display for each projection ([ScreenShareService] keeps it). A rotation or another size
 * resizes that display; it is never made anew.
 *
 * @param sink is called on a thread of this object's own; [resize] and [close] wait until it has returned
 * @param onEnded is called once, on that thread: the system or the visitor stopped the projection (`null`), or the sink threw
 */
class ScreenCapture(
    private val projection: MediaProjection,
    private val sink: FrameSink,
    private val onEnded: (Throwable?) -> Unit = {},
) : AutoCloseable {
    private val thread = HandlerThread("panecast-screen")
    private var handler: Handler? = null
    private var display: VirtualDisplay? = null
    private var reader: ImageReader? = null
    private var densityDpi = 0
    private var ended = false
    private val clock = StreamClock()

    private val callback = object : MediaProjection.Callback() {
        override fun onStop() = end(null)

        // Android 14: what is shown may be one app's window, whose size is its own.
        override fun onCapturedContentResize(width: Int, height: Int) = resize(width, height, densityDpi)
    }

    /**
     * Begins, with the screen's size in pixels.
     *
     * @throws IllegalStateException if it has begun before
     * @throws SecurityException from the system, if there is no foreground service of type `mediaProjection`
     */
    @Synchronized
    fun start(width: Int, height: Int, densityDpi: Int) {
        check(handler == null && !ended) { "a projection is captured once" }
        this.densityDpi = densityDpi
        thread.start()
        val handler = Handler(thread.looper).also { handler = it }
        // Before the display: Android 14 refuses to make one for a projection without a callback.
        projection.registerCallback(callback, handler)
        val reader = reader(width, height, handler).also { reader = it }
        try {
            display = projection.createVirtualDisplay(
                "panecast",
                width,
                height,
                densityDpi,
                DisplayManager.VIRTUAL_DISPLAY_FLAG_AUTO_MIRROR,
                reader.surface,
                null,
                handler,
            )
        } catch (e: RuntimeException) {
            close()
            throw e
        }
    }

    /** The screen has another size now: call it from `onConfigurationChanged`. The same size again does nothing. */
    @Synchronized
    fun resize(width: Int, height: Int, densityDpi: Int) {
        val before = reader ?: return
        val handler = handler ?: return
        if (width <= 0 || height <= 0 || ended) return
        if (before.width == width && before.height == height && this.densityDpi == densityDpi) return
        this.densityDpi = densityDpi
        val reader = reader(width, height, handler).also { reader = it }
        display?.resize(width, height, densityDpi)
        display?.surface = reader.surface
        before.setOnImageAvailableListener(null, null)
        before.close()
    }

    /** Stops capturing and the projection. Closing twice is harmless. */
    override fun close() = end(null, told = false)

    private fun reader(width: Int, height: Int, handler: Handler) =
        ImageReader.newInstance(width, height, PixelFormat.RGBA_8888, MAX_IMAGES).apply {
            setOnImageAvailableListener({ taken(it) }, handler)
        }

    private fun taken(reader: ImageReader) {
        // The lock is held while the image is read: a reader that is closed meanwhile takes its images' memory along.
        val thrown = synchronized(this) {
            if (ended || this.reader !== reader) return
            try {
                // The newest alone: those that waited behind it are let go.
                reader.acquireLatestImage()?.use { sink.push(screenFrame(it), clock.at(it.timestamp)) }
                null
            } catch (e: Exception) {
                e
            }
        }
        if (thrown != null) end(thrown)
    }

    private fun end(cause: Throwable?, told: Boolean = true) {
        synchronized(this) {
            if (ended) return
            ended = true
            display?.release()
            reader?.setOnImageAvailableListener(null, null)
            reader?.close()
            projection.unregisterCallback(callback)
            projection.stop()
            thread.quitSafely()
        }
        if (told) onEnded(cause)
    }

    private companion object {
        // One that is being pushed, one that waits, one that is being written.
        const val MAX_IMAGES = 3
    }
}

/** An image of the screen as a frame; it lives as long as the image is not closed. */
internal fun screenFrame(image: Image): Frame {
    val plane = image.planes[0]
    if (plane.pixelStride != 4) {
        throw IllegalArgumentException("pixels of ${plane.pixelStride} bytes")
    }
    return Frame(FrameFormat.RGBA, image.width, image.height, plane.buffer, plane.rowStride)
}
