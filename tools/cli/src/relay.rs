//! `panecast relay`.

use crate::failure::Failure;

/// Bring visitors and agents together and serve the agent page
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast relay                          agents open http://127.0.0.1:7700
  panecast relay --bind 0.0.0.0:8080      behind a TLS proxy
  panecast relay --bind :0 --json         any free port, printed as JSON

Exit codes: 0 stopped by a signal, 1 failure, 2 wrong usage. RUST_LOG=debug logs more.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    relay: panecast_relay::command::Arguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    Ok(arguments.relay.run()?)
}
