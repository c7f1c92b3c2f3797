import Foundation
import PanecastGenerated
import Testing

@testable import Panecast

@Suite struct CodecTests {
    @Test func whatIsEncodedComesBackExactly() throws {
        let (encoder, decoder) = (try Panecast.Encoder(), try Panecast.Decoder())
        for index in 0..<6 as Range<UInt32> {
            let picture = Picture(150, 70, index: index, pad: 12)
            let packet = try picture.lend { try encoder.encode($0, timestampUs: UInt64(index) * 33_333) }
            #expect(packet.kind == (index == 0 ? .keyframe : .delta))
            let told = try decoder.decode(packet.bytes)
            guard case .picture(let sequence, let at, let whole, _, _) = try #require(told.last) else {
                Issue.record("\(told)")
                return
            }
            #expect((sequence, at, whole) == (packet.sequence, UInt64(index) * 33_333, index == 0))
            #expect(try decoder.shows(Picture(150, 70, index: index)))
            #expect(try decoder.lossyPixels == 0)
        }
    }

    @Test func oneByteAtATimeIsTheWhole() throws {
        let encoder = try Panecast.Encoder()
        let packets = try (0..<3).map { index in
            try Picture(64, 48, index: index).lend { try encoder.encode($0, timestampUs: 0).bytes }
        }
        let decoder = try Panecast.Decoder()
        for byte in packets.joined() {
            try decoder.feed(Data([byte]))
            while try decoder.next() != nil {}
        }
        #expect(try decoder.shows(Picture(64, 48, index: 2)))
        // A slice whose indices do not begin at 0.
        let all = Data([1, 2, 3]) + Data(packets.joined())
        try decoder.reset()
        try decoder.decode(all.dropFirst(3))
        #expect(try decoder.shows(Picture(64, 48, index: 2)))
    }

    @Test func bothLayoutsOfFilmsAreTheSame() throws {
        let packets = try [PixelFormat.i420, .nv12].map { format in
            try Picture(64, 48, index: 5, format: format, pad: 7).lend {
                try Panecast.Encoder().encode($0, timestampUs: 0).bytes
            }
        }
        #expect(packets[0] == packets[1])
    }

    @Test func aLateJoinerSeesWhatTheOthersSee() throws {
        let (encoder, first, late) = (try Panecast.Encoder(), try Panecast.Decoder(), try Panecast.Decoder())
        #expect(try encoder.lateJoin(timestampUs: 0) == nil)
        try Picture(96, 64).lend { _ = try first.decode(encoder.encode($0, timestampUs: 0).bytes) }
        let join = try #require(try encoder.lateJoin(timestampUs: 5))
        try late.decode(join.joiner)
        #expect(try first.decode(join.others) == [.epoch(sequence: join.sequence)])
        let next = Picture(96, 64, index: 1)
        let update = try next.lend { try encoder.encode($0, timestampUs: 10).bytes }
        for decoder in [first, late] {
            try decoder.decode(update)
            #expect(try decoder.shows(next))
        }
    }

    @Test func whatIsLossyBecomesExact() throws {
        let encoder = try Panecast.Encoder(EncoderConfig(mode: .auto, quality: 20))
        let decoder = try Panecast.Decoder()
        let soft = Picture(256, 256)
        for at in 0..<256 * 256 {
            let (x, y) = (at % 256, at / 256)
            let wave = (x * x / 40 + y * y / 50 + (x * 31 + y * 17) % 5) & 255
            soft.planes[0].bytes.replaceSubrange(
                at * 4..<at * 4 + 3, with: [UInt8(wave), UInt8(wave / 2), UInt8(wave / 3)])
        }
        let first = try soft.lend { try encoder.encode($0, timestampUs: 0) }
        try decoder.decode(first.bytes)
        #expect(first.lossyPx > 0)
        #expect(try decoder.lossyPixels == first.lossyPx)
        for half in 1..<120 as Range<UInt64> where try decoder.lossyPixels > 0 {
            if let more = try encoder.refine(timestampUs: half * 500_000, bytes: 1 << 20) {
                #expect(more.kind == .refinement)
                try decoder.decode(more.bytes)
            }
        }
        #expect(try decoder.shows(soft))
    }

    @Test func aRecordingEndsAndForgettingBeginsAnew() throws {
        let (encoder, decoder) = (try Panecast.Encoder(), try Panecast.Decoder())
        let picture = Picture(64, 48)
        try picture.lend { _ = try decoder.decode(encoder.encode($0, timestampUs: 0).bytes) }
        try encoder.setBitrate(1_000_000)
        try encoder.forget()
        let fresh = try picture.lend { try encoder.encode($0, timestampUs: 1) }
        #expect(fresh.kind == .keyframe)
        try decoder.reset()
        #expect(try decoder.pictureSize == nil && decoder.picture() == nil)
        try decoder.decode(fresh.bytes)
        #expect(try decoder.decode(encoder.finish(frames: 2, fps: 30)) == [.end(frames: 2, fps: 30)])
        #expect(try decoder.cursorPlace == nil && decoder.cursorShape == nil && decoder.pendingBytes == 0)
    }

    @Test func defaultsAreTheLibrarys() throws {
        #expect(try EncoderConfig().lowered() == encoderConfig())
        #expect(try ShareConfig().lowered() == shareConfig())
    }
}
