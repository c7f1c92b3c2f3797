//! A lookout's connection: it waits for doors to open.

use super::Exchange;
use super::directory::spread_ms;
use super::doors::Place;
use super::lookups::Asker;
use super::tries::network_of;
use super::watched::{Ending, Signal};
use crate::config::Timing;
use crate::metrics::Present;
use crate::refusal::refusal;
use crate::socket::{Gone, Incoming, Reader, Writer, bad, finish, goodbye, parse, text, turn_away};
use crate::tenants::Tenant;
use axum::extract::ws::{Message, WebSocket, close_code};
use futures_util::{SinkExt, StreamExt};
use panecast_protocol::{Door, Early, LookoutSays, MOST_WATCHED, Refusal, RefusalKind, RelayToLookout};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::{Instant, interval_at};

/// One lookout.
struct Lookout {
    exchange: Arc<Exchange>,
    tenant: Arc<Tenant>,
    token: Option<String>,
    /// Who asks for presences, if it may.
    asker: Option<Asker>,
    signal: Arc<Signal>,
    doors: Mutex<HashMap<Place, Watching>>,
}

/// A door that is watched, as it was named, and what was told of it last.
struct Watching {
    door: Door,
    told: Option<bool>,
}

/// Serves a lookout until it leaves.
pub(crate) async fn serve(
    (socket, early): (WebSocket, Early),
    exchange: Arc<Exchange>,
    peer: IpAddr,
    timing: Timing,
) {
    let (writer, stream) = socket.split();
    let mut reader = Reader::new(stream, early, timing);
    let network = network_of(peer);
    let lookout = match enter(&mut reader, exchange, network).await {
        Ok(lookout) => Arc::new(lookout),
        Err(gone) => return turn_away(writer, reader, gone, RelayToLookout::Refused, network).await,
    };
    tracing::info!(%network, tenant = %lookout.tenant.name(), "lookout came");
    let _present = Present::new(&lookout.exchange.metrics.lookouts);
    let mut writing = tokio::spawn(write(writer, lookout.clone(), timing));
    let gone = tokio::select! {
        gone = read(&mut reader, &lookout) => gone,
        // The writer ends when the relay stops, when the token is not good any more, or when the socket breaks.
        _ = &mut writing => Gone::Left,
    };
    tracing::info!(%network, silent = (gone == Gone::Silent), "lookout left");
    lookout.signal.end(match gone {
        Gone::Refused(refusal) => {
            tracing::info!(%network, kind = ?refusal.kind, "refused: {}", refusal.message);
            Ending::Refused(refusal)
        }
        Gone::Left | Gone::Silent => Ending::Left,
    });
    finish(writing, reader, timing).await;
}

async fn enter(reader: &mut Reader, exchange: Arc<Exchange>, network: IpAddr) -> Result<Lookout, Gone> {
    let LookoutSays::Hello { tenant, token, .. } = reader.hello().await? else {
        return Err(bad("the first message must be a hello"));
    };
    let tenant = exchange.tenants.find(&tenant).map_err(Gone::Refused)?.clone();
    let asker = match tenant.lookout(token.as_deref()).map_err(Gone::Refused)? {
        Some(who) => Some(Asker::Agent(tenant.name().clone(), who.id)),
        None if tenant.knows_agents() => None,
        None => Some(Asker::Network(tenant.name().clone(), network)),
    };
    let signal = Arc::new(Signal::default());
    exchange.directory.watched().enter(&signal);
    Ok(Lookout { exchange, tenant, token, asker, signal, doors: Mutex::default() })
}

async fn read(reader: &mut Reader, lookout: &Lookout) -> Gone {
    loop {
        let said = match reader.next().await {
            Ok(Incoming::Text(said)) => parse::<LookoutSays>(&said),
            Ok(Incoming::Binary(_)) => Err(bad("a lookout sends no bytes")),
            Err(gone) => return gone,
        };
        let done = match said {
            Ok(LookoutSays::Hello { .. }) => Err(bad("a second hello")),
            Ok(LookoutSays::Watch { door }) => lookout.watch(door),
            Ok(LookoutSays::Unwatch { door }) => {
                lookout.unwatch(&door);
                Ok(())
            }
            Err(gone) => Err(gone),
        };
        if let Err(gone) = done {
            return gone;
        }
    }
}

async fn write(mut writer: Writer, lookout: Arc<Lookout>, timing: Timing) {
    let mut pings = interval_at(Instant::now() + timing.ping, timing.ping);
    loop {
        let changes = tokio::select! {
            changes = lookout.signal.next() => changes,
            _ = pings.tick() => {
                // A token that has run out, or whose key was withdrawn, ends what it allowed.
                if let Err(refusal) = lookout.tenant.lookout(lookout.token.as_deref()) {
                    lookout.signal.end(Ending::Refused(refusal));
                }
                if writer.send(Message::Ping(Default::default())).await.is_err() {
                    return;
                }
                continue;
            }
        };
        for told in lookout.news(changes.places) {
            if writer.send(text(&told)).await.is_err() {
                return;
            }
        }
        let Some(ending) = changes.ending else { continue };
        let (last, code) = match ending {
            Ending::GoingAway => {
                (Some(RelayToLookout::GoingAway { after_ms: spread_ms() }), close_code::NORMAL)
            }
            Ending::Refused(refusal) => (Some(RelayToLookout::Refused(refusal)), close_code::POLICY),
            Ending::Left => (None, close_code::NORMAL),
        };
        return goodbye(writer, last.as_ref().map(text), code, timing).await;
    }
}

impl Lookout {
    fn doors(&self) -> MutexGuard<'_, HashMap<Place, Watching>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches `door`, or tells once more of one that is watched.
    fn watch(&self, door: Door) -> Result<(), Gone> {
        let directory = &self.exchange.directory;
        let place = directory.place(self.tenant.name(), &door);
        let place = match (&door, place) {
            (Door::Key { .. }, _) => return Err(bad("a key cannot be watched")),
            (_, None) => return Err(bad("there can be no such door")),
            (_, Some(place)) => place,
        };
        if let Door::Presence { .. } = door {
            self.may_look_up(&place).map_err(Gone::Refused)?;
        }
        let mut doors = self.doors();
        if doors.len() >= MOST_WATCHED && !doors.contains_key(&place) {
            let message = format!("one connection watches {MOST_WATCHED} doors at most");
            return Err(Gone::Refused(refusal(RefusalKind::Full, &message)));
        }
        if doors.insert(place.clone(), Watching { door, told: None }).is_none() {
            directory.watched().watch(&place, &self.signal);
        }
        drop(doors);
        self.signal.mark(place);
        Ok(())
    }

    fn may_look_up(&self, place: &Place) -> Result<(), Refusal> {
        let Some(asker) = &self.asker else {
            return Err(refusal(RefusalKind::NotAllowed, "this needs an agent's token"));
        };
        if self.exchange.lookups.count(asker, place, Instant::now()) {
            return Ok(());
        }
        self.exchange.metrics.lookups_refused.inc();
        let message = "too many visitors were looked up; wait a few minutes";
        Err(refusal(RefusalKind::TooManyTries, message))
    }

    fn unwatch(&self, door: &Door) {
        let directory = &self.exchange.directory;
        if let Some(place) = directory.place(self.tenant.name(), door)
            && self.doors().remove(&place).is_some()
        {
            directory.watched().unwatch(&place, &self.signal);
        }
    }

    /// What is to be told of these places.
    fn news(&self, places: HashSet<Place>) -> Vec<RelayToLookout> {
        let (mut doors, now) = (self.doors(), Instant::now());
        let mut news = Vec::new();
        for place in places {
            let Some(watching) = doors.get_mut(&place) else { continue };
            let available = self.exchange.directory.available(&place, now);
            if watching.told.replace(available) != Some(available) {
                let door = watching.door.clone();
                news.push(if available {
                    RelayToLookout::Available { door }
                } else {
                    RelayToLookout::Unavailable { door }
                });
            }
        }
        news
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        let doors = self.doors.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.exchange.directory.watched().leave(&self.signal, doors.drain().map(|(place, _)| place));
    }
}
