//! A host's connection.

use super::Exchange;
use super::room::{Connection, Room};
use super::to_host::{ForHost, HostQueue};
use super::tries::network_of;
use crate::config::Timing;
use crate::metrics::Present;
use crate::refusal::refusal;
use crate::socket::{Gone, Incoming, Reader, Writer, bad, finish, goodbye, parse, text, turn_away};
use crate::tenants::Tenant;
use axum::extract::ws::{Message, WebSocket, close_code};
use futures_util::{SinkExt, StreamExt};
use panecast_protocol::{Door, DoorEnd, Early, Ended, HostSays, Refusal, RefusalKind, RelayToHost};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::{Instant, interval_at};

/// Why reading from a host stopped.
enum Stopped {
    /// It said goodbye.
    End(Ended),
    /// It is gone without a word, or broke the protocol.
    Gone(Gone),
}

/// Serves a host's connection until it ends, and its room for the grace time after that.
pub(crate) async fn serve(
    (socket, early): (WebSocket, Early),
    exchange: Arc<Exchange>,
    peer: IpAddr,
    timing: Timing,
) {
    let (writer, stream) = socket.split();
    let mut reader = Reader::new(stream, early, timing);
    let network = network_of(peer);
    let queue = Arc::new(HostQueue::default());
    let (tenant, room, connection) = match enter(&mut reader, &exchange, &queue).await {
        Ok(entered) => entered,
        Err(gone) => return turn_away(writer, reader, gone, RelayToHost::Refused, network).await,
    };
    tracing::info!(%network, tenant = %room.tenant(), rooms = exchange.directory.count(), "host came");
    let _present = Present::new(&exchange.metrics.hosts);
    let mut writing = tokio::spawn(write(writer, queue.clone(), timing));
    let stopped = tokio::select! {
        stopped = read(&mut reader, &exchange, &tenant, (&room, connection), &queue) => stopped,
        _ = &mut writing => Stopped::Gone(Gone::Left),
    };
    match stopped {
        // A connection that another has taken over has no say any more.
        Stopped::End(_) if !room.is_current(connection) => {}
        Stopped::End(reason) => {
            tracing::info!(%network, ?reason, "host ended the session");
            exchange.directory.end(&room, reason, Instant::now());
        }
        Stopped::Gone(gone) => {
            if let Gone::Refused(refusal) = &gone {
                tracing::info!(%network, kind = ?refusal.kind, "refused: {}", refusal.message);
                queue.text(RelayToHost::Refused(refusal.clone()));
                queue.close();
                finish(writing, reader, timing).await;
                lost(exchange, room, connection, timing);
                return;
            }
            tracing::info!(%network, silent = (gone == Gone::Silent), "host lost");
            lost(exchange, room, connection, timing);
        }
    }
    queue.close();
    finish(writing, reader, timing).await;
}

/// Ends the room unless the host is back within the grace time.
fn lost(exchange: Arc<Exchange>, room: Arc<Room>, connection: Connection, timing: Timing) {
    if room.host_lost(connection, Instant::now()) {
        tokio::spawn(async move {
            let blink = timing.blink.min(timing.grace);
            tokio::time::sleep(blink).await;
            exchange.directory.host_moved(&room);
            tokio::time::sleep(timing.grace - blink).await;
            if room.still_lost(connection) {
                tracing::info!("host did not come back in time");
                exchange.directory.end(&room, Ended::HostLost, Instant::now());
            }
        });
    }
}

async fn enter(
    reader: &mut Reader,
    exchange: &Exchange,
    queue: &Arc<HostQueue>,
) -> Result<(Arc<Tenant>, Arc<Room>, Connection), Gone> {
    let HostSays::Hello { tenant, token, resume, .. } = reader.hello().await? else {
        return Err(bad("the first message must be a hello"));
    };
    let tenant = exchange.tenants.find(&tenant).map_err(Gone::Refused)?.clone();
    tenant.host(token.as_deref()).map_err(Gone::Refused)?;
    tenant.spend(0).map_err(Gone::Refused)?;
    let room = match resume {
        Some(proof) => exchange.directory.resume(tenant.name(), tenant.rooms(), &proof, Instant::now()),
        None => exchange.directory.create(tenant.name(), tenant.rooms()),
    }
    .map_err(Gone::Refused)?;
    let ended = || Gone::Refused(refusal(RefusalKind::Unavailable, "the session has ended"));
    let connection = room.host_came(queue, exchange.directory.stamp_of(&room)).ok_or_else(ended)?;
    exchange.directory.host_moved(&room);
    Ok((tenant, room, connection))
}

async fn read(
    reader: &mut Reader,
    exchange: &Exchange,
    tenant: &Tenant,
    (room, connection): (&Arc<Room>, Connection),
    queue: &HostQueue,
) -> Stopped {
    let mut pace = tenant.pace();
    loop {
        let said = match reader.next().await {
            Ok(Incoming::Text(said)) => parse::<HostSays>(&said),
            Ok(Incoming::Binary(message)) => {
                exchange.metrics.bytes_from_hosts.inc_by(message.len() as u64);
                if let Some(pace) = &mut pace {
                    pace.take(message.len()).await;
                }
                if let Some(passed) = room.parcel(connection, &message, Instant::now()) {
                    exchange.metrics.passed(passed.behind, passed.waiting);
                    continue;
                }
                Err(bad("a host's binary message is a joiner's number, a kind and bytes"))
            }
            Err(gone) => return Stopped::Gone(gone),
        };
        match said {
            Ok(HostSays::Hello { .. }) => return Stopped::Gone(bad("a second hello")),
            Ok(HostSays::End { reason }) => return Stopped::End(reason),
            Ok(HostSays::Ping {}) => queue.text(RelayToHost::Pong {}),
            // What an old connection still says does not count.
            Ok(_) if !room.is_current(connection) => {}
            Ok(HostSays::Open { door }) => {
                queue.text(match exchange.directory.open(room, door, Instant::now()) {
                    Ok(door) => RelayToHost::Opened { door },
                    Err(Refusal { kind, message }) => RelayToHost::NotOpened { kind, message },
                });
            }
            Ok(HostSays::Close { door }) => drop(exchange.directory.close(room, &door, Instant::now())),
            Ok(HostSays::Admit { joiner }) => {
                let door = room.admit(connection, joiner);
                if let Some(door @ Door::Key { .. }) = door
                    && exchange.directory.close(room, &door, Instant::now())
                {
                    queue.text(RelayToHost::Closed { door, reason: DoorEnd::Spent });
                }
            }
            Ok(HostSays::Refuse { joiner, reason }) => room.refuse(connection, joiner, reason),
            Ok(HostSays::Dismiss { joiner, reason }) => room.dismiss(connection, joiner, reason),
            Err(gone) => return Stopped::Gone(gone),
        }
    }
}

async fn write(mut writer: Writer, queue: Arc<HostQueue>, timing: Timing) {
    let mut pings = interval_at(Instant::now() + timing.ping, timing.ping);
    loop {
        // The allowance of a joiner comes back once its bytes are written.
        let (message, _permit) = tokio::select! {
            next = queue.next() => match next {
                Some(ForHost::Text(message)) => (text(&message), None),
                Some(ForHost::Bytes(bytes, permit)) => (Message::binary(bytes), Some(permit)),
                None => return goodbye(writer, None, close_code::NORMAL, timing).await,
            },
            _ = pings.tick() => (Message::Ping(Default::default()), None),
        };
        if writer.send(message).await.is_err() {
            return;
        }
    }
}
