//! The listening socket and the life of the relay.

use crate::config::Config;
use crate::exchange::Exchange;
use crate::http::{Peer, metrics_router, router};
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Most connections that talk HTTP at a time; a WebSocket leaves this count when it opens.
const MOST_HTTP: usize = 1024;

/// Most connections that read metrics at a time, and how long one may take to ask.
const MOST_METRICS: usize = 16;
const METRICS_WITHIN: Duration = Duration::from_secs(10);

/// How long to wait after the system refused a connection for want of file handles or memory.
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// A relay that listens.
#[derive(Debug)]
pub struct Relay {
    listener: TcpListener,
    address: SocketAddr,
    metrics: Option<TcpListener>,
    core: Core,
}

/// Why a relay does not start.
#[derive(Debug)]
pub struct RelayError {
    what: What,
    source: io::Error,
}

/// What a relay could not do.
#[derive(Debug)]
enum What {
    Listen(SocketAddr),
    Cluster,
    Start,
}

impl fmt::Display for RelayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::Listen(address) if self.source.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "port {} of {} is in use", address.port(), address.ip())
            }
            What::Listen(address) => write!(f, "cannot listen on {address}: {}", self.source),
            What::Cluster => write!(f, "cannot join the other relays: {}", self.source),
            What::Start => write!(f, "cannot start: {}", self.source),
        }
    }
}

impl std::error::Error for RelayError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl RelayError {
    /// What to do next, in a sentence.
    #[must_use]
    pub fn next(&self) -> &'static str {
        match self.what {
            What::Listen(_) => {
                "choose another address with --bind, for example --bind 127.0.0.1:0 for any free port"
            }
            What::Cluster => "correct --nats, --nats-credentials or --nats-ca; docs/relay.md has their form",
            What::Start => "see the message above",
        }
    }
}

impl Relay {
    /// Listens where `config` says, and finds the other relays of its cluster.
    ///
    /// # Errors
    /// If the port is in use, the address is not this machine's, or the address of NATS, the credentials or the
    /// certificate are no use.
    pub async fn bind(config: Config) -> Result<Self, RelayError> {
        let failed = |address| move |source| RelayError { what: What::Listen(address), source };
        let listener = TcpListener::bind(config.bind).await.map_err(failed(config.bind))?;
        let address = listener.local_addr().map_err(failed(config.bind))?;
        let metrics = match config.metrics {
            Some(address) => Some(TcpListener::bind(address).await.map_err(failed(address))?),
            None => None,
        };
        let no_randomness = || io::Error::other("no randomness from the operating system");
        let start = |source| RelayError { what: What::Start, source };
        let core = Core::new(&config).ok_or_else(no_randomness).map_err(start)?;
        let cluster = |source| RelayError { what: What::Cluster, source };
        core.exchange.join_cluster().await.map_err(cluster)?;
        Ok(Self { listener, address, metrics, core })
    }

    /// Where it listens, with the port that the system chose for port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its metrics can be read.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|m| m.local_addr().ok())
    }

    /// Serves until `stop` is ready, then tells everybody to come back elsewhere, and closes.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { listener, metrics, core, .. } = self;
        let sweeping = tokio::spawn(core.clone().sweep());
        if core.config.tenants.open() {
            tracing::warn!("a tenant asks nobody who they are: anyone may use this relay (see --tenants)");
        }
        let metrics = metrics.map(|listener| tokio::spawn(serve_metrics(listener, core.exchange.clone())));
        let http = Arc::new(Semaphore::new(MOST_HTTP));
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&listener, &http) => accepted,
            };
            let Some((stream, peer, permit)) = accepted else { continue };
            // An update is written whole; waiting for more would only add delay.
            if let Err(e) = stream.set_nodelay(true) {
                tracing::debug!("cannot set TCP_NODELAY: {e}");
            }
            let core = core.clone();
            tokio::spawn(async move {
                core.secure(stream, peer.ip()).await;
                drop(permit);
            });
        }
        tracing::info!("stopping");
        drop(listener);
        sweeping.abort();
        core.exchange.leave_cluster().await;
        core.stop().await;
        if let Some(metrics) = metrics {
            metrics.abort();
        }
    }
}

/// A relay without a listener: connections are streams within the process. For tests on a paused clock, which real
/// sockets would not wait for.
#[derive(Debug)]
pub struct Loopback {
    core: Core,
    sweeping: JoinHandle<()>,
}

impl Loopback {
    /// Starts it, within a tokio runtime; `None` if the operating system has no randomness.
    #[must_use]
    pub fn start(config: &Config) -> Option<Self> {
        let core = Core::new(config)?;
        let sweeping = tokio::spawn(core.clone().sweep());
        Some(Self { core, sweeping })
    }

    /// A connection that seems to come from `peer`, over a line that holds `buffer` bytes each way.
    #[must_use]
    pub fn connect(&self, peer: IpAddr, buffer: usize) -> DuplexStream {
        let (near, far) = tokio::io::duplex(buffer);
        let core = self.core.clone();
        tokio::spawn(async move { core.serve(far, peer).await });
        near
    }

    /// What it has counted, in Prometheus' text form.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.core.exchange.metrics()
    }

    /// Tells everybody and closes.
    pub async fn stop(self) {
        self.sweeping.abort();
        self.core.stop().await;
    }
}

/// What serves connections, wherever they come from.
#[derive(Clone, Debug)]
struct Core {
    config: Arc<Config>,
    exchange: Arc<Exchange>,
    sockets: Arc<Semaphore>,
    router: axum::Router,
}

impl Core {
    fn new(config: &Config) -> Option<Self> {
        let exchange = Arc::new(Exchange::new(config).ok()?);
        let sockets = Arc::new(Semaphore::new(config.limits.sockets));
        let router = router(config, exchange.clone(), sockets.clone());
        Some(Self { config: Arc::new(config.clone()), exchange, sockets, router })
    }

    async fn sweep(self) {
        self.exchange.sweep().await;
    }

    /// Serves a connection, with TLS if there is a certificate.
    async fn secure(&self, stream: TcpStream, peer: IpAddr) {
        let Some(tls) = &self.config.tls else { return self.serve(stream, peer).await };
        match timeout(self.config.timing.hello, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, peer).await,
            Ok(Err(e)) => tracing::debug!("no TLS: {e}"),
            Err(_) => tracing::debug!("no TLS in time"),
        }
    }

    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, peer: IpAddr) {
        let router = self.router.clone().layer(Extension(Peer(peer)));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.config.timing.hello)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
            .with_upgrades();
        if let Err(e) = connection.await {
            tracing::debug!("connection ended: {e}");
        }
    }

    async fn stop(self) {
        self.exchange.go_away();
        // Each WebSocket holds a permit; all of them back means that all have said goodbye.
        let all = u32::try_from(self.config.limits.sockets).unwrap_or(u32::MAX);
        if timeout(self.config.timing.goodbye, self.sockets.acquire_many(all)).await.is_err() {
            tracing::info!("some connections did not close in time");
        }
    }
}

/// Serves metrics to those who run the relay.
async fn serve_metrics(listener: TcpListener, exchange: Arc<Exchange>) {
    let router = metrics_router(exchange);
    let most = Arc::new(Semaphore::new(MOST_METRICS));
    loop {
        let Some((stream, _, permit)) = accept(&listener, &most).await else { continue };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(METRICS_WITHIN)
                .serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
            drop(permit);
        });
    }
}

async fn accept(
    listener: &TcpListener,
    http: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = http.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
        Err(e) => {
            tracing::warn!("cannot accept a connection: {e}");
            tokio::time::sleep(AFTER_ACCEPT_ERROR).await;
            None
        }
    }
}
