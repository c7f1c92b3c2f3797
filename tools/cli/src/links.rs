//! `panecast links`.

use crate::failure::Failure;

/// Send one-time camera links for agent pages
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast links --page http://127.0.0.1:7700 --outbox outbox/
  panecast links --page https://relay.example --tenants tenants.toml --bind 0.0.0.0:7710 \\
      --webhook https://gateway.example/sms --webhook-secret gateway.secret

Start the relay with `--links URL`, so that its page knows the service. Never run both as one: whoever sends a link sees
its secret.
Exit codes: 0 stopped by a signal, 1 failure, 2 wrong usage. RUST_LOG=debug logs more.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    service: panecast_links::command::Arguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    Ok(arguments.service.run()?)
}
