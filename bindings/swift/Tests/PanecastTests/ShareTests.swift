import Foundation
import Testing

@testable import Panecast

@Suite(.timeLimit(.minutes(2))) struct ShareTests {
    private func granted(_ purpose: Purpose, _ source: String) throws -> Grant {
        try Grant.answered(purpose, source: source, allow: true)
    }

    @Test func thePatternIsSharedAndComesBack() async throws {
        let share = try Share(granted(.prepared, "pattern:320x200@30"))
        try share.viewerJoined(1)
        let decoder = try Panecast.Decoder()
        var pictures = 0
        for await output in share.outputs {
            guard case .packet(_, let sequence, let bytes) = output else { continue }
            for case .picture in try decoder.decode(bytes) { pictures += 1 }
            if let sequence { try share.viewerAck(1, sequence: sequence) }
            if pictures >= 4 { break }
        }
        #expect(try decoder.pictureSize == PictureSize(width: 320, height: 200))
        let stats = try share.stats
        #expect(stats.framesCaptured >= 4 && stats.viewers == 1 && stats.bytesSent > 0)
        try share.stop()
        try share.stop()
        #expect(kind { try share.pause() } == .closed)
        #expect(kind { _ = try share.next(timeoutMs: 0) } == .closed)
    }

    @Test func whatIsPushedIsSeenToThePixel() async throws {
        let share = try Share(granted(.camera, pushSource(width: 96, height: 64)))
        try share.viewerJoined(1)
        let decoder = try Panecast.Decoder()
        var outputs = share.outputs.makeAsyncIterator()
        for index in 0..<5 as Range<UInt32> {
            let picture = Picture(96, 64, index: index, pad: 20)
            try picture.lend { try share.push($0, timestampUs: UInt64(index) * 33_333) }
            while try !decoder.shows(Picture(96, 64, index: index)) {
                guard case .packet(_, let sequence, let bytes)? = await outputs.next() else { continue }
                try decoder.decode(bytes)
                if let sequence { try share.viewerAck(1, sequence: sequence) }
            }
        }
        #expect(kind { try Picture(96, 64).lend(stride: 8) { try share.push($0, timestampUs: 0) } } == .invalidInput)
        try share.end()
        #expect(kind { try Picture(96, 64).lend { try share.push($0, timestampUs: 0) } } == .closed)
        var last: ShareOutput?
        while let output = await outputs.next() { last = output }
        #expect(last == .ended(nil))
    }

    @Test func masksHideAndAPauseForgets() async throws {
        let share = try Share(granted(.camera, "push:96x64"))
        try share.setMasks(Masks(rects: [Rect(x: 16, y: 8, width: 40, height: 24)]))
        #expect(kind { try share.setMasks(Masks(windows: ["nonsense"])) } == .invalidInput)
        try share.viewerJoined(1)
        let picture = Picture(96, 64)
        try picture.lend { try share.push($0, timestampUs: 0) }
        let decoder = try Panecast.Decoder()
        var outputs = share.outputs.makeAsyncIterator()
        while try decoder.pictureSize == nil {
            if case .packet(_, _, let bytes)? = await outputs.next() { try decoder.decode(bytes) }
        }
        let shown = try #require(try decoder.picture()).pixels
        var (blank, wrong) = (Set<[UInt8]>(), 0)
        for at in 0..<96 * 64 {
            let pixel = Array(shown[at * 4..<at * 4 + 3])
            if (16..<56).contains(at % 96) && (8..<32).contains(at / 96) {
                blank.insert(pixel)
            } else if pixel != Array(picture.planes[0].bytes[at * 4..<at * 4 + 3]) {
                wrong += 1
            }
        }
        #expect(blank.count == 1 && wrong == 0)
        try share.pause()
        try Picture(96, 64, index: 1).lend { try share.push($0, timestampUs: 33_333) }
        while let output = await outputs.next() {
            if case .packet = output { Issue.record("a packet during the pause") }
            if output == .state(.paused) { break }
        }
    }

    @Test func statesAreToldTheNewestFirst() async throws {
        let share = try Share(granted(.camera, "push:96x64"))
        let reader = Task { for await _ in share.outputs {} }
        try share.viewerJoined(1)
        try Picture(96, 64).lend { try share.push($0, timestampUs: 0) }
        // Each of these is awaited, so that none is overtaken.
        for await state in share.states where state == .live { break }
        try share.pause()
        for await state in share.states where state == .paused { break }
        // Who comes late is told the newest at once.
        var late = share.states.makeAsyncIterator()
        #expect(await late.next() == .paused)
        try share.resume()
        for await state in share.states where state != .paused { break }
        // Who is slow gets the newest, and the end after it.
        let newest = Newest<Int>()
        let slow = newest.stream()
        for n in 1...5 { newest.tell(n) }
        newest.finish()
        var heard: [Int] = []
        for await n in slow { heard.append(n) }
        #expect(heard == [5])
        try share.stop()
        await reader.value
        var rest: [ShareState] = []
        for await state in share.states { rest.append(state) }
        #expect(rest.count <= 1)
    }

    @Test func aReaderThatIsCancelledLetsGo() async throws {
        var share: Share? = try Share(granted(.camera, "push:96x64"))
        weak var gone = share
        let reader = Task { [outputs = share!.outputs] in for await _ in outputs {} }
        let states = share!.states
        reader.cancel()
        await reader.value
        share = nil
        // Nobody holds it any more: it was freed, and its states end.
        for await _ in states {}
        #expect(gone == nil)
    }

    @Test func aShareEndsWithItsGrant() async throws {
        let grant = try granted(.camera, "push:96x64")
        let share = try Share(grant)
        try share.viewerJoined(1)
        try grant.revoke()
        #expect(try grant.isRevoked)
        #expect(kind { try Picture(96, 64).lend { try share.push($0, timestampUs: 0) } } == .revoked)
        var last: ShareOutput?
        for await output in share.outputs {
            if case .packet = output { Issue.record("a packet after the grant was taken back") }
            last = output
        }
        guard case .ended(let error?) = last else {
            Issue.record("\(last as Any)")
            return
        }
        #expect(error.kind == .revoked)
    }

    @Test func manyThreadsMayCall() async throws {
        let share = try Share(granted(.camera, "push:96x64"))
        let decoder = try Panecast.Decoder()
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<4 as Range<UInt32> {
                group.addTask {
                    var dice = worker &* 2_654_435_761 | 1
                    for round in 0..<300 as Range<UInt64> {
                        dice ^= dice << 13
                        dice ^= dice >> 17
                        dice ^= dice << 5
                        // Errors are welcome, crashes are not.
                        switch dice % 10 {
                        case 0: try? share.viewerJoined(worker)
                        case 1: try? share.viewerLeft(worker)
                        case 2: try? share.viewerAck(worker, sequence: round)
                        case 3: try? share.pause()
                        case 4: try? share.resume()
                        case 5: try? share.setMasks(Masks(rects: [Rect(x: dice, y: 3, width: dice, height: 9)]))
                        case 6:
                            if case .packet(_, _, let bytes)? = try? share.next(timeoutMs: 0) {
                                _ = try? decoder.decode(bytes)
                            }
                        case 7: _ = try? decoder.picture()
                        case 8 where round > 250: try? share.stop()
                        default:
                            try? Picture(48, 32, index: dice).lend { try share.push($0, timestampUs: round) }
                        }
                    }
                }
            }
        }
        try share.stop()
    }
}
