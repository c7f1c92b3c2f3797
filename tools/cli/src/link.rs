//! A relay's address, and a WebSocket to it.

use crate::failure::Failure;
use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use panecast_protocol::MAX_BINARY_BYTES;
use std::str::FromStr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How long a relay may take to answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A relay pings every 15 s; one that is silent for this long is gone.
const SILENT_FOR: Duration = Duration::from_secs(45);

/// How long a small message may wait for the socket.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// How long the last messages may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Where a relay is: `http://HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelayUrl {
    /// Host and port.
    authority: String,
}

impl FromStr for RelayUrl {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let rest = match s.split_once("://") {
            None => s,
            Some(("http" | "ws", rest)) => rest,
            Some(("https" | "wss", _)) => {
                return Err(
                    "this build speaks plain http only; reach a TLS relay through a tunnel, such as \
                            `ssh -L 7700:127.0.0.1:7700 HOST`, and name http://127.0.0.1:7700"
                        .into(),
                );
            }
            Some((scheme, _)) => {
                return Err(format!("`{scheme}` is not a relay's scheme; write http://HOST:PORT"));
            }
        };
        let authority = rest.split(['/', '#', '?']).next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (authority, "80"),
        };
        if host.is_empty() || authority.contains('@') || port.parse::<u16>().is_err() {
            return Err(format!("`{s}` is not a relay's address; write http://127.0.0.1:7700"));
        }
        Ok(Self { authority: format!("{host}:{port}") })
    }
}

impl RelayUrl {
    /// What the agent opens: the key stands after `#`, which browsers never send to a server.
    pub(crate) fn agent_url(&self, key: &str) -> String {
        format!("http://{}/#{key}", self.authority)
    }

    /// Something answers there that is no relay.
    pub(crate) fn no_relay(&self) -> Unreachable {
        Unreachable(format!("{} does not answer as a panecast relay", self.name()))
    }

    /// For messages.
    pub(crate) fn name(&self) -> String {
        format!("http://{}", self.authority)
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

/// A WebSocket whose writing happens on a task of its own, so that reading never waits for it.
pub(crate) struct Link {
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: mpsc::Sender<Message>,
    writer: tokio::task::JoinHandle<()>,
}

/// The reading half.
pub(crate) struct Incoming {
    stream: SplitStream<WebSocketStream<TcpStream>>,
    /// When the relay gave the last sign of life.
    heard: Instant,
}

impl Incoming {
    /// The next text or binary message; `None` once the connection is gone or silent for too long. Dropping the
    /// future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            let message = timeout_at(self.heard + SILENT_FOR, self.stream.next()).await.ok()??.ok()?;
            self.heard = Instant::now();
            match message {
                Message::Text(_) | Message::Binary(_) => return Some(message),
                Message::Close(_) => return None,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }
}

impl Link {
    /// Connects to `path` of the relay.
    pub(crate) async fn connect(relay: &RelayUrl, path: &str) -> Result<Self, Unreachable> {
        let failed = |e: &dyn std::fmt::Display| Unreachable(format!("cannot reach {}: {e}", relay.name()));
        let connected = timeout(CONNECT_WITHIN, async {
            let stream = TcpStream::connect(&relay.authority).await.map_err(|e| failed(&e))?;
            // An update is written whole; waiting for more would only add delay.
            stream.set_nodelay(true).map_err(|e| failed(&e))?;
            let config = WebSocketConfig::default()
                .max_message_size(Some(MAX_BINARY_BYTES))
                .max_frame_size(Some(MAX_BINARY_BYTES))
                .max_write_buffer_size(MAX_BINARY_BYTES + (64 << 10));
            let url = format!("ws://{}{path}", relay.authority);
            let (socket, _) =
                client_async_with_config(url, stream, Some(config)).await.map_err(|e| failed(&e))?;
            Ok(socket)
        });
        let socket = connected.await.map_err(|_| failed(&"it does not answer"))??;
        let (mut sink, stream) = socket.split();
        let incoming = Incoming { stream, heard: Instant::now() };
        let (outgoing, mut waiting) = mpsc::channel::<Message>(1);
        let writer = tokio::spawn(async move {
            while let Some(message) = waiting.recv().await {
                if sink.send(message).await.is_err() {
                    return;
                }
            }
            // The other side may be gone already.
            let _ = timeout(GOODBYE, sink.close()).await;
        });
        Ok(Self { incoming, outgoing, writer })
    }

    /// Sends a message of the protocol; false if the connection is gone or takes nothing.
    pub(crate) async fn say(&self, message: &impl serde::Serialize) -> bool {
        match text(message) {
            Some(text) => {
                timeout(TAKEN_WITHIN, self.outgoing.send(text)).await.is_ok_and(|sent| sent.is_ok())
            }
            None => false,
        }
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

/// The waits between tries to reconnect: half a second, doubling up to ten.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    pub(crate) fn next_wait(&mut self) -> Duration {
        let wait = Duration::from_millis(500) * 2u32.pow(self.tries.min(5));
        self.tries += 1;
        wait.min(Duration::from_secs(10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (typed, url) in [
            ("http://127.0.0.1:7700", "http://127.0.0.1:7700/#K"),
            ("127.0.0.1:7700/", "http://127.0.0.1:7700/#K"),
            ("ws://relay.example", "http://relay.example:80/#K"),
            ("http://[::1]:7700/#482913507", "http://[::1]:7700/#K"),
            ("http://[::1]", "http://[::1]:80/#K"),
        ] {
            assert_eq!(typed.parse::<RelayUrl>().unwrap().agent_url("K"), url, "{typed}");
        }
        for bad in ["", "http://", "http://host:99999", "ftp://host", "http://user@host", "https://host"] {
            assert!(bad.parse::<RelayUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn tries_slow_down_to_one_in_ten_seconds() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8).map(|_| backoff.next_wait().as_millis() as u64).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
    }
}
