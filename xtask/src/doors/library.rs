//! The one shared library behind all doors, built as tests are.

use super::install::{self, Build};
use crate::Result;
use crate::process::{cargo, run, target_dir};
use std::path::{Path, PathBuf};

/// What other systems call it.
const NAMES: [&str; 2] = ["libpanecast.dylib", "panecast.dll"];

/// The folder where Kotlin and Swift find the library: the one that C programs are tested against, which exports the doors
/// and nothing else. Only Linux has that; elsewhere it is cargo's own.
pub(crate) fn folder() -> Result<PathBuf> {
    if cfg!(target_os = "linux") {
        let installed = install::install(&target_dir().join("doors-test"), Build::Quick)?;
        return Ok(installed.prefix.join("lib"));
    }
    cargos_own()
}

/// What the generator of Kotlin and Swift sources reads. UniFFI describes its interface in data of which nothing is left
/// in the library that is installed.
pub(crate) fn described() -> Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return install::compile(Build::Quick);
    }
    find(&cargos_own()?)
}

fn cargos_own() -> Result<PathBuf> {
    run(cargo()
        .args(["rustc", "--quiet", "--package", "panecast", "--lib", "--crate-type", "cdylib"])
        .args(["--features", "capi,uniffi"]))?;
    Ok(target_dir().join("debug"))
}

fn find(folder: &Path) -> Result<PathBuf> {
    NAMES
        .map(|name| folder.join(name))
        .into_iter()
        .find(|file| file.is_file())
        .ok_or_else(|| format!("there is no {} in {}", NAMES.join(" or "), folder.display()))
}
