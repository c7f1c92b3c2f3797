//! Builds the pages: decoders and sharing end as WebAssembly, then the pages around them.

use crate::process::{on_path, root, run, target_dir};
use crate::{Result, fingerprint, wasm};
use std::path::PathBuf;
use std::process::Command;

const PACKAGE: &str = "panecast-web-decoder";
/// The sharing end, for pages that show something.
const SHARER_PACKAGE: &str = "panecast-web-sharer";
/// The AV1 decoder for browsers without one; a workspace of its own.
const AV1_PACKAGE: &str = "panecast-web-av1";
pub(crate) const AV1_MANIFEST: &str = "bindings/web/av1-decoder/Cargo.toml";
/// What the WebAssembly is made from, besides its own folder.
const SOURCES: [&str; 5] = ["src", "Cargo.toml", "Cargo.lock", ".cargo/config.toml", "xtask/src/wasm.rs"];
/// What the page is made from, in its folder.
const PAGE_SOURCES: [&str; 8] = [
    "decoder",
    "sharer",
    "av1-decoder",
    "src",
    "build.mjs",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
];

/// The folder of the page's sources.
pub(crate) fn web() -> PathBuf {
    root().join("bindings/web")
}

/// npm in the page's folder.
pub(crate) fn npm() -> Command {
    let mut command = Command::new(on_path("npm").unwrap_or_else(|| "npm".into()));
    command.current_dir(web());
    command
}

/// Builds `bindings/web/dist`, unless nothing it is made from has changed.
pub(crate) fn build(choice: wasm::Choice) -> Result<()> {
    let stamps = target_dir().join("stamps");
    let mut inputs: Vec<PathBuf> = SOURCES.iter().map(|path| root().join(path)).collect();
    inputs.extend(PAGE_SOURCES.iter().map(|path| web().join(path)));
    let page = format!("{} {choice:?}", fingerprint::of(&inputs)?);
    if fingerprint::matches(&stamps.join("viewer"), &page) && web().join("dist/index.html").is_file() {
        println!("  the agent page is up to date");
        return Ok(());
    }

    let toolchain = wasm::prepare(choice)?;
    let decoder = toolchain.build(PACKAGE)?;
    let sharer = toolchain.build(SHARER_PACKAGE)?;
    let av1 = toolchain.build_apart(AV1_PACKAGE, AV1_MANIFEST)?;

    let modules = fingerprint::of(&["package.json", "package-lock.json"].map(|file| web().join(file)))?;
    if !fingerprint::matches(&stamps.join("npm"), &modules) || !web().join("node_modules").is_dir() {
        let once = || run(npm().args(["ci", "--no-audit", "--no-fund"]));
        once().or_else(|error| {
            println!("  {error}; trying once more");
            once()
        })?;
        fingerprint::keep(&stamps.join("npm"), &modules)?;
    }

    run(npm()
        .args(["run", "--silent", "build"])
        .env("PANECAST_WASM", decoder)
        .env("PANECAST_SHARER_WASM", sharer)
        .env("PANECAST_AV1_WASM", av1))?;
    if !web().join("dist/index.html").is_file() {
        return Err("the agent page's build made no dist/index.html".to_owned());
    }
    fingerprint::keep(&stamps.join("viewer"), &page)
}
