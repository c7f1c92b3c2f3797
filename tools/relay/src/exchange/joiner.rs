//! A joiner's connection.

use super::Exchange;
use super::directory::Found;
use super::doors::spent;
use super::knock::{Knock, at_the_door};
use super::room::Entry;
use super::to_joiner::{ForJoiner, JoinerQueue};
use super::tries::network_of;
use crate::cluster::Cluster;
use crate::cluster::message::Goal;
use crate::cluster::replica::Held;
use crate::config::Timing;
use crate::metrics::{Knocked, Metrics, Present};
use crate::refusal::refusal;
use crate::socket::{Gone, Incoming, Reader, Writer, bad, finish, goodbye, parse, text, turn_away};
use crate::tenants::Tenant;
use axum::extract::ws::{Message, WebSocket, close_code};
use futures_util::{SinkExt, StreamExt};
use panecast_protocol::{Door, Early, JoinerSays, Place, Refusal, RefusalKind, RelayToJoiner, Who};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::{Instant, interval_at};

/// Serves a joiner until it leaves.
pub(crate) async fn serve(
    (socket, early): (WebSocket, Early),
    exchange: Arc<Exchange>,
    peer: IpAddr,
    timing: Timing,
) {
    let (mut writer, stream) = socket.split();
    let mut reader = Reader::new(stream, early, timing);
    let network = network_of(peer);
    let (tenant, entry) = match enter(&mut reader, &mut writer, &exchange, peer, timing).await {
        Ok((tenant, entry)) => (tenant, Arc::new(entry)),
        Err(gone) => return turn_away(writer, reader, gone, RelayToJoiner::Refused, network).await,
    };
    tracing::info!(%network, tenant = %entry.tenant, "joiner came in");
    let metrics = &exchange.metrics;
    let _present = Present::new(&metrics.joiners);
    let mut writing = tokio::spawn(write(writer, tenant.clone(), entry.clone(), metrics.clone(), timing));
    let gone = tokio::select! {
        gone = read(&mut reader, &tenant, &entry, metrics) => gone,
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
) -> Result<(Arc<Tenant>, Entry), Gone> {
    let JoinerSays::Hello { tenant, token, door, resume, .. } = reader.hello().await? else {
        return Err(bad("the first message must be a hello"));
    };
    let tenant = exchange.tenants.find(&tenant).map_err(Gone::Refused)?.clone();
    let who = tenant.joiner(token.as_deref(), door.as_ref()).map_err(Gone::Refused)?;
    tenant.spend(0).map_err(Gone::Refused)?;
    let now = Instant::now();
    let entry = match (door, resume) {
        (None, Some(place)) => back(exchange, tenant.name(), place, who, now).await?,
        (Some(door @ Door::Key { .. }), None) => {
            let Some(counted) = exchange.count_knock(tenant.name(), peer, now).await else {
                exchange.metrics.knocked(Knocked::TooMany);
                let message = "too many keys were tried; wait a few minutes";
                return Err(Gone::Refused(refusal(RefusalKind::TooManyTries, message)));
            };
            let entry = knock(exchange, tenant.name(), &door, who, now).await.ok();
            let outcome = at_the_door(Knock::at_key(entry, now, timing), reader, writer).await;
            let entry = counted_as(outcome, &exchange.metrics)?;
            exchange.give_back(counted);
            entry
        }
        (Some(door), None) => {
            let outcome = match knock(exchange, tenant.name(), &door, who, now).await {
                Ok(entry) => at_the_door(Knock::at_open_door(entry, now, timing), reader, writer).await,
                Err(Some(told)) => Err(Gone::Refused(told)),
                // Who has a link's 128 bits may know that it is of no use any more.
                Err(None) if exchange.directory.is_spent(tenant.name(), &door, now) => {
                    Err(Gone::Refused(spent()))
                }
                Err(None) => {
                    let message = "nobody is there to be reached this way now";
                    Err(Gone::Refused(refusal(RefusalKind::Unavailable, message)))
                }
            };
            counted_as(outcome, &exchange.metrics)?
        }
        _ => return Err(bad("a hello has either a door or a place to come back to")),
    };
    Ok((tenant, entry))
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

/// Knocks at a door of this relay or of another.
async fn knock(
    exchange: &Exchange,
    tenant: &Arc<str>,
    door: &Door,
    who: Option<Who>,
    now: Instant,
) -> Result<Entry, Option<Refusal>> {
    match exchange.directory.find(tenant, door, now).ok_or(None)? {
        Found::Here(room) => room.knock(door, who).ok_or(None),
        Found::There(cluster, held) => {
            let place = exchange.directory.place(tenant, door).ok_or(None)?;
            there(exchange, tenant, (cluster, held), Goal::Door(place), who).await
        }
    }
}

/// Comes back to a place at this relay or another.
async fn back(
    exchange: &Exchange,
    tenant: &Arc<str>,
    place: Place,
    who: Option<Who>,
    now: Instant,
) -> Result<Entry, Gone> {
    let entry = match exchange.directory.find_room(&place.room) {
        Some(Found::Here(room)) => room.resume(place.joiner, &place.token, who, now).ok_or(None),
        Some(Found::There(cluster, held)) => {
            there(exchange, tenant, (cluster, held), Goal::Return(place), who).await
        }
        None => Err(None),
    };
    entry.map_err(|told| {
        let nowhere = || refusal(RefusalKind::Unavailable, "there is no place to come back to now");
        Gone::Refused(told.unwrap_or_else(nowhere))
    })
}

async fn there(
    exchange: &Exchange,
    tenant: &Arc<str>,
    (cluster, held): (Arc<Cluster>, Held),
    goal: Goal,
    who: Option<Who>,
) -> Result<Entry, Option<Refusal>> {
    let queue = Arc::new(JoinerQueue::new(exchange.directory.limits()));
    let near = cluster.enter(held, goal, who, queue).await?;
    Ok(Entry::there(tenant.clone(), near))
}

async fn read(reader: &mut Reader, tenant: &Tenant, entry: &Entry, metrics: &Metrics) -> Gone {
    loop {
        match reader.next().await {
            // What comes while the host is away is lost; the ends notice by their own counting.
            Ok(Incoming::Binary(bytes)) => {
                metrics.bytes_from_joiners.inc_by(bytes.len() as u64);
                if let Err(refusal) = tenant.spend(bytes.len() as u64) {
                    return Gone::Refused(refusal);
                }
                entry.send(&bytes).await;
            }
            Ok(Incoming::Text(said)) => match parse::<JoinerSays>(&said) {
                Ok(JoinerSays::Ping {}) => entry.queue.text(RelayToJoiner::Pong {}),
                _ => return bad("a joiner says nothing but pings to the relay after its hello"),
            },
            Err(gone) => return gone,
        }
    }
}

async fn write(
    mut writer: Writer,
    tenant: Arc<Tenant>,
    entry: Arc<Entry>,
    metrics: Arc<Metrics>,
    timing: Timing,
) {
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
        let was_bytes = matches!(message, Message::Binary(_));
        let bytes = if let Message::Binary(bytes) = &message { bytes.len() as u64 } else { 0 };
        if writer.send(message).await.is_err() {
            return;
        }
        metrics.bytes_to_joiners.inc_by(bytes);
        if was_bytes {
            entry.wrote(bytes as usize);
            if let Err(refusal) = tenant.spend(bytes) {
                let last = text(&RelayToJoiner::Refused(refusal));
                return goodbye(writer, Some(last), close_code::POLICY, timing).await;
            }
        }
        if let Some(since) = since {
            metrics.forwarded(since.elapsed());
        }
    }
}
