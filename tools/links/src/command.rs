//! The command line of the service, for `panecast-links` and `panecast links`.

use crate::outbox::Outbox;
use crate::sender::LinkSender;
use crate::service::{Config, Service};
use crate::webhook::Webhook;
use panecast_relay::command::{log_to_stderr, stop_signal};
use panecast_relay::{Tenants, TenantsError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fmt, io};

/// By what links are sent; one of the two.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "by", required = true, multiple = false)]
pub struct SenderArguments {
    /// Folder that gets each message as a file, instead of a phone: for development
    #[arg(long, value_name = "DIR")]
    pub outbox: Option<PathBuf>,

    /// Address of a gateway for short messages; it gets each message as JSON (docs/links.md)
    #[arg(long, value_name = "URL", requires = "webhook_secret")]
    pub webhook: Option<String>,
}

/// What a webhook is signed with.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct SecretArguments {
    /// File with the secret that the gateway checks signatures by, 32 bytes or more
    #[arg(long, value_name = "FILE", requires = "webhook")]
    pub webhook_secret: Option<PathBuf>,
}

/// Send one-time camera links for agent pages
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Address to listen on; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7710")]
    pub bind: SocketAddr,

    /// Origin of an agent page that may ask, such as `https://relay.example`; may come several times
    #[arg(long, value_name = "URL", required = true)]
    pub page: Vec<String>,

    /// TOML file with tenants and how their agents are known, as the relay has it (docs/relay.md)
    /// [default: nobody is asked; the service is for this machine only]
    #[arg(long, value_name = "FILE")]
    pub tenants: Option<PathBuf>,

    #[command(flatten)]
    /// By what links are sent.
    pub by: SenderArguments,

    #[command(flatten)]
    /// What a webhook is signed with.
    pub secret: SecretArguments,

    /// Most links that one agent sends in an hour
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub agent_links: usize,

    /// Most links that one number gets in an hour
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub number_links: usize,

    /// Print the address as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Why the command failed, and what to do next.
#[derive(Debug)]
pub enum Failure {
    /// The service does not start.
    Service(io::Error),
    /// The file of `--tenants` is no use.
    Tenants(TenantsError),
    /// The outbox or the webhook is no use.
    Sender(String),
    /// The runtime failed.
    Io(io::Error),
}

impl Failure {
    /// What to do next, in a sentence.
    #[must_use]
    pub fn next(&self) -> &'static str {
        match self {
            Self::Service(_) => "choose another address with --bind, or give --tenants",
            Self::Tenants(_) => "correct the file; docs/relay.md has its form",
            Self::Sender(_) => "correct --outbox, --webhook or --webhook-secret; docs/links.md says how",
            Self::Io(_) => "see the message above",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(e) | Self::Io(e) => e.fmt(f),
            Self::Tenants(e) => e.fmt(f),
            Self::Sender(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Failure {}

/// The sender that the arguments name.
///
/// # Errors
/// - [`Failure::Sender`]
pub fn sender(by: &SenderArguments, secret: &SecretArguments) -> Result<Arc<dyn LinkSender>, Failure> {
    match (&by.outbox, &by.webhook, &secret.webhook_secret) {
        (Some(folder), ..) => {
            let outbox = Outbox::into(folder, true)
                .map_err(|e| Failure::Sender(format!("cannot make {}: {e}", folder.display())))?;
            Ok(Arc::new(outbox))
        }
        (None, Some(url), Some(file)) => {
            let secret = std::fs::read(file)
                .map_err(|e| Failure::Sender(format!("cannot read {}: {e}", file.display())))?;
            Ok(Arc::new(Webhook::new(url, &secret).map_err(Failure::Sender)?))
        }
        _ => Err(Failure::Sender("a webhook needs its secret".into())),
    }
}

impl Arguments {
    /// Runs the service until SIGINT or SIGTERM.
    ///
    /// # Errors
    /// As [`Failure`] says.
    pub fn run(&self) -> Result<(), Failure> {
        log_to_stderr();
        let tenants = match &self.tenants {
            Some(file) => Tenants::from_file(file).map_err(Failure::Tenants)?,
            None => Tenants::default(),
        };
        let config = Config {
            bind: self.bind,
            pages: self.page.iter().map(|page| page.trim_end_matches('/').to_owned()).collect(),
            tenants,
            sender: sender(&self.by, &self.secret)?,
            agent_links: self.agent_links,
            number_links: self.number_links,
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Io)?;
        runtime.block_on(async {
            let stop = stop_signal().map_err(Failure::Io)?;
            let service = Service::bind(config).await.map_err(Failure::Service)?;
            let url = format!("http://{}", service.address());
            if self.json {
                println!("{}", serde_json::json!({ "url": url }));
            } else {
                println!("links    {url}\nnext     start the relay with --links {url}");
            }
            service.run(stop).await;
            Ok(())
        })
    }
}
