//! The project's chores: `cargo xtask --help`.

mod apt;
mod cache;
mod counts;
mod debian;
mod debian_rust;
mod demo;
mod doors;
mod fingerprint;
mod header;
mod licences;
mod platforms;
mod process;
mod setup;
mod steps;
mod suite;
mod viewer;
mod vivid;
mod wasm;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// What a chore returns; the message is for the person who called it.
pub(crate) type Result<T> = std::result::Result<T, String>;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Sets up, builds, runs and tests panecast",
    after_help = "Examples:\n  \
        cargo xtask demo                     set up, build, and share a screen with a browser page\n  \
        cargo xtask test                     set up and run every check\n  \
        cargo xtask setup --for demo         install only what the demo needs\n  \
        cargo xtask viewer                   build the agent page into bindings/web/dist\n\n\
        Chores install missing Debian packages with apt-get, as root or through `sudo -n`."
)]
struct Arguments {
    /// Which compiler makes the WebAssembly [default: auto, or $PANECAST_WASM_TOOLCHAIN]
    #[arg(long, global = true, value_enum, value_name = "CHOICE")]
    wasm_toolchain: Option<wasm::Choice>,
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what is missing on this machine
    #[command(after_help = "Examples:\n  cargo xtask setup\n  cargo xtask setup --for viewer\n  \
                            cargo xtask setup --for test --wasm-toolchain debian")]
    Setup {
        /// Install only what this needs
        #[arg(long = "for", value_enum, default_value = "test")]
        purpose: setup::Purpose,
    },
    /// Set up, build, and run relay, visitor and agent page on 127.0.0.1
    #[command(after_help = "Examples:\n  cargo xtask demo\n  cargo xtask demo -- --seconds 5\n  \
                            cargo xtask demo -- --help            what the demo itself accepts")]
    Demo {
        /// Handed to `panecast demo`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Set up and run every check: format, lints, tests, docs, licences, counts, agent page, browsers
    #[command(after_help = "Examples:\n  cargo xtask test\n  cargo xtask test --quick")]
    Test {
        /// Leave out the tests in real browsers
        #[arg(long)]
        quick: bool,
    },
    /// The same as `test`
    #[command(after_help = "Example:\n  cargo xtask ci")]
    Ci,
    /// Build the agent page into bindings/web/dist, unless it is up to date
    #[command(after_help = "Examples:\n  cargo xtask viewer\n  cargo xtask viewer --wasm-toolchain debian")]
    Viewer,
    /// Write include/panecast.h from the C ABI's source
    #[command(after_help = "Examples:\n  cargo xtask header\n  cargo xtask header --check")]
    Header {
        /// Write nothing; fail if the committed header differs
        #[arg(long)]
        check: bool,
    },
    /// Write the Kotlin and Swift sources that UniFFI generates from the shared library
    #[command(after_help = "Examples:\n  cargo xtask bindings\n  cargo xtask bindings --check")]
    Bindings {
        /// Write nothing; fail if the committed sources differ
        #[arg(long)]
        check: bool,
    },
    /// Build a JAR that carries this platform's library
    #[command(
        after_help = "Examples:\n  cargo xtask jar\n  cargo xtask jar --install     for other projects on this machine"
    )]
    Jar {
        /// Put it into Maven's local repository, as dev.panecast:panecast
        #[arg(long)]
        install: bool,
    },
    /// Build the C library with header, pkg-config file and CMake package
    #[command(after_help = "Examples:\n  cargo xtask dist\n  cargo xtask dist --out /usr/local\n  \
                            cargo xtask dist --without-uniffi     for C alone: nothing under MPL-2.0 in it")]
    Dist {
        /// Leave out what Kotlin and Swift call
        #[arg(long)]
        without_uniffi: bool,
        /// Install under this folder [default: target/dist]
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
    /// Test one of the doors for other languages
    #[command(after_help = "Example:\n  cargo xtask door c")]
    Door {
        /// Which
        #[arg(value_enum)]
        which: doors::Which,
    },
    /// Print what a pushed frame of 1080p costs in C, Kotlin and Swift, with the optimised library
    #[command(after_help = "Example:\n  cargo xtask push-cost")]
    PushCost,
    /// Run `swift` on the Swift package, which finds the shared library
    #[command(after_help = "Example:\n  cargo xtask swift -- test --filter Share")]
    Swift {
        /// Handed to `swift`
        #[arg(last = true, required = true)]
        words: Vec<String>,
    },
    /// Count the instructions of fixed work and compare with benches/counts.txt
    #[command(
        after_help = "Examples:\n  cargo xtask counts\n  cargo xtask counts --bless     renew the baseline"
    )]
    Counts {
        /// Write the baseline instead of comparing with it
        #[arg(long)]
        bless: bool,
    },
    /// Test cameras by V4L2 on the kernel's virtual camera, in a virtual machine; x86-64 and Debian only
    #[command(after_help = "Example:\n  cargo xtask vivid")]
    Vivid,
    /// Lint the library for Windows, macOS, iOS and Android, without linking it
    #[command(
        after_help = "Examples:\n  cargo xtask platforms\n  cargo xtask platforms --target x86_64-pc-windows-gnu"
    )]
    Platforms {
        /// Only for this one
        #[arg(long, value_name = "TRIPLE")]
        target: Option<String>,
    },
    /// Check the licence of every dependency against deny.toml
    #[command(after_help = "Example:\n  cargo xtask licences")]
    Licences,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the chore; false where it failed and has said so itself.
fn run(arguments: Arguments) -> Result<bool> {
    let choice = wasm::Choice::resolve(arguments.wasm_toolchain)?;
    match arguments.chore {
        Chore::Test { quick } => return Ok(suite::run_all(choice, quick)),
        Chore::Ci => return Ok(suite::run_all(choice, false)),
        Chore::Setup { purpose } => setup::run(purpose, choice)?,
        Chore::Demo { arguments } => demo::run(choice, &arguments)?,
        Chore::Viewer => {
            setup::quietly(setup::Purpose::Viewer, choice)?;
            viewer::build(choice)?;
        }
        Chore::Header { check } => header::run(check)?,
        Chore::Bindings { check } => doors::bindings::run_all(check)?,
        Chore::Jar { install } => {
            setup::quietly(setup::Purpose::Test, choice)?;
            doors::kotlin::jar(install)?;
        }
        Chore::Dist { out, without_uniffi } => doors::install::dist(out, without_uniffi)?,
        Chore::Door { which } => doors::alone(which)?,
        Chore::PushCost => doors::push_cost::print_all()?,
        Chore::Swift { words } => doors::swift::with_words(&words)?,
        Chore::Counts { bless } => counts::run(bless)?,
        Chore::Vivid => vivid::test()?,
        Chore::Platforms { target } => platforms::run_all(target.as_deref())?,
        Chore::Licences => licences::run()?,
    }
    Ok(true)
}
