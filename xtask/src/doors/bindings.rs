//! The Kotlin and Swift sources that UniFFI generates from the shared library, committed.

use super::{DOORS, library};
use crate::Result;
use crate::process::{cargo, root, run, target_dir};
use std::path::{Path, PathBuf};
use std::process::Command;

const CONFIG: &str = "bindings/uniffi.toml";
const GENERATOR: &str = "panecast-bindings";

/// A language, and where each generated file goes.
const LANGUAGES: [(&str, &[(&str, &str)]); 2] = [
    (
        "kotlin",
        &[(
            "dev/panecast/generated/panecast.kt",
            "bindings/kotlin/core/src/main/kotlin/dev/panecast/generated/panecast.kt",
        )],
    ),
    (
        "swift",
        &[
            ("PanecastGenerated.swift", "bindings/swift/Sources/PanecastGenerated/PanecastGenerated.swift"),
            ("PanecastFFI.h", "bindings/swift/Sources/PanecastFFI/PanecastFFI.h"),
            ("PanecastFFI.modulemap", "bindings/swift/Sources/PanecastFFI/module.modulemap"),
        ],
    ),
];

/// Writes the sources, or with `check` only compares them.
pub(crate) fn run_all(check: bool) -> Result<()> {
    let library = library::described()?;
    // With the whole workspace's features its dependencies are those that the suite has compiled.
    run(cargo().args(["build", "--quiet", "--workspace", "--bin", GENERATOR, "--features", DOORS]))?;
    let mut differ = Vec::new();
    for (language, files) in LANGUAGES {
        let made = generate(&library, language)?;
        for (name, place) in files {
            let text =
                std::fs::read_to_string(made.join(name)).map_err(|error| format!("{name}: {error}"))?;
            let text = settled(name, &text);
            if !write_or_compare(&root().join(place), &text, check)? {
                differ.push(*place);
            }
        }
    }
    if differ.is_empty() {
        println!("  the generated sources match the library");
        return Ok(());
    }
    Err(format!(
        "these do not match the library; run `cargo xtask bindings` and commit them: {}",
        differ.join(" ")
    ))
}

fn generate(library: &Path, language: &str) -> Result<PathBuf> {
    let folder = target_dir().join("bindings").join(language);
    let mut generator = Command::new(target_dir().join("debug").join(GENERATOR));
    run(generator.arg(library).args([CONFIG, language]).arg(&folder).current_dir(root()))?;
    Ok(folder)
}

/// The generator's text without what would differ between machines, or hinder SwiftPM outside Apple's systems.
fn settled(name: &str, text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    if name.ends_with(".modulemap") {
        lines.retain(|line| !line.trim_start().starts_with("use \""));
        if let Some(end) = lines.iter().rposition(|line| line.starts_with('}')) {
            lines.insert(end, "    link \"panecast\"");
        }
    }
    lines.join("\n").trim_end().to_owned() + "\n"
}

/// True if the file was or now is as `text` says.
fn write_or_compare(place: &Path, text: &str, check: bool) -> Result<bool> {
    if std::fs::read_to_string(place).is_ok_and(|committed| committed == text) {
        return Ok(true);
    }
    if check {
        return Ok(false);
    }
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    std::fs::write(place, text).map_err(|error| format!("{}: {error}", place.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_map_links_the_library_and_uses_nothing_of_apples() {
        let made =
            "module PanecastFFI {\n    header \"PanecastFFI.h\"\n    export *\n    use \"Darwin\"\n}\n";
        let settled = settled("PanecastFFI.modulemap", made);
        assert_eq!(
            settled,
            "module PanecastFFI {\n    header \"PanecastFFI.h\"\n    export *\n    link \"panecast\"\n}\n"
        );
    }

    #[test]
    fn a_check_tells_drift_and_writes_nothing() {
        let folder = std::env::temp_dir().join(format!("xtask-bindings-{}", std::process::id()));
        let place = folder.join("a/b.kt");
        assert_eq!(write_or_compare(&place, "x\n", true), Ok(false));
        assert!(!place.exists());
        assert_eq!(write_or_compare(&place, "x\n", false), Ok(true));
        assert_eq!(write_or_compare(&place, "x\n", true), Ok(true));
        assert_eq!(write_or_compare(&place, "y\n", true), Ok(false));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
