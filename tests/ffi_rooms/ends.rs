//! Both ends without a door, on a virtual clock, through a line that takes its time.

use panecast::Limits;
use panecast::frame::Timestamp;
use panecast::session::relay::{Host, HostOutput, Joiner, JoinerOutput, Message, Way};
use panecast::session::{EndReason, Purpose, StreamState};
use panecast_protocol::Early;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;

/// From an end to the relay and back.
const ROUND_TRIP: Duration = Duration::from_millis(100);
const JOINER: u32 = 7;

/// What goes over a line, and when it arrives.
#[derive(Debug)]
enum Event {
    /// The request for a WebSocket, with early messages.
    Request {
        joiner: bool,
        early: Option<Early>,
    },
    /// The answer to it.
    Opened {
        joiner: bool,
        protocol: Option<String>,
    },
    ToRelay {
        joiner: bool,
        message: Message,
    },
    ToEnd {
        joiner: bool,
        message: Message,
    },
}

/// Two ends and a relay that takes early messages or does not.
struct World {
    now: Timestamp,
    host: Host,
    joiner: Option<Joiner>,
    key: Option<String>,
    takes_early: bool,
    uses_early: bool,
    /// The line of the joiner is dead: nothing goes through, and nobody is told.
    joiner_dead: bool,
    host_dead: bool,
    on_the_way: VecDeque<(Timestamp, u64, Event)>,
    sent: u64,
    returns: u32,
    pings: u32,
    connects: u32,
    asked: u32,
    allowed: bool,
    states: Vec<StreamState>,
    /// When the joiner was let in again.
    joined_at: Vec<Timestamp>,
    /// When a picture that starts over came.
    pictures: Vec<Timestamp>,
    ended: Option<EndReason>,
}

impl World {
    fn new(takes_early: bool, uses_early: bool) -> Self {
        Self {
            now: Timestamp(0),
            host: Host::new("default", true, None, 1_700_000_000, Limits::default()).unwrap(),
            joiner: None,
            key: None,
            takes_early,
            uses_early,
            joiner_dead: false,
            host_dead: false,
            on_the_way: VecDeque::new(),
            sent: 0,
            returns: 0,
            pings: 0,
            connects: 0,
            asked: 0,
            allowed: false,
            states: Vec::new(),
            joined_at: Vec::new(),
            pictures: Vec::new(),
            ended: None,
        }
    }

    fn send(&mut self, after: Duration, event: Event) {
        self.sent += 1;
        self.on_the_way.push_back((self.now + after, self.sent, event));
    }

    fn say(&mut self, joiner: bool, says: &Value) {
        self.send(ROUND_TRIP / 2, Event::ToEnd { joiner, message: Message::Text(says.to_string()) });
    }

    /// Goes on until `done`; time jumps to what happens next.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..10_000 {
            self.poll();
            if done(self) {
                return;
            }
            let arrives = self.on_the_way.iter().map(|(at, sent, _)| (*at, *sent)).min();
            let due = [self.host.next_tick(), self.joiner.as_ref().and_then(Joiner::next_tick)];
            let due = due.into_iter().flatten().min();
            match (arrives, due) {
                (Some((at, number)), due) if due.is_none_or(|due| at <= due) => {
                    self.now = self.now.max(at);
                    let place = self.on_the_way.iter().position(|(_, sent, _)| *sent == number).unwrap();
                    let (_, _, event) = self.on_the_way.remove(place).unwrap();
                    self.arrive(event);
                }
                (_, Some(due)) => {
                    self.now = self.now.max(due);
                    self.host.tick(self.now);
                    if let Some(joiner) = &mut self.joiner {
                        joiner.tick(self.now);
                    }
                }
                _ => panic!("nothing happens any more, and there is no {what}"),
            }
        }
        panic!("no {what}");
    }

    fn poll(&mut self) {
        while let Some(output) = self.host.poll(self.now) {
            match output {
                HostOutput::Connect { after } => self.connect(false, after),
                HostOutput::Send(message) => {
                    self.send(ROUND_TRIP / 2, Event::ToRelay { joiner: false, message })
                }
                HostOutput::Key { key, .. } => self.key = Some(key),
                HostOutput::Ask(question) => {
                    self.asked += 1;
                    let viewer = question.viewer;
                    drop(self.host.answer(
                        viewer,
                        panecast::consent::Decision::Allow,
                        Purpose::Screen,
                        "screen",
                    ));
                    self.allowed = true;
                }
                // The pipeline's answer to one who comes, or comes back.
                HostOutput::Viewer(panecast::session::ViewerEvent::Joined(viewer)) => {
                    self.host.packet_for(viewer, b"a picture");
                }
                _ => {}
            }
        }
        while let Some(output) = self.joiner.as_mut().and_then(Joiner::poll) {
            match output {
                JoinerOutput::Connect { after } => self.connect(true, after),
                JoinerOutput::Send(message) => {
                    self.send(ROUND_TRIP / 2, Event::ToRelay { joiner: true, message })
                }
                JoinerOutput::Back => self.joiner.as_mut().unwrap().holds(None),
                JoinerOutput::State { state, .. } => self.states.push(state),
                JoinerOutput::Packet { starts_over: true, .. } => self.pictures.push(self.now),
                JoinerOutput::Ended(reason) => self.ended = Some(reason),
                _ => {}
            }
        }
    }

    /// TCP's round trip, then the request.
    fn connect(&mut self, joiner: bool, after: Duration) {
        self.connects += 1;
        let entries = match joiner {
            _ if !self.uses_early => Vec::new(),
            true => self.joiner.as_mut().unwrap().early(None, None, self.now).unwrap(),
            false => self.host.early(None),
        };
        let early = (!entries.is_empty()).then(|| Early::parse(entries.iter().map(String::as_str)).unwrap());
        if joiner {
            self.joiner_dead = false;
        } else {
            self.host_dead = false;
        }
        self.send(after + ROUND_TRIP + ROUND_TRIP / 2, Event::Request { joiner, early });
    }

    fn arrive(&mut self, event: Event) {
        let dead = |joiner| if joiner { self.joiner_dead } else { self.host_dead };
        match event {
            Event::Request { joiner, early } => {
                let taken = early.filter(|_| self.takes_early);
                let protocol = taken.as_ref().map(|_| "panecast".to_owned());
                self.send(ROUND_TRIP / 2, Event::Opened { joiner, protocol });
                if let Some(Early { hello, proof }) = taken {
                    let hello = hello.map(Message::Text).into_iter();
                    hello
                        .chain(proof.map(Message::Binary))
                        .for_each(|message| self.at_relay(joiner, message));
                }
            }
            Event::Opened { joiner: true, protocol } => {
                let joiner = self.joiner.as_mut().unwrap();
                match self.uses_early {
                    true => joiner.opened(protocol.as_deref(), self.now).unwrap(),
                    false => joiner.connected(None, self.now).unwrap(),
                }
            }
            Event::Opened { joiner: false, protocol } => match self.uses_early {
                true => self.host.opened(protocol.as_deref(), self.now),
                false => self.host.connected(None, self.now),
            },
            Event::ToRelay { joiner, message } if !dead(joiner) => self.at_relay(joiner, message),
            Event::ToEnd { joiner, message } if !dead(joiner) => match (joiner, message) {
                (true, Message::Text(text)) => self.joiner.as_mut().unwrap().text(&text, self.now),
                (true, Message::Binary(mut bytes)) => {
                    self.joiner.as_mut().unwrap().binary(&mut bytes, self.now);
                }
                (false, Message::Text(text)) => self.host.text(&text, self.now),
                (false, Message::Binary(mut bytes)) => self.host.binary(&mut bytes, self.now),
            },
            Event::ToRelay { .. } | Event::ToEnd { .. } => {}
        }
    }

    fn at_relay(&mut self, joiner: bool, message: Message) {
        match (joiner, message) {
            (true, Message::Binary(bytes)) => {
                let parcel = [&JOINER.to_le_bytes()[..], &bytes].concat();
                let message = Message::Binary(parcel);
                self.send(ROUND_TRIP / 2, Event::ToEnd { joiner: false, message });
            }
            (false, Message::Binary(parcel)) => {
                let message = Message::Binary(parcel[5..].to_vec());
                self.send(ROUND_TRIP / 2, Event::ToEnd { joiner: true, message });
            }
            (joiner, Message::Text(text)) => {
                let says: Value = serde_json::from_str(&text).unwrap();
                match says["type"].as_str().unwrap() {
                    "ping" => {
                        self.pings += 1;
                        self.say(joiner, &json!({ "type": "pong" }));
                    }
                    "hello" if joiner => self.joiner_came(&says),
                    "hello" => {
                        self.say(false, &json!({ "type": "room", "room": "r", "secret": "s" }));
                        if !says["resume"].is_null() && self.joiner.is_some() {
                            self.say(false, &json!({ "type": "came", "joiner": JOINER, "resumed": true }));
                            self.say(true, &json!({ "type": "host-lost" }));
                            self.say(true, &json!({ "type": "host-back" }));
                        }
                    }
                    "open" => self.say(
                        false,
                        &json!({ "type": "opened", "door": { "key": { "number": "4829", "expires_in_s": 600 } } }),
                    ),
                    "admit" => self.let_in(),
                    _ => {}
                }
            }
        }
    }

    fn joiner_came(&mut self, hello: &Value) {
        if hello["resume"].is_null() {
            self.say(false, &json!({ "type": "came", "joiner": JOINER, "door": hello["door"] }));
        } else {
            assert_eq!(hello["resume"]["token"], json!(format!("token {}", self.returns)));
            self.say(false, &json!({ "type": "came", "joiner": JOINER, "resumed": true }));
            self.let_in();
        }
    }

    fn let_in(&mut self) {
        self.returns += 1;
        self.joined_at.push(self.now);
        let token = format!("token {}", self.returns);
        self.say(true, &json!({ "type": "joined", "room": "r", "joiner": JOINER, "token": token }));
    }

    /// Up to the first picture.
    fn shown(takes_early: bool, uses_early: bool) -> Self {
        let mut world = Self::new(takes_early, uses_early);
        world.until("key", |world| world.key.is_some());
        let way = Way::Key(world.key.clone().unwrap().parse().unwrap());
        world.joiner = Some(Joiner::new("default", way, "Ann", Purpose::Screen, Limits::default()));
        world.until("picture", |world| !world.pictures.is_empty());
        world
    }

    /// How long after a cut of the joiner's line its picture is back.
    fn back_within(&mut self) -> Duration {
        let cut = self.now;
        self.joiner.as_mut().unwrap().disconnected(cut);
        self.say(false, &json!({ "type": "left", "joiner": JOINER }));
        let before = self.pictures.len();
        self.until("picture after a cut", |world| world.pictures.len() > before);
        self.now.since(cut)
    }
}

#[test]
fn early_messages_bring_the_picture_back_a_round_trip_sooner() {
    let with = World::shown(true, true).back_within();
    let without = World::shown(true, false).back_within();
    assert_eq!(without - with, ROUND_TRIP, "{with:?}, {without:?}");
    // TCP's, the request's, and from the relay to the host and back.
    assert_eq!(with, ROUND_TRIP * 3);
}

#[test]
fn a_relay_that_takes_no_early_messages_is_asked_without_and_remembered() {
    let mut world = World::shown(false, true);
    assert_eq!(world.connects, 4, "each end tried twice");
    assert_eq!(world.back_within(), World::shown(false, false).back_within());
    assert_eq!((world.connects, world.asked), (5, 1));
}

#[test]
fn an_end_whose_connections_fail_asks_anew_and_loses_nothing() {
    let mut world = World::new(true, true);
    world.until("key", |world| world.key.is_some());
    let way = Way::Key(world.key.clone().unwrap().parse().unwrap());
    let mut joiner = Joiner::new("default", way, "Ann", Purpose::Screen, Limits::default());
    let mut tries = Vec::new();
    for _ in 0..4 {
        assert!(matches!(joiner.poll(), Some(JoinerOutput::Connect { .. })));
        tries.push(joiner.early(None, None, world.now).unwrap());
        assert_eq!(joiner.early(None, None, world.now).unwrap(), *tries.last().unwrap(), "asked twice");
        joiner.disconnected(world.now);
    }
    // With and without in turn; no two proofs are the same.
    assert_eq!(tries.iter().map(Vec::len).collect::<Vec<_>>(), [3, 0, 3, 0]);
    assert_eq!(tries[0][1], tries[2][1]);
    assert_ne!(tries[0][2], tries[2][2]);
    world.joiner = Some(joiner);
    world.until("picture", |world| !world.pictures.is_empty());
    assert_eq!(world.ended, None);
}

#[test]
fn a_dead_line_is_noticed_on_either_side() {
    for joiner in [true, false] {
        let mut world = World::shown(true, true);
        let quiet = world.now;
        world.until("a minute", |world| world.now.since(quiet) > Duration::from_secs(60));
        assert!(world.pings >= 18 && world.connects == 2, "{} pings", world.pings);
        if joiner {
            world.joiner_dead = true;
        } else {
            world.host_dead = true;
        }
        let (dead, before) = (world.now, world.pictures.len());
        world.until("picture", |world| world.pictures.len() > before);
        let within = world.now.since(dead);
        assert!((5..=12).contains(&within.as_secs()), "{within:?}");
        assert_eq!((world.connects, world.asked, world.ended), (3, 1, None));
        assert!(world.states.contains(&StreamState::Reconnecting), "{joiner}");
    }
}

#[test]
fn signs_of_life_between_messages_keep_a_line() {
    let mut world = World::shown(true, true);
    world.until("nothing on its way", |world| world.on_the_way.is_empty());
    let joiner = world.joiner.as_mut().unwrap();
    let began = world.now;
    for s in 1..60 {
        let now = began + Duration::from_secs(s);
        joiner.alive(now);
        joiner.tick(now);
        assert!(joiner.poll().is_none(), "{s}");
    }
    joiner.tick(began + Duration::from_secs(64));
    assert!(matches!(joiner.poll(), Some(JoinerOutput::Send(Message::Text(text))) if text.contains("ping")));
    joiner.tick(began + Duration::from_secs(70));
    assert!(matches!(joiner.poll(), Some(JoinerOutput::Disconnect)));
    assert!(matches!(
        joiner.poll(),
        Some(JoinerOutput::State { state: StreamState::Reconnecting, .. })
            | Some(JoinerOutput::Connect { .. })
    ));
}
