// What a pushed frame of 1080p costs its thread, in CPU time: `cargo xtask push-cost`.
import Foundation
import Panecast

let (width, height) = (1920, 1080)
let bytes = width * height * 4

/// CPU time of this thread, in nanoseconds.
func cpu() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

/// Microseconds of a call, written for people: the best batch is the one that other programs disturbed least.
func each(_ calls: Int, _ call: (UInt64) throws -> Void) rethrows -> String {
    var best = UInt64.max
    for _ in 0..<9 {
        let begun = cpu()
        for at in 0..<calls { try call(UInt64(at)) }
        best = min(best, cpu() - begun)
    }
    return String(format: "%8.2f us", Double(best) / 1000 / Double(calls))
}

let pixels = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
for at in 0..<bytes { pixels[at] = UInt8(truncatingIfNeeded: at &* 31) }

let frame = Frame(.bgra, width: width, height: height, pixels: UnsafeRawBufferPointer(pixels))
let share = try Share(try Grant.answered(.camera, source: pushSource(width: width, height: height), allow: true))
let tile = [Rect(x: 64, y: 64, width: 64, height: 64)]

try share.push(frame, timestampUs: 0)  // the first one copies all
let nothing = try each(100_000) { at in try share.push(frame, damage: [], timestampUs: at) }
let some = try each(100_000) { at in try share.push(frame, damage: tile, timestampUs: at) }
let all = try each(50) { at in try share.push(frame, timestampUs: at) }
print("Swift   nothing \(nothing)   a tile \(some)   all \(all)")
try share.stop()
