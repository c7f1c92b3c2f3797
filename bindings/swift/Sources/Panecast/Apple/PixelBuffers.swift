#if canImport(CoreVideo) && canImport(Accelerate)
import Accelerate
import CoreVideo
import Foundation
#if canImport(IOSurface)
import IOSurface
#endif

/// Pushes the pixel buffers of ReplayKit, ScreenCaptureKit and cameras.
///
/// BGRA, and 4:2:0 of video range in BT.601, cross over in place: the library's one copy is the only one. What the
/// library's formats do not say, full range (`420f`, which ReplayKit gives) and other matrices, is converted to BGRA first,
/// into a picture that is kept for the next buffer.
public final class PixelBuffers: @unchecked Sendable {
    // Held while `converted` is written or read.
    private let lock = NSLock()
    private var converted: UnsafeMutableRawBufferPointer?

    public init() {}

    deinit {
        converted?.deallocate()
    }

    /// Hands over a buffer; it is locked until this returns, and not kept.
    ///
    /// Throws `unsupported` for a format that is none of BGRA, `420v`, `420f` and `y420`, `io` if the buffer cannot be locked,
    /// and what ``Share/push(_:damage:timestampUs:)`` throws.
    public func push(
        _ buffer: CVPixelBuffer, to share: Share, damage: [Rect]? = nil, timestampUs: UInt64
    ) throws(PanecastError) {
        try lend(buffer) { frame throws(PanecastError) in
            try share.push(frame, damage: damage, timestampUs: timestampUs)
        }
    }

    /// Lends the frame in a buffer to `body`.
    public func lend<T>(
        _ buffer: CVPixelBuffer, _ body: (Frame) throws(PanecastError) -> T
    ) throws(PanecastError) -> T {
        guard CVPixelBufferLockBaseAddress(buffer, .readOnly) == kCVReturnSuccess else {
            throw PanecastError(.io, "the pixel buffer cannot be locked")
        }
        defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
        switch CVPixelBufferGetPixelFormatType(buffer) {
        case kCVPixelFormatType_32BGRA:
            return try body(try packed(buffer, .bgra))
        case kCVPixelFormatType_32RGBA:
            return try body(try packed(buffer, .rgba))
        case kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange where isBt601(buffer):
            return try body(try planar(buffer, .nv12, count: 2))
        case kCVPixelFormatType_420YpCbCr8Planar where isBt601(buffer):
            return try body(try planar(buffer, .i420, count: 3))
        case kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange:
            return try convert(buffer, fullRange: false, body)
        case kCVPixelFormatType_420YpCbCr8BiPlanarFullRange:
            return try convert(buffer, fullRange: true, body)
        case let other:
            throw PanecastError(.unsupported, "pixel buffers of the format \(other)")
        }
    }

    #if canImport(IOSurface)
    /// The pixel buffer over a surface's own memory.
    public static func buffer(of surface: IOSurface) throws(PanecastError) -> CVPixelBuffer {
        var made: Unmanaged<CVPixelBuffer>?
        let status = CVPixelBufferCreateWithIOSurface(nil, surface, nil, &made)
        guard status == kCVReturnSuccess, let made else {
            throw PanecastError(.io, "the surface has no pixel buffer: \(status)")
        }
        return made.takeRetainedValue()
    }
    #endif

    private func packed(_ buffer: CVPixelBuffer, _ format: PixelFormat) throws(PanecastError) -> Frame {
        let (width, height) = (CVPixelBufferGetWidth(buffer), CVPixelBufferGetHeight(buffer))
        let stride = CVPixelBufferGetBytesPerRow(buffer)
        let pixels = try bytes(CVPixelBufferGetBaseAddress(buffer), stride, height, width * 4)
        return Frame(format, width: width, height: height, pixels: pixels, strideBytes: stride)
    }

    private func planar(_ buffer: CVPixelBuffer, _ format: PixelFormat, count: Int) throws(PanecastError) -> Frame {
        guard CVPixelBufferGetPlaneCount(buffer) == count else {
            throw PanecastError(.unsupported, "\(CVPixelBufferGetPlaneCount(buffer)) planes where \(count) belong")
        }
        var planes: [Plane] = []
        for plane in 0..<count {
            let stride = CVPixelBufferGetBytesPerRowOfPlane(buffer, plane)
            let samples = count == 2 && plane == 1 ? 2 : 1
            let pixels = try bytes(
                CVPixelBufferGetBaseAddressOfPlane(buffer, plane), stride,
                CVPixelBufferGetHeightOfPlane(buffer, plane), CVPixelBufferGetWidthOfPlane(buffer, plane) * samples)
            planes.append(Plane(pixels, strideBytes: stride))
        }
        return Frame(
            format, width: CVPixelBufferGetWidth(buffer), height: CVPixelBufferGetHeight(buffer), planes: planes)
    }

    /// The rows from `start`, without what may lie behind the last.
    private func bytes(
        _ start: UnsafeMutableRawPointer?, _ stride: Int, _ rows: Int, _ row: Int
    ) throws(PanecastError) -> UnsafeRawBufferPointer {
        guard let start, rows > 0, row <= stride else {
            throw PanecastError(.invalidInput, "the pixel buffer has no pixels")
        }
        return UnsafeRawBufferPointer(start: start, count: stride * (rows - 1) + row)
    }

    /// Untagged buffers are taken for BT.601.
    private func isBt601(_ buffer: CVPixelBuffer) -> Bool {
        guard let matrix = CVBufferCopyAttachment(buffer, kCVImageBufferYCbCrMatrixKey, nil) as? String else {
            return true
        }
        return matrix == kCVImageBufferYCbCrMatrix_ITU_R_601_4 as String
    }

    private func convert<T>(
        _ buffer: CVPixelBuffer, fullRange: Bool, _ body: (Frame) throws(PanecastError) -> T
    ) throws(PanecastError) -> T {
        let frame = try planar(buffer, .nv12, count: 2)
        var range =
            fullRange
            ? vImage_YpCbCrPixelRange(
                Yp_bias: 0, CbCr_bias: 128, YpRangeMax: 255, CbCrRangeMax: 255, YpMax: 255, YpMin: 0, CbCrMax: 255,
                CbCrMin: 1)
            : vImage_YpCbCrPixelRange(
                Yp_bias: 16, CbCr_bias: 128, YpRangeMax: 235, CbCrRangeMax: 240, YpMax: 235, YpMin: 16, CbCrMax: 240,
                CbCrMin: 16)
        let matrix = isBt601(buffer) ? kvImage_YpCbCrToARGBMatrix_ITU_R_601_4 : kvImage_YpCbCrToARGBMatrix_ITU_R_709_2
        var conversion = vImage_YpCbCrToARGB()
        var status = vImageConvert_YpCbCrToARGB_GenerateConversion(
            matrix!, &range, &conversion, kvImage420Yp8_CbCr8, kvImageARGB8888, vImage_Flags(kvImageNoFlags))
        lock.lock()
        defer { lock.unlock() }
        let row = frame.width * 4
        let target = room(row * frame.height)
        var luma = view(frame.planes[0], frame.width, frame.height)
        var chroma = view(frame.planes[1], (frame.width + 1) / 2, (frame.height + 1) / 2)
        var pixels = vImage_Buffer(
            data: target.baseAddress, height: vImagePixelCount(frame.height), width: vImagePixelCount(frame.width),
            rowBytes: row)
        if status == kvImageNoError {
            // ARGB backwards is BGRA.
            status = vImageConvert_420Yp8_CbCr8ToARGB8888(
                &luma, &chroma, &pixels, &conversion, [3, 2, 1, 0], 255, vImage_Flags(kvImageNoFlags))
        }
        guard status == kvImageNoError else {
            throw PanecastError(.unsupported, "the pixel buffer cannot be converted: \(status)")
        }
        return try body(
            Frame(.bgra, width: frame.width, height: frame.height, pixels: UnsafeRawBufferPointer(target)))
    }

    private func view(_ plane: Plane, _ width: Int, _ height: Int) -> vImage_Buffer {
        vImage_Buffer(
            data: UnsafeMutableRawPointer(mutating: plane.pixels.baseAddress), height: vImagePixelCount(height),
            width: vImagePixelCount(width), rowBytes: plane.strideBytes)
    }

    private func room(_ count: Int) -> UnsafeMutableRawBufferPointer {
        if let converted, converted.count == count { return converted }
        converted?.deallocate()
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
        converted = room
        return room
    }
}
#endif
