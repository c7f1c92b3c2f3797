package dev.panecast.android

import dev.panecast.Frame
import dev.panecast.Share

/** Where captured frames go. It returns at once and keeps nothing of the frame. */
fun interface FrameSink {
    /** Takes a frame; [timestampUs] counts from the first one. What it throws ends the capture. */
    fun push(frame: Frame, timestampUs: Long)
}

/** The sink that pushes into [share]. */
fun frameSink(share: Share): FrameSink = FrameSink { frame, timestampUs -> share.push(frame, timestampUs = timestampUs) }

/** Nanoseconds of a device's clock as microseconds since the first frame; never backwards. */
internal class StreamClock {
    private var first = Long.MIN_VALUE
    private var last = 0L

    fun at(timestampNs: Long): Long {
        if (first == Long.MIN_VALUE) first = timestampNs
        last = maxOf(last, (timestampNs - first) / 1000)
        return last
    }
}
