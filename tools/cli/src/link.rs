//! A relay's address, and a WebSocket to it.

use crate::access::Access;
use crate::dial::dial;
use crate::failure::Failure;
use crate::pulse::{ASK_AFTER, Noted, Pulse};
use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use panecast::session::seal::{LinkSecret, LinkText};
use panecast_protocol::{Early, MAX_BINARY_BYTES, tenant_of_query, tenant_query};
use rustls_pki_types::ServerName;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How long a relay may take to answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How long a small message may wait for the socket.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// How long the last messages may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Where a relay is: `https://HOST[:PORT]` or `http://HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelayUrl {
    secure: bool,
    /// In brackets if it is an IPv6 address.
    host: String,
    port: u16,
}

impl FromStr for RelayUrl {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let (secure, rest) = match s.split_once("://") {
            None => (false, s),
            Some(("http" | "ws", rest)) => (false, rest),
            Some(("https" | "wss", rest)) => (true, rest),
            Some((scheme, _)) => {
                return Err(format!("`{scheme}` is not a relay's scheme; write https://HOST"));
            }
        };
        let authority = rest.split(['/', '#', '?']).next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
            _ => (authority, Some(usual_port(secure))),
        };
        match port {
            Some(port) if !host.is_empty() && !authority.contains('@') => {
                Ok(Self { secure, host: host.to_owned(), port })
            }
            _ => Err(format!("`{s}` is not a relay's address; write https://HOST or http://127.0.0.1:7700")),
        }
    }
}

/// A link by which somebody shows a screen: `https://HOST/see#SECRET`, with `?tenant=NAME` before the `#` where it is of
/// another tenant than the default one.
#[derive(Clone, Debug)]
pub(crate) struct LinkUrl {
    pub(crate) relay: RelayUrl,
    pub(crate) tenant: String,
    pub(crate) text: LinkText,
}

impl FromStr for LinkUrl {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let bad = || "this is not a whole link; copy all of it, such as https://HOST/see#0123…".to_owned();
        let (relay, tenant, text) = parts(s, "/see").ok_or_else(bad)?;
        Ok(Self { relay: relay.parse()?, tenant, text: text.parse().map_err(|_| bad())? })
    }
}

/// A link that asks for a camera: `https://HOST/camera#SECRET`, with a tenant as a [`LinkUrl`]. Somebody else has drawn it.
#[derive(Clone, Debug)]
pub(crate) struct CameraUrl {
    pub(crate) relay: RelayUrl,
    pub(crate) tenant: String,
    pub(crate) secret: LinkSecret,
}

impl FromStr for CameraUrl {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let bad = || "this is not a whole link; copy all of it, such as https://HOST/camera#0123…".to_owned();
        let (relay, tenant, text) = parts(s, "/camera").ok_or_else(bad)?;
        Ok(Self { relay: relay.parse()?, tenant, secret: text.parse().map_err(|_| bad())? })
    }
}

/// The relay's address, the tenant and the fragment of a link to `page`.
fn parts<'a>(link: &'a str, page: &str) -> Option<(&'a str, String, &'a str)> {
    let (before, text) = link.trim().split_once('#')?;
    let (place, query) = before.split_once('?').unwrap_or((before, ""));
    Some((place.strip_suffix(page)?, tenant_of_query(query)?, text))
}

fn usual_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

impl RelayUrl {
    /// What the agent opens: the key stands after `#`, which browsers never send to a server.
    pub(crate) fn agent_url(&self, tenant: &str, key: &str) -> String {
        format!("{}/{}#{key}", self.name(), tenant_query(tenant))
    }

    /// What a phone opens to show its camera.
    pub(crate) fn camera_url(&self, tenant: &str, link: &LinkSecret) -> String {
        format!("{}/camera{}#{link}", self.name(), tenant_query(tenant))
    }

    /// What those open who are shown a screen; `text` has the secret.
    pub(crate) fn link_url(&self, tenant: &str, text: &str) -> String {
        format!("{}/see{}#{text}", self.name(), tenant_query(tenant))
    }

    /// Something answers there that is no relay.
    pub(crate) fn no_relay(&self) -> Unreachable {
        Unreachable(format!("{} does not answer as a panecast relay", self.name()))
    }

    /// As people write it.
    pub(crate) fn name(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        let Self { host, port, .. } = self;
        if *port == usual_port(self.secure) {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        }
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct Unreachable(String);

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Unreachable> for Failure {
    fn from(e: Unreachable) -> Self {
        Self::new(e.0, "check the address and that the relay runs: `panecast relay`")
    }
}

/// A connection, with TLS or without.
trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

type Socket = WebSocketStream<Box<dyn Line>>;

/// Why a WebSocket did not open.
enum Closed {
    /// What answers does not take first messages with the request.
    NotTaken,
    Failed(String),
}

impl Closed {
    fn by(e: impl std::fmt::Display) -> Self {
        Self::Failed(e.to_string())
    }
}

/// Opens a WebSocket; with `early`, its first messages go along.
async fn open(relay: &Access, path: &str, early: Option<&Early>, pulse: &Pulse) -> Result<Socket, Closed> {
    let url = &relay.url;
    let stream = dial(&url.host, url.port).await.map_err(Closed::by)?;
    // An update is written whole; waiting for more would only add delay.
    stream.set_nodelay(true).map_err(Closed::by)?;
    let stream = Noted::new(stream, pulse.clone());
    let line: Box<dyn Line> = if url.secure {
        let host = url.host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(Closed::by)?;
        let connector = TlsConnector::from(relay.tls.clone());
        Box::new(connector.connect(name, stream).await.map_err(Closed::by)?)
    } else {
        Box::new(stream)
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_BINARY_BYTES))
        .max_frame_size(Some(MAX_BINARY_BYTES))
        .max_write_buffer_size(MAX_BINARY_BYTES + (64 << 10));
    // With TLS or without, the request is the same from here on.
    let mut request =
        format!("ws://{}:{}{path}", url.host, url.port).into_client_request().map_err(Closed::by)?;
    if let Some(early) = early {
        let value = early.header().try_into().map_err(Closed::by)?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
    match client_async_with_config(request, line, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)))
            if early.is_some() =>
        {
            Err(Closed::NotTaken)
        }
        // Such as a header that is too long for a proxy.
        Err(tungstenite::Error::Http(answer)) if early.is_some() && answer.status().is_client_error() => {
            Err(Closed::NotTaken)
        }
        Err(e) => Err(Closed::by(e)),
    }
}

/// A WebSocket whose writing happens on a task of its own, so that reading never waits for it.
pub(crate) struct Link {
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: mpsc::Sender<Message>,
    writer: tokio::task::JoinHandle<()>,
}

/// The reading half.
pub(crate) struct Incoming {
    stream: SplitStream<Socket>,
    pulse: Pulse,
    /// When the relay was asked for a sign of life, and by when one is due.
    asked: Option<(Instant, Instant)>,
    /// Has the writer ask.
    ask: Arc<Notify>,
}

impl Incoming {
    /// The next text or binary message; `None` once the connection is gone or silent for too long. Dropping the
    /// future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            let due = self.asked.map_or(self.pulse.last() + ASK_AFTER, |(_, due)| due);
            match timeout_at(due, self.stream.next()).await {
                Ok(Some(Ok(message @ (Message::Text(_) | Message::Binary(_))))) => {
                    self.asked = None;
                    return Some(message);
                }
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => self.asked = None,
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return None,
                Err(_) if self.asked.is_some_and(|(at, _)| self.pulse.last() <= at) => {
                    self.pulse.silent();
                    return None;
                }
                // Some bytes of a long message have come or gone meanwhile.
                Err(_) if self.pulse.last() + ASK_AFTER > Instant::now() => self.asked = None,
                Err(_) => {
                    self.ask.notify_one();
                    let now = Instant::now();
                    self.asked = Some((now, now + self.pulse.patience()));
                }
            }
        }
    }
}

impl Link {
    /// Connects to `path` of the relay and says `hello`, then `proof`: with the request as far as its header may hold
    /// them, the rest as messages, and all of it so where something on the way does not let the header pass.
    pub(crate) async fn connect(
        relay: &Access,
        path: &str,
        hello: &impl serde::Serialize,
        proof: Option<&[u8]>,
    ) -> Result<Self, Unreachable> {
        let failed =
            |e: &dyn std::fmt::Display| Unreachable(format!("cannot reach {}: {e}", relay.url.name()));
        let hello = serde_json::to_string(hello).map_err(|e| failed(&e))?;
        let pulse = Pulse::new(relay.learnt.clone());
        let goes_early = !relay.learnt.never_early.load(Relaxed);
        let mut early = if goes_early { Early::of(&hello, proof) } else { Early::default() };
        let connected = timeout(CONNECT_WITHIN, async {
            match open(relay, path, goes_early.then_some(&early), &pulse).await {
                Err(Closed::NotTaken) => {
                    relay.learnt.never_early.store(true, Relaxed);
                    if early.proof.is_some() {
                        // It may have come through, and is good once.
                        return Err(Closed::NotTaken);
                    }
                    early = Early::default();
                    open(relay, path, None, &pulse).await
                }
                opened => opened,
            }
        });
        let socket = match connected.await.map_err(|_| failed(&"it does not answer"))? {
            Ok(socket) => socket,
            Err(Closed::Failed(e)) => return Err(failed(&e)),
            Err(Closed::NotTaken) => return Err(failed(&"its answer is not a relay's")),
        };
        let link = Self::over(socket, pulse);
        if early.hello.is_none() {
            link.put(Message::text(hello)).await;
        }
        if let (Some(proof), None) = (proof, &early.proof) {
            link.put(Message::binary(proof.to_vec())).await;
        }
        Ok(link)
    }

    fn over(socket: Socket, pulse: Pulse) -> Self {
        let (mut sink, stream) = socket.split();
        let ask = Arc::new(Notify::new());
        let incoming = Incoming { stream, pulse, asked: None, ask: ask.clone() };
        let (outgoing, mut waiting) = mpsc::channel::<Message>(1);
        let writer = tokio::spawn(async move {
            loop {
                let message = tokio::select! {
                    message = waiting.recv() => match message {
                        Some(message) => message,
                        None => break,
                    },
                    () = ask.notified() => Message::Ping(Default::default()),
                };
                if sink.send(message).await.is_err() {
                    return;
                }
            }
            // The other side may be gone already.
            let _ = timeout(GOODBYE, sink.close()).await;
        });
        Self { incoming, outgoing, writer }
    }

    /// Sends a message of the protocol; false if the connection is gone or takes nothing.
    pub(crate) async fn say(&self, message: &impl serde::Serialize) -> bool {
        match text(message) {
            Some(text) => self.put(text).await,
            None => false,
        }
    }

    async fn put(&self, message: Message) -> bool {
        timeout(TAKEN_WITHIN, self.outgoing.send(message)).await.is_ok_and(|sent| sent.is_ok())
    }

    /// Writes what is queued, closes, and waits a moment for the relay to do so too.
    pub(crate) async fn close(self) {
        let Self { mut incoming, outgoing, writer } = self;
        drop(outgoing);
        let both = async {
            while let Some(Ok(_)) = incoming.stream.next().await {}
            let _ = writer.await;
        };
        let _ = timeout(GOODBYE, both).await;
    }
}

/// A message of the protocol as the socket takes it.
pub(crate) fn text(message: &impl serde::Serialize) -> Option<Message> {
    serde_json::to_string(message).ok().map(Message::text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pulse::ANSWER_WITHIN;
    use tokio_tungstenite::tungstenite::protocol::Role;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (typed, url) in [
            ("http://127.0.0.1:7700", "http://127.0.0.1:7700/#K"),
            ("127.0.0.1:7700/", "http://127.0.0.1:7700/#K"),
            ("ws://relay.example", "http://relay.example/#K"),
            ("wss://relay.example", "https://relay.example/#K"),
            ("https://relay.example:7700/x", "https://relay.example:7700/#K"),
            ("https://relay.example:80", "https://relay.example:80/#K"),
            ("http://[::1]:7700/#482913507", "http://[::1]:7700/#K"),
            ("http://[::1]", "http://[::1]/#K"),
        ] {
            assert_eq!(typed.parse::<RelayUrl>().unwrap().agent_url("default", "K"), url, "{typed}");
        }
        for bad in ["", "http://", "http://host:99999", "ftp://host", "http://user@host", "https://"] {
            assert!(bad.parse::<RelayUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_link_leads_into_its_tenant() {
        let relay: RelayUrl = "https://relay.example".parse().unwrap();
        let text = "0123456789abcdefghjkmnpqr0";
        let secret: LinkSecret = text.parse().unwrap();
        for (tenant, query) in [("default", ""), ("shop", "?tenant=shop"), ("a b#?", "?tenant=a%20b%23%3F")] {
            assert_eq!(relay.agent_url(tenant, "K"), format!("https://relay.example/{query}#K"));
            let camera = relay.camera_url(tenant, &secret);
            assert_eq!(camera, format!("https://relay.example/camera{query}#{text}"));
            let camera: CameraUrl = camera.parse().unwrap();
            assert_eq!((&camera.relay, camera.tenant.as_str()), (&relay, tenant));
            let see: LinkUrl = relay.link_url(tenant, text).parse().unwrap();
            assert_eq!((&see.relay, see.tenant.as_str()), (&relay, tenant));
        }
        for bad in [
            "https://relay.example/camera?tenant=#0123456789abcdefghjkmnpqr0",
            "https://relay.example/camera?tenant=a&tenant=b#0123456789abcdefghjkmnpqr0",
            "https://relay.example/camera?tenant=a%00#0123456789abcdefghjkmnpqr0",
            "https://relay.example/camera?tenant=%ff#0123456789abcdefghjkmnpqr0",
            "https://relay.example/?tenant=a/camera#0123456789abcdefghjkmnpqr0",
            "https://relay.example/see?tenant=shop#0123456789abcdefghjkmnpqr0",
            "https://relay.example/camera?tenant=shop",
        ] {
            assert!(bad.parse::<CameraUrl>().is_err(), "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_answers_is_kept_and_one_that_went_dead_is_not() {
        let (near, far) = tokio::io::duplex(1 << 10);
        let pulse = Pulse::new(Arc::default());
        let near: Box<dyn Line> = Box::new(Noted::new(near, pulse.clone()));
        let near = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
        let mut far = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
        let mut link = Link::over(near, pulse);
        let mut pings = 0;
        let minute = timeout(Duration::from_secs(62), async {
            // Reading answers.
            while let Some(Ok(message)) = far.next().await {
                pings += usize::from(message.is_ping());
            }
        });
        tokio::select! {
            message = link.incoming.next() => panic!("{message:?}"),
            ended = minute => assert!(ended.is_err(), "the line is kept"),
        }
        assert_eq!(pings, 12, "one for five seconds of silence each");
        let since = Instant::now();
        assert!(link.incoming.next().await.is_none());
        assert_eq!(since.elapsed().as_secs(), 3 + ANSWER_WITHIN.as_secs());
    }

    /// A snapshot on a thin line, during which nothing is answered.
    #[tokio::test(start_paused = true)]
    async fn a_long_message_on_its_way_is_a_sign_of_life() {
        let (near, mut far) = tokio::io::duplex(1 << 10);
        let pulse = Pulse::new(Arc::default());
        let near: Box<dyn Line> = Box::new(Noted::new(near, pulse.clone()));
        let near = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
        let mut link = Link::over(near, pulse);
        let bytes = async {
            use tokio::io::AsyncWriteExt;
            // A binary message of 60 bytes, one in two seconds.
            for byte in [0x82, 60].into_iter().chain([7; 60]) {
                far.write_all(&[byte]).await.unwrap();
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        };
        let (message, ()) = tokio::join!(link.incoming.next(), bytes);
        assert_eq!(message, Some(Message::binary(vec![7; 60])));
    }
}
