//! What an agent's page asks: `POST /links` with a phone number and a link. It checks who asks, that the link is a
//! camera's at one of its pages, and how many were sent; then a [`LinkSender`] has it.

use crate::message::{LINK_LASTS, LinkMessage, is_camera_link};
use crate::number::PhoneNumber;
use crate::quota::Quota;
use crate::sender::{LinkSender, SendError};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use panecast_protocol::DEFAULT_TENANT;
use panecast_relay::Tenants;
use serde::Deserialize;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Most bytes of a request.
const MOST_BYTES: usize = 8 << 10;

/// Most connections, and most messages on their way, at a time.
const MOST_CONNECTIONS: usize = 256;
const MOST_SENDING: usize = 16;

/// How long the head of a request may take.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How long messages on their way are waited for at the end.
const GOODBYE: Duration = Duration::from_secs(15);

/// How a service runs.
#[derive(Debug)]
pub struct Config {
    /// Where it listens; port 0 takes any free one.
    pub bind: SocketAddr,
    /// The origins of the agent pages that may ask, such as `https://relay.example`; their `/camera` is where links lead.
    pub pages: Vec<String>,
    /// Whose agents may ask. A tenant that asks nobody who they are is served on this machine alone.
    pub tenants: Tenants,
    /// Who sends.
    pub sender: Arc<dyn LinkSender>,
    /// Most links that one agent sends in an hour.
    pub agent_links: usize,
    /// Most links that one number gets in an hour.
    pub number_links: usize,
}

/// A service that listens.
#[derive(Debug)]
pub struct Service {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pages: Vec<String>,
    tenants: Tenants,
    sender: Arc<dyn LinkSender>,
    counts: Mutex<Counts>,
    sending: Semaphore,
}

#[derive(Debug)]
struct Counts {
    agents: Quota,
    numbers: Quota,
    /// Messages that were sent, so that one that is asked for again is not sent again.
    sent: HashMap<String, Instant>,
}

impl Service {
    /// Listens.
    ///
    /// # Errors
    /// If the address cannot be had, a page is no origin, or anybody beyond this machine could send links without
    /// saying who they are.
    pub async fn bind(config: Config) -> io::Result<Self> {
        let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
        if config.tenants.open() && !config.bind.ip().is_loopback() {
            return Err(wrong("without --tenants anybody could send links: listen on 127.0.0.1 only".into()));
        }
        if let Some(page) = config.pages.iter().find(|page| !is_origin(page)) {
            return Err(wrong(format!("`{page}` is no page's origin; write https://relay.example")));
        }
        let listener = TcpListener::bind(config.bind).await?;
        let address = listener.local_addr()?;
        let counts = Counts {
            agents: Quota::new(config.agent_links),
            numbers: Quota::new(config.number_links),
            sent: HashMap::new(),
        };
        let shared = Arc::new(Shared {
            pages: config.pages,
            tenants: config.tenants,
            sender: config.sender,
            counts: Mutex::new(counts),
            sending: Semaphore::new(MOST_SENDING),
        });
        Ok(Self { listener, address, shared })
    }

    /// Lets the agent page at `origin` ask, too: one whose address was not known before.
    ///
    /// # Errors
    /// If `origin` is none.
    pub fn add_page(&mut self, origin: String) -> io::Result<()> {
        let shared = Arc::get_mut(&mut self.shared).filter(|_| is_origin(&origin));
        let shared = shared.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no page's origin"))?;
        shared.pages.push(origin);
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready, and then what it has begun.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let router = Router::new()
            .route("/health", get(async || "ok\n"))
            .route("/links", post(ask).options(preflight))
            .layer(DefaultBodyLimit::max(MOST_BYTES))
            .layer(middleware::from_fn_with_state(self.shared.clone(), cross_origin))
            .with_state(self.shared);
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let mut connections = JoinSet::new();
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => continue,
                permit = room.clone().acquire_owned() => match permit {
                    Ok(permit) => {
                        let accepted = tokio::select! {
                            () = &mut stop => break,
                            accepted = self.listener.accept() => accepted,
                        };
                        accepted.map(|(stream, _)| (stream, permit))
                    }
                    Err(_) => break,
                },
            };
            let Ok((stream, permit)) = accepted else {
                // The system has no handle left: a moment later it may.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let service = TowerToHyperService::new(router.clone());
            connections.spawn(async move {
                let mut http = http1::Builder::new();
                // One request each: a connection that says nothing must not hold a place.
                http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).keep_alive(false);
                if let Err(e) = http.serve_connection(TokioIo::new(stream), service).await {
                    tracing::debug!("a connection ended: {e}");
                }
                drop(permit);
            });
        }
        let ends = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GOODBYE, ends).await;
    }
}

/// `scheme://host[:port]` and no more.
fn is_origin(page: &str) -> bool {
    page.split_once("://").is_some_and(|(scheme, host)| {
        ["http", "https"].contains(&scheme) && !host.is_empty() && !host.contains(['/', '#', '?', '@', ' '])
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    to: String,
    url: String,
    tenant: Option<String>,
    /// Where no token says who asks.
    name: Option<String>,
}

/// Pages of other sites may not ask; this one's answers can be read by the page.
async fn cross_origin(
    State(shared): State<Arc<Shared>>,
    request: axum::extract::Request,
    next: middleware::Next,
) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let known = |origin: &HeaderValue| shared.pages.iter().any(|page| page.as_bytes() == origin.as_bytes());
    if origin.as_ref().is_some_and(|origin| !known(origin)) {
        return said(
            StatusCode::FORBIDDEN,
            "not-allowed",
            "this page may not send links: name it with --page",
        );
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

async fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn ask(State(shared): State<Arc<Shared>>, _: Method, headers: HeaderMap, body: Bytes) -> Response {
    // A form of another site can post without a preflight, but not this type.
    let json = |v: &HeaderValue| v.to_str().is_ok_and(|v| v.starts_with("application/json"));
    if !headers.get(header::CONTENT_TYPE).is_some_and(json) {
        return said(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad-request", "send JSON");
    }
    let Ok(request) = serde_json::from_slice::<Request>(&body) else {
        return said(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "send {\"to\", \"url\"} and perhaps \"tenant\", \"name\"",
        );
    };
    let token = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "));
    let tenant = request.tenant.as_deref().unwrap_or(DEFAULT_TENANT);
    let who = match shared.tenants.agent(tenant, token) {
        Ok(who) => who,
        Err(refusal) => return said(StatusCode::UNAUTHORIZED, "not-allowed", &refusal.message),
    };
    let to: PhoneNumber = match request.to.parse() {
        Ok(to) => to,
        Err(e) => return said(StatusCode::BAD_REQUEST, "bad-number", &format!("{e}")),
    };
    if !is_camera_link(&request.url, &shared.pages, tenant) {
        let message = "this is no camera link of a page that the service knows; name it with --page";
        return said(StatusCode::BAD_REQUEST, "bad-link", message);
    }
    let agent = format!("{tenant}\0{}", who.as_ref().map_or("", |who| &who.id));
    let name = who.map(|who| who.name).filter(|name| !name.is_empty()).or(request.name).unwrap_or_default();
    let message = LinkMessage::new(&to, &request.url, tenant, &name, SystemTime::now());
    send(&shared, &agent, &message).await
}

async fn send(shared: &Shared, agent: &str, message: &LinkMessage) -> Response {
    let now = Instant::now();
    {
        let mut counts = shared.counts();
        counts.sent.retain(|_, at| now.duration_since(*at) < LINK_LASTS);
        if counts.sent.contains_key(&message.id) {
            return sent(message);
        }
        if !counts.agents.allows(agent, now) || !counts.numbers.allows(&message.to, now) {
            drop(counts);
            let message = "too many links in an hour, from here or to this number; try again later";
            return said(StatusCode::TOO_MANY_REQUESTS, "too-many", message);
        }
        // Counted before it is sent: many at once must not slip through.
        counts.agents.count(agent, now);
        counts.numbers.count(&message.to, now);
        counts.sent.insert(message.id.clone(), now);
    }
    let Ok(_permit) = shared.sending.acquire().await else {
        return said(StatusCode::SERVICE_UNAVAILABLE, "failed", "the service stops; try again");
    };
    match shared.sender.send(message).await {
        Ok(()) => {
            tracing::info!(id = message.id, tenant = message.tenant, "a link was sent");
            sent(message)
        }
        Err(e) => {
            // It may be asked for again.
            shared.counts().sent.remove(&message.id);
            tracing::error!(id = message.id, tenant = message.tenant, "{e}");
            match e {
                SendError::Refused(_) => said(
                    StatusCode::BAD_GATEWAY,
                    "refused",
                    "the provider does not take this number; check it",
                ),
                SendError::Unreachable(_) => {
                    said(StatusCode::BAD_GATEWAY, "failed", "the provider cannot be reached; try again")
                }
            }
        }
    }
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sent(message: &LinkMessage) -> Response {
    let body = serde_json::json!({ "id": message.id, "expires_in_s": LINK_LASTS.as_secs() });
    (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn said(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = serde_json::json!({ "kind": kind, "message": message });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
