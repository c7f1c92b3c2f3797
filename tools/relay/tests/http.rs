//! What a relay is before it is a WebSocket: its page, its headers, whom it lets connect. On a paused clock.

mod ends;

use ends::{HERE, Socket, patient, relay};
use panecast_relay::{Config, Loopback, Page, RelayLimits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::{self, Message};

/// Bytes of an answer that a line within the process holds.
const LINE: usize = 64 << 10;

fn with_page() -> Loopback {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("index.html"), "<title>test page</title>").unwrap();
    std::fs::write(dir.path().join("decoder.wasm"), b"\0asm").unwrap();
    relay(&Config { page: Page::from_dir(dir.path()).unwrap(), ..patient() })
}

/// The status that a request to open a WebSocket gets: 101 if it opens.
async fn status(relay: &Loopback, request: Request<()>) -> u16 {
    match tokio_tungstenite::client_async(request, relay.connect(HERE, LINE)).await {
        Ok((_, response)) => response.status().as_u16(),
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        Err(e) => panic!("{e}"),
    }
}

#[tokio::test(start_paused = true)]
async fn pages_of_other_sites_may_not_connect() {
    let relay = relay(&patient());
    for path in ["/ws/host", "/ws/join", "/ws/watch"] {
        for (origin, expected) in [
            (None, 101),
            (Some("http://relay.test"), 101),
            (Some("http://evil.example"), 403),
            (Some("http://relay.test.evil.example"), 403),
            (Some("null"), 403),
        ] {
            let mut request = format!("ws://relay.test{path}").into_client_request().unwrap();
            if let Some(origin) = origin {
                request.headers_mut().insert("origin", origin.parse().unwrap());
            }
            assert_eq!(status(&relay, request).await, expected, "{path} from {origin:?}");
        }
    }
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn connections_fill_up_and_one_that_closes_makes_room() {
    let limits = RelayLimits { sockets: 2, ..RelayLimits::default() };
    let relay = relay(&Config { limits, ..patient() });
    let request = || "ws://relay.test/ws/join".into_client_request().unwrap();
    let (mut one, _two) =
        (Socket::open(&relay, "/ws/host", HERE).await, Socket::open(&relay, "/ws/join", HERE).await);
    assert_eq!(status(&relay, request()).await, 503);
    // The relay closes it when it breaks the protocol, and it is counted until it is closed on both sides.
    one.raw(Message::text("{}")).await;
    while one.next().await.is_some() {}
    drop(one);
    let mut tries = 0;
    while status(&relay, request()).await == 503 {
        tries += 1;
        assert!(tries < 1000, "a closed connection is still counted");
        tokio::task::yield_now().await;
    }
    relay.stop().await;
}

async fn request(relay: &Loopback, head: &str) -> String {
    let mut stream = relay.connect(HERE, LINE);
    stream.write_all(format!("{head}\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap().to_lowercase()
}

#[tokio::test(start_paused = true)]
async fn the_page_is_served_with_strict_headers() {
    let relay = with_page();
    let page = request(&relay, "GET / HTTP/1.1").await;
    assert!(page.starts_with("http/1.1 200") && page.ends_with("<title>test page</title>"), "{page}");
    for header in [
        "content-type: text/html; charset=utf-8",
        "script-src 'self' 'wasm-unsafe-eval'",
        "frame-ancestors 'none'",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
    ] {
        assert!(page.contains(header), "{header} is missing in {page}");
    }
    let wasm = request(&relay, "GET /decoder.wasm?v=1 HTTP/1.1").await;
    assert!(wasm.contains("content-type: application/wasm"), "{wasm}");
    for (head, status) in [
        ("GET /health HTTP/1.1", "200"),
        ("HEAD / HTTP/1.1", "200"),
        ("GET /../Cargo.toml HTTP/1.1", "404"),
        ("GET /none HTTP/1.1", "404"),
        ("GET /ws/other HTTP/1.1", "404"),
        ("POST / HTTP/1.1", "405"),
        ("GET /ws/host HTTP/1.1", "400"),
        ("GET /ws/join HTTP/1.1", "400"),
    ] {
        let answer = request(&relay, head).await;
        assert!(answer.starts_with(&format!("http/1.1 {status}")), "{head}: {answer}");
        assert!(answer.contains("content-security-policy"), "{head}: {answer}");
    }
    relay.stop().await;
}

/// A connection that asks for nothing costs the relay its time to ask, and no more.
#[tokio::test(start_paused = true)]
async fn half_a_request_is_cut_off() {
    let relay = relay(&Config::default());
    let mut half = relay.connect(HERE, LINE);
    half.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let start = tokio::time::Instant::now();
    half.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(start.elapsed(), Config::default().timing.hello);
    relay.stop().await;
}
