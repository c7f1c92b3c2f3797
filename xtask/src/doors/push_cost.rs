//! What a pushed frame costs behind each door: one after the other, with the same optimised library.

use super::install::{self, Build};
use super::{kotlin, swift};
use crate::Result;
use crate::process::{capture, root, run, target_dir};
use std::process::Command;

/// `cargo xtask push-cost`: prints a line for each door.
pub(crate) fn print_all() -> Result<()> {
    let installed = install::install(&target_dir().join("dist"), Build::Dist)?;
    let library = installed.prefix.join("lib");
    let program = target_dir().join("dist/push_cost");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-o"]).arg(&program);
    cc.arg(root().join("examples/c/push_cost.c")).arg("-I").arg(installed.prefix.join("include"));
    cc.arg("-L").arg(&library).arg("-lpanecast").arg(format!("-Wl,-rpath,{}", library.display()));
    capture(&mut cc)?;
    run(&mut Command::new(program))?;
    kotlin::push_cost(&library)?;
    swift::push_cost(&library)
}
