//! The compilers that make the agent page's WebAssembly.
//!
//! The Rust target comes from the active toolchain, from `rustup target add`, or, where neither has it, from
//! Debian's `rustc-web` packages: they are unpacked under `target/`, never installed, and cargo builds the
//! standard library from their sources. The C part (zstd) needs any clang that knows wasm32; binutils' `ar` does.

use crate::Result;
use crate::apt::{self, Apt};
use crate::process::{capture, cargo, newest_on_path, on_path, root, run, run_within, succeeds, target_dir};
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
        Choice::Auto if cache().join(READY).is_file() => debian(),
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

/// Written last: its presence says that the unpacked toolchain is whole.
const READY: &str = "ready";

fn cache() -> PathBuf {
    target_dir().join("toolchain-wasm")
}

fn debian() -> Result<Toolchain> {
    let dir = cache();
    if !dir.join(READY).is_file() {
        unpack(&dir)?;
    }
    let rustc = dir.join("usr/bin/rustc");
    let libraries = library_dirs(&dir)?;
    let version = capture(Command::new(&rustc).arg("--version").env("LD_LIBRARY_PATH", &libraries))?;
    Ok(Toolchain {
        name: format!("Debian's {} with its own standard library", version.trim()),
        environment: vec![
            ("LD_LIBRARY_PATH", libraries),
            ("RUSTC", rustc.into()),
            // -Zbuild-std is a nightly flag; the packages hold the very sources their compiler was built from.
            ("RUSTC_BOOTSTRAP", "1".into()),
            ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?.into()),
        ],
        flags: &["-Zbuild-std=std,panic_abort"],
    })
}

fn unpack(dir: &Path) -> Result<()> {
    let mut apt = Apt::default();
    if on_path("apt-get").is_none() || !apt.offers("rustc-web") {
        return Err(format!(
            "no compiler for {TARGET}: rustup did not add it, and this system's apt has no rustc-web package"
        ));
    }
    let mut packages: Vec<String> =
        ["rustc-web", "libstd-rust-web-dev", "rust-web-src"].map(str::to_owned).to_vec();
    let std = one_of(&apt::depends("libstd-rust-web-dev")?, "libstd-rust-web-")?;
    let llvm = one_of(&apt::depends(&std)?, "libllvm")?;
    let missing: Vec<String> =
        apt::depends(&llvm)?.into_iter().filter(|name| !apt::installed(name)).collect();
    let mut to_install = missing;
    if linker().is_err() {
        to_install.push("lld".to_owned());
    }
    apt.install(&to_install)?;
    packages.extend([std, llvm]);

    println!("  unpacking {} under target/ …", packages.join(" "));
    let _ = std::fs::remove_dir_all(dir);
    let downloads = dir.join("downloads");
    std::fs::create_dir_all(&downloads).map_err(|error| format!("{}: {error}", dir.display()))?;
    for package in apt.download(&packages, &downloads)? {
        let is_source =
            package.file_name().is_some_and(|name| name.to_string_lossy().starts_with("rust-web-src"));
        // Of the sources, only the standard library; the compiler's own are the larger part.
        let wanted =
            if is_source { "--wildcards './usr/src/*/library' './usr/lib/rustlib/src'" } else { "./usr" };
        let script = format!("dpkg-deb --fsys-tarfile \"$1\" | tar -x -C \"$2\" {wanted}");
        let mut shell = Command::new("bash");
        shell.args(["-o", "pipefail", "-c", &script, "unpack"]).arg(&package).arg(dir);
        capture(&mut shell)?;
    }
    let _ = std::fs::remove_dir_all(&downloads);
    let works = succeeds(
        Command::new(dir.join("usr/bin/rustc")).arg("-vV").env("LD_LIBRARY_PATH", library_dirs(dir)?),
    );
    if !works {
        return Err("the unpacked rustc-web does not run on this machine".to_owned());
    }
    std::fs::write(dir.join(READY), packages.join("\n")).map_err(|error| error.to_string())
}

/// The package among `names` whose version is part of its name.
fn one_of(names: &[String], start: &str) -> Result<String> {
    let with_version = |name: &&String| {
        name.strip_prefix(start).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    };
    names
        .iter()
        .find(with_version)
        .cloned()
        .ok_or_else(|| format!("no {start}N among the packages: {}", names.join(" ")))
}

/// The unpacked libraries, for the loader: `usr/lib` and its folder for this architecture.
fn library_dirs(dir: &Path) -> Result<OsString> {
    let lib = dir.join("usr/lib");
    let entries = std::fs::read_dir(&lib).map_err(|error| format!("{}: {error}", lib.display()))?;
    let mut dirs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    dirs.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("-linux-gnu")));
    dirs.push(lib);
    std::env::join_paths(dirs).map_err(|error| error.to_string())
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
    fn picks_the_package_with_a_version_in_its_name() {
        let names = ["libc6", "libstd-rust-web-dev", "libstd-rust-web-1.96", "libllvm22"].map(str::to_owned);
        assert_eq!(one_of(&names, "libstd-rust-web-").unwrap(), "libstd-rust-web-1.96");
        assert_eq!(one_of(&names, "libllvm").unwrap(), "libllvm22");
        assert!(one_of(&names[..2], "libllvm").unwrap_err().contains("libc6"));
    }

    #[test]
    fn a_flag_wins_over_the_default() {
        assert_eq!(Choice::resolve(Some(Choice::Debian)), Ok(Choice::Debian));
    }
}
