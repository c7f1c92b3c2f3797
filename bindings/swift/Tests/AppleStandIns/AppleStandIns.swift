// The declarations of Apple's frameworks that the package uses, written down from their documentation so that a compiler
// elsewhere can check the types of the files that need them. None of them does anything, and no test runs them.
import Dispatch
import Foundation

// CoreVideo
public final class CVPixelBuffer {}
public typealias CVImageBuffer = CVPixelBuffer
public typealias CVReturn = Int32
public struct CVPixelBufferLockFlags: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)
}
public let kCVReturnSuccess: CVReturn = 0
public let kCVPixelFormatType_32BGRA: OSType = 0
public let kCVPixelFormatType_32RGBA: OSType = 1
public let kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange: OSType = 2
public let kCVPixelFormatType_420YpCbCr8BiPlanarFullRange: OSType = 3
public let kCVPixelFormatType_420YpCbCr8Planar: OSType = 4
public let kCVPixelBufferPixelFormatTypeKey = "PixelFormatType"
public let kCVImageBufferYCbCrMatrixKey = "YCbCrMatrix"
public let kCVImageBufferYCbCrMatrix_ITU_R_601_4 = "601"
public typealias OSType = UInt32
public func CVPixelBufferLockBaseAddress(_ buffer: CVPixelBuffer, _ flags: CVPixelBufferLockFlags) -> CVReturn { 0 }
@discardableResult
public func CVPixelBufferUnlockBaseAddress(_ buffer: CVPixelBuffer, _ flags: CVPixelBufferLockFlags) -> CVReturn { 0 }
public func CVPixelBufferGetPixelFormatType(_ buffer: CVPixelBuffer) -> OSType { 0 }
public func CVPixelBufferGetWidth(_ buffer: CVPixelBuffer) -> Int { 0 }
public func CVPixelBufferGetHeight(_ buffer: CVPixelBuffer) -> Int { 0 }
public func CVPixelBufferGetBytesPerRow(_ buffer: CVPixelBuffer) -> Int { 0 }
public func CVPixelBufferGetBaseAddress(_ buffer: CVPixelBuffer) -> UnsafeMutableRawPointer? { nil }
public func CVPixelBufferGetPlaneCount(_ buffer: CVPixelBuffer) -> Int { 0 }
public func CVPixelBufferGetBytesPerRowOfPlane(_ buffer: CVPixelBuffer, _ plane: Int) -> Int { 0 }
public func CVPixelBufferGetWidthOfPlane(_ buffer: CVPixelBuffer, _ plane: Int) -> Int { 0 }
public func CVPixelBufferGetHeightOfPlane(_ buffer: CVPixelBuffer, _ plane: Int) -> Int { 0 }
public func CVPixelBufferGetBaseAddressOfPlane(_ buffer: CVPixelBuffer, _ plane: Int) -> UnsafeMutableRawPointer? { nil }
public func CVBufferCopyAttachment(_ buffer: CVPixelBuffer, _ key: String, _ mode: UnsafeMutablePointer<Int>?) -> AnyObject? {
    nil
}

// IOSurface
public final class IOSurface {}
public func CVPixelBufferCreateWithIOSurface(
    _ allocator: AnyObject?, _ surface: IOSurface, _ attributes: AnyObject?,
    _ made: UnsafeMutablePointer<Unmanaged<CVPixelBuffer>?>
) -> CVReturn { 0 }

// Accelerate
public typealias vImagePixelCount = UInt
public typealias vImage_Error = Int
public typealias vImage_Flags = UInt32
public let kvImageNoError: vImage_Error = 0
public let kvImageNoFlags = 0
public struct vImage_Buffer {
    public init(data: UnsafeMutableRawPointer!, height: vImagePixelCount, width: vImagePixelCount, rowBytes: Int) {}
}
public struct vImage_YpCbCrPixelRange {
    public init(
        Yp_bias: Int32, CbCr_bias: Int32, YpRangeMax: Int32, CbCrRangeMax: Int32, YpMax: Int32, YpMin: Int32,
        CbCrMax: Int32, CbCrMin: Int32
    ) {}
}
public struct vImage_YpCbCrToARGBMatrix: Sendable {}
public struct vImage_YpCbCrToARGB { public init() {} }
public struct vImageYpCbCrType: Sendable {}
public struct vImageARGBType: Sendable {}
public let kvImage420Yp8_CbCr8 = vImageYpCbCrType()
public let kvImageARGB8888 = vImageARGBType()
nonisolated(unsafe) public let kvImage_YpCbCrToARGBMatrix_ITU_R_601_4: UnsafePointer<vImage_YpCbCrToARGBMatrix>! = nil
nonisolated(unsafe) public let kvImage_YpCbCrToARGBMatrix_ITU_R_709_2: UnsafePointer<vImage_YpCbCrToARGBMatrix>! = nil
public func vImageConvert_YpCbCrToARGB_GenerateConversion(
    _ matrix: UnsafePointer<vImage_YpCbCrToARGBMatrix>, _ range: UnsafePointer<vImage_YpCbCrPixelRange>,
    _ out: UnsafeMutablePointer<vImage_YpCbCrToARGB>, _ from: vImageYpCbCrType, _ to: vImageARGBType, _ flags: vImage_Flags
) -> vImage_Error { 0 }
public func vImageConvert_420Yp8_CbCr8ToARGB8888(
    _ luma: UnsafePointer<vImage_Buffer>, _ chroma: UnsafePointer<vImage_Buffer>, _ to: UnsafePointer<vImage_Buffer>,
    _ info: UnsafePointer<vImage_YpCbCrToARGB>, _ order: UnsafePointer<UInt8>!, _ alpha: UInt8, _ flags: vImage_Flags
) -> vImage_Error { 0 }

// CoreMedia
public struct CMTime: Sendable { public var value: Int64 }
public enum CMTimeRoundingMethod { case `default` }
public final class CMSampleBuffer {}
public func CMSampleBufferGetImageBuffer(_ sample: CMSampleBuffer) -> CVImageBuffer? { nil }
public func CMSampleBufferGetPresentationTimeStamp(_ sample: CMSampleBuffer) -> CMTime { CMTime(value: 0) }
public func CMTimeSubtract(_ a: CMTime, _ b: CMTime) -> CMTime { a }
public func CMTimeConvertScale(_ time: CMTime, timescale: Int32, method: CMTimeRoundingMethod) -> CMTime { time }

// AVFoundation
public struct AVMediaType: Sendable { public static let video = AVMediaType() }
public enum AVAuthorizationStatus: Sendable { case notDetermined, restricted, denied, authorized }
open class AVCaptureDevice: NSObject {
    public enum Position: Sendable { case unspecified, back, front }
    public struct DeviceType: Sendable { public static let builtInWideAngleCamera = DeviceType() }
    public class func authorizationStatus(for type: AVMediaType) -> AVAuthorizationStatus { .denied }
    public class func `default`(for type: AVMediaType) -> AVCaptureDevice? { nil }
    public class func `default`(_ kind: DeviceType, for type: AVMediaType?, position: Position) -> AVCaptureDevice? { nil }
}
open class AVCaptureInput: NSObject {}
open class AVCaptureDeviceInput: AVCaptureInput {
    public init(device: AVCaptureDevice) throws {}
}
open class AVCaptureOutput: NSObject {}
open class AVCaptureConnection: NSObject {}
public protocol AVCaptureVideoDataOutputSampleBufferDelegate: NSObjectProtocol {
    func captureOutput(
        _ output: AVCaptureOutput, didOutput sample: CMSampleBuffer, from connection: AVCaptureConnection)
}
open class AVCaptureVideoDataOutput: AVCaptureOutput {
    public var alwaysDiscardsLateVideoFrames = true
    public var videoSettings: [String: Any]! = [:]
    public func setSampleBufferDelegate(
        _ delegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?, queue: DispatchQueue?
    ) {}
}
open class AVCaptureSession: NSObject {
    public struct Preset: Sendable {
        public let rawValue: String
        public static let hd1280x720 = Preset(rawValue: "")
    }
    public var sessionPreset = Preset.hd1280x720
    public var isRunning: Bool { false }
    public func canSetSessionPreset(_ preset: Preset) -> Bool { false }
    public func canAddInput(_ input: AVCaptureInput) -> Bool { false }
    public func canAddOutput(_ output: AVCaptureOutput) -> Bool { false }
    public func addInput(_ input: AVCaptureInput) {}
    public func addOutput(_ output: AVCaptureOutput) {}
    public func beginConfiguration() {}
    public func commitConfiguration() {}
    public func startRunning() {}
    public func stopRunning() {}
}

// ReplayKit
public enum RPSampleBufferType: Sendable { case video, audioApp, audioMic }
open class RPBroadcastSampleHandler: NSObject {
    open func broadcastStarted(withSetupInfo setupInfo: [String: NSObject]?) {}
    open func broadcastPaused() {}
    open func broadcastResumed() {}
    open func broadcastFinished() {}
    open func processSampleBuffer(_ sample: CMSampleBuffer, with type: RPSampleBufferType) {}
    open func finishBroadcastWithError(_ error: any Error) {}
}
