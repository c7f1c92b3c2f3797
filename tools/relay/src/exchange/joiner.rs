//! A joiner's connection.

use super::Exchange;
use super::knock::{Knock, at_the_door};
use super::room::Entry;
use super::to_joiner::ForJoiner;
use super::tries::network_of;
use crate::config::Timing;
use crate::metrics::{Knocked, Metrics, Present};
use crate::refusal::refusal;
use crate::socket::{Gone, Incoming, Reader, Writer, bad, finish, goodbye, text, turn_away};
use axum::extract::ws::{Message, WebSocket, close_code};
use futures_util::{SinkExt, StreamExt};
use panecast_protocol::{Door, JoinerSays, Place, RefusalKind, RelayToJoiner, Who};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::{Instant, interval_at};

/// Serves a joiner until it leaves.
pub(crate) async fn serve(socket: WebSocket, exchange: Arc<Exchange>, peer: IpAddr, timing: Timing) {
    let (mut writer, stream) = socket.split();
    let mut reader = Reader::new(stream, timing);
    let network = network_of(peer);
    let entry = match enter(&mut reader, &mut writer, &exchange, peer, timing).await {
        Ok(entry) => Arc::new(entry),
        Err(gone) => return turn_away(writer, reader, gone, RelayToJoiner::Refused, network).await,
    };
    tracing::info!(%network, tenant = %entry.room.tenant(), "joiner came in");
    let metrics = &exchange.metrics;
    let _present = Present::new(&metrics.joiners);
    let mut writing = tokio::spawn(write(writer, entry.clone(), metrics.clone(), timing));
    let gone = tokio::select! {
        gone = read(&mut reader, &entry, metrics) => gone,
        // The writer ends when the session does, or when the socket breaks.
        _ = &mut writing => Gone::Left,
    };
    entry.left(Instant::now() + timing.grace);
    if let Gone::Refused(refusal) = &gone {
        tracing::info!(%network, kind = ?refusal.kind, "refused: {}", refusal.message);
        entry.queue.text(RelayToJoiner::Refused(refusal.clone()));
    }
    entry.queue.close();
    tracing::info!(%network, silent = (gone == Gone::Silent), "joiner left");
    finish(writing, reader, timing).await;
}

async fn enter(
    reader: &mut Reader,
    writer: &mut Writer,
    exchange: &Exchange,
    peer: IpAddr,
    timing: Timing,
) -> Result<Entry, Gone> {
    let JoinerSays::Hello { tenant, token, door, resume, .. } = reader.hello().await?;
    let tenant = exchange.tenants.find(&tenant).map_err(Gone::Refused)?;
    let who = tenant.joiner(token.as_deref(), door.as_ref()).map_err(Gone::Refused)?;
    let now = Instant::now();
    match (door, resume) {
        (None, Some(place)) => back(exchange, &place, who, now),
        (Some(door @ Door::Key { .. }), None) => {
            let Some(counted) = exchange.tries.knock(tenant.name(), peer, now) else {
                exchange.metrics.knocked(Knocked::TooMany);
                let message = "too many keys were tried; wait a few minutes";
                return Err(Gone::Refused(refusal(RefusalKind::TooManyTries, message)));
            };
            let room = exchange.directory.find(tenant.name(), &door, now);
            let entry = room.and_then(|room| room.knock(&door, who));
            let outcome = at_the_door(Knock::at_key(entry, now, timing), reader, writer).await;
            let entry = counted_as(outcome, &exchange.metrics)?;
            exchange.tries.give_back(&counted);
            Ok(entry)
        }
        (Some(door), None) => {
            let room = exchange.directory.find(tenant.name(), &door, now);
            let outcome = match room.and_then(|room| room.knock(&door, who)) {
                Some(entry) => at_the_door(Knock::at_open_door(entry, now, timing), reader, writer).await,
                None => {
                    let message = "nobody is there to be reached this way now";
                    Err(Gone::Refused(refusal(RefusalKind::Unavailable, message)))
                }
            };
            counted_as(outcome, &exchange.metrics)
        }
        _ => Err(bad("a hello has either a door or a place to come back to")),
    }
}

/// What became of a knock, counted.
fn counted_as(outcome: Result<Entry, Gone>, metrics: &Metrics) -> Result<Entry, Gone> {
    metrics.knocked(match &outcome {
        Ok(_) => Knocked::LetIn,
        Err(Gone::Refused(_)) => Knocked::Refused,
        Err(Gone::Left | Gone::Silent) => Knocked::Gone,
    });
    outcome
}

fn back(exchange: &Exchange, place: &Place, who: Option<Who>, now: Instant) -> Result<Entry, Gone> {
    exchange
        .directory
        .room(&place.room)
        .and_then(|room| room.resume(place.joiner, &place.token, who, now))
        .ok_or_else(|| {
            Gone::Refused(refusal(RefusalKind::Unavailable, "there is no place to come back to now"))
        })
}

async fn read(reader: &mut Reader, entry: &Entry, metrics: &Metrics) -> Gone {
    loop {
        match reader.next().await {
            // What comes while the host is away is lost; the ends notice by their own counting.
            Ok(Incoming::Binary(bytes)) => {
                metrics.bytes_from_joiners.inc_by(bytes.len() as u64);
                entry.send(&bytes).await;
            }
            Ok(Incoming::Text(_)) => return bad("a joiner says nothing to the relay after its hello"),
            Err(gone) => return gone,
        }
    }
}

async fn write(mut writer: Writer, entry: Arc<Entry>, metrics: Arc<Metrics>, timing: Timing) {
    let mut pings = interval_at(Instant::now() + timing.ping, timing.ping);
    loop {
        let (message, since) = tokio::select! {
            item = entry.queue.next() => match item {
                ForJoiner::Text(message) => (text(&message), None),
                ForJoiner::Control(bytes) => (Message::Binary(bytes), None),
                ForJoiner::Packet(bytes, since) => (Message::Binary(bytes), Some(since)),
                ForJoiner::Ready => {
                    entry.drained();
                    continue;
                }
                ForJoiner::Close => return goodbye(writer, None, close_code::NORMAL, timing).await,
            },
            _ = pings.tick() => (Message::Ping(Default::default()), None),
        };
        let bytes = if let Message::Binary(bytes) = &message { bytes.len() as u64 } else { 0 };
        if writer.send(message).await.is_err() {
            return;
        }
        metrics.bytes_to_joiners.inc_by(bytes);
        if let Some(since) = since {
            metrics.forwarded(since.elapsed());
        }
    }
}
