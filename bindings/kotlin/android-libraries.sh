#!/bin/sh
# Builds libpanecast.so for Android's four ABIs into android/build/jniLibs, with the NDK that ANDROID_NDK_HOME names.
# Needs cmake and nasm (libaom) and, once: rustup target add aarch64-linux-android armv7-linux-androideabi
# i686-linux-android x86_64-linux-android
set -eu

cd "$(dirname "$0")/../.."
out=bindings/kotlin/android/build/jniLibs
api=26

if [ ! -d "${ANDROID_NDK_HOME:-}/toolchains/llvm/prebuilt" ]; then
    echo "error: there is no Android NDK; set ANDROID_NDK_HOME to its folder" >&2
    exit 1
fi
tools=$(echo "$ANDROID_NDK_HOME"/toolchains/llvm/prebuilt/*/bin)

build() {
    abi=$1 target=$2 clang=$3
    name=$(echo "$target" | tr a-z- A-Z_)
    lower=$(echo "$target" | tr - _)
    # 16 KB pages, for Rust and for the C of libaom and libzstd alike.
    env "CARGO_TARGET_${name}_LINKER=$tools/$clang$api-clang" \
        "CARGO_TARGET_${name}_RUSTFLAGS=-C link-arg=-Wl,-z,max-page-size=16384 -C link-arg=-Wl,-z,common-page-size=16384 -C link-arg=-Wl,-soname,libpanecast.so" \
        "CC_$lower=$tools/$clang$api-clang" "AR_$lower=$tools/llvm-ar" \
        ANDROID_ABI="$abi" ANDROID_PLATFORM="android-$api" \
        CMAKE_TOOLCHAIN_FILE="$ANDROID_NDK_HOME/build/cmake/android.toolchain.cmake" \
        cargo rustc --package panecast --lib --crate-type cdylib --features capi,uniffi --profile doors --target "$target"
    mkdir -p "$out/$abi"
    "$tools/llvm-strip" --strip-unneeded -o "$out/$abi/libpanecast.so" "${CARGO_TARGET_DIR:-target}/$target/doors/libpanecast.so"
    if ! "$tools/llvm-readelf" -lW "$out/$abi/libpanecast.so" | awk '$1 == "LOAD" && $NF != "0x4000" { bad = 1 } END { exit bad }'; then
        echo "error: $abi: a segment is not aligned to 16 KB" >&2
        exit 1
    fi
}

build arm64-v8a aarch64-linux-android aarch64-linux-android
build armeabi-v7a armv7-linux-androideabi armv7a-linux-androideabi
build x86 i686-linux-android i686-linux-android
build x86_64 x86_64-linux-android x86_64-linux-android
ls -l "$out"/*/libpanecast.so
