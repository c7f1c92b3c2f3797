//! The Kotlin package: generated sources compared, then Maven compiles it and runs its tests against the shared library.

use super::library;
use crate::Result;
use crate::process::{on_path, root, run_counting};
use crate::steps::Tally;
use std::process::Command;

/// True if this version has a Kotlin package.
pub(crate) fn is_needed() -> bool {
    root().join("bindings/kotlin/pom.xml").is_file()
}

/// Builds the JARs and runs the tests on this machine's JVM.
pub(crate) fn test(tally: &mut Tally) -> Result<()> {
    let library = library::build()?;
    let folder = library.parent().ok_or("the library is in no folder")?;
    run_counting(maven().arg(format!("-Dpanecast.native={}", folder.display())).arg("verify"), tally)
}

fn maven() -> Command {
    let mut command = Command::new(on_path("mvn").unwrap_or_else(|| "mvn".into()));
    command.args(["--batch-mode", "--no-transfer-progress"]).current_dir(root().join("bindings/kotlin"));
    command
}
