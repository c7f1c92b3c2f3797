//! The one shared library behind all doors.

use crate::Result;
use crate::process::{cargo, run, target_dir};
use std::path::PathBuf;

/// What each platform calls it.
const NAMES: [&str; 3] = ["libpanecast.so", "libpanecast.dylib", "panecast.dll"];

/// Builds it as quickly as the tests' own dependencies allow: the profile `dev`, all doors in it.
pub(crate) fn build() -> Result<PathBuf> {
    run(cargo()
        .args(["rustc", "--quiet", "--package", "panecast", "--lib", "--crate-type", "cdylib"])
        .args(["--features", "capi,uniffi"]))?;
    find(&target_dir().join("debug"))
}

/// The library in `folder`.
pub(crate) fn find(folder: &std::path::Path) -> Result<PathBuf> {
    NAMES
        .map(|name| folder.join(name))
        .into_iter()
        .find(|file| file.is_file())
        .ok_or_else(|| format!("there is no {} in {}", NAMES.join(" or "), folder.display()))
}
