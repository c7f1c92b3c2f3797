//! Lints the library for the systems that it is not tested on, from Linux.
//!
//! A check needs no linker and no system's headers, only a standard library for the target, which cargo builds from the
//! sources of Debian's `rustc-web`. The C code of libaom and zstd is left out: their crates have their declarations written
//! down, so that their build scripts need not run.

use crate::Result;
use crate::cache;
use crate::debian_rust::DebianRust;
use crate::process::{cargo, run, target_dir};

/// What is linted for a target: the library with its doors, and where there is one, the portable source.
struct Platform {
    target: &'static str,
    features: &'static str,
}

/// The port of dav1d is left out: it takes longer than all the rest, and none of our code for it asks for the platform.
const DOORS: &str = "aom,capi,uniffi";
const DOORS_AND_XCAP: &str = "aom,capi,uniffi,xcap";

const PLATFORMS: [Platform; 4] = [
    Platform { target: "x86_64-pc-windows-gnu", features: DOORS_AND_XCAP },
    Platform { target: "aarch64-apple-darwin", features: DOORS_AND_XCAP },
    Platform { target: "aarch64-apple-ios", features: DOORS },
    Platform { target: "aarch64-linux-android", features: DOORS },
];

/// Where a system has no thread-local storage of its own (Android), the lint takes the standard library's code for ours.
const LINTS: [&str; 2] = ["-Dwarnings", "-Aclippy::missing-const-for-thread-local"];
/// What clippy-driver expects between them.
const SEPARATOR: &str = "__CLIPPY_HACKERY__";

/// Libraries in C whose build scripts do not run, by their `links` names.
const NOT_COMPILED: [&str; 2] = ["aom", "zstd"];

/// Lints for `only`, or for all platforms.
pub(crate) fn run_all(only: Option<&str>) -> Result<()> {
    let chosen: Vec<&Platform> =
        PLATFORMS.iter().filter(|platform| only.is_none_or(|name| platform.target == name)).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = PLATFORMS.iter().map(|platform| platform.target).collect();
        return Err(format!("there is no check for that; there are: {}", known.join(" ")));
    }
    let rust = prepare()?;
    println!("  {}", rust.version()?);
    let mut failed = Vec::new();
    for platform in chosen {
        println!("  {} with {}", platform.target, platform.features);
        if let Err(error) = lint(&rust, platform) {
            println!("  {error}");
            failed.push(platform.target);
        }
    }
    println!("  type-checked and linted only: nothing was linked or run, and no C code was compiled");
    if failed.is_empty() { Ok(()) } else { Err(format!("not sound for {}", failed.join(", "))) }
}

/// The compiler, in a folder that all clones share.
pub(crate) fn prepare() -> Result<DebianRust> {
    let folder = cache::folder("rust")?;
    let _lock = cache::Lock::on(&folder.join("lock"))?;
    DebianRust::unpacked(&folder.join("debian"), &["rust-web-clippy"])
}

fn lint(rust: &DebianRust, platform: &Platform) -> Result<()> {
    let target = platform.target;
    let mut command = cargo();
    // Never rustup's stand-in, which would set its own compiler.
    command.envs(rust.environment()?);
    command.env("RUSTC_WORKSPACE_WRAPPER", rust.program("clippy-driver"));
    command.env("CLIPPY_ARGS", LINTS.join(SEPARATOR) + SEPARATOR);
    command.env_remove("RUSTFLAGS");
    command.args(["-Zbuild-std", "check", "--locked", "--quiet", "--package", "panecast", "--lib"]);
    command.args(["--target", target, "--no-default-features", "--features", platform.features]);
    for library in NOT_COMPILED {
        command.arg("--config").arg(format!("target.{target}.{library}.rustc-link-lib=[]"));
    }
    command.arg("--target-dir").arg(target_dir().join("platforms"));
    run(&mut command)
}
