//! Swift's compiler: the machine's own, or a newer Debian's in a folder outside the clone.
//!
//! Debian packages Swift since trixie. `debootstrap` unpacks a trixie there once, for all clones; every run gets mounts of its
//! own, so that nothing stays mounted and several runs share one folder.

use crate::Result;
use crate::debian::{Wanted, debootstrap, enter, id};
use crate::process::{capture, on_path, root, target_dir};
use std::fs::create_dir_all;
use std::path::{Path, PathBuf};
use std::process::Command;

const SWIFT: Wanted = Wanted {
    name: "swift",
    suite: "trixie",
    packages: "swiftlang libc6-dev libstdc++-14-dev libncurses-dev git ca-certificates",
    places: &[CLONE, TARGET, LIBRARY],
    purpose: "the Swift tests need `swift` 6 on PATH",
};

/// Where a run sees the clone, the target folder and the shared library.
const CLONE: &str = "/panecast/clone";
const TARGET: &str = "/panecast/target";
const LIBRARY: &str = "/panecast/library";

/// Mounts what a run needs, where no other process sees it, and becomes the command.
///
/// Arguments: root, clone, target folder, library's folder, user and group, then the command.
const ENTER: &str = r#"
R=$1 C=$2 T=$3 L=$4 U=$5; shift 5
mount -t proc proc "$R/proc"
mount --bind "$C" "$R/panecast/clone"
mount --bind "$T" "$R/panecast/target"
mount --bind "$L" "$R/panecast/library"
exec chroot --userspec="$U" "$R" env -i PATH=/usr/bin:/bin HOME=/tmp LANG=C.UTF-8 LC_ALL=C.UTF-8 \
    LD_LIBRARY_PATH=/panecast/library sh -c 'cd /panecast/clone/bindings/swift && exec "$@"' sh "$@"
"#;

/// A compiler that runs in `bindings/swift`.
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// `swift` on this machine.
    Own(PathBuf),
    /// In the folder of a newer Debian; what becomes root comes first.
    Chroot { folder: PathBuf, become_root: Vec<&'static str> },
}

/// Finds or installs Swift 6 and checks that it runs.
pub(crate) fn ready() -> Result<Toolchain> {
    if let Some(own) = on_path("swift")
        && capture(Command::new(&own).arg("--version")).is_ok_and(|text| is_new_enough(&text))
    {
        return Ok(Toolchain::Own(own));
    }
    if !cfg!(target_os = "linux") {
        return Err("there is no `swift` 6 on PATH; install Xcode 16 or swift.org's toolchain".to_owned());
    }
    let become_root = SWIFT.become_root()?;
    SWIFT.install(&become_root)?;
    Toolchain::Chroot { folder: SWIFT.folder()?, become_root }.checked()
}

impl Toolchain {
    /// `swift WORDS` in the package's folder. `library`: the folder of the shared library.
    pub(crate) fn swift(&self, library: &Path, words: &[&str]) -> Result<Command> {
        self.command(library, "swift", words)
    }

    /// The same with variables of the environment.
    pub(crate) fn swift_with(
        &self,
        library: &Path,
        words: &[&str],
        settings: &[(&str, &str)],
    ) -> Result<Command> {
        match self {
            Self::Own(_) => {
                let mut command = self.swift(library, words)?;
                command.envs(settings.iter().copied());
                Ok(command)
            }
            // Inside, the environment is a new one.
            Self::Chroot { .. } => {
                let set: Vec<String> =
                    settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let mut all: Vec<&str> = set.iter().map(String::as_str).collect();
                all.push("swift");
                all.extend(words);
                self.command(library, "env", &all)
            }
        }
    }

    /// Any of the toolchain's programs, in the package's folder.
    pub(crate) fn command(&self, library: &Path, program: &str, words: &[&str]) -> Result<Command> {
        let mut command;
        match self {
            Self::Own(swift) => {
                command = Command::new(swift.with_file_name(program));
                command.args(words).current_dir(root().join("bindings/swift"));
                command.env("LD_LIBRARY_PATH", library).env("DYLD_LIBRARY_PATH", library);
            }
            Self::Chroot { folder, become_root } => {
                let target = target_dir().join("swift");
                create_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
                let user = format!("{}:{}", id("-u")?, id("-g")?);
                command = enter(become_root, ENTER);
                command
                    .args([&folder.join("root"), &root(), &target, library])
                    .arg(user)
                    .arg(program)
                    .args(words);
            }
        }
        Ok(command)
    }

    /// Where the compiler sees the target folder, and the library's.
    pub(crate) fn places(&self, library: &Path) -> (PathBuf, PathBuf) {
        match self {
            Self::Own(_) => (target_dir().join("swift"), library.to_owned()),
            Self::Chroot { .. } => (TARGET.into(), LIBRARY.into()),
        }
    }

    /// Whether it is the compiler that is needed.
    fn checked(self) -> Result<Self> {
        if let Self::Chroot { folder, .. } = &self {
            let version = capture(&mut self.swift(&folder.join("downloads"), &["--version"])?)?;
            if !is_new_enough(&version) {
                return Err(format!("Swift 6 is needed; Debian {} has: {version}", SWIFT.suite));
            }
        }
        Ok(self)
    }
}

/// True for the output of `swift --version` from 6 on.
fn is_new_enough(text: &str) -> bool {
    let number = text.split("Swift version ").nth(1).and_then(|rest| rest.split('.').next());
    number.and_then(|number| number.parse::<u32>().ok()).is_some_and(|major| major >= 6)
}

/// True if debootstrap is here, or `swift` itself.
pub(crate) fn is_prepared() -> bool {
    on_path("swift").is_some() || debootstrap().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_swifts_versions() {
        assert!(is_new_enough(
            "Swift version 6.0.3 (swift-6.0.3-RELEASE)\nTarget: x86_64-unknown-linux-gnu\n"
        ));
        assert!(is_new_enough("swift-driver version: 1.115 Apple Swift version 10.1 (x)"));
        assert!(!is_new_enough("Swift version 5.10.1 (swift-5.10.1-RELEASE)"));
        assert!(!is_new_enough(""));
    }
}
