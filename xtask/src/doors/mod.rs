//! The doors from outside Rust: what is built, installed, generated and tested of each.

pub(crate) mod bindings;
mod c;
mod c_session;
pub(crate) mod install;
pub(crate) mod kotlin;
pub(crate) mod library;
pub(crate) mod swift;
pub(crate) mod swift_toolchain;

use crate::Result;
use crate::steps::Tally;
use clap::ValueEnum;

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
