package dev.panecast.android

import android.app.Notification
import android.app.Service
import android.content.Context
import android.content.Intent
import android.content.pm.ServiceInfo
import android.content.res.Configuration
import android.hardware.display.DisplayManager
import android.media.projection.MediaProjectionManager
import android.os.Build
import android.os.IBinder
import android.util.DisplayMetrics
import android.view.Display

/**
 * The foreground service that shares the screen, in the order that Android 14 wants: the visitor has answered the system's
 * question, this becomes a foreground service of type `mediaProjection`, then it takes the projection and captures.
 *
 * An app makes a subclass, names it in its manifest with `android:foregroundServiceType="mediaProjection"`, and starts it with
 * [startSharing] from the result of the system's question ([consentIntent]).
 */
abstract class ScreenShareService : Service() {
    private var capture: ScreenCapture? = null

    /** The notification that stays while the screen is shared. Its channel must exist. */
    protected abstract fun notification(): Notification

    /** Starts what takes the frames, of a screen of this size. What it throws ends the service by way of [onCaptureEnded]. */
    protected abstract fun onCapture(width: Int, height: Int): FrameSink

    /** Capture has ended: the visitor or the system stopped it (`null`), or the sink threw. The service stops itself after. */
    protected open fun onCaptureEnded(cause: Throwable?) = Unit

    final override fun onStartCommand(intent: Intent?, flags: Int, startId: Int): Int {
        val data = intent?.let { projectionData(it) }
        if (data == null) {
            // Without the visitor's word Android 14 lets nobody become a service of this type.
            if (capture == null) stopSelf()
            return START_NOT_STICKY
        }
        // The system wants this within seconds of the start, and before the projection is taken.
        foreground()
        if (capture != null) return START_NOT_STICKY
        val manager = getSystemService(Context.MEDIA_PROJECTION_SERVICE) as MediaProjectionManager
        val projection = manager.getMediaProjection(intent.getIntExtra(RESULT_CODE, 0), data)
        if (projection == null) {
            stopSelf()
            return START_NOT_STICKY
        }
        try {
            val screen = screen()
            val sink = onCapture(screen.widthPixels, screen.heightPixels)
            val capture = ScreenCapture(projection, sink) { cause -> ended(cause) }.also { capture = it }
            capture.start(screen.widthPixels, screen.heightPixels, screen.densityDpi)
        } catch (e: Exception) {
            projection.stop()
            ended(e)
        }
        return START_NOT_STICKY
    }

    private fun ended(cause: Throwable?) {
        onCaptureEnded(cause)
        stopSelf()
    }

    override fun onConfigurationChanged(newConfig: Configuration) {
        super.onConfigurationChanged(newConfig)
        val screen = screen()
        capture?.resize(screen.widthPixels, screen.heightPixels, screen.densityDpi)
    }

    override fun onDestroy() {
        capture?.close()
        capture = null
        super.onDestroy()
    }

    override fun onBind(intent: Intent?): IBinder? = null

    private fun foreground() {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) {
            startForeground(NOTIFICATION_ID, notification(), ServiceInfo.FOREGROUND_SERVICE_TYPE_MEDIA_PROJECTION)
        } else {
            startForeground(NOTIFICATION_ID, notification())
        }
    }

    /** The whole screen, bars included, as it is turned now. */
    private fun screen(): DisplayMetrics {
        val displays = getSystemService(Context.DISPLAY_SERVICE) as DisplayManager
        val metrics = DisplayMetrics()
        @Suppress("DEPRECATION") // Its successor needs a window, which a service has none of.
        displays.getDisplay(Display.DEFAULT_DISPLAY).getRealMetrics(metrics)
        return metrics
    }

    companion object {
        private const val NOTIFICATION_ID = 0x70616e65
        private const val RESULT_CODE = "dev.panecast.RESULT_CODE"
        private const val RESULT_DATA = "dev.panecast.RESULT_DATA"

        /** The system's own question, for `startActivityForResult` or an `ActivityResultLauncher`. */
        fun consentIntent(context: Context): Intent =
            (context.getSystemService(Context.MEDIA_PROJECTION_SERVICE) as MediaProjectionManager)
                .createScreenCaptureIntent()

        /** Starts [service] with what the system's question gave: the code and the data of the activity's result. */
        fun startSharing(context: Context, service: Class<out ScreenShareService>, resultCode: Int, data: Intent) {
            val intent = Intent(context, service).putExtra(RESULT_CODE, resultCode).putExtra(RESULT_DATA, data)
            if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.O) {
                context.startForegroundService(intent)
            } else {
                context.startService(intent)
            }
        }

        private fun projectionData(intent: Intent): Intent? =
            if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
                intent.getParcelableExtra(RESULT_DATA, Intent::class.java)
            } else {
                @Suppress("DEPRECATION")
                intent.getParcelableExtra(RESULT_DATA)
            }
    }
}
