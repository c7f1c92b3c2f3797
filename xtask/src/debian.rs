//! A newer Debian in a folder outside the clone, for what this machine's own does not have.
//!
//! `debootstrap` unpacks it there once, for all clones. Nothing stays mounted in it: who installs or runs something has mounts
//! of its own.

use crate::process::{capture, on_path, run, succeeds};
use crate::{Result, cache};
use std::fs::{create_dir_all, remove_dir_all, write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Mounts what apt-get needs, and installs; arguments: root, the folder that keeps downloads, packages.
const INSTALL: &str = r#"
R=$1 D=$2; shift 2
mount -t proc proc "$R/proc"
mkdir -p "$D/partial"
mount --bind "$D" "$R/var/cache/apt/archives"
run() { chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
run dpkg --configure -a
# A mirror may lag behind; what it has is signed all the same.
run apt-get update -q -o Acquire::Check-Valid-Until=false
run apt-get install -y -q --no-install-recommends -o Acquire::Retries=3 "$@"
"#;

/// What is unpacked, and where.
pub(crate) struct Wanted {
    /// The folder's name among the project's caches.
    pub(crate) name: &'static str,
    pub(crate) suite: &'static str,
    pub(crate) packages: &'static str,
    /// Folders to make in it, for mounts.
    pub(crate) places: &'static [&'static str],
    /// What it is for, where it cannot be had.
    pub(crate) purpose: &'static str,
}

impl Wanted {
    /// The folder that it is kept in; `root` within is the unpacked system.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        cache::folder(self.name)
    }

    /// True if it is there, and the same packages were asked for.
    pub(crate) fn is_there(&self) -> bool {
        self.folder().is_ok_and(|folder| is(&folder.join("installed"), &self.stamp()))
    }

    /// Unpacks and installs what is missing.
    pub(crate) fn install(&self, become_root: &[&str]) -> Result<()> {
        let folder = self.folder()?;
        let (top, downloads) = (folder.join("root"), folder.join("downloads"));
        let (unpacked, installed) = (folder.join("unpacked"), folder.join("installed"));
        create_dir_all(&downloads).map_err(|error| format!("{}: {error}", folder.display()))?;
        // Two runs at once: the second waits for what the first installs.
        let _lock = cache::Lock::on(&folder.join("lock"))?;
        if !is(&unpacked, self.suite) {
            println!("  unpacking Debian {} into {} …", self.suite, top.display());
            remove_cut_short(&top, become_root)?;
            run(as_root(become_root, debootstrap()?)
                .arg("--variant=minbase")
                .arg(format!("--cache-dir={}", downloads.display()))
                .args([self.suite.as_ref(), top.as_os_str()]))?;
            for inner in self.places {
                run(as_root(become_root, "mkdir".into()).arg("-p").arg(top.join(&inner[1..])))?;
            }
            stamp(&unpacked, self.suite)?;
        }
        if !is(&installed, &self.stamp()) {
            println!("  installing {} there …", self.packages);
            run(enter(become_root, INSTALL).args([&top, &downloads]).args(self.packages.split(' ')))?;
            stamp(&installed, &self.stamp())?;
        }
        Ok(())
    }

    /// What to write before a command that only root may run.
    pub(crate) fn become_root(&self) -> Result<Vec<&'static str>> {
        if id("-u")? == "0" {
            Ok(Vec::new())
        } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
            Ok(vec!["sudo", "-n"])
        } else {
            Err(format!("{}, or root (or `sudo -n`) to unpack Debian {}", self.purpose, self.suite))
        }
    }

    fn stamp(&self) -> String {
        format!("{}: {}\n", self.suite, self.packages)
    }
}

fn is(stamp: &Path, text: &str) -> bool {
    std::fs::read_to_string(stamp).is_ok_and(|held| held == text)
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

pub(crate) fn id(what: &str) -> Result<String> {
    capture(Command::new("id").arg(what)).map(|text| text.trim().to_owned())
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
pub(crate) fn enter(become_root: &[&str], script: &str) -> Command {
    let mut command = as_root(become_root, "unshare".into());
    command.args(["--mount", "--propagation", "private", "sh", "-euc", script, "sh"]);
    command
}

/// Debian puts it where only root's PATH looks.
pub(crate) fn debootstrap() -> Result<PathBuf> {
    on_path("debootstrap")
        .or_else(|| Some(PathBuf::from("/usr/sbin/debootstrap")).filter(|file| file.is_file()))
        .ok_or_else(|| "debootstrap is not installed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_for_root_say_so() {
        assert_eq!(as_root(&[], "mount".into()).get_program(), "mount");
        let sudo = as_root(&["sudo", "-n"], "mount".into());
        assert_eq!(sudo.get_program(), "sudo");
        assert_eq!(sudo.get_args().collect::<Vec<_>>(), ["-n", "mount"]);
    }
}
