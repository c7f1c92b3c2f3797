//! `panecast-relay`: brings visitors and agents together and serves the agent page.

use clap::Parser;
use panecast_relay::command::Arguments;
use std::process::ExitCode;

/// Brings visitors and agents together and serves the agent page
#[derive(Debug, Parser)]
#[command(
    name = "panecast-relay",
    version,
    after_help = "\
Examples:
  panecast-relay                          agents open http://127.0.0.1:7700
  panecast-relay --bind 0.0.0.0:8080      behind a TLS proxy
  panecast-relay --bind :0 --json         any free port, printed as JSON

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
