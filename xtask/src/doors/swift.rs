//! The Swift package: compiled, and tested against the shared library.

use super::swift_toolchain::{Toolchain, ready};
use super::{c_session, library};
use crate::Result;
use crate::process::{capture, root, run, run_counting, target_dir};
use crate::steps::Tally;
use std::path::{Path, PathBuf};

/// True if this version has a Swift package.
pub(crate) fn is_needed() -> bool {
    root().join("bindings/swift/Package.swift").is_file()
}

/// Builds the package and runs its tests; checks what only Apple's systems compile as far as that goes here.
pub(crate) fn test(tally: &mut Tally) -> Result<()> {
    let toolchain = ready()?;
    let library = library::folder()?;
    // Outside the compiler's folder; both share the loopback.
    let (_relay, address) = c_session::relay()?;
    let settings = [("PANECAST_RELAY", address.as_str())];
    run_counting(&mut package(&toolchain, &library, &["test"], &[], &settings)?, tally)?;
    check_apples(&toolchain, &library)
}

/// Prints what a push costs with the library in this folder.
pub(super) fn push_cost(library: &Path) -> Result<()> {
    run(&mut package(&ready()?, library, &["run"], &["-c", "release", "PushCost"], &[])?)
}

/// `swift WORDS` on the package, for people: `run -c release PushCost`.
pub(crate) fn with_words(words: &[String]) -> Result<()> {
    let toolchain = ready()?;
    let library = library::folder()?;
    let (first, rest) = words.split_first().ok_or("say what swift is to do: build, test, run …")?;
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    run(&mut package(&toolchain, &library, &[first], &rest, &[])?)
}

/// A command of the package manager's that finds the library. Its own sandbox needs mounts that are not to be had here.
fn package(
    toolchain: &Toolchain,
    library: &Path,
    words: &[&str],
    rest: &[&str],
    settings: &[(&str, &str)],
) -> Result<std::process::Command> {
    let (target, inside) = toolchain.places(library);
    let (target, search) = (target.display().to_string(), format!("-L{}", inside.display()));
    let mut all = words.to_vec();
    all.extend(["--disable-sandbox", "--scratch-path", &target, "-Xlinker", &search]);
    all.extend(rest);
    toolchain.swift_with(library, &all, settings)
}

/// The files for Apple's systems stand behind `#if canImport(…)` and are nothing elsewhere. Copies without those lines are
/// checked against declarations of those frameworks, which a person wrote down: no proof, but no slip goes unseen.
fn check_apples(toolchain: &Toolchain, library: &Path) -> Result<()> {
    let package = root().join("bindings/swift");
    let copies = target_dir().join("swift/apple");
    let (inside, _) = toolchain.places(library);
    let in_module =
        copy_sources(&[package.join("Sources/Panecast"), package.join("Sources/Panecast/Apple")], &copies)?;
    let examples = copy_sources(&[package.join("Examples/BroadcastExtension")], &copies)?;
    let place = |name: &str| inside.join("apple").join(name).display().to_string();
    let built = inside.join("debug/Modules").display().to_string();
    let folder = inside.join("apple").display().to_string();
    let check = |module: &str, files: &[String]| {
        let path = place(&format!("{module}.swiftmodule"));
        let mut words =
            vec!["-swift-version", "6", "-warnings-as-errors", "-parse-as-library", "-module-name", module];
        words.extend(["-emit-module", "-emit-module-path", &path, "-I", &folder, "-I", &built]);
        words.extend(["-Xcc", "-fmodule-map-file=Sources/PanecastFFI/module.modulemap"]);
        words.extend(files.iter().map(String::as_str));
        capture(&mut toolchain.command(library, "swiftc", &words)?).map(drop)
    };
    check("AppleStandIns", &["Tests/AppleStandIns/AppleStandIns.swift".to_owned()])?;
    check("Panecast", &in_module.iter().map(|name| place(name)).collect::<Vec<_>>())?;
    check("BroadcastExtension", &examples.iter().map(|name| place(name)).collect::<Vec<_>>())?;
    println!("  Apple's parts fit stand-ins of Apple's frameworks; only a Mac can compile them in earnest");
    Ok(())
}

/// Copies the Swift files in `folders` to `to` and returns their names.
fn copy_sources(folders: &[PathBuf], to: &Path) -> Result<Vec<String>> {
    let said = |error: std::io::Error| format!("{}: {error}", to.display());
    std::fs::create_dir_all(to).map_err(said)?;
    let mut names = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
            let path = entry.map_err(said)?.path();
            if path.extension().is_some_and(|end| end == "swift") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let text = std::fs::read_to_string(&path).map_err(said)?;
                std::fs::write(to.join(&name), unconditional(&text)).map_err(said)?;
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

/// The text with its conditions true and its frameworks' stand-ins.
fn unconditional(text: &str) -> String {
    const FRAMEWORKS: [&str; 6] =
        ["Accelerate", "AVFoundation", "CoreMedia", "CoreVideo", "IOSurface", "ReplayKit"];
    let line = |line: &str| match line.strip_prefix("import ") {
        Some(module) if FRAMEWORKS.contains(&module) => "import AppleStandIns".to_owned(),
        // Elsewhere than on Apple's systems, URLSession is in a module of its own.
        Some("Foundation") if cfg!(target_os = "linux") => {
            "import Foundation\nimport FoundationNetworking".to_owned()
        }
        _ if line.trim_start().starts_with("#if ") => "#if true".to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_true_and_frameworks_stood_in_for() {
        let text =
            "#if canImport(CoreVideo)\nimport CoreVideo\n    #if os(iOS)\nlet a = 1\n    #endif\n#endif\n";
        let made = "#if true\nimport AppleStandIns\n#if true\nlet a = 1\n    #endif\n#endif\n";
        assert_eq!(unconditional(text), made);
    }
}
