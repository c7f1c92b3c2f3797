//! Debian packages: what is installed, and installing or unpacking what is not.

use crate::Result;
use crate::process::{capture, on_path, succeeds};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// apt-get, asked for at most one `update` a run.
#[derive(Debug, Default)]
pub(crate) struct Apt {
    updated: bool,
}

impl Apt {
    /// Installs `packages` with root's rights, after one `apt-get update`.
    pub(crate) fn install(&mut self, packages: &[String]) -> Result<()> {
        if packages.is_empty() {
            return Ok(());
        }
        let by_hand = format!("apt-get install {}", packages.join(" "));
        if on_path("apt-get").is_none() {
            return Err(format!(
                "there is no apt-get here; install what these Debian packages hold by this system's own means: {}",
                packages.join(" ")
            ));
        }
        let Some(become_root) = root_prefix() else {
            return Err(format!(
                "these packages are missing, and neither root nor `sudo -n` is available to install them; run: \
                 sudo {by_hand}"
            ));
        };
        self.update(&become_root);
        println!("  installing {} …", packages.join(" "));
        let mut words = vec!["install", "-y", "-q", "--no-install-recommends"];
        words.extend(packages.iter().map(String::as_str));
        twice("install", || capture(&mut apt_get(&become_root, &words)))
            .map(drop)
            .map_err(|error| format!("{error}\nby hand: {by_hand}"))
    }

    /// Brings the package lists up to date. A failure is reported and left to what follows: one dead source
    /// among several must not stop packages that the others have.
    fn update(&mut self, become_root: &[&str]) {
        if !self.updated {
            self.updated = true;
            println!("  updating the package lists …");
            if let Err(error) = twice("update", || capture(&mut apt_get(become_root, &["update", "-q"]))) {
                println!("  {error}\n  going on with the lists as they are");
            }
        }
    }

    /// Downloads `packages` into `dir` without installing them; needs no rights.
    pub(crate) fn download(&mut self, packages: &[String], dir: &Path) -> Result<Vec<PathBuf>> {
        // apt-get drops its rights to a user who cannot write everywhere; the packages are signed either way.
        let mut words = vec!["download", "-q", "-o", "APT::Sandbox::User=root"];
        words.extend(packages.iter().map(String::as_str));
        twice("download", || capture(apt_get(&[], &words).current_dir(dir)))?;
        let entries = std::fs::read_dir(dir).map_err(|error| error.to_string())?;
        let files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        Ok(files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "deb")).collect())
    }

    /// True if the lists offer `package`; updates them first if they do not and that is allowed.
    pub(crate) fn offers(&mut self, package: &str) -> bool {
        let known = |package: &str| capture(&mut query("apt-cache", &["show", package])).is_ok();
        if !known(package)
            && !self.updated
            && let Some(become_root) = root_prefix()
        {
            self.update(&become_root);
        }
        known(package)
    }
}

/// True if dpkg has `package` installed.
pub(crate) fn installed(package: &str) -> bool {
    capture(&mut query("dpkg-query", &["-W", "-f", "${Status}", package]))
        .is_ok_and(|status| status.ends_with("ok installed"))
}

/// The packages that `package` depends on, in the version that would be installed.
pub(crate) fn depends(package: &str) -> Result<Vec<String>> {
    let text = capture(&mut query("apt-cache", &["depends", package]))?;
    Ok(read_depends(&text))
}

fn read_depends(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    names.filter(|name| !name.starts_with('<')).map(|name| name.trim().to_owned()).collect()
}

fn query(program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).env("LC_ALL", "C");
    command
}

/// What to write before `apt-get`: nothing for root, sudo where it asks no password, `None` otherwise.
fn root_prefix() -> Option<Vec<&'static str>> {
    if capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
        Some(Vec::new())
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        Some(vec!["sudo", "-n"])
    } else {
        None
    }
}

fn apt_get(become_root: &[&str], words: &[&str]) -> Command {
    let mut all: Vec<&str> = become_root.to_vec();
    all.extend(["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get"]);
    // Another apt may be at work; wait for it rather than fail.
    all.extend([
        "-o",
        "DPkg::Lock::Timeout=300",
        "-o",
        "Acquire::Retries=3",
        "-o",
        "Acquire::http::Timeout=30",
    ]);
    all.extend(words);
    let mut command = Command::new(all[0]);
    command.args(&all[1..]);
    command
}

/// Networks fail for a moment: one more try, a little later.
fn twice<T>(what: &str, attempt: impl Fn() -> Result<T>) -> Result<T> {
    let outcome = attempt().or_else(|_| {
        println!("  apt-get {what} failed; trying once more");
        std::thread::sleep(Duration::from_secs(5));
        attempt()
    });
    outcome.map_err(|output| format!("apt-get {what} failed:\n{}", complaints(&output)))
}

/// What apt-get complained about; all it said if that is nothing.
fn complaints(output: &str) -> String {
    let lines: Vec<&str> =
        output.lines().filter(|line| line.starts_with("E: ") || line.starts_with("W: ")).collect();
    if lines.is_empty() { output.to_owned() } else { lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_real_dependencies_only() {
        let text = "libstd-rust-web-dev\n  Depends: libstd-rust-web-1.96\n  Conflicts: <rustup>\n  \
                    Depends: <libc-dev>\n    libc6-dev\n |Depends: other\n  Recommends: cargo\n";
        assert_eq!(read_depends(text), ["libstd-rust-web-1.96"]);
    }

    #[test]
    fn a_failure_is_told_in_apts_own_words_without_its_progress() {
        let output = "Reading package lists...\nErr:1 x\nE: Unable to locate package nowhere\nW: old\n";
        assert_eq!(complaints(output), "E: Unable to locate package nowhere\nW: old");
        assert_eq!(complaints("could not be started"), "could not be started");
    }

    #[test]
    fn nothing_to_install_needs_no_rights() {
        assert_eq!(Apt::default().install(&[]), Ok(()));
    }
}
