//! An agent's connection.

use crate::config::Timing;
use crate::queue::{AgentQueue, ForAgent};
use crate::room::{JoinError, Room};
use crate::rooms::{Rooms, refusal};
use crate::socket::{Gone, Incoming, Reader, Writer, bad, finish, goodbye, parse, text, turn_away};
use axum::extract::ws::{Message, WebSocket, close_code};
use futures_util::{SinkExt, StreamExt};
use panecast_protocol::{AgentSays, Holds, MOST_TILES, RefusalKind, RelayToAgent};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::{Instant, interval_at};

/// Serves an agent until it leaves.
pub(crate) async fn serve(socket: WebSocket, rooms: Arc<Rooms>, peer: IpAddr, timing: Timing) {
    let (writer, stream) = socket.split();
    let mut reader = Reader::new(stream, timing);
    let (room, number, queue) = match join(&mut reader, &rooms, peer).await {
        Ok(joined) => joined,
        Err(gone) => return turn_away(writer, reader, gone, RelayToAgent::Refused, peer).await,
    };
    tracing::info!(%peer, agent = number, "agent joined");
    let mut writing = tokio::spawn(write(writer, room.clone(), number, queue.clone(), timing));
    let gone = tokio::select! {
        gone = read(&mut reader, &room, number) => gone,
        // The writer ends when the session does, or when the socket breaks.
        _ = &mut writing => Gone::Left,
    };
    room.agent_left(number);
    if let Gone::Refused(refusal) = &gone {
        tracing::info!(%peer, agent = number, kind = ?refusal.kind, "refused: {}", refusal.message);
        queue.text(RelayToAgent::Refused(refusal.clone()));
    }
    queue.close();
    tracing::info!(%peer, agent = number, silent = (gone == Gone::Silent), "agent left");
    finish(writing, reader, timing).await;
}

async fn join(
    reader: &mut Reader,
    rooms: &Rooms,
    peer: IpAddr,
) -> Result<(Arc<Room>, u32, Arc<AgentQueue>), Gone> {
    let AgentSays::Hello { key, holds, .. } = reader.hello().await? else {
        return Err(bad("the first message must be a hello"));
    };
    let room = rooms.find(&key, peer).map_err(Gone::Refused)?;
    match room.agent_came(holds.map(sound).transpose()?) {
        Ok((number, queue)) => Ok((room, number, queue)),
        Err(JoinError::Full) => {
            let message = "as many agents as the relay allows are watching already";
            Err(Gone::Refused(refusal(RefusalKind::Full, message)))
        }
        Err(JoinError::Ended) => Err(Gone::Refused(refusal(RefusalKind::WrongKey, "the session has ended"))),
    }
}

async fn read(reader: &mut Reader, room: &Room, number: u32) -> Gone {
    loop {
        let said = match reader.next().await {
            Ok(Incoming::Text(said)) => parse::<AgentSays>(&said),
            Ok(Incoming::Binary(_)) => Err(bad("an agent sends no binary messages")),
            Err(gone) => return gone,
        };
        match said {
            Ok(AgentSays::Ack { sequence, held_us }) => room.agent_acked(number, sequence, held_us),
            Ok(AgentSays::Holds { picture }) => match sound(picture) {
                Ok(picture) => room.agent_holds(number, picture),
                Err(gone) => return gone,
            },
            Ok(AgentSays::Resync {}) => room.agent_lost_thread(number),
            Ok(AgentSays::Hello { .. }) => return bad("a second hello"),
            Err(gone) => return gone,
        }
    }
}

/// What an agent holds, if it is not too much to be passed on; what it says is for the visitor to judge.
fn sound(holds: Holds) -> Result<Holds, Gone> {
    if holds.tiles.len() > MOST_TILES { Err(bad("too many tiles are held")) } else { Ok(holds) }
}

async fn write(mut writer: Writer, room: Arc<Room>, number: u32, queue: Arc<AgentQueue>, timing: Timing) {
    let mut pings = interval_at(Instant::now() + timing.ping, timing.ping);
    loop {
        let message = tokio::select! {
            item = queue.next() => match item {
                ForAgent::Text(message) => text(&message),
                ForAgent::Packet(packet) => Message::Binary(packet),
                ForAgent::Drained => {
                    room.agent_drained(number);
                    continue;
                }
                ForAgent::Close => return goodbye(writer, None, close_code::NORMAL, timing).await,
            },
            _ = pings.tick() => Message::Ping(Default::default()),
        };
        if writer.send(message).await.is_err() {
            return;
        }
    }
}
