//! A host and a joiner as the doors have them, through a relay that is made of docs/protocol.md alone.
#![cfg(any(feature = "capi", feature = "uniffi"))]

#[path = "ffi_rooms/ends.rs"]
mod ends;

use panecast::capture::Damage;
use panecast::ffi::{Host, HostConfig, HostEvent, Joiner, JoinerEvent};
use panecast::frame::{FrameView, PixelFormat, Size, Timestamp};
use panecast::session::relay::{LinkKind, Message, Way};
use panecast::session::seal::LinkText;
use panecast::session::{EndReason, Mark, Purpose, StreamState};
use panecast::{ErrorKind, Limits};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SIZE: Size = Size { width: 96, height: 64 };
const JOINER: u32 = 7;
const LONG: Duration = Duration::from_secs(30);

/// Two ends and the relay between them, which keeps the order and reads nothing.
struct Room {
    host: Host,
    joiner: Joiner,
    /// The joiner was let in.
    joined: bool,
    told: Vec<HostEvent>,
    seen: Vec<JoinerEvent>,
    /// What the relay was told of an end.
    ended: Option<String>,
    returns: u32,
}

impl Room {
    fn by_key() -> Self {
        Self::new(
            HostConfig::default(),
            |_| {},
            |told| match told {
                HostEvent::Key { key, .. } => Some(Way::Key(key.parse().unwrap())),
                _ => None,
            },
        )
    }

    /// Starts the host, and the joiner by what the host told.
    fn new(config: HostConfig, prepare: impl FnOnce(&Host), way: impl Fn(&HostEvent) -> Option<Way>) -> Self {
        let host = Host::new(config).unwrap();
        prepare(&host);
        let mut told = Vec::new();
        let way = loop {
            match host.next(LONG).unwrap().expect("the host says how to come in") {
                HostEvent::Connect { after } => {
                    assert_eq!(after, Duration::ZERO);
                    host.connected(None).unwrap();
                }
                HostEvent::Send(Message::Text(text)) => {
                    answer_host(&host, &serde_json::from_str(&text).unwrap())
                }
                event => match way(&event) {
                    Some(way) => break way,
                    None => told.push(event),
                },
            }
        };
        let joiner = Joiner::new("default", way, "Ann", Purpose::Screen, Limits::default());
        Self { host, joiner, joined: false, told, seen: Vec::new(), ended: None, returns: 0 }
    }

    /// Carries messages until `done`.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + LONG;
        while !done(self) {
            assert!(Instant::now() < end, "no {what}: {:?} {:?}", self.told, self.seen);
            self.carry();
        }
    }

    fn carry(&mut self) {
        if let Ok(Some(event)) = self.host.next(Duration::from_millis(1)) {
            match event {
                HostEvent::Send(Message::Text(text)) => {
                    let says: Value = serde_json::from_str(&text).unwrap();
                    match says["type"].as_str().unwrap() {
                        "admit" => self.join(),
                        "refuse" => self.refuse(says["reason"].as_str().unwrap()),
                        "end" => self.ended = Some(says["reason"].to_string()),
                        _ => answer_host(&self.host, &says),
                    }
                }
                HostEvent::Send(Message::Binary(parcel)) => {
                    let to = u32::from_le_bytes(parcel[..4].try_into().unwrap());
                    assert!(to == 0 || to == JOINER, "{to}");
                    let _ = self.joiner.binary(&mut parcel[5..].to_vec());
                }
                event => self.told.push(event),
            }
        }
        if let Ok(Some(event)) = self.joiner.next(Duration::from_millis(1)) {
            match event {
                JoinerEvent::Connect { .. } => self.joiner.connected(None).unwrap(),
                JoinerEvent::Send(Message::Text(text)) => {
                    let says: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!((&says["type"], &says["protocol"]), (&json!("hello"), &json!(3)));
                    let came = match (&says["door"], &says["resume"]) {
                        (door, Value::Null) => json!({ "type": "came", "joiner": JOINER, "door": door }),
                        (_, place) => {
                            assert_eq!(place["token"], json!(format!("token {}", self.returns)));
                            self.join();
                            json!({ "type": "came", "joiner": JOINER, "resumed": true })
                        }
                    };
                    self.host.text(&came.to_string()).unwrap();
                }
                JoinerEvent::Send(Message::Binary(bytes)) => {
                    let mut parcel = JOINER.to_le_bytes().to_vec();
                    parcel.extend(bytes);
                    let _ = self.host.binary(&mut parcel);
                }
                event => self.seen.push(event),
            }
        }
    }

    fn join(&mut self) {
        if !self.joined || self.returns > 0 {
            self.joined = true;
            self.returns += 1;
            let token = format!("token {}", self.returns);
            let joined = json!({ "type": "joined", "room": "r", "joiner": JOINER, "token": token });
            self.joiner.text(&joined.to_string()).unwrap();
        }
    }

    fn refuse(&self, kind: &str) {
        let refused = json!({ "type": "refused", "kind": kind, "message": "no" });
        let _ = self.joiner.text(&refused.to_string());
    }

    fn asked(&self) -> bool {
        self.told
            .iter()
            .any(|event| matches!(event, HostEvent::Ask { joiner: JOINER, who, .. } if who == "Ann"))
    }

    /// Lets the joiner see pushed frames.
    fn allow(&mut self) {
        self.until("question", Self::asked);
        self.host.allow(JOINER, Purpose::Screen, "push:96x64").unwrap();
        let allowed = |room: &Self| room.seen.iter().any(|e| matches!(e, JoinerEvent::Allowed { .. }));
        self.until("word", allowed);
    }

    fn push(&self, shade: u8) {
        let pixels = picture(shade);
        let view = FrameView::packed(PixelFormat::Bgra8, SIZE, &pixels, 4 * 96).unwrap();
        self.host.push(&view, &Damage::Unknown, Timestamp(u64::from(shade))).unwrap();
    }

    fn shows(&self, shade: u8) -> bool {
        let same = |a: &[u8], b: &[u8]| a.chunks(4).zip(b.chunks(4)).all(|(a, b)| a[..3] == b[..3]);
        self.joiner.picture(|frame| same(frame.pixels(), &picture(shade))).unwrap_or(false)
    }
}

fn answer_host(host: &Host, says: &Value) {
    let answer = match says["type"].as_str().unwrap() {
        "hello" => json!({ "type": "room", "room": "r", "secret": "s" }),
        "open" if says["door"].get("key").is_some() => {
            json!({ "type": "opened", "door": { "key": { "number": "4829", "expires_in_s": 600 } } })
        }
        "open" => {
            let id = &says["door"]["link"]["id"];
            json!({ "type": "opened", "door": { "link": { "id": id, "expires_in_s": 60 } } })
        }
        _ => return,
    };
    host.text(&answer.to_string()).unwrap();
}

fn picture(shade: u8) -> Vec<u8> {
    (0..96 * 64u32).flat_map(|at| [shade, (at % 96) as u8, (at / 96) as u8, 255]).collect()
}

#[test]
fn what_is_pushed_is_seen_and_what_is_paused_is_gone() {
    let mut room = Room::by_key();
    room.until("question", Room::asked);
    let early = FrameView::packed(PixelFormat::Bgra8, SIZE, &picture(1), 4 * 96).map(|view| {
        room.host.push(&view, &Damage::Unknown, Timestamp(0)).expect_err("nobody may see it").kind()
    });
    assert_eq!(early, Ok(ErrorKind::Denied));
    assert_eq!(room.joiner.picture(|_| ()).unwrap_err().kind(), ErrorKind::NotFound);
    room.allow();
    for shade in 1..=5 {
        room.push(shade);
        room.until("picture", |room| room.shows(shade));
    }
    room.host.pause().unwrap();
    let paused = |e: &JoinerEvent| matches!(e, JoinerEvent::State { state: StreamState::Paused, .. });
    room.until("pause", |room| room.seen.iter().any(paused));
    assert_eq!(room.joiner.picture(|_| ()).unwrap_err().kind(), ErrorKind::NotFound);
    room.host.resume().unwrap();
    room.push(6);
    room.until("picture after the pause", |room| room.shows(6));

    room.joiner.mark(Mark::Pointer(Some((3, 4)))).unwrap();
    let points =
        |e: &HostEvent| matches!(e, HostEvent::Mark { joiner: JOINER, mark: Mark::Pointer(Some((3, 4))) });
    room.until("mark", |room| room.told.iter().any(points));

    room.host.end().unwrap();
    let over = |e: &JoinerEvent| matches!(e, JoinerEvent::Ended(EndReason::SharerStopped));
    room.until("end", |room| room.seen.iter().any(over));
    let ended = |e: &HostEvent| matches!(e, HostEvent::Ended(EndReason::SharerStopped));
    room.until("the host's own end", |room| room.told.iter().any(ended));
    assert_eq!(room.ended.as_deref(), Some("\"host-stopped\""));
    assert_eq!(room.host.next(LONG).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(room.joiner.next(LONG).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_cut_on_either_side_asks_nobody_again() {
    let mut room = Room::by_key();
    room.allow();
    room.push(1);
    room.until("picture", |room| room.shows(1));
    for (shade, both) in [(2, false), (3, true)] {
        room.joiner.disconnected().unwrap();
        if both {
            room.host.disconnected().unwrap();
            let connect = |room: &Room| matches!(room.told.last(), Some(HostEvent::Connect { .. }));
            room.until("another connection", connect);
            room.host.connected(None).unwrap();
        } else {
            room.host.text(&json!({ "type": "left", "joiner": JOINER }).to_string()).unwrap();
        }
        room.push(shade);
        room.until("picture after the cut", |room| room.shows(shade));
    }
    assert_eq!(room.told.iter().filter(|e| matches!(e, HostEvent::Ask { .. })).count(), 1);
    // Who leaves ends the capture, too: the next one is asked about anything again.
    room.joiner.leave().unwrap();
    room.until("stop", |room| room.told.iter().any(|e| matches!(e, HostEvent::Stopped { error: None })));
    let view = picture(9);
    let view = FrameView::packed(PixelFormat::Bgra8, SIZE, &view, 4 * 96).unwrap();
    assert_eq!(room.host.push(&view, &Damage::Unknown, Timestamp(9)).unwrap_err().kind(), ErrorKind::Denied);
}

#[test]
fn a_no_and_a_wrong_key_are_told_and_nothing_opens() {
    let mut room = Room::by_key();
    room.until("question", Room::asked);
    assert_eq!(
        room.host.allow(JOINER, Purpose::Screen, "push:0x0").unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    room.host.decline(JOINER).unwrap();
    room.until("no", |room| room.seen.iter().any(|e| matches!(e, JoinerEvent::Ended(EndReason::Declined))));
    assert_eq!(room.host.decline(JOINER).unwrap_err().kind(), ErrorKind::InvalidInput);

    let mut room = Room::new(
        HostConfig::default(),
        |_| {},
        |told| match told {
            HostEvent::Key { key, .. } => {
                let last = if key.ends_with('0') { "1" } else { "0" };
                Some(Way::Key(format!("{}{last}", &key[..key.len() - 1]).parse().unwrap()))
            }
            _ => None,
        },
    );
    room.until("refusal", |room| {
        room.seen.iter().any(|e| matches!(e, JoinerEvent::Ended(EndReason::WrongKey)))
    });
    assert!(!room.asked());
}

#[test]
fn a_link_lets_in_and_an_unknown_word_of_the_relay_changes_nothing() {
    let config = HostConfig { keys: false, ..HostConfig::default() };
    let lasts = Duration::from_secs(60);
    let mut room = Room::new(
        config,
        |host| host.open_link(LinkKind::Alone { uses: 1, lasts }).unwrap(),
        |told| match told {
            HostEvent::Link { text, with_key: false } => {
                Some(Way::Link(text.parse::<LinkText>().unwrap(), None))
            }
            _ => None,
        },
    );
    for word in ["", "{}", "[1]", r#"{"type":"shout","loud":true}"#, r#"{"type":"came"}"#] {
        room.host.text(word).unwrap();
        room.joiner.text(word).unwrap();
    }
    room.host.binary(&mut []).unwrap();
    room.host.binary(&mut [1, 2, 3, 4, 5]).unwrap();
    room.allow();
    room.push(1);
    room.until("picture", |room| room.shows(1));
}

#[test]
fn a_relay_that_refuses_ends_it() {
    let room = r#"{"type":"room","room":"r","secret":"s"}"#;
    for words in [
        &[r#"{"type":"refused","kind":"not-allowed","message":"who are you"}"#][..],
        // Another host has the link: it would be so at every try.
        &[room, r#"{"type":"not-opened","kind":"unavailable","message":"another host has this link"}"#],
    ] {
        let host = Host::new(HostConfig::default()).unwrap();
        host.connected(None).unwrap();
        words.iter().for_each(|word| host.text(word).unwrap());
        let mut told = Vec::new();
        while let Ok(Some(event)) = host.next(LONG) {
            told.push(event);
        }
        assert!(
            matches!(
                &told[..],
                [.., HostEvent::Refused(_), HostEvent::Disconnect, HostEvent::Ended(EndReason::Failed)]
            ),
            "{told:?}"
        );
    }
    // Another try is asked for where it makes sense.
    let host = Host::new(HostConfig::default()).unwrap();
    assert!(matches!(host.next(LONG), Ok(Some(HostEvent::Connect { after: Duration::ZERO }))));
    host.disconnected().unwrap();
    assert!(matches!(host.next(LONG), Ok(Some(HostEvent::Connect { .. }))));
    host.stop();
    assert_eq!(host.next(LONG).unwrap_err().kind(), ErrorKind::Closed);
}
