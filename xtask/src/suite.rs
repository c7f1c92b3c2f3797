//! Every check of the project, in the order that finds cheap mistakes first.

use crate::process::{cargo, on_path, root, run, run_counting, succeeds, target_dir};
use crate::steps::Steps;
use crate::{Result, counts, doors, header, licences, setup, viewer, wasm};
use std::process::Command;

/// The doors for other languages are no default features; here they are on.
const DOORS: [&str; 2] = ["--features", doors::DOORS];

/// Runs the checks and prints the summary; true if all passed.
pub(crate) fn run_all(choice: wasm::Choice, quick: bool) -> bool {
    let mut steps = Steps::new(
        10 + usize::from(!quick)
            + usize::from(header::is_needed())
            + 2 * usize::from(doors::kotlin::is_needed())
            + usize::from(doors::swift::is_needed()),
    );
    let outcome = checks(&mut steps, choice, quick);
    if let Err(error) = &outcome {
        println!("\nerror: {error}");
    }
    println!("\n{}", steps.summary());
    outcome.is_ok()
}

fn checks(steps: &mut Steps, choice: wasm::Choice, quick: bool) -> Result<()> {
    steps.run("set-up", |_| setup::quietly(setup::Purpose::Test, choice))?;
    steps.run("format", |_| {
        run(cargo().args(["fmt", "--all", "--check"]))?;
        run(cargo().args(["fmt", "--check", "--manifest-path", viewer::AV1_MANIFEST]))
    })?;
    steps.run("licences", |_| licences::run().and_then(|()| deny()))?;
    steps.run("agent page", |_| viewer::build(choice))?;
    if header::is_needed() {
        steps.run("header", |_| header::run(true))?;
    }
    steps.run("lints", |_| {
        let mut clippy = cargo();
        run(clippy
            .args(["clippy", "--workspace", "--all-targets"])
            .args(DOORS)
            .args(["--", "-D", "warnings"]))
    })?;
    // Builds the programs, too: their own tests run them. A `cargo build` beside it would compile much of the
    // dependencies once more, because tests unify more features.
    steps.run("tests", |tally| {
        run_counting(cargo().args(["test", "--workspace", "--no-fail-fast"]).args(DOORS), tally)
    })?;
    steps.run("C library", |tally| doors::test(doors::Which::C, tally))?;
    steps.run("docs", |_| {
        let mut doc = cargo();
        run(doc
            .args(["doc", "--workspace", "--no-deps", "--lib"])
            .args(DOORS)
            .env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    steps.run("instruction counts", |_| counts::run(false))?;
    steps.run("agent page tests", |tally| {
        run_counting(viewer::npm().args(["run", "--silent", "test"]), tally)
    })?;
    if doors::kotlin::is_needed() {
        steps.run("generated sources", |_| doors::bindings::run_all(true))?;
        steps.run("Kotlin", doors::kotlin::test)?;
    }
    if doors::swift::is_needed() {
        steps.run("Swift", doors::swift::test)?;
    }
    if quick {
        return Ok(());
    }
    steps.run("browser tests", |tally| {
        let mut npm = viewer::npm();
        npm.env("PANECAST_WEB_HOST", target_dir().join("debug/examples/host"));
        for (name, program) in [("PANECAST_BIN", "panecast"), ("PANECAST_RELAY_BIN", "panecast-relay")] {
            npm.env(name, target_dir().join("debug").join(program));
        }
        run_counting(npm.args(["run", "--silent", "test:browser"]), tally)
    })
}

/// cargo-deny's own check where it is installed; building it takes longer than everything else here.
fn deny() -> Result<()> {
    if on_path("cargo-deny").is_some() && succeeds(Command::new("cargo-deny").arg("--version")) {
        return run(Command::new("cargo-deny")
            .args(["check", "licenses", "bans", "sources"])
            .current_dir(root()));
    }
    Ok(())
}
