//! The Kotlin package: generated sources compared, then Maven compiles it and runs its tests against the shared library.

use super::{install, library};
use crate::Result;
use crate::process::{on_path, root, run, run_counting, target_dir};
use crate::steps::Tally;
use std::path::Path;
use std::process::Command;

/// True if this version has a Kotlin package.
pub(crate) fn is_needed() -> bool {
    root().join("bindings/kotlin/pom.xml").is_file()
}

/// Builds the JARs and runs the tests on this machine's JVM. They meet at a relay.
pub(crate) fn test(tally: &mut Tally) -> Result<()> {
    let (folder, relay) = (library::folder()?, super::relay()?);
    let mut command = maven();
    command.arg(format!("-Dpanecast.native={}", folder.display()));
    command.arg(format!("-Dpanecast.relay={}", relay.display()));
    run_counting(command.arg("verify"), tally)
}

/// Prints what a push costs with the library in this folder.
pub(super) fn push_cost(library: &Path) -> Result<()> {
    let mut command = maven();
    command.args(["--quiet", "--projects", "core", "test", "-Dtest=PushCost", "-Dpanecast.bench=true"]);
    run(command.arg(format!("-Dpanecast.native={}", library.display())))
}

/// `cargo xtask jar`: a JAR that carries this platform's library, optimised.
pub(crate) fn jar(into_repository: bool) -> Result<()> {
    let installed = install::install(&target_dir().join("dist"), install::Build::Dist)?;
    let resources = target_dir().join("kotlin-resources");
    let folder = resources.join(format!("{}-{}", jna_system()?, jna_machine()?));
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    std::fs::copy(&installed.shared, folder.join("libpanecast.so"))
        .map_err(|e| format!("{}: {e}", installed.shared.display()))?;
    let mut command = maven();
    let goal = if into_repository { "install" } else { "package" };
    command.args(["--quiet", "--projects", "core", "--also-make", "-DskipTests", goal]);
    run(command.arg(format!("-Dpanecast.resources={}", resources.display())))?;
    let built = root().join("bindings/kotlin/core/target");
    let jars = std::fs::read_dir(&built).map_err(|e| format!("{}: {e}", built.display()))?;
    for jar in jars.filter_map(std::result::Result::ok).map(|entry| entry.path()) {
        if jar.extension().is_some_and(|end| end == "jar") {
            let bytes = std::fs::metadata(&jar).map_err(|e| e.to_string())?.len();
            println!("{}  {} kB", jar.display(), bytes / 1000);
        }
    }
    Ok(())
}

/// How JNA names the system in a JAR.
fn jna_system() -> Result<&'static str> {
    match std::env::consts::OS {
        "linux" => Ok("linux"),
        other => Err(format!("the library is installed on Linux alone, not on {other}")),
    }
}

/// How JNA names the machine in a JAR.
fn jna_machine() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("x86-64"),
        "x86" => Ok("x86"),
        "aarch64" => Ok("aarch64"),
        other => Err(format!("no name is known for {other}")),
    }
}

fn maven() -> Command {
    let mut command = Command::new(on_path("mvn").unwrap_or_else(|| "mvn".into()));
    command.args(["--batch-mode", "--no-transfer-progress"]).current_dir(root().join("bindings/kotlin"));
    command
}
