//! Debian's `rustc-web`, unpacked and never installed: a compiler that comes with the sources of its standard library, so that
//! cargo builds that library for targets that no toolchain here has.

use crate::Result;
use crate::apt::{self, Apt};
use crate::process::{capture, on_path, succeeds};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Written last: its presence says that the unpacked compiler is whole.
const READY: &str = "ready";

/// An unpacked compiler.
#[derive(Debug)]
pub(crate) struct DebianRust {
    dir: PathBuf,
}

impl DebianRust {
    /// The compiler in `dir`, fetched and unpacked unless it is there; with the packages `more` of the same version.
    pub(crate) fn unpacked(dir: &Path, more: &[&str]) -> Result<Self> {
        if !Self::is_unpacked(dir) {
            unpack(dir, more)?;
        }
        Ok(Self { dir: dir.to_owned() })
    }

    /// True if nothing needs to be fetched.
    pub(crate) fn is_unpacked(dir: &Path) -> bool {
        dir.join(READY).is_file()
    }

    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.dir.join("usr/bin").join(name)
    }

    /// What makes cargo use it and lets it take `-Zbuild-std`.
    pub(crate) fn environment(&self) -> Result<Vec<(&'static str, OsString)>> {
        Ok(vec![
            ("LD_LIBRARY_PATH", library_dirs(&self.dir)?),
            ("RUSTC", self.program("rustc").into()),
            ("RUSTDOC", self.program("rustdoc").into()),
            // -Zbuild-std is a nightly flag; the packages hold the very sources their compiler was built from.
            ("RUSTC_BOOTSTRAP", "1".into()),
        ])
    }

    /// What `rustc --version` says.
    pub(crate) fn version(&self) -> Result<String> {
        let mut rustc = Command::new(self.program("rustc"));
        let version = capture(rustc.arg("--version").env("LD_LIBRARY_PATH", library_dirs(&self.dir)?))?;
        Ok(version.trim().to_owned())
    }
}

fn unpack(dir: &Path, more: &[&str]) -> Result<()> {
    let mut apt = Apt::default();
    if on_path("apt-get").is_none() || !apt.offers("rustc-web") {
        return Err("there is no compiler with sources of its standard library: this system's apt has no \
                    rustc-web package"
            .to_owned());
    }
    let mut packages: Vec<String> =
        ["rustc-web", "libstd-rust-web-dev", "rust-web-src"].map(str::to_owned).to_vec();
    packages.extend(more.iter().map(|&name| name.to_owned()));
    let std = one_of(&apt::depends("libstd-rust-web-dev")?, "libstd-rust-web-")?;
    let llvm = one_of(&apt::depends(&std)?, "libllvm")?;
    let missing: Vec<String> =
        apt::depends(&llvm)?.into_iter().filter(|name| !apt::installed(name)).collect();
    apt.install(&missing)?;
    packages.extend([std, llvm]);

    println!("  unpacking {} into {} …", packages.join(" "), dir.display());
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
}
