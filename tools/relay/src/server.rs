//! The listening socket and the life of the relay.

use crate::config::Config;
use crate::http::{Peer, router};
use crate::rooms::Rooms;
use crate::tries::Tries;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use panecast_protocol::EndReason;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Most connections that talk HTTP at a time; a WebSocket leaves this count when it opens.
const MOST_HTTP: usize = 1024;

/// How long to wait after the system refused a connection for want of file handles or memory.
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// A relay that listens.
#[derive(Debug)]
pub struct Relay {
    listener: TcpListener,
    address: SocketAddr,
    config: Config,
}

/// Why a relay does not start.
#[derive(Debug)]
pub struct RelayError {
    address: SocketAddr,
    source: io::Error,
}

impl fmt::Display for RelayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                write!(f, "port {} of {} is in use", self.address.port(), self.address.ip())
            }
            _ => write!(f, "cannot listen on {}: {}", self.address, self.source),
        }
    }
}

impl std::error::Error for RelayError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Relay {
    /// Listens where `config` says.
    ///
    /// # Errors
    /// If the port is in use or the address is not this machine's.
    pub async fn bind(config: Config) -> Result<Self, RelayError> {
        let failed = |source| RelayError { address: config.bind, source };
        let listener = TcpListener::bind(config.bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, config })
    }

    /// Where it listens, with the port that the system chose for port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready, then tells all agents and closes.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { listener, config, .. } = self;
        let (limits, timing) = (config.limits, config.timing);
        let tries = Tries::new(limits.wrong_keys, timing.wrong_key_window);
        let rooms = Arc::new(Rooms::new(limits, tries, timing.grace));
        let sockets = Arc::new(Semaphore::new(limits.sockets));
        let http = Arc::new(Semaphore::new(MOST_HTTP));
        let router = router(&config, rooms.clone(), sockets.clone());
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&listener, &http) => accepted,
            };
            let Some((stream, peer, permit)) = accepted else { continue };
            let router = router.clone().layer(Extension(Peer(peer.ip())));
            tokio::spawn(serve_http(stream, router, timing.hello, permit));
        }
        tracing::info!("stopping");
        drop(listener);
        rooms.end_all(EndReason::RelayStopped);
        // Each WebSocket holds a permit; all of them back means that all have said goodbye.
        let all = u32::try_from(limits.sockets).unwrap_or(u32::MAX);
        if timeout(timing.goodbye, sockets.acquire_many(all)).await.is_err() {
            tracing::info!("some connections did not close in time");
        }
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

async fn serve_http(
    stream: TcpStream,
    router: axum::Router,
    head_within: Duration,
    permit: OwnedSemaphorePermit,
) {
    // An update is written whole; waiting for more would only add delay.
    if let Err(e) = stream.set_nodelay(true) {
        tracing::debug!("cannot set TCP_NODELAY: {e}");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_within)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    if let Err(e) = connection.await {
        tracing::debug!("connection ended: {e}");
    }
    drop(permit);
}
