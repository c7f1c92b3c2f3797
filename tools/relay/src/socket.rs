//! What both kinds of connection share: the hello, signs of life, the goodbye.

use crate::config::Timing;
use crate::refusal::refusal;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use panecast_protocol::{Early, MAX_TEXT_BYTES, PROTOCOL_VERSION, Refusal, RefusalKind};
use serde_json::Value;
use std::collections::VecDeque;
use std::net::IpAddr;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tungstenite::error::ProtocolError;

/// The writing half.
pub(crate) type Writer = SplitSink<WebSocket, Message>;

/// The reading half; every message has to come within [`Timing::dead`].
#[derive(Debug)]
pub(crate) struct Reader {
    stream: SplitStream<WebSocket>,
    /// What came with the request.
    early: VecDeque<Incoming>,
    timing: Timing,
}

/// What a peer sent.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(axum::extract::ws::Utf8Bytes),
    Binary(axum::body::Bytes),
}

/// Why nothing more comes from a peer.
#[derive(Debug, PartialEq)]
pub(crate) enum Gone {
    /// It closed, or its connection broke.
    Left,
    /// It showed no sign of life in time.
    Silent,
    /// It broke the protocol.
    Refused(Refusal),
}

impl Reader {
    pub(crate) fn new(stream: SplitStream<WebSocket>, early: Early, timing: Timing) -> Self {
        let hello = early.hello.map(|text| Incoming::Text(text.into()));
        let proof = early.proof.map(|bytes| Incoming::Binary(bytes.into()));
        Self { stream, early: hello.into_iter().chain(proof).collect(), timing }
    }

    /// The first message: a hello of this protocol version.
    pub(crate) async fn hello<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, Gone> {
        let first = timeout(self.timing.hello, self.next()).await.map_err(|_| Gone::Silent)??;
        let Incoming::Text(text) = first else {
            return Err(bad("the first message must be a hello"));
        };
        // The version is looked at first: the rest of another version's hello may look different.
        let hello: Value = serde_json::from_str(&text).map_err(|e| bad(&format!("not a hello: {e}")))?;
        match hello.get("protocol").and_then(Value::as_u64) {
            Some(v) if v == u64::from(PROTOCOL_VERSION) => {}
            Some(v) => {
                let message = format!(
                    "this relay speaks protocol {PROTOCOL_VERSION}, the message has {v}; update the older side"
                );
                return Err(Gone::Refused(refusal(RefusalKind::Version, &message)));
            }
            None => return Err(bad("a hello names its protocol version")),
        }
        serde_json::from_value(hello).map_err(|e| bad(&format!("not a hello: {e}")))
    }

    /// The next text or binary message.
    pub(crate) async fn next(&mut self) -> Result<Incoming, Gone> {
        if let Some(early) = self.early.pop_front() {
            return Ok(early);
        }
        loop {
            let message = timeout(self.timing.dead, self.stream.next()).await.map_err(|_| Gone::Silent)?;
            match message {
                Some(Ok(Message::Text(text))) if text.len() > MAX_TEXT_BYTES => {
                    return Err(bad(&format!("a text has more than {MAX_TEXT_BYTES} bytes")));
                }
                Some(Ok(Message::Text(text))) => return Ok(Incoming::Text(text)),
                Some(Ok(Message::Binary(bytes))) => return Ok(Incoming::Binary(bytes)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err(Gone::Left),
                Some(Err(e)) => return Err(why(e)),
            }
        }
    }

    /// Reads on until the peer has closed its side too, no longer than [`Timing::goodbye`]: a socket that is
    /// dropped with unread bytes resets the connection, and the peer may lose our last words.
    async fn linger(mut self) {
        let closed = async { while let Some(Ok(_)) = self.stream.next().await {} };
        let _ = timeout(self.timing.goodbye, closed).await;
    }
}

/// Tells a peer that breaks the rules of WebSocket from a connection that broke.
fn why(e: axum::Error) -> Gone {
    match e.into_inner().downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Gone::Left,
        Some(
            e @ (tungstenite::Error::Protocol(_)
            | tungstenite::Error::Capacity(_)
            | tungstenite::Error::Utf8(_)),
        ) => bad(&e.to_string()),
        _ => Gone::Left,
    }
}

/// A message that breaks the protocol.
pub(crate) fn bad(message: &str) -> Gone {
    Gone::Refused(refusal(RefusalKind::BadMessage, message))
}

/// Reads a text of the protocol.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Gone> {
    serde_json::from_str(text).map_err(|e| bad(&format!("not a message of this protocol: {e}")))
}

/// A message of the protocol as the socket takes it.
pub(crate) fn text(message: &impl serde::Serialize) -> Message {
    // Serialising a plain enum of strings and numbers cannot fail; an empty text would be refused by the peer.
    Message::text(serde_json::to_string(message).unwrap_or_default())
}

/// Says the last words and closes; waits no longer than [`Timing::goodbye`].
pub(crate) async fn goodbye(mut writer: Writer, last: Option<Message>, code: u16, timing: Timing) {
    let words = async {
        if let Some(last) = last {
            writer.send(last).await?;
        }
        writer.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await
    };
    // Whether the peer still listens does not matter any more.
    let _ = timeout(timing.goodbye, words).await;
}

/// Waits a moment for a writer's last words and for the peer to close its side. A writer that is stuck in a
/// dead socket is cut off.
pub(crate) async fn finish(mut writing: JoinHandle<()>, reader: Reader, timing: Timing) {
    // A handle that has been waited for to the end must not be polled again.
    if !writing.is_finished() && timeout(timing.goodbye, &mut writing).await.is_err() {
        writing.abort();
    }
    reader.linger().await;
}

/// Tells the peer why it is turned away, where there is a reason, and closes.
pub(crate) async fn turn_away<T: serde::Serialize>(
    writer: Writer,
    reader: Reader,
    gone: Gone,
    wrap: impl FnOnce(Refusal) -> T,
    peer: IpAddr,
) {
    let timing = reader.timing;
    match gone {
        Gone::Refused(refusal) => {
            tracing::info!(%peer, kind = ?refusal.kind, "refused: {}", refusal.message);
            goodbye(writer, Some(text(&wrap(refusal))), close_code::POLICY, timing).await;
        }
        Gone::Silent => goodbye(writer, None, close_code::AWAY, timing).await,
        Gone::Left => return,
    }
    reader.linger().await;
}
