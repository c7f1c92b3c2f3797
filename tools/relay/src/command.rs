//! The command line of the relay, for `panecast-relay` and `panecast relay`.

use crate::cluster::{ClusterConfig, ClusterSecret};
use crate::config::{Config, DEFAULT_PORT, RelayLimits, Timing};
use crate::forwarded::{ForwardedHeader, Network, Proxies};
use crate::page::Page;
use crate::server::{Relay, RelayError};
use crate::tenants::{Tenants, TenantsError};
use crate::tls::Tls;
use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

/// Where to listen and what to serve.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Address to listen on; port 0 takes any free one [default: 127.0.0.1:7700]
    ///
    /// Without --tls-cert it speaks plain HTTP. Put a TLS proxy before it then where it listens to more than this
    /// machine.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7700", hide_default_value = true, value_parser = parse_bind)]
    pub bind: SocketAddr,

    /// Folder with the agent page [default: the one built into the program]
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,

    /// Origin of the service that sends camera links for the page's agents (`panecast links`), such as
    /// `https://links.example` [default: none; agents pass links on themselves]
    #[arg(long, value_name = "URL", value_parser = parse_origin)]
    pub links: Option<String>,

    /// Most joiners in one session
    #[arg(long, value_name = "N", default_value_t = RelayLimits::default().agents)]
    pub agents: usize,

    /// Most sessions at a time
    #[arg(long, value_name = "N", default_value_t = RelayLimits::default().rooms)]
    pub rooms: usize,

    /// Seconds that a host or a joiner who was cut off has to come back
    #[arg(long, value_name = "SECONDS", default_value_t = Timing::default().grace.as_secs())]
    pub grace: u64,

    /// TOML file with tenants, their limits and how their agents are known (docs/relay.md)
    /// [default: one tenant that asks nobody who they are]
    #[arg(long, value_name = "FILE")]
    pub tenants: Option<PathBuf>,

    /// PEM file with the certificate and its chain; the relay speaks HTTPS then
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Network of proxies that are believed about where connections come from; may be given several times
    #[arg(long, value_name = "CIDR")]
    pub trusted_proxy: Vec<Network>,

    /// Header in which they tell
    #[arg(long, value_enum, value_name = "NAME", default_value_t = ForwardedHeader::default(), requires = "trusted_proxy")]
    pub forwarded_header: ForwardedHeader,

    /// NATS server by which relays find each other, as nats://HOST:4222 or tls://HOST:4222, several with
    /// commas between them [default: one relay alone]
    #[arg(long, value_name = "URL", requires = "cluster_secret")]
    pub nats: Option<String>,

    /// File with a secret of 32 bytes or more that all relays of the cluster share
    #[arg(long, value_name = "FILE", requires = "nats")]
    pub cluster_secret: Option<PathBuf>,

    /// File with credentials for NATS
    #[arg(long, value_name = "FILE", requires = "nats")]
    pub nats_credentials: Option<PathBuf>,

    /// PEM file with the certificate of who signed that of NATS, beside the system's
    #[arg(long, value_name = "FILE", requires = "nats")]
    pub nats_ca: Option<PathBuf>,

    /// Address that serves /metrics for Prometheus [default: none]
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_bind)]
    pub metrics: Option<SocketAddr>,

    /// How to log to standard error
    #[arg(long, value_enum, value_name = "FORM", default_value_t = LogForm::Text)]
    pub log: LogForm,

    /// Print the address as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// How to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogForm {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Reads `HOST:PORT`, `HOST` or `:PORT`, where HOST is an IP address or `localhost`.
fn parse_bind(s: &str) -> Result<SocketAddr, String> {
    let bad = || format!("`{s}` is not an address; write it as 127.0.0.1:7700");
    let ip = |host: &str| match host.trim_matches(['[', ']']) {
        "localhost" | "" => Ok(IpAddr::from(Ipv4Addr::LOCALHOST)),
        host => host.parse::<IpAddr>().map_err(|_| bad()),
    };
    if let Ok(ip) = ip(s) {
        return Ok(SocketAddr::new(ip, DEFAULT_PORT));
    }
    let (host, port) = s.rsplit_once(':').ok_or_else(bad)?;
    Ok(SocketAddr::new(ip(host)?, port.parse().map_err(|_| bad())?))
}

/// Reads `scheme://host[:port]` and no more: it becomes part of a header.
fn parse_origin(s: &str) -> Result<String, String> {
    let origin = s.trim_end_matches('/');
    let sound = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    match origin.split_once("://") {
        Some(("http" | "https", host)) if !host.is_empty() && host.chars().all(sound) => {
            Ok(origin.to_owned())
        }
        _ => Err(format!("`{s}` is no origin; write it as https://links.example")),
    }
}

/// Why the command failed, and what to do next.
#[derive(Debug)]
pub enum Failure {
    /// The relay does not start.
    Relay(RelayError),
    /// The folder of `--page` is no page.
    Page(PathBuf, io::Error),
    /// The file of `--tenants` is no use.
    Tenants(TenantsError),
    /// The file of `--cluster-secret` is no use.
    Secret(PathBuf, io::Error),
    /// The certificate or its key is no use.
    Tls(io::Error),
    /// The runtime or standard output failed.
    Io(io::Error),
}

impl Failure {
    /// What to do next, in a sentence.
    #[must_use]
    pub fn next(&self) -> &'static str {
        match self {
            Self::Relay(e) => e.next(),
            Self::Page(..) => "build the page with `cargo xtask viewer`, or leave --page out",
            Self::Tenants(_) => "correct the file; docs/relay.md has its form",
            Self::Secret(..) => "write 32 random bytes or more into the file, the same for each relay",
            Self::Tls(_) => "name a certificate and its private key, both as PEM",
            Self::Io(_) => "see the message above",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relay(e) => e.fmt(f),
            Self::Page(dir, e) => write!(f, "cannot serve {}: {e}", dir.display()),
            Self::Tenants(e) => e.fmt(f),
            Self::Secret(file, e) => write!(f, "{}: {e}", file.display()),
            Self::Tls(e) | Self::Io(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl Arguments {
    /// What the arguments ask for.
    ///
    /// # Errors
    /// - [`Failure::Page`] if the folder of `--page` is no page.
    pub fn config(&self) -> Result<Config, Failure> {
        let page = match &self.page {
            Some(dir) => Page::from_dir(dir).map_err(|e| Failure::Page(dir.clone(), e))?,
            None => Page::find(),
        };
        let tenants = match &self.tenants {
            Some(file) => Tenants::from_file(file).map_err(Failure::Tenants)?,
            None => Tenants::default(),
        };
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Some(Tls::from_files(certificate, key).map_err(Failure::Tls)?),
            _ => None,
        };
        let cluster = match (&self.nats, &self.cluster_secret) {
            (Some(url), Some(file)) => Some(ClusterConfig {
                url: url.clone(),
                secret: ClusterSecret::from_file(file).map_err(|e| Failure::Secret(file.clone(), e))?,
                credentials: self.nats_credentials.clone(),
                ca: self.nats_ca.clone(),
            }),
            _ => None,
        };
        Ok(Config {
            bind: self.bind,
            page,
            links: self.links.clone(),
            limits: RelayLimits { agents: self.agents, rooms: self.rooms, ..RelayLimits::default() },
            timing: Timing { grace: Duration::from_secs(self.grace), ..Timing::default() },
            tenants,
            tls,
            metrics: self.metrics,
            proxies: Proxies { trusted: self.trusted_proxy.clone(), header: self.forwarded_header },
            cluster,
        })
    }

    /// Runs the relay until SIGINT or SIGTERM.
    ///
    /// # Errors
    /// As [`Failure`] says.
    pub fn run(&self) -> Result<(), Failure> {
        log_in(self.log);
        let config = self.config()?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Io)?;
        runtime.block_on(async {
            let stop = stop_signal().map_err(Failure::Io)?;
            let page = config.page.origin().to_owned();
            let relay = Relay::bind(config).await.map_err(Failure::Relay)?;
            announce(&relay, &page, self.tls_cert.is_some(), self.json).map_err(Failure::Io)?;
            relay.run(stop).await;
            Ok(())
        })
    }
}

fn announce(relay: &Relay, page: &str, tls: bool, json: bool) -> io::Result<()> {
    let (address, scheme) = (relay.address(), if tls { "https" } else { "http" });
    let metrics = relay.metrics_address().map(|a| format!("http://{a}/metrics"));
    let mut out = io::stdout().lock();
    if json {
        let facts = serde_json::json!({
            "address": address.to_string(),
            "url": format!("{scheme}://{address}"),
            "page": page,
            "metrics": metrics,
        });
        writeln!(out, "{facts}")?;
    } else {
        writeln!(out, "relay    {scheme}://{address}\npage     {page}")?;
        if let Some(metrics) = metrics {
            writeln!(out, "metrics  {metrics}")?;
        }
    }
    out.flush()
}

/// Logs go to standard error; `RUST_LOG` says how much.
pub fn log_to_stderr() {
    log_in(LogForm::Text);
}

fn log_in(form: LogForm) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second call in one process keeps the first one's choice.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    let _ = match form {
        LogForm::Text => log.try_init(),
        LogForm::Json => log.json().with_ansi(false).try_init(),
    };
}

/// Ready on SIGINT (Ctrl-C) or, on Unix, SIGTERM. From here on they no longer end the process by themselves.
///
/// # Errors
/// If the system refuses a handler.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        Ok(async {
            // Without a handler the default stays: Ctrl-C ends the process.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (typed, meant) in [
            ("127.0.0.1:7700", "127.0.0.1:7700"),
            ("0.0.0.0", "0.0.0.0:7700"),
            (":0", "127.0.0.1:0"),
            ("localhost:80", "127.0.0.1:80"),
            ("[::1]:81", "[::1]:81"),
            ("::1", "[::1]:7700"),
        ] {
            assert_eq!(parse_bind(typed), Ok(meant.parse().unwrap()), "{typed}");
        }
        for bad in ["relay.example:80", "127.0.0.1:70000", "127.0.0.1:", "x"] {
            assert!(parse_bind(bad).is_err(), "{bad}");
        }
    }
}
