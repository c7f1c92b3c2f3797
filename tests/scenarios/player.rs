//! What each verb of a scenario is in Rust.

use crate::pattern::{Frame, fnv};
#[cfg(any(feature = "capi", feature = "uniffi"))]
use crate::rooms::Rooms;
use panecast::capture::mask::MaskSet;
use panecast::capture::{Damage, PushHandle, SourceSpec, push_source};
use panecast::codec::av1::Av1Choice;
use panecast::codec::{Decoded, Decoder, Encoder, EncoderConfig, Mode, UpdateKind};
use panecast::consent::{CaptureGrant, Consent, Decision, Purpose, Revoke};
use panecast::frame::{FrameBuf, PixelFormat, Rect, Size, Timestamp};
use panecast::pipeline::{Audience, Output, Pipeline, PipelineConfig, ViewerId};
use panecast::{Error, ErrorKind, Limits, Result};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Against hangs only.
const LONG: Duration = Duration::from_secs(60);

/// What a step gave.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) status: String,
    pub(crate) facts: BTreeMap<String, Value>,
}

pub(crate) type Facts = Vec<(&'static str, Value)>;

/// The objects of a scenario by their names.
#[derive(Default)]
pub(crate) struct Player {
    frames: HashMap<String, Frame>,
    packets: HashMap<String, Vec<u8>>,
    encoders: HashMap<String, Encoder>,
    decoders: HashMap<String, Decoder>,
    questions: HashMap<String, Consent>,
    grants: HashMap<String, (Option<CaptureGrant>, Revoke)>,
    shares: HashMap<String, Share>,
    #[cfg(any(feature = "capi", feature = "uniffi"))]
    rooms: Rooms,
}

struct Share {
    pipeline: Option<Pipeline>,
    pusher: Option<PushHandle>,
    outputs: Receiver<Output>,
}

fn nothing_now() -> Error {
    Error::new(ErrorKind::NotFound, NOTHING)
}

/// How a step says that there was nothing.
const NOTHING: &str = "nothing-now";

pub(crate) fn text<'a>(step: &'a Value, name: &str) -> &'a str {
    step[name].as_str().unwrap_or_else(|| panic!("`{name}` of {step}"))
}

pub(crate) fn number(step: &Value, name: &str) -> u64 {
    step[name].as_u64().unwrap_or_else(|| panic!("`{name}` of {step}"))
}

fn optional(step: &Value, name: &str) -> Option<usize> {
    step.get(name).map(|_| number(step, name) as usize)
}

fn size(value: &Value) -> Size {
    Size::new(value[0].as_u64().unwrap() as u32, value[1].as_u64().unwrap() as u32)
}

fn rect(value: &Value) -> Rect {
    let at = |i: usize| value[i].as_u64().unwrap() as u32;
    Rect::new(at(0), at(1), at(2), at(3))
}

pub(crate) fn damage(step: &Value) -> Damage {
    match step.get("damage") {
        None => Damage::Unknown,
        Some(rects) => Damage::Within(rects.as_array().unwrap().iter().map(rect).collect()),
    }
}

fn kind_name(kind: UpdateKind) -> &'static str {
    match kind {
        UpdateKind::Unchanged => "unchanged",
        UpdateKind::Delta => "delta",
        UpdateKind::Refinement => "refinement",
        UpdateKind::Keyframe => "keyframe",
    }
}

fn bytes_facts(bytes: &[u8]) -> Facts {
    vec![("length", json!(bytes.len())), ("bytes", json!(fnv(bytes)))]
}

/// The size of a source `push:WIDTHxHEIGHT`.
fn pushed(source: &str) -> Result<Option<Size>> {
    source.strip_prefix("push:").map(str::parse).transpose()
}

impl Player {
    /// Plays a step; `None` for what Rust's types rule out.
    pub(crate) fn play(&mut self, step: &Value) -> Option<Outcome> {
        if step["untyped"] == json!(true) {
            return None;
        }
        let verb = text(step, "do");
        let (object, _) = verb.split_once('.').unwrap();
        let played = match object {
            "pattern" | "encoder" => self.encoding(verb, step),
            "decoder" => self.decoding(verb, step),
            "consent" | "grant" => self.consent(verb, step),
            "share" => self.sharing(verb, step),
            #[cfg(any(feature = "capi", feature = "uniffi"))]
            "room" | "host" | "joiner" => self.rooms.play(verb, step, &self.frames),
            _ => panic!("no verb {verb}"),
        };
        let mut outcome = Outcome { status: "ok".into(), ..Outcome::default() };
        match played {
            Ok(facts) => outcome.facts = facts.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
            Err(e) if e.message() == NOTHING => outcome.status = NOTHING.into(),
            Err(e) => outcome.status = e.kind().name().into(),
        }
        Some(outcome)
    }

    fn keep(&mut self, step: &Value, name: &str, bytes: Vec<u8>) -> Facts {
        let facts = bytes_facts(&bytes);
        if let Some(name) = step.get(name) {
            self.packets.insert(name.as_str().unwrap().to_owned(), bytes);
        }
        facts
    }

    fn encoding(&mut self, verb: &str, step: &Value) -> Result<Facts> {
        if verb == "pattern.frame" {
            let format = match text(step, "format") {
                "bgra" => PixelFormat::Bgra8,
                "rgba" => PixelFormat::Rgba8,
                "i420" => PixelFormat::I420,
                "nv12" => PixelFormat::Nv12,
                other => panic!("no format {other}"),
            };
            let pad = optional(step, "pad").unwrap_or(0);
            let frame = Frame::new(size(&step["size"]), number(step, "index") as u32, format, pad);
            let facts = vec![("bytes", json!(fnv(&frame.planes[0].0)))];
            self.frames.insert(text(step, "as").to_owned(), frame);
            return Ok(facts);
        }
        if verb == "encoder.new" {
            let encoder = Encoder::new(config(step))?;
            self.encoders.insert(text(step, "as").to_owned(), encoder);
            return Ok(Facts::new());
        }
        let encoder = self.encoders.get_mut(text(step, "on")).unwrap();
        let mut bytes = Vec::new();
        let at = || Timestamp(number(step, "timestamp_us"));
        match verb {
            "encoder.encode" => {
                let frame = &self.frames[text(step, "frame")];
                let view = view(frame, step)?;
                let mut picture = FrameBuf::new(view.size(), &Limits::default())?;
                picture.copy_from(&view, &view.size().rect())?;
                let update = encoder.encode(&mut picture, &damage(step), at(), &mut bytes)?;
                let mut facts = self.keep(step, "as", bytes);
                facts.push(("kind", json!(kind_name(update.kind))));
                facts.push(("sequence", json!(update.sequence)));
                facts.push(("dirty_px", json!(update.dirty_px)));
                facts.push(("lossy_px", json!(update.lossy_px)));
                Ok(facts)
            }
            "encoder.late_join" => {
                let mut others = Vec::new();
                if encoder.late_join(at(), &mut bytes, &mut others)?.is_none() {
                    return Err(nothing_now());
                }
                self.keep(step, "others", others);
                Ok(self.keep(step, "as", bytes))
            }
            "encoder.refine" => {
                encoder.refine(at(), number(step, "bytes") as usize, None, &mut bytes)?;
                Ok(self.keep(step, "as", bytes))
            }
            "encoder.finish" => {
                encoder.finish(number(step, "frames"), number(step, "fps") as u32, &mut bytes);
                Ok(self.keep(step, "as", bytes))
            }
            "encoder.forget" => {
                encoder.forget();
                Ok(Facts::new())
            }
            "encoder.set_bitrate" => {
                encoder.set_bitrate(Some(number(step, "bitrate")));
                Ok(Facts::new())
            }
            _ => panic!("no verb {verb}"),
        }
    }

    fn decoding(&mut self, verb: &str, step: &Value) -> Result<Facts> {
        if verb == "decoder.new" {
            let mut limits = Limits::default();
            if let Some(side) = optional(step, "side_px") {
                limits.side_px = side as u32;
            }
            self.decoders.insert(text(step, "as").to_owned(), Decoder::new(limits));
            return Ok(Facts::new());
        }
        let decoder = self.decoders.get_mut(text(step, "on")).unwrap();
        match verb {
            "decoder.feed" => {
                let mut bytes = match step.get("packet") {
                    Some(name) => self.packets[name.as_str().unwrap()].clone(),
                    None => text(step, "text").as_bytes().to_vec(),
                };
                if let Some(at) = optional(step, "flip") {
                    bytes[at] ^= 0xFF;
                }
                let (from, to) = (optional(step, "from").unwrap_or(0), optional(step, "to"));
                decoder.feed(&bytes[from..to.unwrap_or(bytes.len())])?;
                Ok(Facts::new())
            }
            "decoder.next" => {
                let next = decoder.next()?.ok_or_else(nothing_now)?;
                let mut facts = vec![("sequence", json!(next.sequence().unwrap_or(0)))];
                facts.push(("kind", json!(decoded(&next))));
                match next {
                    Decoded::Picture { timestamp, keyframe, resized, .. } => {
                        facts.push(("timestamp_us", json!(timestamp.micros())));
                        facts.push(("keyframe", json!(keyframe)));
                        facts.push(("resized", json!(resized)));
                    }
                    Decoded::End { frames, fps } => {
                        facts.extend([("frames", json!(frames)), ("fps", json!(fps))]);
                    }
                    _ => {}
                }
                Ok(facts)
            }
            "decoder.drain" => {
                let mut pictures = 0;
                while let Some(next) = decoder.next()? {
                    pictures += usize::from(matches!(next, Decoded::Picture { .. }));
                }
                Ok(vec![("pictures", json!(pictures))])
            }
            "decoder.picture" => {
                let frame = decoder.frame().ok_or_else(nothing_now)?;
                Ok(vec![
                    ("size", json!([frame.size().width, frame.size().height])),
                    ("pixels", json!(fnv(frame.pixels()))),
                    ("lossy_px", json!(decoder.exactness().lossy_px())),
                ])
            }
            "decoder.reset" => {
                decoder.reset();
                Ok(Facts::new())
            }
            _ => panic!("no verb {verb}"),
        }
    }

    fn consent(&mut self, verb: &str, step: &Value) -> Result<Facts> {
        match verb {
            "consent.ask" => {
                let purpose = match text(step, "purpose") {
                    "screen" => Purpose::Screen,
                    "window" => Purpose::Window,
                    "camera" => Purpose::Camera,
                    "agent-screen" => Purpose::AgentScreen,
                    "prepared" => Purpose::Prepared,
                    other => panic!("no purpose {other}"),
                };
                let source = text(step, "source");
                if pushed(source)?.is_none() {
                    source.parse::<SourceSpec>()?;
                }
                self.questions.insert(text(step, "as").to_owned(), Consent::ask(purpose, source));
            }
            "consent.answer" => {
                let question = self.questions.remove(text(step, "on")).unwrap();
                let allow = step["allow"].as_bool().unwrap();
                let grant = question.answer(if allow { Decision::Allow } else { Decision::Deny })?;
                let revoke = grant.revoke_handle();
                self.grants.insert(text(step, "as").to_owned(), (Some(grant), revoke));
            }
            "grant.revoke" => self.grants[text(step, "on")].1.revoke(),
            _ => panic!("no verb {verb}"),
        }
        Ok(Facts::new())
    }

    fn start(&mut self, step: &Value) -> Result<Share> {
        let source = text(step, "source");
        let size = pushed(source)?.expect("scenarios push their frames");
        let (word, revoke) = self.grants.get_mut(text(step, "grant")).unwrap();
        if revoke.is_revoked() {
            return Err(Error::new(ErrorKind::Revoked, "revoked"));
        }
        let used_up = || Error::new(ErrorKind::Denied, "used up");
        let grant = word.take().ok_or_else(used_up)?;
        if let Err(e) = grant.covers(grant.purpose(), source) {
            *word = Some(grant);
            return Err(e);
        }
        let (pusher, capturer) = push_source(&grant, "scenario", size)?;
        let (sink, outputs) = channel();
        let config = PipelineConfig { fps: 1000, encoder: config(step), ..PipelineConfig::default() };
        let pipeline =
            Pipeline::start(grant, move |_| Ok(Box::new(capturer)), config, move |o| drop(sink.send(o)))?;
        Ok(Share { pipeline: Some(pipeline), pusher: Some(pusher), outputs })
    }

    fn sharing(&mut self, verb: &str, step: &Value) -> Result<Facts> {
        if verb == "share.start" {
            let share = self.start(step)?;
            self.shares.insert(text(step, "as").to_owned(), share);
            return Ok(Facts::new());
        }
        let closed = || Error::new(ErrorKind::Closed, "stopped");
        let share = self.shares.get_mut(text(step, "on")).unwrap();
        let pipeline = share.pipeline.as_ref().ok_or_else(closed)?;
        let viewer = || ViewerId(number(step, "viewer") as u32);
        match verb {
            "share.push" => {
                let pusher = share.pusher.as_ref().ok_or_else(closed)?;
                let view = view(&self.frames[text(step, "frame")], step)?;
                pusher.push(&view, &damage(step), Timestamp(number(step, "timestamp_us")))?;
            }
            "share.viewer_joined" => pipeline.viewer_joined(viewer()),
            "share.viewer_left" => pipeline.viewer_left(viewer()),
            "share.viewer_ack" => pipeline.ack(viewer(), number(step, "sequence"), Duration::ZERO),
            "share.pause" => pipeline.pause(),
            "share.resume" => pipeline.resume(),
            "share.set_masks" => {
                let rects = step["rects"].as_array().unwrap().iter().map(rect);
                pipeline.set_masks(rects.fold(MaskSet::new(), MaskSet::with_rect));
            }
            "share.end" => drop(share.pusher.take()),
            "share.stop" => drop(share.pipeline.take()),
            "share.next_packet" => loop {
                match share.outputs.recv_timeout(LONG).expect("a share that runs") {
                    Output::Packet { to, sequence, bytes } => {
                        let (all, viewer) = match to {
                            Audience::All => (true, 0),
                            Audience::One(ViewerId(viewer)) => (false, viewer),
                        };
                        self.packets.insert(text(step, "as").to_owned(), bytes);
                        return Ok(vec![
                            ("for_all", json!(all)),
                            ("viewer", json!(viewer)),
                            ("sequence", json!(sequence.unwrap_or(0))),
                        ]);
                    }
                    Output::State(_) => {}
                    Output::Ended(how) => panic!("{step}: ended, {how:?}"),
                }
            },
            "share.next_end" => loop {
                match share.outputs.recv_timeout(LONG).expect("a share that runs") {
                    Output::Ended(how) => {
                        let reason = how.err().map_or("ok", |e| e.kind().name());
                        return Ok(vec![("reason", json!(reason))]);
                    }
                    Output::State(_) => {}
                    Output::Packet { .. } => panic!("{step}: a packet"),
                }
            },
            "share.no_packet" => {
                for output in share.outputs.try_iter() {
                    assert!(!matches!(output, Output::Packet { .. }), "{step}: {output:?}");
                }
            }
            _ => panic!("no verb {verb}"),
        }
        Ok(Facts::new())
    }
}

pub(crate) fn view<'a>(frame: &'a Frame, step: &Value) -> Result<panecast::frame::FrameView<'a>> {
    let size = step.get("size").map_or(frame.size, size);
    frame.view(size, optional(step, "stride_bytes"), optional(step, "length"))
}

fn config(step: &Value) -> EncoderConfig {
    let mut config = EncoderConfig::default();
    match step.get("mode").and_then(Value::as_str) {
        Some("lossless") | None => {}
        Some("auto") => config.mode = Mode::Auto,
        Some(other) => panic!("no mode {other}"),
    }
    if let Some(quality) = optional(step, "quality") {
        config.quality = quality as u8;
    }
    if step["no_av1"] == json!(true) {
        config.av1 = Av1Choice::Off;
    }
    config
}

fn decoded(next: &Decoded) -> &'static str {
    match next {
        Decoded::Header => "header",
        Decoded::NeedsPlanes => "needs-planes",
        Decoded::Picture { .. } => "picture",
        Decoded::Epoch { .. } => "epoch",
        Decoded::Cursor => "cursor",
        Decoded::End { .. } => "end",
    }
}
