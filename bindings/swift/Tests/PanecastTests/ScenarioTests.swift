import Foundation
import Testing

@Suite(.timeLimit(.minutes(3))) struct ScenarioTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../../tests/vectors/scenarios").standardized

    private static var files: [String] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return all.filter { $0.hasSuffix(".json") }.sorted()
    }

    @Test func thereAreScenarios() {
        #expect(Self.files.count >= 8)
    }

    @Test(arguments: files)
    func aScenarioGoesAsItIsWritten(_ name: String) throws {
        let text = try Data(contentsOf: Self.folder.appendingPathComponent(name))
        let scenario = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
        let steps = try #require(scenario["steps"] as? [[String: Any]])
        let player = ScenarioPlayer()
        var played = 0
        for (index, step) in steps.enumerated() where step["untyped"] as? Bool != true {
            let (status, facts) = try player.play(step)
            let expected = step["expect"] as? [String: Any] ?? [:]
            #expect(status == expected["status"] as? String ?? "ok", "step \(index): \(step)")
            for (fact, value) in expected where fact != "status" {
                #expect(facts[fact] == written(value), "\(fact) of step \(index): \(step)")
            }
            played += 1
        }
        #expect(played > 0)
    }

    private func written(_ value: Any) -> String {
        (value as? [Any]).map { "[" + $0.map(written).joined(separator: ",") + "]" } ?? "\(value)"
    }

    @Test func thePatternIsAsItsDescriptionSays() {
        var x: UInt32 = 7921
        x ^= x << 13
        x ^= x >> 17
        x ^= x << 5
        #expect(Picture.block(1, 0, 0) == x)
        #expect(fnv("".utf8) == "cbf29ce484222325" && fnv("foobar".utf8) == "85944171f73967e8")
    }
}
