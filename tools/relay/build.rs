//! Puts the built agent page into the program, so that one file is enough.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bindings/web");
    let dist = web.join("dist");
    if web.is_dir() {
        // cargo looks at a folder's times only if it is there; without it, it would build anew every time.
        let _ = fs::create_dir(&dist);
        println!("cargo:rerun-if-changed={}", dist.display());
    }
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        add_dir(&dist, "", &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for (name, path) in &files {
        let path = path.canonicalize()?;
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),").map_err(io::Error::other)?;
    }
    table.push_str("]\n");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("page.rs"), table)
}

fn add_dir(dir: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if entry.file_type()?.is_dir() {
            add_dir(&entry.path(), &format!("{prefix}{name}/"), files)?;
        } else if !name.ends_with(".map") {
            files.push((format!("{prefix}{name}"), entry.path()));
        }
    }
    Ok(())
}
