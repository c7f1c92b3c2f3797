//! The doors from outside Rust: what is built, installed, generated and tested of each.

pub(crate) mod bindings;
mod c;
mod c_session;
pub(crate) mod install;
pub(crate) mod kotlin;
pub(crate) mod library;
pub(crate) mod push_cost;
pub(crate) mod swift;
pub(crate) mod swift_toolchain;

use crate::Result;
use crate::process::{cargo, run, target_dir};
use crate::steps::Tally;
use clap::ValueEnum;
use std::path::PathBuf;

/// They are no default features of the library.
pub(crate) const DOORS: &str = "panecast/capi,panecast/uniffi";

/// A door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// The C library
    C,
    /// The Kotlin package
    Kotlin,
    /// The Swift package
    Swift,
}

/// Every check of a door.
pub(crate) fn test(which: Which, tally: &mut Tally) -> Result<()> {
    match which {
        Which::C => c::test(tally),
        Which::Kotlin => kotlin::test(tally),
        Which::Swift => swift::test(tally),
    }
}

/// Every check of a door, without the suite around it.
pub(crate) fn alone(which: Which) -> Result<()> {
    run(cargo().args(["build", "--quiet", "--package", "panecast-relay"]))?;
    test(which, &mut Tally::default())
}

/// The relay at which hosts and joiners of the tests meet. It has been built before, in the suite with the features that
/// everything else there is built with.
fn relay() -> Result<PathBuf> {
    let relay = target_dir().join("debug/panecast-relay");
    if relay.is_file() { Ok(relay) } else { Err(format!("there is no {}", relay.display())) }
}
