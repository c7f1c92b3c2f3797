#if canImport(AVFoundation) && canImport(Accelerate) && (os(iOS) || os(macOS))
import AVFoundation
import Foundation

/// Pushes what the camera sees into a share, until it is stopped or freed.
///
/// The app asks for the camera's permission itself (`NSCameraUsageDescription`); the visitor's consent to share is a question
/// of its own.
public final class CameraCapture: NSObject, @unchecked Sendable {
    // The session and what follows are touched on this queue alone.
    private let queue = DispatchQueue(label: "dev.panecast.camera")
    private let session = AVCaptureSession()
    private let buffers = PixelBuffers()
    private let share: Share
    private var began: CMTime?
    private let ended: @Sendable (PanecastError) -> Void

    /// Opens the camera and begins to push its frames into `share`, whose source is `push:WIDTHxHEIGHT`.
    ///
    /// - Parameter ended: told once, on a queue of the system's, why no more frames are pushed, if not by ``stop()``.
    /// - Throws: `denied` without the system's permission, `notFound` without such a camera, `unsupported` if it cannot be
    ///   opened as `preset` says.
    public init(
        _ share: Share, position: AVCaptureDevice.Position = .back, preset: AVCaptureSession.Preset = .hd1280x720,
        ended: @escaping @Sendable (PanecastError) -> Void = { _ in }
    ) throws(PanecastError) {
        self.share = share
        self.ended = ended
        super.init()
        guard AVCaptureDevice.authorizationStatus(for: .video) == .authorized else {
            throw PanecastError(.denied, "the app may not use the camera")
        }
        let wide = AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: position)
        guard let device = wide ?? AVCaptureDevice.default(for: .video) else {
            throw PanecastError(.notFound, "there is no camera")
        }
        guard let input = try? AVCaptureDeviceInput(device: device) else {
            throw PanecastError(.unsupported, "the camera cannot be opened")
        }
        let output = AVCaptureVideoDataOutput()
        output.alwaysDiscardsLateVideoFrames = true
        output.videoSettings = [
            kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange
        ]
        output.setSampleBufferDelegate(self, queue: queue)
        session.beginConfiguration()
        let fits = session.canSetSessionPreset(preset) && session.canAddInput(input) && session.canAddOutput(output)
        if fits {
            session.sessionPreset = preset
            session.addInput(input)
            session.addOutput(output)
        }
        session.commitConfiguration()
        guard fits else { throw PanecastError(.unsupported, "the camera does not give \(preset.rawValue)") }
        // It blocks until the camera runs.
        queue.async { [self] in session.startRunning() }
    }

    /// Closes the camera. Once this returns, nothing more is pushed.
    public func stop() {
        queue.sync { session.stopRunning() }
    }
}

extension CameraCapture: AVCaptureVideoDataOutputSampleBufferDelegate {
    public func captureOutput(
        _ output: AVCaptureOutput, didOutput sample: CMSampleBuffer, from connection: AVCaptureConnection
    ) {
        guard session.isRunning, let buffer = CMSampleBufferGetImageBuffer(sample) else { return }
        let now = CMSampleBufferGetPresentationTimeStamp(sample)
        let start = began ?? now
        began = start
        let passed = CMTimeConvertScale(CMTimeSubtract(now, start), timescale: 1_000_000, method: .default)
        do {
            try buffers.push(buffer, to: share, timestampUs: UInt64(max(0, passed.value)))
        } catch {
            session.stopRunning()
            // Not on this queue, for which stop() waits.
            DispatchQueue.global().async { [ended] in ended(error) }
        }
    }
}
#endif
