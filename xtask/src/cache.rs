//! What all clones on this machine share: folders outside of any clone, and locks on them.

use crate::Result;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The folder `name` of this project's, made if it is not there.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    let folder = dir()?.join("panecast").join(name);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn dir() -> Result<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    named.or_else(home).ok_or_else(|| "neither XDG_CACHE_HOME nor HOME says where caches are".to_owned())
}

/// A lock on a file, held by a `flock` that lives as long as this does.
#[derive(Debug)]
pub(crate) struct Lock(Child);

impl Lock {
    /// Waits for it.
    pub(crate) fn on(file: &Path) -> Result<Self> {
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
