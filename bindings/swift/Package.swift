// swift-tools-version: 6.0
import Foundation
import PackageDescription

// Where build-xcframework.sh has put one, Apple's systems link it. Elsewhere the linker finds libpanecast by `-L`.
let framework = "PanecastFFI.xcframework"
let built = FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + framework)

let package = Package(
    name: "Panecast",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [
        .library(name: "Panecast", targets: ["Panecast"])
    ],
    targets: [
        built
            ? .binaryTarget(name: "PanecastFFI", path: framework)
            : .systemLibrary(name: "PanecastFFI"),
        // Written by `cargo xtask bindings`.
        .target(name: "PanecastGenerated", dependencies: ["PanecastFFI"]),
        .target(name: "Panecast", dependencies: ["PanecastGenerated"]),
        // What a pushed frame costs: `swift run -c release PushCost`.
        .executableTarget(name: "PushCost", dependencies: ["Panecast"]),
        .testTarget(name: "PanecastTests", dependencies: ["Panecast", "PanecastGenerated"]),
    ],
    swiftLanguageModes: [.v6]
)
