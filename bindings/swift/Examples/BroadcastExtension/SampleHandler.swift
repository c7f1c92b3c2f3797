#if canImport(ReplayKit) && os(iOS)
import CoreMedia
import CoreVideo
import Foundation
import Panecast
import ReplayKit

/// The principal class of a broadcast upload extension: shows the phone's screen to an agent who has the key.
///
/// The system ends the extension's process at 50 MB. At 1080p the encoder takes 17 MB without AV1; the picture on its way, the
/// host's and, as ReplayKit gives full-range pixels, the one converted to BGRA take 8 MB each.
final class SampleHandler: RPBroadcastSampleHandler, @unchecked Sendable {
    private static let memoryBytes: UInt64 = 24 << 20
    private static let largestPx = 1920 * 1088

    private let buffers = PixelBuffers()
    // Everything below is touched on ReplayKit's own queue, but for the host, which any thread may call.
    private var host: Panecast.Host?
    private var socket: RelaySocket?
    private var began: CMTime?

    override func broadcastStarted(withSetupInfo setupInfo: [String: NSObject]?) {
        var config = HostConfig()
        config.share.fps = 15
        config.share.encoder = EncoderConfig(mode: .lossless, memoryBytes: Self.memoryBytes)
        do {
            let host = try Panecast.Host(config)
            self.host = host
            socket = RelaySocket(host, relay: URL(string: "wss://relay.example")!)
            Task { await self.follow(host) }
        } catch {
            finishBroadcastWithError(error)
        }
    }

    private func follow(_ host: Panecast.Host) async {
        for await event in host.events {
            do {
                switch event {
                case .connection(let connection):
                    socket?.carry(connection)
                case .key(let key, _):
                    // The app shows it: the extension has no window. Both are in one app group.
                    UserDefaults(suiteName: "group.example.support")?.set(key, forKey: "key")
                case .ask(let joiner, _, _, let purpose):
                    // The system's own picker has asked the visitor; an app that wants to say who it is asks again here.
                    // The first frame tells the size.
                    try host.allow(joiner, purpose: purpose, source: pushSource(width: 16, height: 16))
                case .ended:
                    finishBroadcastWithError(CocoaError(.userCancelled))
                default:
                    break
                }
            } catch {
                finishBroadcastWithError(error)
            }
        }
    }

    override func processSampleBuffer(_ sample: CMSampleBuffer, with type: RPSampleBufferType) {
        guard type == .video, let host, let buffer = CMSampleBufferGetImageBuffer(sample) else { return }
        let now = CMSampleBufferGetPresentationTimeStamp(sample)
        let start = began ?? now
        began = start
        let passed = CMTimeConvertScale(CMTimeSubtract(now, start), timescale: 1_000_000, method: .default)
        guard CVPixelBufferGetWidth(buffer) * CVPixelBufferGetHeight(buffer) <= Self.largestPx else {
            return finishBroadcastWithError(TooLarge())
        }
        do {
            try buffers.lend(buffer) { frame throws(PanecastError) in
                try host.push(frame, timestampUs: UInt64(max(0, passed.value)))
            }
        } catch where error.kind == .denied || error.kind == .closed {
            // Nobody watches yet; or it has ended, and its last event says why.
        } catch {
            finishBroadcastWithError(error)
        }
    }

    override func broadcastPaused() {
        try? host?.pause()
    }

    override func broadcastResumed() {
        try? host?.resume()
    }

    override func broadcastFinished() {
        // The consent is taken back; the events that are left tell the agents.
        try? host?.end()
    }
}

private struct TooLarge: LocalizedError {
    var errorDescription: String? { "This screen is too large to be shown from an extension." }
}
#endif
