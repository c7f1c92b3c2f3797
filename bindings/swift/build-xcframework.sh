#!/bin/sh
# Builds PanecastFFI.xcframework beside this script, for iPhones, the simulator and Macs; Package.swift then links it.
# Needs macOS with Xcode 16, rustup, cmake and nasm.
set -eu

if [ "$(uname -s)" != Darwin ]; then
    echo "build-xcframework.sh: an XCFramework is built on macOS, with Xcode: lipo and xcodebuild are nowhere else." >&2
    echo "On Linux, \`cargo xtask door swift\` compiles the package and tests it against the shared library." >&2
    exit 1
fi
for tool in cargo rustup lipo xcodebuild cmake; do
    command -v "$tool" > /dev/null || { echo "build-xcframework.sh: $tool is missing" >&2; exit 1; }
done

cd "$(dirname "$0")/../.."
export IPHONEOS_DEPLOYMENT_TARGET=15.0 MACOSX_DEPLOYMENT_TARGET=12.0
# Both doors are in one library. PANECAST_FEATURES="--no-default-features --features capi,uniffi,rav1d" leaves libaom out: 11 MB
# less memory, and no films in the mode auto.
features=${PANECAST_FEATURES:---features capi,uniffi}
profile=${PANECAST_PROFILE:-doors}
target=${CARGO_TARGET_DIR:-target}
made=$target/xcframework
rm -rf "$made" bindings/swift/PanecastFFI.xcframework

build() {
    rustup target add "$1"
    # shellcheck disable=SC2086
    cargo rustc --package panecast --lib --crate-type staticlib --profile "$profile" --target "$1" $features
}

# Called with a folder's name and the targets whose code is in it.
gather() {
    name=$1
    shift
    mkdir -p "$made/$name/headers/PanecastFFI"
    libraries=""
    for triple in "$@"; do
        build "$triple"
        libraries="$libraries $target/$triple/$profile/libpanecast.a"
    done
    # shellcheck disable=SC2086
    lipo -create $libraries -output "$made/$name/libpanecast.a"
    cp bindings/swift/Sources/PanecastFFI/PanecastFFI.h "$made/$name/headers/PanecastFFI/"
    # The archive is linked by the framework; what the archive itself needs is named here.
    sed 's/link "panecast"/link framework "Security"/' bindings/swift/Sources/PanecastFFI/module.modulemap \
        > "$made/$name/headers/PanecastFFI/module.modulemap"
}

gather ios aarch64-apple-ios
gather simulator aarch64-apple-ios-sim x86_64-apple-ios
gather macos aarch64-apple-darwin x86_64-apple-darwin

set --
for name in ios simulator macos; do
    set -- "$@" -library "$made/$name/libpanecast.a" -headers "$made/$name/headers"
done
xcodebuild -create-xcframework "$@" -output bindings/swift/PanecastFFI.xcframework
du -sh bindings/swift/PanecastFFI.xcframework
