import Foundation
import Panecast

/// Frames as tests/vectors/scenarios/README.md describes them: blocks and gradients, from numbers alone.
final class Picture {
    let format: PixelFormat
    let width: Int
    let height: Int
    /// Bytes and stride of each plane.
    var planes: [(bytes: [UInt8], stride: Int)] = []

    init(_ width: Int, _ height: Int, index: UInt32 = 0, format: PixelFormat = .bgra, pad: Int = 0) {
        self.format = format
        self.width = width
        self.height = height
        let (halfWidth, halfHeight) = ((width + 1) / 2, (height + 1) / 2)
        func plane(_ columns: Int, _ rows: Int, _ pixel: (Int, Int) -> [UInt8]) {
            var bytes: [UInt8] = []
            var row = 0
            for y in 0..<rows {
                if y > 0 { bytes.append(contentsOf: repeatElement(0xAA, count: pad)) }
                let start = bytes.count
                for x in 0..<columns { bytes.append(contentsOf: pixel(x, y)) }
                row = bytes.count - start
            }
            planes.append((bytes, row + pad))
        }
        func at(_ x: Int, _ y: Int) -> (UInt8, UInt8, UInt8) { Picture.pixel(UInt32(x), UInt32(y), index) }
        switch format {
        case .bgra: plane(width, height) { let (b, g, r) = at($0, $1); return [b, g, r, 255] }
        case .rgba: plane(width, height) { let (b, g, r) = at($0, $1); return [r, g, b, 255] }
        case .i420:
            plane(width, height) { [at($0, $1).1] }
            plane(halfWidth, halfHeight) { [at(2 * $0, 2 * $1).0] }
            plane(halfWidth, halfHeight) { [at(2 * $0, 2 * $1).2] }
        case .nv12:
            plane(width, height) { [at($0, $1).1] }
            plane(halfWidth, halfHeight) { let (b, _, r) = at(2 * $0, 2 * $1); return [b, r] }
        }
    }

    /// Lends the frame, with another first stride, length, size or format where a test breaks it.
    func lend<T>(
        stride: Int? = nil, length: Int? = nil, size: (Int, Int)? = nil, _ body: (Frame) throws -> T
    ) rethrows -> T {
        func with(_ lent: [Plane]) throws -> T {
            guard lent.count < planes.count else {
                var lent = lent
                lent[0].strideBytes = stride ?? lent[0].strideBytes
                lent[0].pixels = UnsafeRawBufferPointer(rebasing: lent[0].pixels[..<(length ?? lent[0].pixels.count)])
                return try body(Frame(format, width: size?.0 ?? width, height: size?.1 ?? height, planes: lent))
            }
            let (bytes, stride) = planes[lent.count]
            return try bytes.withUnsafeBytes { try with(lent + [Plane($0, strideBytes: stride)]) }
        }
        return try with([])
    }

    /// What the block in that column and row of frame `index` is made of.
    static func block(_ bx: UInt32, _ by: UInt32, _ index: UInt32) -> UInt32 {
        let lively = (bx * 3 + by * 5) % 7 == 0
        var h = (1 &+ bx &* 7919 &+ by &* 104_729 &+ (lively ? index &* 31 : 0)) | 1
        h ^= h << 13
        h ^= h >> 17
        h ^= h << 5
        return h
    }

    /// Blue, green, red.
    static func pixel(_ x: UInt32, _ y: UInt32, _ index: UInt32) -> (UInt8, UInt8, UInt8) {
        let h = block(x / 16, y / 16, index)
        let (dx, dy) = h & 0x300 == 0 ? (0, 0) : (x % 16, y % 16)
        let of = { (v: UInt32) in UInt8(truncatingIfNeeded: v) }
        return (of(h &+ dx * 3), of((h >> 8) &+ dy * 2), of((h >> 16) &+ dx &+ dy))
    }
}

/// FNV-1a with 64 bits, as 16 hexadecimal digits.
func fnv(_ bytes: some Sequence<UInt8>) -> String {
    let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0100_0000_01b3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

extension Decoder {
    /// Feeds the bytes and decodes all that is in them.
    @discardableResult
    func decode(_ bytes: Data) throws -> [Decoded] {
        try feed(bytes)
        var all: [Decoded] = []
        while let what = try next() { all.append(what) }
        return all
    }

    /// Whether it shows that picture, exactly.
    func shows(_ picture: Picture) throws -> Bool {
        guard let (size, pixels) = try self.picture() else { return false }
        return (Int(size.width), Int(size.height)) == (picture.width, picture.height)
            && pixels == picture.planes[0].bytes
    }
}

/// The kind of error that `body` ends in; `nil` if in none.
func kind(_ body: () throws -> Void) -> PanecastError.Kind? {
    do {
        try body()
        return nil
    } catch {
        return (error as? PanecastError)?.kind
    }
}
