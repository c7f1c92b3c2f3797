//! A visitor's connection.

use crate::config::Timing;
use crate::queue::VisitorQueue;
use crate::room::{Connection, Room};
use crate::rooms::{Rooms, refusal};
use crate::socket::{Gone, Incoming, Reader, Writer, bad, finish, goodbye, parse, text, turn_away};
use axum::extract::ws::{Message, WebSocket, close_code};
use futures_util::{SinkExt, StreamExt};
use panecast_protocol::{EndReason, RefusalKind, RelayToVisitor, VisitorSays};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::{Instant, interval_at};

/// Why reading from a visitor stopped.
enum Stopped {
    /// It said goodbye.
    End(EndReason),
    /// It is gone without a word, or broke the protocol.
    Gone(Gone),
}

/// Serves a visitor's connection until it ends, and its room for the grace time after that.
pub(crate) async fn serve(socket: WebSocket, rooms: Arc<Rooms>, peer: IpAddr, timing: Timing) {
    let (writer, stream) = socket.split();
    let mut reader = Reader::new(stream, timing);
    let queue = Arc::new(VisitorQueue::default());
    let (room, connection) = match enter(&mut reader, &rooms, &queue, peer).await {
        Ok(entered) => entered,
        Err(gone) => return turn_away(writer, reader, gone, RelayToVisitor::Refused, peer).await,
    };
    tracing::info!(%peer, rooms = rooms.count(), "visitor came");
    let mut writing = tokio::spawn(write(writer, queue.clone(), timing));
    let stopped = tokio::select! {
        stopped = read(&mut reader, &room, connection) => stopped,
        _ = &mut writing => Stopped::Gone(Gone::Left),
    };
    match stopped {
        // A connection that another has taken over has no say any more.
        Stopped::End(_) if !room.is_current(connection) => {}
        Stopped::End(reason) => {
            tracing::info!(%peer, ?reason, "visitor ended the session");
            rooms.end(&room, reason);
        }
        Stopped::Gone(gone) => {
            if let Gone::Refused(refusal) = &gone {
                tracing::info!(%peer, kind = ?refusal.kind, "refused: {}", refusal.message);
                queue.text(RelayToVisitor::Refused(refusal.clone()));
            }
            if room.visitor_lost(connection) {
                tracing::info!(%peer, silent = (gone == Gone::Silent), "visitor lost");
                tokio::spawn(wait_for_return(rooms, room, connection, timing));
            }
        }
    }
    queue.close();
    finish(writing, reader, timing).await;
}

/// Ends the room unless the visitor is back within the grace time.
async fn wait_for_return(rooms: Arc<Rooms>, room: Arc<Room>, connection: Connection, timing: Timing) {
    tokio::time::sleep(timing.grace).await;
    if room.still_lost(connection) {
        tracing::info!("visitor did not come back in time");
        rooms.end(&room, EndReason::VisitorLost);
    }
}

async fn enter(
    reader: &mut Reader,
    rooms: &Rooms,
    queue: &Arc<VisitorQueue>,
    peer: IpAddr,
) -> Result<(Arc<Room>, Connection), Gone> {
    let VisitorSays::Hello { resume, .. } = reader.hello().await? else {
        return Err(bad("the first message must be a hello"));
    };
    let room = match resume {
        Some(resume) => rooms.resume(&resume, peer),
        None => rooms.create(),
    }
    .map_err(Gone::Refused)?;
    let ended = || Gone::Refused(refusal(RefusalKind::WrongKey, "the session has ended"));
    let connection = room.visitor_came(queue).ok_or_else(ended)?;
    Ok((room, connection))
}

async fn read(reader: &mut Reader, room: &Room, connection: Connection) -> Stopped {
    loop {
        let said = match reader.next().await {
            Ok(Incoming::Text(said)) => parse::<VisitorSays>(&said),
            Ok(Incoming::Binary(message)) => {
                if room.envelope(connection, &message) {
                    continue;
                }
                Err(bad("a binary message is an agent's number and a packet"))
            }
            Err(gone) => return Stopped::Gone(gone),
        };
        match said {
            Ok(VisitorSays::State { state, source }) => room.picture(connection, state, source),
            Ok(VisitorSays::End { reason }) => return Stopped::End(reason),
            Ok(VisitorSays::Hello { .. }) => return Stopped::Gone(bad("a second hello")),
            Err(gone) => return Stopped::Gone(gone),
        }
    }
}

async fn write(mut writer: Writer, queue: Arc<VisitorQueue>, timing: Timing) {
    let mut pings = interval_at(Instant::now() + timing.ping, timing.ping);
    loop {
        let message = tokio::select! {
            next = queue.next() => match next {
                Some(message) => text(&message),
                None => return goodbye(writer, None, close_code::NORMAL, timing).await,
            },
            _ = pings.tick() => Message::Ping(Default::default()),
        };
        if writer.send(message).await.is_err() {
            return;
        }
    }
}
