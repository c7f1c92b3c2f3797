//! The C header, written from the C ABI's source by cbindgen and committed.

use crate::Result;
use crate::apt::Apt;
use crate::process::{capture, cargo, on_path, root, run as run_command, target_dir};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = "src/ffi/c";
const HEADER: &str = "include/panecast.h";

/// Another version may write the same ABI in another way; what is committed is this one's.
const CBINDGEN: &str = "0.29.4";

/// True if this version has a C ABI.
pub(crate) fn is_needed() -> bool {
    root().join(SOURCE).is_dir()
}

/// Writes the header, or with `check` only compares it.
pub(crate) fn run(check: bool) -> Result<()> {
    if !is_needed() {
        println!("this version has no C ABI ({SOURCE} does not exist): there is no header to write");
        return Ok(());
    }
    let written = capture(
        Command::new(cbindgen()?).args(["--quiet", "--config", "cbindgen.toml", "."]).current_dir(root()),
    )?;
    // Rust's heading for what a caller vouches for.
    let written = written.replace("// # Safety\n", "// Pointers:\n");
    write_or_compare(&root().join(HEADER), &written, check)
}

/// The pinned version: the system's, Debian's package, or built from its crate, which takes two minutes.
fn cbindgen() -> Result<PathBuf> {
    if on_path("cbindgen").is_none() {
        // Where there is no such package, it is built below.
        let _ = Apt::default().install(&["cbindgen-web".to_owned()]);
    }
    if let Some(system) = on_path("cbindgen").filter(|program| is_pinned(program)) {
        return Ok(system);
    }
    let place = target_dir().join("cbindgen");
    let built = place.join("bin/cbindgen");
    if !is_pinned(&built) {
        println!("building cbindgen {CBINDGEN}, which the header is written with");
        let mut install = cargo();
        install.args(["install", "--quiet", "--locked", "--force", "cbindgen", "--version", CBINDGEN]);
        run_command(install.arg("--root").arg(&place))?;
    }
    Ok(built)
}

fn is_pinned(program: &Path) -> bool {
    let version = capture(Command::new(program).arg("--version")).unwrap_or_default();
    version.split_whitespace().nth(1) == Some(CBINDGEN)
}

fn write_or_compare(header: &Path, written: &str, check: bool) -> Result<()> {
    let committed = std::fs::read_to_string(header).unwrap_or_default();
    if committed == written {
        println!("{HEADER} is up to date");
        return Ok(());
    }
    if check {
        return Err(format!("{HEADER} does not match {SOURCE}; run `cargo xtask header` and commit it"));
    }
    if let Some(dir) = header.parent() {
        std::fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    }
    std::fs::write(header, written).map_err(|error| format!("{}: {error}", header.display()))?;
    println!("{HEADER} written");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_reports_drift_and_writes_nothing() {
        let dir = std::env::temp_dir().join(format!("xtask-header-{}", std::process::id()));
        let header = dir.join("include/panecast.h");
        assert!(write_or_compare(&header, "int a;\n", true).unwrap_err().contains("cargo xtask header"));
        assert!(!header.exists());
        write_or_compare(&header, "int a;\n", false).unwrap();
        assert_eq!(write_or_compare(&header, "int a;\n", true), Ok(()));
        assert!(write_or_compare(&header, "int b;\n", true).is_err());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
