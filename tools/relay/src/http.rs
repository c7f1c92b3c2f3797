//! The paths of the relay and the headers of its answers.

use crate::config::{Config, RelayLimits, Timing};
use crate::exchange::{self, Exchange};
use crate::forwarded::Proxies;
use crate::page::Page;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use panecast_protocol::{Early, MAX_TEXT_BYTES, SUBPROTOCOL};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Only the relay's own scripts and WebAssembly run, they talk to the relay and to the service that sends camera links
/// only, and nobody may frame them.
fn content_security_policy(links: Option<&str>) -> String {
    let links = links.map(|url| format!(" {url}")).unwrap_or_default();
    format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ws: wss:{links}; \
         worker-src 'self'; img-src 'self' blob: data:; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// Bytes that a connection reads at a time. Each has so much for as long as it lives.
const READ_BUFFER: usize = 8 << 10;

/// Sent with every answer.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// The address that a connection comes from: a client's, or a proxy's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What all handlers share.
#[derive(Clone, Debug)]
struct Shared {
    exchange: Arc<Exchange>,
    page: Arc<Page>,
    links: Option<Arc<str>>,
    limits: RelayLimits,
    timing: Timing,
    sockets: Arc<Semaphore>,
    proxies: Arc<Proxies>,
}

/// All paths of the relay. Each WebSocket holds a permit of `sockets` while it lives.
pub(crate) fn router(config: &Config, exchange: Arc<Exchange>, sockets: Arc<Semaphore>) -> Router {
    let policy = content_security_policy(config.links.as_deref());
    let shared = Shared {
        exchange,
        page: Arc::new(config.page.clone()),
        links: config.links.as_deref().map(Into::into),
        limits: config.limits,
        timing: config.timing,
        sockets,
        proxies: Arc::new(config.proxies.clone()),
    };
    Router::new()
        .route("/health", get(async || "ok\n"))
        .route("/ws/host", get(host_socket))
        .route("/ws/join", get(joiner_socket))
        .route("/ws/watch", get(lookout_socket))
        .fallback(file)
        .route("/links.json", get(links))
        .layer(middleware::map_response_with_state(policy.into(), with_headers))
        .with_state(shared)
}

/// The paths for those who run the relay.
pub(crate) fn metrics_router(exchange: Arc<Exchange>) -> Router {
    const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let metrics = async move || ([(header::CONTENT_TYPE, FORM)], exchange.metrics());
    Router::new().route("/health", get(async || "ok\n")).route("/metrics", get(metrics))
}

async fn with_headers(State(policy): State<Arc<str>>, mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Where the page's agents have camera links sent; the relay itself never sees one.
async fn links(State(shared): State<Shared>) -> Response {
    let body = serde_json::json!({ "url": shared.links.as_deref() }).to_string();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn file(State(shared): State<Shared>, method: Method, uri: Uri) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, "the relay serves files to GET only\n").into_response();
    }
    match shared.page.file(uri.path()) {
        Some((bytes, mime)) => ([(header::CONTENT_TYPE, mime)], bytes).into_response(),
        None => (StatusCode::NOT_FOUND, "the relay has no such file\n").into_response(),
    }
}

async fn host_socket(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let (most, peer) = (shared.limits.message_bytes, shared.proxies.client(peer.0, &headers));
    accept(shared, &headers, upgrade, most, move |came, shared| {
        exchange::host::serve(came, shared.exchange, peer, shared.timing)
    })
}

async fn joiner_socket(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let (most, peer) = (shared.limits.joiner_message_bytes, shared.proxies.client(peer.0, &headers));
    accept(shared, &headers, upgrade, most, move |came, shared| {
        exchange::joiner::serve(came, shared.exchange, peer, shared.timing)
    })
}

async fn lookout_socket(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let peer = shared.proxies.client(peer.0, &headers);
    accept(shared, &headers, upgrade, MAX_TEXT_BYTES, move |came, shared| {
        exchange::lookout::serve(came, shared.exchange, peer, shared.timing)
    })
}

fn accept<F: Future<Output = ()> + Send + 'static>(
    shared: Shared,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
    most_incoming: usize,
    serve: impl FnOnce((WebSocket, Early), Shared) -> F + Send + 'static,
) -> Response {
    if !same_origin(headers) {
        return (StatusCode::FORBIDDEN, "pages of another site may not use this relay\n").into_response();
    }
    let named = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    // What is not even text is left to the hello that then has to come.
    let Ok(early) = Early::parse(named.filter_map(|value| value.to_str().ok())) else {
        let told = "the first messages that came with the request cannot be read\n";
        return (StatusCode::BAD_REQUEST, told).into_response();
    };
    let Ok(permit) = shared.sockets.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the relay has too many connections\n").into_response();
    };
    // One message and its frame, a ping and a close fit in the write buffer; writers wait for each message to
    // be written, so that no second one comes on top.
    let most_outgoing = shared.limits.message_bytes + (64 << 10);
    upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .max_message_size(most_incoming)
        .max_frame_size(most_incoming)
        .max_write_buffer_size(most_outgoing.max(256 << 10))
        .on_upgrade(move |socket| with_permit(permit, serve((socket, early), shared)))
}

async fn with_permit(permit: OwnedSemaphorePermit, serve: impl Future<Output = ()>) {
    serve.await;
    drop(permit);
}

/// Whether a browser's request comes from the relay's own page; other programs send no `Origin`.
///
/// A browser lets every page open a WebSocket anywhere; without this, a page of another site could talk to a
/// relay on the viewer's own machine.
fn same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    let origin = origin.to_str().ok().and_then(|o| o.split_once("://"));
    match (origin, host) {
        (Some((scheme, from)), Some(host)) => {
            let port = match scheme {
                "http" => ":80",
                "https" => ":443",
                _ => return false,
            };
            // Either side may leave a default port out.
            let bare = |name: &str| name.strip_suffix(port).unwrap_or(name).to_ascii_lowercase();
            bare(from) == bare(host)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_relays_own_page_may_connect() {
        let check = |origin: Option<&str>, host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            same_origin(&headers)
        };
        assert!(check(None, "127.0.0.1:7700"));
        assert!(check(Some("http://127.0.0.1:7700"), "127.0.0.1:7700"));
        assert!(check(Some("https://Relay.example"), "relay.example"));
        assert!(check(Some("https://relay.example"), "relay.example:443"));
        assert!(!check(Some("http://127.0.0.1:7701"), "127.0.0.1:7700"));
        assert!(!check(Some("https://evil.example"), "127.0.0.1:7700"));
        assert!(!check(Some("http://127.0.0.1:7700.evil.example"), "127.0.0.1:7700"));
        assert!(!check(Some("null"), "127.0.0.1:7700"));
        assert!(!check(Some("file://"), "127.0.0.1:7700"));
    }
}
