//! `panecast-links`: sends one-time camera links for agent pages.

use clap::Parser;
use panecast_links::command::Arguments;
use std::process::ExitCode;

/// Sends one-time camera links for agent pages
#[derive(Debug, Parser)]
#[command(
    name = "panecast-links",
    version,
    after_help = "\
Examples:
  panecast-links --page http://127.0.0.1:7700 --outbox outbox/
  panecast-links --page https://relay.example --tenants tenants.toml --bind 0.0.0.0:7710 \\
      --webhook https://gateway.example/sms --webhook-secret gateway.secret

Without TLS of its own: put a proxy before it where it listens to more than this machine.
Exit codes: 0 stopped by a signal, 1 failure, 2 wrong usage. RUST_LOG=debug logs more."
)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> ExitCode {
    match Cli::parse().arguments.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}\nnext: {}", e.next());
            ExitCode::FAILURE
        }
    }
}
