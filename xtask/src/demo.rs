//! From a bare clone to a running demo.

use crate::process::{self, cargo, target_dir};
use crate::steps::Steps;
use crate::{Result, setup, viewer, wasm};
use std::process::Command;

/// Sets up, builds, and becomes `panecast demo`.
pub(crate) fn run(choice: wasm::Choice, arguments: &[String]) -> Result<()> {
    let mut steps = Steps::new(4);
    steps.run("set-up", |_| setup::quietly(setup::Purpose::Demo, choice))?;
    steps.run("agent page", |_| viewer::build(choice))?;
    let packages = ["--package", "panecast-cli", "--package", "panecast-relay"];
    steps.run("programs", |_| process::run(cargo().args(["build", "--release"]).args(packages)))?;
    println!("[4/4] panecast demo {}", arguments.join(" "));
    let mut demo = Command::new(target_dir().join("release/panecast"));
    become_program(demo.arg("demo").args(arguments))
}

/// Replaces this program, so that Ctrl-C, signals and the exit code are the demo's own.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(format!("{} could not be started: {error}", command.get_program().to_string_lossy()))
}

/// Waits for the demo and passes its exit code on.
#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| error.to_string())?;
    std::process::exit(status.code().unwrap_or(1));
}
