import Foundation
import PanecastGenerated
import Testing

@testable import Panecast

@Suite struct ErrorTests {
    @Test func framesThatDoNotFitAreRefused() throws {
        let encoder = try Panecast.Encoder()
        let picture = Picture(64, 48)
        let bad: [(stride: Int?, length: Int?, size: (Int, Int)?)] = [
            (255, nil, nil), (-4, nil, nil), (Int.max, nil, nil), (nil, 100, nil), (nil, 0, nil),
            (nil, nil, (0, 48)), (nil, nil, (64, 0)), (nil, nil, (65, 48)), (nil, nil, (64, 49)), (nil, nil, (-1, -1)),
            (nil, nil, (Int.max, Int.max)),
        ]
        for (stride, length, size) in bad {
            let refused = kind {
                _ = try picture.lend(stride: stride, length: length, size: size) {
                    try encoder.encode($0, timestampUs: 0)
                }
            }
            #expect(refused == .invalidInput, "\(stride as Any) \(length as Any) \(size as Any)")
        }
        picture.lend { frame in
            for count in [0, 2, 4] {
                var broken = frame
                broken.planes = Array(repeating: frame.planes[0], count: count)
                #expect(kind { _ = try encoder.encode(broken, timestampUs: 0) } == .invalidInput)
            }
            var film = frame
            film.format = .nv12
            #expect(kind { _ = try encoder.encode(film, timestampUs: 0) } == .invalidInput)
        }
        // It goes on as if nothing had been.
        #expect(try picture.lend { try encoder.encode($0, timestampUs: 0) }.kind == .keyframe)
        #expect(kind { _ = try Panecast.Encoder(EncoderConfig(quality: 101)) } == .invalidInput)
        #expect(kind { _ = try Panecast.Encoder(EncoderConfig(quality: -1)) } == .invalidInput)
        #expect(kind { _ = try encoder.refine(timestampUs: 0, bytes: -1) } == .invalidInput)
        let small = try Panecast.Encoder(EncoderConfig(memoryBytes: 1000))
        #expect(kind { _ = try picture.lend { try small.encode($0, timestampUs: 0) } } == .limitExceeded)
    }

    @Test func picturesGoNowhereButIntoRoomEnough() throws {
        let (encoder, decoder) = (try Panecast.Encoder(), try Panecast.Decoder())
        var room = [UInt8](repeating: 7, count: 64 * 48 * 4 + 8)
        try room.withUnsafeMutableBytes { all in
            let exact = UnsafeMutableRawBufferPointer(rebasing: all[..<(64 * 48 * 4)])
            #expect(kind { try decoder.copyPicture(to: exact, strideBytes: 256) } == .notFound)
            try Picture(64, 48).lend { _ = try decoder.decode(encoder.encode($0, timestampUs: 0).bytes) }
            for (length, stride) in [(0, 256), (100, 256), (64 * 48 * 4 - 1, 256), (64 * 48 * 4, 255), (64 * 48 * 4, -1)] {
                let part = UnsafeMutableRawBufferPointer(rebasing: all[..<length])
                #expect(kind { try decoder.copyPicture(to: part, strideBytes: stride) } == .invalidInput)
            }
            let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            #expect(kind { try decoder.copyPicture(to: none, strideBytes: 256) } == .invalidInput)
            #expect(all.allSatisfy { $0 == 7 })
            try decoder.copyPicture(to: exact, strideBytes: 256)
        }
        #expect(Array(room.prefix(64 * 48 * 4)) == Picture(64, 48).planes[0].bytes)
        #expect(room.suffix(8).allSatisfy { $0 == 7 })
    }

    @Test func brokenBytesAreAnErrorAndResetHeals() throws {
        let good = try Picture(64, 48).lend { try Panecast.Encoder().encode($0, timestampUs: 0).bytes }
        let decoder = try Panecast.Decoder()
        try decoder.feed(Data(repeating: 0x55, count: 64))
        #expect(kind { _ = try decoder.next() } == .invalidData)
        #expect(kind { try decoder.feed(good) } == .invalidData)
        try decoder.reset()
        try decoder.decode(good)
        #expect(try decoder.shows(Picture(64, 48)))
        for at in stride(from: 0, to: good.count, by: 7) {
            var bad = good
            bad[at] ^= 0x10
            try decoder.reset()
            // A changed byte is an error, an unfinished packet or (in what nobody reads) the same picture.
            let outcome = kind { try decoder.decode(bad) }
            let sound = try outcome != nil || decoder.pictureSize == nil || decoder.shows(Picture(64, 48))
            #expect(sound, "byte \(at)")
        }
    }

    @Test func numbersAndNamesAreTheLibrarys() throws {
        let made: [PanecastGenerated.PanecastError] = [
            .InvalidInput(reason: ""), .InvalidData(reason: ""), .Unsupported(reason: ""), .LimitExceeded(reason: ""),
            .NotFound(reason: ""), .Denied(reason: ""), .Revoked(reason: ""), .Closed(reason: ""), .Stalled(reason: ""),
            .Desync(reason: ""), .Io(reason: ""), .Untrusted(reason: ""), .Expired(reason: ""), .Tampered(reason: ""),
            .Panicked(reason: ""),
        ]
        let errors = made.map { Panecast.PanecastError($0) }
        #expect(errors.map(\.status) == Array(1...15))
        #expect(errors.map(\.kind) == Panecast.PanecastError.Kind.allCases)
        for (error, generated) in zip(errors, made) {
            // `InvalidInput(reason: "")` to `invalid-input`.
            let word = "\(generated)".prefix { $0 != "(" }.reduce(into: "") { name, letter in
                if letter.isUppercase, !name.isEmpty { name += "-" }
                name += letter.lowercased()
            }
            #expect(error.kind.name == word)
        }
        let told = Panecast.PanecastError(.InvalidInput(reason: "a stride of 3"))
        #expect(told.localizedDescription == "a stride of 3")
        #expect(try libraryVersion.split(separator: ".").count == 3)
    }
}
