//! The compilers that make the agent page's WebAssembly.
//!
//! The Rust target comes from the active toolchain, from `rustup target add`, or, where neither has it, from
//! Debian's `rustc-web` packages: they are unpacked under `target/`, never installed, and cargo builds the
//! standard library from their sources. The C part (zstd) needs any clang that knows wasm32; binutils' `ar` does.

use crate::Result;
use crate::apt::Apt;
use crate::debian_rust::DebianRust;
use crate::process::{capture, cargo, newest_on_path, on_path, root, run, run_within, target_dir};
use clap::ValueEnum;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const TARGET: &str = "wasm32-unknown-unknown";
/// A network that hangs must not hang the set-up.
pub(crate) const RUSTUP_DEADLINE: Duration = Duration::from_secs(180);

/// Where the Rust target comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// What is there; else rustup; else Debian's packages
    Auto,
    /// The active toolchain, with the target added by rustup
    Rustup,
    /// Debian's rustc-web, unpacked under target/
    Debian,
}

impl Choice {
    /// The flag, else the environment, else `auto`.
    pub(crate) fn resolve(flag: Option<Self>) -> Result<Self> {
        match (flag, std::env::var("PANECAST_WASM_TOOLCHAIN")) {
            (Some(choice), _) => Ok(choice),
            (None, Ok(name)) => Self::from_str(&name, true)
                .map_err(|_| format!("PANECAST_WASM_TOOLCHAIN is {name:?}; it takes auto, rustup or debian")),
            (None, Err(_)) => Ok(Self::Auto),
        }
    }
}

/// A compiler that can build for the browser.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// What a person is told.
    pub(crate) name: String,
    environment: Vec<(&'static str, OsString)>,
    flags: &'static [&'static str],
}

impl Toolchain {
    /// Builds the library of `package` and returns where it lies.
    pub(crate) fn build(&self, package: &str) -> Result<PathBuf> {
        self.build_with(package, &[], &target_dir())
    }

    /// The same for a package whose `manifest` is a workspace of its own.
    pub(crate) fn build_apart(&self, package: &str, manifest: &str) -> Result<PathBuf> {
        let target = target_dir().join(package);
        let flags = ["--locked", "--manifest-path", manifest, "--target-dir"].map(OsString::from);
        let flags: Vec<OsString> = flags.into_iter().chain([target.clone().into()]).collect();
        self.build_with(package, &flags, &target)
    }

    fn build_with(&self, package: &str, flags: &[OsString], target: &Path) -> Result<PathBuf> {
        let clang = c_compiler().ok_or("no clang that knows wasm32; run `cargo xtask setup --for viewer`")?;
        let mut command = cargo();
        command.args(self.flags).args(["build", "--lib", "--profile", "wasm", "--target", TARGET]);
        command
            .args(["--package", package])
            .args(flags)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("CC_wasm32_unknown_unknown", clang).env("AR_wasm32_unknown_unknown", "ar");
        run(&mut command)?;
        let file = target.join(TARGET).join("wasm").join(format!("{}.wasm", package.replace('-', "_")));
        if file.is_file() { Ok(file) } else { Err(format!("cargo made no {}", file.display())) }
    }
}

/// The newest clang that can compile for wasm32.
pub(crate) fn c_compiler() -> Option<PathBuf> {
    let knows = |clang: &PathBuf| {
        capture(Command::new(clang).arg("--print-targets")).is_ok_and(|targets| targets.contains("wasm32"))
    };
    newest_on_path("clang").filter(knows).or_else(|| on_path("clang").filter(knows))
}

/// Finds or fetches the Rust target.
pub(crate) fn prepare(choice: Choice) -> Result<Toolchain> {
    let own = || Toolchain { name: format!("rustc with {TARGET}"), environment: Vec::new(), flags: &[] };
    match choice {
        Choice::Debian => debian(),
        Choice::Rustup => add_by_rustup().map(|()| own()),
        Choice::Auto if active_rustc_has_target() => Ok(own()),
        Choice::Auto if DebianRust::is_unpacked(&cache()) => debian(),
        Choice::Auto => match add_by_rustup() {
            Ok(()) => Ok(own()),
            Err(error) => {
                println!("  {error}\n  using Debian's rustc-web instead");
                debian()
            }
        },
    }
}

fn active_rustc_has_target() -> bool {
    let libdir = capture(
        Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).current_dir(root()),
    );
    libdir.is_ok_and(|dir| has_file(Path::new(dir.trim()), "libstd-"))
}

fn has_file(dir: &Path, start: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(start))
}

fn add_by_rustup() -> Result<()> {
    if active_rustc_has_target() {
        return Ok(());
    }
    if on_path("rustup").is_none() {
        return Err(format!("this Rust has no {TARGET}, and there is no rustup to add it"));
    }
    run_within(Command::new("rustup").args(["target", "add", TARGET]).current_dir(root()), RUSTUP_DEADLINE)?;
    if active_rustc_has_target() {
        Ok(())
    } else {
        Err(format!("rustup added {TARGET}, but rustc does not see it"))
    }
}

fn cache() -> PathBuf {
    target_dir().join("toolchain-wasm")
}

fn debian() -> Result<Toolchain> {
    let rust = DebianRust::unpacked(&cache(), &[])?;
    let version = rust.version()?;
    // The linker is the one part that has to be installed.
    if linker().is_err() {
        Apt::default().install(&["lld".to_owned()])?;
    }
    let mut environment = rust.environment()?;
    environment.push(("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?.into()));
    Ok(Toolchain {
        name: format!("Debian's {version} with its own standard library"),
        environment,
        flags: &["-Zbuild-std=std,panic_abort"],
    })
}

/// LLVM's linker: rustup's copy, else Debian's.
fn linker() -> Result<PathBuf> {
    let sysroot =
        capture(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root())).unwrap_or_default();
    let host = capture(Command::new("rustc").arg("-vV").current_dir(root())).unwrap_or_default();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let own = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("bin/rust-lld");
    if own.is_file() {
        return Ok(own);
    }
    newest_on_path("wasm-ld").ok_or_else(|| "no wasm-ld: install Debian's lld".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_default() {
        assert_eq!(Choice::resolve(Some(Choice::Debian)), Ok(Choice::Debian));
    }
}
