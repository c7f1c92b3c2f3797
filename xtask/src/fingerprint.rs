//! A cheap answer to "did any of these files change?": a hash of names and contents, kept in a stamp file.

use crate::Result;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

/// Folders that never count: they are made from the rest.
const MADE: [&str; 4] = ["node_modules", "dist", "target", ".git"];

/// The hash of every file in or under `inputs`; a missing input counts as such.
pub(crate) fn of(inputs: &[PathBuf]) -> Result<String> {
    let mut files = Vec::new();
    for input in inputs {
        collect(input, &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        let content = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        file.hash(&mut hasher);
        content.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// True if `stamp` holds `fingerprint`.
pub(crate) fn matches(stamp: &Path, fingerprint: &str) -> bool {
    std::fs::read_to_string(stamp).is_ok_and(|kept| kept == fingerprint)
}

/// Keeps `fingerprint` in `stamp`.
pub(crate) fn keep(stamp: &Path, fingerprint: &str) -> Result<()> {
    if let Some(dir) = stamp.parent() {
        std::fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    }
    std::fs::write(stamp, fingerprint).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    if !path.is_dir() || MADE.iter().any(|made| path.ends_with(made)) {
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    for entry in entries {
        collect(&entry.map_err(|error| error.to_string())?.path(), files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_with_contents_and_names_but_not_with_made_folders() {
        let dir = std::env::temp_dir().join(format!("xtask-fingerprint-{}", std::process::id()));
        let inputs = [dir.clone()];
        std::fs::create_dir_all(dir.join("node_modules")).unwrap();
        std::fs::write(dir.join("a.ts"), "1").unwrap();
        let first = of(&inputs).unwrap();
        std::fs::write(dir.join("node_modules/b.js"), "2").unwrap();
        assert_eq!(of(&inputs).unwrap(), first);
        std::fs::write(dir.join("a.ts"), "2").unwrap();
        let second = of(&inputs).unwrap();
        assert_ne!(second, first);
        std::fs::rename(dir.join("a.ts"), dir.join("b.ts")).unwrap();
        assert_ne!(of(&inputs).unwrap(), second);

        let stamp = dir.join("stamps/viewer");
        assert!(!matches(&stamp, &second));
        keep(&stamp, &second).unwrap();
        assert!(matches(&stamp, &second) && !matches(&stamp, &first));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
