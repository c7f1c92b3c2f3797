import Testing

@testable import Panecast

@Suite struct ConsentTests {
    @Test func aNoGivesNothing() async throws {
        var asked: [Question] = []
        await #expect {
            _ = try await consent(.camera, source: "push:96x64") { question in
                asked.append(question)
                await Task.yield()
                return false
            }
        } throws: { ($0 as? PanecastError)?.kind == .denied }
        #expect(asked == [Question(purpose: .camera, source: "push:96x64")])
        #expect(kind { _ = try Grant.answered(.camera, source: "push:96x64", allow: false) } == .denied)
    }

    @MainActor
    @Test func theDialogRunsWhereItsCallerRuns() async throws {
        let grant = try await consent(.screen, source: "push:96x64") { _ in
            MainActor.assertIsolated()
            return true
        }
        #expect(try grant.source == "push:96x64")
        #expect(try !grant.isRevoked)
    }

    @Test func aSourceThatIsNoneAsksNobody() async throws {
        for source in ["", "nothing-like-it", "push:0", "push:-1x2", "camera:0"] {
            await #expect {
                _ = try await consent(.screen, source: source) { _ in
                    Issue.record("asked about \(source)")
                    return true
                }
            } throws: { ($0 as? PanecastError)?.kind == .invalidInput }
        }
    }

    @Test func aDialogThatFailsOrIsCancelledAllowsNothing() async throws {
        struct Closed: Error {}
        await #expect(throws: Closed.self) {
            try await consent(.screen, source: "push:96x64") { _ in throw Closed() }
        }
        let task = Task {
            try await consent(.screen, source: "push:96x64") { _ in
                // Cancelled while the visitor thinks; then comes an Allow that is too late.
                while !Task.isCancelled { await Task.yield() }
                return true
            }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func aGrantIsForOneSourceAndOneShare() throws {
        let grant = try Grant.answered(.camera, source: "push:96x64", allow: true)
        #expect(kind { _ = try Share(grant, source: "push:96x65") } == .denied)
        #expect(kind { _ = try Share(grant, source: "screen") } == .denied)
        #expect(kind { _ = try Share(grant, config: ShareConfig(fps: -1)) } == .invalidInput)
        let share = try Share(grant)
        #expect(kind { _ = try Share(grant) } == .denied)
        try share.stop()
        let other = try Grant.answered(.camera, source: "push:96x64", allow: true)
        try other.revoke()
        #expect(kind { _ = try Share(other) } == .revoked)
    }

    @Test func whatIsPreparedNeedsNobodysPermission() throws {
        #expect(try permission(.prepared) == Permission(state: .granted, next: ""))
    }

    @Test func sourcesHaveNamesThatConsentTakes() throws {
        for source in try sources() {
            #expect(try Grant.answered(.prepared, source: source.id, allow: true).source == source.id)
        }
    }
}
