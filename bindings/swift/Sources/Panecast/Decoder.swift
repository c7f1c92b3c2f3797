import Foundation
import PanecastGenerated

/// What one packet did.
public typealias Decoded = PanecastGenerated.Decoded

/// A cursor's picture: blue, green, red, alpha (premultiplied), rows without padding.
public typealias CursorShape = PanecastGenerated.CursorShape

/// Turns the bytes of a stream back into pictures. Calls from several threads take turns.
///
/// After an error it holds no picture and refuses everything until ``reset()``.
public final class Decoder: Sendable {
    private let own: PanecastGenerated.Decoder

    /// A decoder at the start of a stream; `sidePx`: the longest side that pictures may have, if not the library's own limit.
    public init(sidePx: Int? = nil) throws(PanecastError) {
        own = try native { try PanecastGenerated.Decoder(sidePx: try sidePx.map { try number($0, "a side of pixels") }) }
    }

    /// Takes bytes of the stream, in chunks of any length. They are read in place and not kept.
    public func feed(_ bytes: Data) throws(PanecastError) {
        try native { try own.feed(bytes: try whole(bytes)) }
    }

    /// Decodes the next whole packet; `nil` until more bytes are fed.
    public func next() throws(PanecastError) -> Decoded? {
        try native { try own.next() }
    }

    /// The newest picture's size; `nil` before the first and after an error.
    public var pictureSize: PictureSize? {
        get throws(PanecastError) { try native { try own.pictureSize() } }
    }

    /// Copies the newest picture (blue, green, red, 255) into `target`, whose rows are `strideBytes` apart.
    ///
    /// Throws `notFound` if there is none, `invalidInput` if it does not fit.
    @discardableResult
    public func copyPicture(
        to target: UnsafeMutableRawBufferPointer, strideBytes: Int
    ) throws(PanecastError) -> PictureSize {
        let stride = try number(strideBytes, "a stride of bytes")
        let address = UInt64(UInt(bitPattern: target.baseAddress))
        return try native {
            try own.copyPicture(address: address, length: UInt64(target.count), strideBytes: stride)
        }
    }

    /// The newest picture in rows without padding, four bytes a pixel: blue, green, red, 255; `nil` if there is none.
    public func picture() throws(PanecastError) -> (size: PictureSize, pixels: [UInt8])? {
        try wholePicture(size: { () throws(PanecastError) in try self.pictureSize }) {
            room, stride throws(PanecastError) in try self.copyPicture(to: room, strideBytes: stride)
        }
    }

    /// Where the cursor's hotspot is; `nil` where it is hidden.
    public var cursorPlace: Point? {
        get throws(PanecastError) { try native { try own.cursorPlace() } }
    }

    /// The cursor's shape, once one has been sent.
    public var cursorShape: CursorShape? {
        get throws(PanecastError) { try native { try own.cursorShape() } }
    }

    /// Pixels of the newest picture that are not exact yet.
    public var lossyPixels: UInt64 {
        get throws(PanecastError) { try native { try own.lossyPx() } }
    }

    /// Bytes of a packet that is not whole yet.
    public var pendingBytes: UInt64 {
        get throws(PanecastError) { try native { try own.pendingBytes() } }
    }

    /// Forgets everything; the next bytes must begin a stream.
    public func reset() throws(PanecastError) {
        try native { try own.reset() }
    }
}

/// The picture that `copy` copies, which may take another size between the two calls.
func wholePicture(
    size: () throws(PanecastError) -> PictureSize?,
    copy: (UnsafeMutableRawBufferPointer, Int) throws(PanecastError) -> PictureSize
) throws(PanecastError) -> (size: PictureSize, pixels: [UInt8])? {
    while let expected = try size() {
        let row = Int(expected.width) * 4
        var pixels = [UInt8](repeating: 0, count: row * Int(expected.height))
        let copied = try native {
            try pixels.withUnsafeMutableBytes { room -> PictureSize? in
                do {
                    return try copy(room, row)
                } catch let error as PanecastError where [.notFound, .invalidInput].contains(error.kind) {
                    if try size() == expected { throw error }
                    return nil
                }
            }
        }
        if copied == expected { return (expected, pixels) }
    }
    return nil
}
