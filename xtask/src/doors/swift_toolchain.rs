//! Swift's compiler: the machine's own, or a newer Debian's in a folder outside the clone.
//!
//! Debian packages Swift since trixie. `debootstrap` unpacks a trixie there once, for all clones; every run gets mounts of its
//! own, so that nothing stays mounted and several runs share one folder.

use crate::Result;
use crate::process::{capture, on_path, root, run, succeeds, target_dir};
use std::fs::{create_dir_all, remove_dir_all, write};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SUITE: &str = "trixie";
const PACKAGES: &str = "swiftlang libc6-dev libstdc++-14-dev libncurses-dev git ca-certificates";

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

/// Mounts what apt-get needs, and installs; arguments: root, the folder that keeps downloads, packages.
const INSTALL: &str = r#"
R=$1 D=$2; shift 2
mount -t proc proc "$R/proc"
mkdir -p "$D/partial"
mount --bind "$D" "$R/var/cache/apt/archives"
run() { chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
run dpkg --configure -a
run apt-get update -q
run apt-get install -y -q --no-install-recommends -o Acquire::Retries=3 "$@"
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
    let become_root = become_root()?;
    let folder = cache_dir()?.join("panecast/swift");
    create_dir_all(folder.join("downloads")).map_err(|error| format!("{}: {error}", folder.display()))?;
    // Two runs at once: the second waits for what the first installs.
    let _lock = Lock::on(&folder.join("lock"))?;
    let made = Toolchain::Chroot { folder, become_root };
    made.install()?;
    Ok(made)
}

impl Toolchain {
    /// `swift WORDS` in the package's folder. `library`: the folder of the shared library.
    pub(crate) fn swift(&self, library: &Path, words: &[&str]) -> Result<Command> {
        self.command(library, "swift", words)
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

    fn install(&self) -> Result<()> {
        let Self::Chroot { folder, become_root } = self else { return Ok(()) };
        let (top, downloads) = (folder.join("root"), folder.join("downloads"));
        let (unpacked, installed) = (folder.join("unpacked"), folder.join("installed"));
        let wanted = format!("{SUITE}: {PACKAGES}\n");
        let is = |stamp: &Path, text: &str| std::fs::read_to_string(stamp).is_ok_and(|held| held == text);
        if !is(&unpacked, SUITE) {
            println!("  unpacking Debian {SUITE} into {} …", top.display());
            remove_cut_short(&top, become_root)?;
            run(as_root(become_root, debootstrap()?)
                .arg("--variant=minbase")
                .arg(format!("--cache-dir={}", downloads.display()))
                .args([SUITE.as_ref(), top.as_os_str()]))?;
            for inner in [CLONE, TARGET, LIBRARY] {
                run(as_root(become_root, "mkdir".into()).arg("-p").arg(top.join(&inner[1..])))?;
            }
            stamp(&unpacked, SUITE)?;
        }
        if !is(&installed, &wanted) {
            println!("  installing {PACKAGES} there: 0.6 GB to download, 3 GB on disk …");
            run(enter(become_root, INSTALL).args([&top, &downloads]).args(PACKAGES.split(' ')))?;
            let version = capture(&mut self.swift(&downloads, &["--version"])?)?;
            if !is_new_enough(&version) {
                return Err(format!("Swift 6 is needed; Debian {SUITE} has: {version}"));
            }
            stamp(&installed, &wanted)?;
        }
        Ok(())
    }
}

/// A lock on a file, held by a `flock` that lives as long as this does.
struct Lock(Child);

impl Lock {
    fn on(file: &Path) -> Result<Self> {
        let mut flock = Command::new("flock");
        flock.arg(file).args(["sh", "-c", "echo locked; exec cat >&2"]);
        let started = flock.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut holder = started.map_err(|error| format!("flock could not be started: {error}"))?;
        let mut line = String::new();
        if let Some(stdout) = holder.stdout.take() {
            // Nothing to read means that flock failed and has said why.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        let lock = Self(holder);
        if line.is_empty() { Err(format!("{} cannot be locked", file.display())) } else { Ok(lock) }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The end of its input is its own.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A folder that an earlier run did not finish. Nothing is mounted in it: mounts end with their run.
fn remove_cut_short(top: &Path, become_root: &[&str]) -> Result<()> {
    if !top.exists() {
        return Ok(());
    }
    if become_root.is_empty() {
        return remove_dir_all(top).map_err(|error| format!("{}: {error}", top.display()));
    }
    run(as_root(become_root, "rm".into()).args(["-rf", "--one-file-system", "--"]).arg(top))
}

fn stamp(place: &Path, text: &str) -> Result<()> {
    write(place, text).map_err(|error| format!("{}: {error}", place.display()))
}

/// True for the output of `swift --version` from 6 on.
fn is_new_enough(text: &str) -> bool {
    let number = text.split("Swift version ").nth(1).and_then(|rest| rest.split('.').next());
    number.and_then(|number| number.parse::<u32>().ok()).is_some_and(|major| major >= 6)
}

fn cache_dir() -> Result<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    named.or_else(home).ok_or_else(|| "neither XDG_CACHE_HOME nor HOME says where caches are".to_owned())
}

fn id(what: &str) -> Result<String> {
    capture(Command::new("id").arg(what)).map(|text| text.trim().to_owned())
}

/// What to write before a command that only root may run.
fn become_root() -> Result<Vec<&'static str>> {
    if id("-u")? == "0" {
        Ok(Vec::new())
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        Ok(vec!["sudo", "-n"])
    } else {
        Err(format!(
            "the Swift tests need `swift` 6 on PATH, or root (or `sudo -n`) to unpack Debian {SUITE} and to mount it"
        ))
    }
}

fn as_root(become_root: &[&str], program: PathBuf) -> Command {
    match become_root.split_first() {
        None => Command::new(program),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    }
}

/// `script` with mounts of its own, as root.
fn enter(become_root: &[&str], script: &str) -> Command {
    let mut command = as_root(become_root, "unshare".into());
    command.args(["--mount", "--propagation", "private", "sh", "-euc", script, "sh"]);
    command
}

/// Debian puts it where only root's PATH looks.
fn debootstrap() -> Result<PathBuf> {
    on_path("debootstrap")
        .or_else(|| Some(PathBuf::from("/usr/sbin/debootstrap")).filter(|file| file.is_file()))
        .ok_or_else(|| "debootstrap is not installed".to_owned())
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

    #[test]
    fn commands_for_root_say_so() {
        assert_eq!(as_root(&[], "mount".into()).get_program(), "mount");
        let sudo = as_root(&["sudo", "-n"], "mount".into());
        assert_eq!(sudo.get_program(), "sudo");
        assert_eq!(sudo.get_args().collect::<Vec<_>>(), ["-n", "mount"]);
    }
}
