// What a pushed 1080p frame costs the thread that pushes it, in CPU time, beside one pass over its pixels.
import Foundation
import Panecast

let (width, height, rounds) = (1920, 1080, 400)
let bytes = width * height * 4

/// CPU time of this thread, in nanoseconds.
func cpu() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

/// The median of what a call costs, in microseconds.
func median(_ what: String, _ call: (UInt64) throws -> Void) rethrows {
    for at in 0..<20 { try call(UInt64(at)) }
    var costs: [UInt64] = []
    for at in 20..<UInt64(rounds) {
        let before = cpu()
        try call(at)
        costs.append(cpu() - before)
    }
    costs.sort()
    print(what.padding(toLength: 46, withPad: " ", startingAt: 0), Double(costs[costs.count / 2]) / 1000, "µs")
}

let from = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
let to = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
for at in 0..<bytes { from[at] = UInt8(truncatingIfNeeded: at &* 31) }
to.copyMemory(from: UnsafeRawBufferPointer(from))

let frame = Frame(.bgra, width: width, height: height, pixels: UnsafeRawBufferPointer(from))
let source = pushSource(width: width, height: height)
let share = try Share(try Grant.answered(.camera, source: source, allow: true))

median("one pass: memcpy of the frame") { _ in to.copyMemory(from: UnsafeRawBufferPointer(from)) }
try median("push, whole frame") { at in try share.push(frame, timestampUs: at) }
let corner = [Rect(x: 0, y: 0, width: 16, height: 16)]
try median("push, 16 x 16 pixels changed: the door alone") { at in
    try share.push(frame, damage: corner, timestampUs: at)
}
try share.stop()
