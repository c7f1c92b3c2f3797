import Foundation
import PanecastGenerated

/// How a frame lays out its pixels.
public typealias PixelFormat = PanecastGenerated.PixelFormat

/// A rectangle of pixels; the origin is the top left corner.
public typealias Rect = PanecastGenerated.Rect

/// A picture's size in pixels.
public typealias PictureSize = PanecastGenerated.PictureSize

/// A place in a picture; it may lie outside.
public typealias Point = PanecastGenerated.Point

/// A plane of a frame, in memory that stays the caller's.
public struct Plane {
    /// Rows of pixels; the last one may end before its stride does.
    public var pixels: UnsafeRawBufferPointer
    /// Bytes from one row to the next.
    public var strideBytes: Int

    public init(_ pixels: UnsafeRawBufferPointer, strideBytes: Int) {
        self.pixels = pixels
        self.strideBytes = strideBytes
    }
}

/// A frame whose memory stays the caller's: it is read in place by the call that takes it, and not kept.
///
/// The pointers must be good until that call returns, which a lock of the buffer or `withUnsafeBytes` sees to.
public struct Frame {
    public var format: PixelFormat
    /// Columns.
    public var width: Int
    /// Rows.
    public var height: Int
    /// As many as the format has: one for BGRA and RGBA, two for NV12, three for I420.
    public var planes: [Plane]

    public init(_ format: PixelFormat, width: Int, height: Int, planes: [Plane]) {
        self.format = format
        self.width = width
        self.height = height
        self.planes = planes
    }

    /// A frame of one plane; without a stride its rows follow each other.
    public init(
        _ format: PixelFormat, width: Int, height: Int, pixels: UnsafeRawBufferPointer, strideBytes: Int? = nil
    ) {
        let plane = Plane(pixels, strideBytes: strideBytes ?? width.multipliedReportingOverflow(by: 4).partialValue)
        self.init(format, width: width, height: height, planes: [plane])
    }

    /// Calls `body` with what the generated code takes: no byte is copied.
    func lowered<T>(_ body: (FrameLayout, Data, Data, Data) throws -> T) throws -> T {
        guard planes.count <= 3 else {
            throw PanecastError(.invalidInput, "a frame has at most three planes, \(planes.count) were given")
        }
        func stride(_ i: Int) throws -> UInt32 {
            i < planes.count ? try number(planes[i].strideBytes, "a stride of bytes") : 0
        }
        let layout = FrameLayout(
            format: format, width: try number(width, "columns"), height: try number(height, "rows"),
            stride0Bytes: try stride(0), stride1Bytes: try stride(1), stride2Bytes: try stride(2))
        func bytes(_ i: Int) throws -> Data {
            i < planes.count ? try borrowed(planes[i].pixels) : Data()
        }
        return try body(layout, try bytes(0), try bytes(1), try bytes(2))
    }
}

/// The bytes without a copy; not to be kept beyond the pointer's life.
func borrowed(_ bytes: UnsafeRawBufferPointer) throws(PanecastError) -> Data {
    guard let start = bytes.baseAddress, !bytes.isEmpty else { return Data() }
    // The generated code counts bytes with 32 bits.
    guard bytes.count <= Int(Int32.max) else {
        throw PanecastError(.limitExceeded, "\(bytes.count) bytes in one piece; \(Int32.max) are allowed")
    }
    return Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count, deallocator: .none)
}

/// A count that crosses over with 32 bits.
func number(_ value: Int, _ what: String) throws(PanecastError) -> UInt32 {
    guard let number = UInt32(exactly: value) else { throw PanecastError(.invalidInput, "\(what): \(value)") }
    return number
}
