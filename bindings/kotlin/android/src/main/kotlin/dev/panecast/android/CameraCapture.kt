package dev.panecast.android

import android.annotation.SuppressLint
import android.graphics.ImageFormat
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.view.Surface

/**
 * A camera's pictures through Camera2, into a [FrameSink]. Pictures are as the sensor has them: they are not turned.
 *
 * @param sink is called on a thread of this object's own; [close] waits until it has returned
 * @param onEnded is called once, on that thread: another app took the camera (`null`), or it failed, or the sink threw
 */
class CameraCapture(
    private val manager: CameraManager,
    private val cameraId: String,
    private val sink: FrameSink,
    private val onEnded: (Throwable?) -> Unit = {},
) : AutoCloseable {
    private val thread = HandlerThread("panecast-camera")
    private var reader: ImageReader? = null
    private var camera: CameraDevice? = null
    private var begun = false
    private var ended = false
    private val clock = StreamClock()
    private val frames = YuvFrames()

    /**
     * Opens the camera, with a size of its `SCALER_STREAM_CONFIGURATION_MAP` for `YUV_420_888`. The app holds the permission
     * `CAMERA`, and the visitor has said yes to sharing it.
     *
     * @throws SecurityException from the system, without the permission
     * @throws IllegalStateException if it has begun before
     */
    @SuppressLint("MissingPermission") // The app's matter, as said above.
    @Synchronized
    fun start(width: Int, height: Int) {
        check(!begun && !ended) { "a camera is opened once" }
        begun = true
        thread.start()
        val handler = Handler(thread.looper)
        reader = ImageReader.newInstance(width, height, ImageFormat.YUV_420_888, MAX_IMAGES).apply {
            setOnImageAvailableListener({ taken(it) }, handler)
        }
        try {
            manager.openCamera(cameraId, Opened(handler), handler)
        } catch (e: Exception) {
            close()
            throw e
        }
    }

    /** Stops capturing and gives the camera back. Closing twice is harmless. */
    override fun close() = end(null, told = false)

    private fun taken(reader: ImageReader) {
        // The lock is held while the image is read: a reader that is closed meanwhile takes its images' memory along.
        val thrown = synchronized(this) {
            if (ended) return
            try {
                reader.acquireLatestImage()?.use { sink.push(frames.of(it), clock.at(it.timestamp)) }
                null
            } catch (e: Exception) {
                e
            }
        }
        if (thrown != null) end(thrown)
    }

    private inner class Opened(private val handler: Handler) : CameraDevice.StateCallback() {
        override fun onOpened(device: CameraDevice) {
            val target = synchronized(this@CameraCapture) {
                if (ended) {
                    device.close()
                    return
                }
                camera = device
                checkNotNull(reader).surface
            }
            try {
                @Suppress("DEPRECATION") // Its successor is of Android 9; the same for one target.
                device.createCaptureSession(listOf(target), Repeating(target, handler), handler)
            } catch (e: Exception) {
                end(e)
            }
        }

        override fun onDisconnected(device: CameraDevice) {
            device.close()
            end(null)
        }

        override fun onError(device: CameraDevice, error: Int) {
            device.close()
            end(IllegalStateException("the camera failed with $error"))
        }
    }

    private inner class Repeating(private val target: Surface, private val handler: Handler) :
        CameraCaptureSession.StateCallback() {
        override fun onConfigured(session: CameraCaptureSession) {
            try {
                val request = session.device.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW)
                request.addTarget(target)
                session.setRepeatingRequest(request.build(), null, handler)
            } catch (e: Exception) {
                end(e)
            }
        }

        override fun onConfigureFailed(session: CameraCaptureSession) =
            end(IllegalStateException("the camera does not give pictures of this size"))
    }

    private fun end(cause: Throwable?, told: Boolean = true) {
        synchronized(this) {
            if (ended) return
            ended = true
            camera?.close()
            reader?.setOnImageAvailableListener(null, null)
            reader?.close()
            thread.quitSafely()
        }
        if (told) onEnded(cause)
    }

    private companion object {
        // One that is being pushed, one that is being written.
        const val MAX_IMAGES = 2
    }
}
