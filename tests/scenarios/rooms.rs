//! Hosts, joiners and the relay between them, as the README of the scenarios describes it.

use crate::pattern::{Frame, fnv};
use crate::player::{Facts, damage, number, text, view};
use panecast::ffi::{Host, HostConfig, HostEvent, Joiner, JoinerEvent};
use panecast::frame::{FrameBuf, Timestamp};
use panecast::session::relay::{LinkKind, Message, RefusalKind, Way};
use panecast::session::{EndReason, Mark, Purpose, Tool};
use panecast::{Error, ErrorKind, Limits, Result};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Against hangs only.
const LONG: Duration = Duration::from_secs(60);

/// What an end has told, with its facts.
type Told = (&'static str, Facts);

struct HostEnd {
    host: Host,
    room: Option<String>,
    told: VecDeque<Told>,
    /// The newest key that no joiner has used.
    key: Option<String>,
    link: Option<String>,
    /// Keys that the relay has given a number.
    keys: u32,
}

struct JoinerEnd {
    joiner: Joiner,
    room: String,
    told: VecDeque<Told>,
    /// By which the relay knows it; 0 before it has knocked.
    number: u32,
    /// How often the relay has let it in.
    joined: u32,
    /// Its line is there.
    connected: bool,
}

/// The ends by their names, and which host a room has.
#[derive(Default)]
pub(crate) struct Rooms {
    hosts: BTreeMap<String, HostEnd>,
    joiners: BTreeMap<String, JoinerEnd>,
    rooms: HashMap<String, String>,
    knocks: u32,
}

pub(crate) fn purpose(step: &Value) -> Purpose {
    match step.get("purpose").and_then(Value::as_str).unwrap_or("screen") {
        "screen" => Purpose::Screen,
        "window" => Purpose::Window,
        "camera" => Purpose::Camera,
        "agent-screen" => Purpose::AgentScreen,
        "prepared" => Purpose::Prepared,
        other => panic!("no purpose {other}"),
    }
}

fn refusal_name(kind: RefusalKind) -> Value {
    serde_json::to_value(kind).unwrap()
}

fn ended(reason: EndReason) -> Told {
    ("ended", vec![("reason", json!(reason.name()))])
}

fn marked(joiner: u32, mark: Mark) -> Told {
    let flat = |points: Vec<(i32, i32)>| points.into_iter().flat_map(|(x, y)| [x, y]).collect::<Vec<_>>();
    let (kind, points) = match mark {
        Mark::Pointer(at) => ("pointer", flat(at.into_iter().collect())),
        Mark::Line { points, .. } => ("line", flat(points)),
        Mark::Clear => ("clear", Vec::new()),
    };
    ("mark", vec![("joiner", json!(joiner)), ("kind", json!(kind)), ("points", json!(points))])
}

impl Rooms {
    pub(crate) fn play(
        &mut self,
        verb: &str,
        step: &Value,
        frames: &HashMap<String, Frame>,
    ) -> Result<Facts> {
        let (object, verb) = verb.split_once('.').unwrap();
        match object {
            "room" => self.room(verb, step),
            "host" => self.host(verb, step, frames),
            _ => self.joiner(verb, step, frames),
        }
    }

    fn room(&mut self, verb: &str, step: &Value) -> Result<Facts> {
        match verb {
            "new" => {
                let (room, host) = (text(step, "as").to_owned(), text(step, "host").to_owned());
                self.hosts.get_mut(&host).unwrap().room = Some(room.clone());
                self.rooms.insert(room, host);
            }
            "cut" => self.cut(text(step, "end"))?,
            _ => panic!("no verb room.{verb}"),
        }
        Ok(Facts::new())
    }

    /// Both the end and the relay notice that a line is gone.
    fn cut(&mut self, name: &str) -> Result<()> {
        if self.joiners.contains_key(name) {
            self.gone(name);
            return self.joiners[name].joiner.disconnected();
        }
        let end = &self.hosts[name];
        end.host.disconnected()?;
        self.for_all_in(name, &json!({ "type": "host-lost" }));
        Ok(())
    }

    /// A joiner's line is no longer there.
    fn gone(&mut self, name: &str) {
        let Some(end) = self.joiners.get_mut(name).filter(|end| end.connected) else { return };
        end.connected = false;
        let left = json!({ "type": "left", "joiner": end.number });
        let _ = self.hosts[&self.rooms[&end.room]].host.text(&left.to_string());
    }

    fn in_room(&self, host: &str) -> impl Iterator<Item = &JoinerEnd> {
        let inside = self.rooms.iter().find(|(_, name)| *name == host).map(|(room, _)| room.clone());
        let all = self.joiners.values();
        all.filter(move |end| Some(&end.room) == inside.as_ref() && end.connected && end.joined > 0)
    }

    fn for_all_in(&self, host: &str, says: &Value) {
        for end in self.in_room(host) {
            // One that has ended hears nothing.
            let _ = end.joiner.text(&says.to_string());
        }
    }

    fn host(&mut self, verb: &str, step: &Value, frames: &HashMap<String, Frame>) -> Result<Facts> {
        if verb == "new" {
            let keys = step["no_keys"] != json!(true);
            let mut config = HostConfig { keys, ..HostConfig::default() };
            if let Some(tenant) = step.get("tenant") {
                config.tenant = tenant.as_str().unwrap().to_owned();
            }
            config.pipeline.fps = 1000;
            let host = Host::new(config)?;
            let end = HostEnd { host, room: None, told: VecDeque::new(), key: None, link: None, keys: 0 };
            self.hosts.insert(text(step, "as").to_owned(), end);
            return Ok(Facts::new());
        }
        let name = text(step, "on");
        if verb == "next" {
            return self.next(name, step);
        }
        let host = &self.hosts[name].host;
        let joiner = || number(step, "joiner") as u32;
        match verb {
            "allow" => host.allow(joiner(), purpose(step), text(step, "source"))?,
            "decline" => host.decline(joiner())?,
            "dismiss" => host.dismiss(joiner())?,
            "push" => {
                let view = view(&frames[text(step, "frame")], step)?;
                host.push(&view, &damage(step), Timestamp(number(step, "timestamp_us")))?;
            }
            "pause" => host.pause()?,
            "resume" => host.resume()?,
            "end" => host.end()?,
            "stop" => host.stop(),
            "open_link" => {
                let lasts = Duration::from_secs(60);
                host.open_link(LinkKind::Alone { uses: number(step, "uses") as u32, lasts })?;
            }
            "take_link" => host.take_link(text(step, "text").parse()?)?,
            _ => panic!("no verb host.{verb}"),
        }
        Ok(Facts::new())
    }

    fn joiner(&mut self, verb: &str, step: &Value, frames: &HashMap<String, Frame>) -> Result<Facts> {
        if verb == "new" {
            let way = self.way(step)?;
            let who = step.get("who").and_then(Value::as_str).unwrap_or("Ann");
            let joiner = Joiner::new("default", way, who, purpose(step), Limits::default());
            let room = text(step, "room").to_owned();
            let end =
                JoinerEnd { joiner, room, told: VecDeque::new(), number: 0, joined: 0, connected: false };
            self.joiners.insert(text(step, "as").to_owned(), end);
            return Ok(Facts::new());
        }
        let name = text(step, "on");
        match verb {
            "next" => return self.next(name, step),
            "shows" => return self.shows(name, &frames[text(step, "frame")]),
            _ => {}
        }
        let joiner = &self.joiners[name].joiner;
        match verb {
            "picture" => return joiner.picture(facts_of),
            "point" => joiner.mark(Mark::Pointer(points(step).first().copied()))?,
            "draw" => {
                let points = points(step);
                if points.is_empty() {
                    // The doors' own check.
                    return Err(Error::new(ErrorKind::InvalidInput, "no points"));
                }
                let (line, colour) = (number(step, "line") as u32, 0xFF_0000);
                joiner.mark(Mark::Line { line, tool: Tool::Pen, colour, points })?;
            }
            "clear" => joiner.mark(Mark::Clear)?,
            "pause" => joiner.pause(true)?,
            "resume" => joiner.pause(false)?,
            "leave" => joiner.leave()?,
            "stop" => joiner.stop(),
            _ => panic!("no verb joiner.{verb}"),
        }
        Ok(Facts::new())
    }

    fn way(&mut self, step: &Value) -> Result<Way> {
        if let Some(key) = step.get("key") {
            return Ok(Way::Key(key.as_str().unwrap().parse()?));
        }
        if let Some(link) = step.get("link") {
            return Ok(Way::Link(link.as_str().unwrap().parse()?, None));
        }
        let by_key = step.get("key_of").is_some();
        let host = text(step, if by_key { "key_of" } else { "link_of" }).to_owned();
        let end = Instant::now() + LONG;
        loop {
            let known = self.hosts.get_mut(&host).unwrap();
            match (by_key, &known.key, &known.link) {
                (true, Some(key), _) if step["wrong"] == json!(true) => {
                    let last = if key.ends_with('0') { '1' } else { '0' };
                    return Ok(Way::Key(format!("{}{last}", &key[..key.len() - 1]).parse()?));
                }
                (true, Some(_), _) => return Ok(Way::Key(known.key.take().unwrap().parse()?)),
                (false, _, Some(link)) => return Ok(Way::Link(link.parse()?, None)),
                _ => assert!(Instant::now() < end, "{host} told no way in"),
            }
            self.carry();
        }
    }

    /// The next event of this kind; others are passed over.
    fn next(&mut self, name: &str, step: &Value) -> Result<Facts> {
        let (kind, end) = (text(step, "event"), Instant::now() + LONG);
        loop {
            let told = match self.hosts.get_mut(name) {
                Some(end) => &mut end.told,
                None => &mut self.joiners.get_mut(name).unwrap().told,
            };
            while let Some((event, facts)) = told.pop_front() {
                let state = |(name, value): &(&str, Value)| *name == "state" && *value == step["state"];
                if event == kind && (step.get("state").is_none() || facts.iter().any(state)) {
                    return Ok(facts);
                }
                assert_ne!(event, "ended", "{step}: {facts:?}");
            }
            assert!(Instant::now() < end, "{step}: nothing came");
            self.carry();
        }
    }

    fn shows(&mut self, name: &str, frame: &Frame) -> Result<Facts> {
        let end = Instant::now() + LONG;
        loop {
            let seen = self.joiners[name]
                .joiner
                .picture(|picture| (picture.pixels() == &frame.planes[0].0[..]).then(|| facts_of(picture)));
            match seen {
                Ok(Some(facts)) => return Ok(facts),
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                _ => assert!(Instant::now() < end, "{name} does not show it"),
            }
            self.carry();
        }
    }

    /// The relay: takes what each end says, and hands it on.
    fn carry(&mut self) {
        let hosts: Vec<String> =
            self.hosts.iter().filter(|(_, end)| end.room.is_some()).map(|(name, _)| name.clone()).collect();
        for name in &hosts {
            if let Ok(Some(event)) = self.hosts[name].host.next(Duration::from_millis(1)) {
                self.host_tells(name, event);
            }
        }
        let joiners: Vec<String> = self.joiners.keys().cloned().collect();
        for name in &joiners {
            if let Ok(Some(event)) = self.joiners[name].joiner.next(Duration::from_millis(1)) {
                self.joiner_tells(name, event);
            }
        }
    }

    fn host_tells(&mut self, name: &str, event: HostEvent) {
        let told = match event {
            HostEvent::Connect { .. } => return self.hosts[name].host.connected(None).unwrap(),
            HostEvent::Send(Message::Text(says)) => return self.host_says(name, &says),
            HostEvent::Send(Message::Binary(parcel)) => {
                let to = u32::from_le_bytes(parcel[..4].try_into().unwrap());
                for end in self.in_room_or_knocking(name, to) {
                    let _ = end.joiner.binary(&mut parcel[5..].to_vec());
                }
                return;
            }
            HostEvent::Key { key, .. } => {
                self.hosts.get_mut(name).unwrap().key = Some(key);
                return;
            }
            HostEvent::Link { text, .. } => {
                self.hosts.get_mut(name).unwrap().link = Some(text);
                return;
            }
            HostEvent::Ask { joiner, who, purpose, .. } => (
                "ask",
                vec![("joiner", json!(joiner)), ("who", json!(who)), ("purpose", json!(purpose.name()))],
            ),
            HostEvent::Mark { joiner, mark } => marked(joiner, mark),
            HostEvent::Left { joiner, who, reason } => (
                "left",
                vec![("joiner", json!(joiner)), ("who", json!(who)), ("reason", json!(reason.name()))],
            ),
            HostEvent::State(state) => ("state", vec![("state", json!(state.name()))]),
            HostEvent::Stopped { error } => {
                ("stopped", vec![("reason", json!(error.map_or("ok", |e| e.kind().name())))])
            }
            HostEvent::Refused(refusal) => ("refused", vec![("refusal", refusal_name(refusal.kind))]),
            HostEvent::Ended(reason) => ended(reason),
            HostEvent::Disconnect
            | HostEvent::Waiting
            | HostEvent::Present { .. }
            | HostEvent::TakenOver { .. } => return,
        };
        self.hosts.get_mut(name).unwrap().told.push_back(told);
    }

    /// Whom a parcel is for: one, or (0) all that were let in.
    fn in_room_or_knocking(&self, host: &str, to: u32) -> Vec<&JoinerEnd> {
        if to == 0 {
            return self.in_room(host).collect();
        }
        self.joiners.values().filter(|end| end.number == to && end.connected).collect()
    }

    fn host_says(&mut self, name: &str, says: &str) {
        let says: Value = serde_json::from_str(says).unwrap();
        let say = |host: &Host, answer: Value| {
            let _ = host.text(&answer.to_string());
        };
        let joiner = says["joiner"].as_u64().unwrap_or(0) as u32;
        let number_of = |end: &&mut JoinerEnd| end.number == joiner && joiner != 0;
        match says["type"].as_str().unwrap() {
            "hello" => {
                let host = &self.hosts[name].host;
                say(host, json!({ "type": "room", "room": "r", "secret": "s" }));
                if !says["resume"].is_null() {
                    for end in self.in_room(name) {
                        say(host, json!({ "type": "came", "joiner": end.number, "resumed": true }));
                    }
                    self.for_all_in(name, &json!({ "type": "host-back" }));
                }
            }
            "open" => {
                let end = self.hosts.get_mut(name).unwrap();
                let door = &says["door"];
                let opened = if door.get("key").is_some() {
                    end.keys += 1;
                    json!({ "key": { "number": format!("{:04}", end.keys), "expires_in_s": 600 } })
                } else {
                    json!({ "link": { "id": door["link"]["id"], "expires_in_s": 60 } })
                };
                say(&end.host, json!({ "type": "opened", "door": opened }));
            }
            "admit" => {
                if let Some(end) = self.joiners.values_mut().find(number_of) {
                    end.let_in();
                }
            }
            "refuse" => {
                if let Some(end) = self.joiners.values_mut().find(number_of) {
                    end.say(&json!({ "type": "refused", "kind": says["reason"], "message": "no" }));
                }
            }
            "dismiss" => {
                if let Some(end) = self.joiners.values_mut().find(number_of) {
                    end.say(&json!({ "type": "end", "reason": says["reason"] }));
                }
            }
            "end" => self.for_all_in(name, &json!({ "type": "end", "reason": says["reason"] })),
            "ping" => say(&self.hosts[name].host, json!({ "type": "pong" })),
            "close" => {}
            other => panic!("a host says {other}"),
        }
    }

    fn joiner_tells(&mut self, name: &str, event: JoinerEvent) {
        let told = match event {
            JoinerEvent::Connect { .. } => {
                let end = self.joiners.get_mut(name).unwrap();
                end.connected = true;
                return end.joiner.connected(None).unwrap();
            }
            JoinerEvent::Send(Message::Text(says)) => return self.joiner_says(name, &says),
            JoinerEvent::Send(Message::Binary(bytes)) => {
                let end = &self.joiners[name];
                let mut parcel = [&end.number.to_le_bytes()[..], &bytes].concat();
                let _ = self.hosts[&self.rooms[&end.room]].host.binary(&mut parcel);
                return;
            }
            JoinerEvent::Sealed => ("sealed", Facts::new()),
            JoinerEvent::Asking => ("asking", Facts::new()),
            JoinerEvent::Allowed { source } => ("allowed", vec![("source", json!(source))]),
            JoinerEvent::State { state, .. } => ("state", vec![("state", json!(state.name()))]),
            JoinerEvent::Refused(refusal) => ("refused", vec![("refusal", refusal_name(refusal.kind))]),
            JoinerEvent::Ended(reason) => ended(reason),
            JoinerEvent::Disconnect => return self.gone(name),
            JoinerEvent::Picture { .. } | JoinerEvent::Cursor => return,
        };
        self.joiners.get_mut(name).unwrap().told.push_back(told);
    }

    fn joiner_says(&mut self, name: &str, says: &str) {
        let says: Value = serde_json::from_str(says).unwrap();
        let end = self.joiners.get_mut(name).unwrap();
        let host = &self.hosts[&self.rooms[&end.room]].host;
        if says["type"] == "ping" {
            return end.say(&json!({ "type": "pong" }));
        }
        let came = if says["resume"].is_null() {
            self.knocks += 1;
            end.number = self.knocks;
            json!({ "type": "came", "joiner": end.number, "door": says["door"] })
        } else {
            assert_eq!(says["resume"]["token"], json!(format!("token {}", end.joined)));
            end.let_in();
            json!({ "type": "came", "joiner": end.number, "resumed": true })
        };
        let _ = host.text(&came.to_string());
    }
}

impl JoinerEnd {
    fn say(&self, says: &Value) {
        let _ = self.joiner.text(&says.to_string());
    }

    fn let_in(&mut self) {
        self.joined += 1;
        let token = format!("token {}", self.joined);
        self.say(&json!({ "type": "joined", "room": "r", "joiner": self.number, "token": token }));
    }
}

fn facts_of(picture: &FrameBuf) -> Facts {
    vec![
        ("size", json!([picture.size().width, picture.size().height])),
        ("pixels", json!(fnv(picture.pixels()))),
    ]
}

fn points(step: &Value) -> Vec<(i32, i32)> {
    let flat: Vec<i32> =
        step["points"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap() as i32).collect();
    flat.chunks_exact(2).map(|at| (at[0], at[1])).collect()
}
