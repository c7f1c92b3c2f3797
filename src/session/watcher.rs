//! The watching end: knocks, proves itself, asks, and then takes what comes. No socket, no clock.
//!
//! Everything that happens is told by a method; what is to be done comes out of [`Watcher::poll`] until it is `None`.

use super::message::{MOST_HELD, SharerSays, WatcherSays};
use super::seal::{Joiner, Pair, Resuming, StreamKey, StreamOpener, Ticket};
use super::sharer::{ANSWER_WITHIN, BACK_WITHIN, SHAKE_WITHIN};
use super::{EndReason, Mark, Purpose, StreamState, door, record};
use crate::frame::{Rect, Size, Timestamp};
use crate::limits::Limits;
use std::collections::VecDeque;

/// What the watching end wants done, or has learnt.
#[derive(Debug)]
pub enum WatcherOutput {
    /// Bytes for the transport; opaque to everybody but the sharing end.
    Send(Vec<u8>),
    /// The key was right: nobody between can read what follows.
    Sealed,
    /// The person at the other end is being asked.
    Asking,
    /// Allowed; pictures follow.
    Allowed {
        /// What is shown.
        source: String,
    },
    /// How the picture lives.
    State {
        /// The state.
        state: StreamState,
        /// What is shown.
        source: String,
    },
    /// Bytes for the decoder.
    Packet {
        /// Whether a decoder begins anew with them ([`crate::codec::Decoder::restart`]).
        starts_over: bool,
        /// One packet, or a header and a packet.
        bytes: Vec<u8>,
    },
    /// After a cut it is let in again: what its decoder lacks follows.
    Back,
    /// All is over; nothing follows.
    Ended(EndReason),
}

/// The watching end of a session.
#[derive(Debug)]
pub struct Watcher {
    limits: Limits,
    who: String,
    purpose: Purpose,
    standing: Standing,
    part: Part,
    opener: StreamOpener,
    since: Timestamp,
    outputs: VecDeque<WatcherOutput>,
}

#[derive(Debug)]
enum Standing {
    /// It has knocked.
    Shaking(Box<Joiner>),
    /// After a cut it has said who it is; with what the next try needs.
    Resuming(Box<Resuming>, Ticket),
    Sealed(Box<Pair>),
    Away(Ticket),
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Asking,
    Watching,
}

impl Watcher {
    /// Knocks at a door with `joiner`, one of the functions of [`Joiner`]. `who` is how the other end is told who asks.
    pub fn knock(
        (joiner, first): (Joiner, Vec<u8>),
        who: impl Into<String>,
        purpose: Purpose,
        now: Timestamp,
        limits: Limits,
    ) -> Self {
        Self {
            limits,
            who: who.into(),
            purpose,
            standing: Standing::Shaking(Box::new(joiner)),
            part: Part::Asking,
            opener: StreamOpener::new(&limits),
            since: now,
            outputs: VecDeque::from([WatcherOutput::Send(first)]),
        }
    }

    /// What is to be done next; `None` until something happens.
    pub fn poll(&mut self) -> Option<WatcherOutput> {
        self.outputs.pop_front()
    }

    /// Bytes from the sharing end. They are opened where they lie.
    pub fn received(&mut self, bytes: &mut [u8], now: Timestamp) {
        if let Err(reason) = self.receive(bytes, now) {
            self.over(reason, true);
        }
    }

    fn receive(&mut self, bytes: &mut [u8], now: Timestamp) -> std::result::Result<(), EndReason> {
        match &mut self.standing {
            Standing::Shaking(_) | Standing::Resuming(..) => self.shake(bytes, now),
            Standing::Sealed(pair) => match bytes.split_first_mut() {
                Some((&mut record::PAIR, sealed)) => {
                    let (kind, plain) = pair.open(sealed).map_err(door::reason)?;
                    match kind {
                        record::CONTROL => {
                            let says = SharerSays::read(plain).map_err(|_| EndReason::BrokeRules)?;
                            self.hear(says)
                        }
                        record::KEY if self.part == Part::Watching => follow(&mut self.opener, plain),
                        _ => Err(EndReason::BrokeRules),
                    }
                }
                Some((&mut record::REPLACEABLE, sealed)) => {
                    match pair.open_replaceable(sealed).map_err(door::reason)? {
                        (record::SNAPSHOT, plain) if self.part == Part::Watching => {
                            let parts = plain.split_at_checked(StreamKey::BYTES);
                            let (key, packet) = parts.ok_or(EndReason::BrokeRules)?;
                            follow(&mut self.opener, key)?;
                            let bytes = packet.to_vec();
                            self.outputs.push_back(WatcherOutput::Packet { starts_over: true, bytes });
                            Ok(())
                        }
                        _ => Err(EndReason::BrokeRules),
                    }
                }
                Some((&mut record::STREAM, sealed)) => {
                    match self.opener.open(sealed).map_err(door::reason)? {
                        Some((record::PACKET, packet)) => {
                            let bytes = packet.to_vec();
                            self.outputs.push_back(WatcherOutput::Packet { starts_over: false, bytes });
                            Ok(())
                        }
                        Some(_) => Err(EndReason::BrokeRules),
                        None => Ok(()),
                    }
                }
                _ => Err(EndReason::BrokeRules),
            },
            Standing::Away(_) | Standing::Over => Ok(()),
        }
    }

    fn shake(&mut self, answer: &[u8], now: Timestamp) -> std::result::Result<(), EndReason> {
        let shaken = match std::mem::replace(&mut self.standing, Standing::Over) {
            Standing::Shaking(joiner) => joiner.finish(answer).map(|(pair, last)| (pair, Some(last))),
            Standing::Resuming(resuming, _) => resuming.finish(answer).map(|pair| (pair, None)),
            Standing::Sealed(_) | Standing::Away(_) | Standing::Over => return Ok(()),
        };
        let (pair, last) = match shaken {
            Ok(done) => done,
            Err(e) => {
                self.outputs.push_back(WatcherOutput::Ended(door::reason(e)));
                return Ok(());
            }
        };
        (self.standing, self.since) = (Standing::Sealed(Box::new(pair)), now);
        let resumed = last.is_none();
        self.outputs.extend(last.map(WatcherOutput::Send));
        self.outputs.push_back(WatcherOutput::Sealed);
        match self.part {
            // One that is back has asked along with its proof.
            Part::Asking if resumed => {}
            Part::Asking => self.say(&self.asks()),
            Part::Watching => self.outputs.push_back(WatcherOutput::Back),
        }
        Ok(())
    }

    fn asks(&self) -> WatcherSays {
        WatcherSays::Ask { who: self.who.clone(), purpose: self.purpose }
    }

    fn hear(&mut self, says: SharerSays) -> std::result::Result<(), EndReason> {
        let output = match (says, self.part) {
            (SharerSays::End(reason), _) => {
                self.over(reason, false);
                return Ok(());
            }
            (SharerSays::Asking, Part::Asking) => WatcherOutput::Asking,
            (SharerSays::Allowed { source }, Part::Asking) => {
                self.part = Part::Watching;
                WatcherOutput::Allowed { source }
            }
            (SharerSays::State { state, source }, Part::Watching) => WatcherOutput::State { state, source },
            _ => return Err(EndReason::BrokeRules),
        };
        self.outputs.push_back(output);
        Ok(())
    }

    /// An update was painted, which took so long from its last byte's arrival.
    pub fn painted(&mut self, sequence: u64, held_us: u64) {
        self.say_watching(&WatcherSays::Painted { sequence, held_us });
    }

    /// The decoder lost the thread.
    pub fn resync(&mut self) {
        self.say_watching(&WatcherSays::Resync);
    }

    /// Where the person looks.
    pub fn focus(&mut self, rect: Option<Rect>) {
        self.say_watching(&WatcherSays::Focus(rect));
    }

    /// The person points or draws.
    pub fn mark(&mut self, mark: Mark) {
        self.say_watching(&WatcherSays::Mark(mark));
    }

    /// The person wants no pictures for now, or wants them again.
    pub fn pause(&mut self, paused: bool) {
        self.say_watching(&WatcherSays::Pause(paused));
    }

    /// The person leaves.
    pub fn leave(&mut self) {
        self.over(EndReason::WatcherLeft, true);
    }

    /// The connection is cut, here or at the other end.
    pub fn cut(&mut self, now: Timestamp) {
        let ticket = match std::mem::replace(&mut self.standing, Standing::Over) {
            Standing::Sealed(pair) => pair.into_ticket().map_err(door::reason),
            Standing::Shaking(_) => Err(EndReason::Lost),
            Standing::Resuming(_, ticket) => Ok(ticket),
            Standing::Away(ticket) => {
                self.standing = Standing::Away(ticket);
                return;
            }
            Standing::Over => return,
        };
        match ticket {
            Ok(ticket) => {
                (self.standing, self.since) = (Standing::Away(ticket), now);
                self.opener.wait();
                if self.part == Part::Watching {
                    let (state, source) = (StreamState::Reconnecting, String::new());
                    self.outputs.push_back(WatcherOutput::State { state, source });
                }
            }
            Err(reason) => self.outputs.push_back(WatcherOutput::Ended(reason)),
        }
    }

    /// The connection is there again: proves that it is the same watcher, and tells what the decoder holds, the picture's
    /// size and a hash for each tile as [`crate::codec::HeldTiles`] has them; `None` if nothing, or more than
    /// [`super::MOST_HELD`] tiles.
    pub fn back(&mut self, held: Option<(Size, Vec<u32>)>) {
        let ticket = match std::mem::replace(&mut self.standing, Standing::Over) {
            Standing::Away(ticket) => ticket,
            other => {
                self.standing = other;
                return;
            }
        };
        let held = held.filter(|(_, tiles)| tiles.len() <= MOST_HELD);
        let words = match self.part {
            Part::Asking => self.asks(),
            Part::Watching => {
                held.map_or(WatcherSays::Resync, |(size, tiles)| WatcherSays::Holds(size, tiles))
            }
        };
        let mut plain = Vec::new();
        words.write(&mut plain);
        match Resuming::begin(&ticket, &plain, &self.limits) {
            Ok((resuming, first)) => {
                self.standing = Standing::Resuming(Box::new(resuming), ticket);
                self.outputs.push_back(WatcherOutput::Send(first));
            }
            Err(e) => self.outputs.push_back(WatcherOutput::Ended(door::reason(e))),
        }
    }

    /// The transport says that it is over.
    pub fn ended(&mut self, reason: EndReason) {
        self.over(reason, false);
    }

    fn over(&mut self, reason: EndReason, tell: bool) {
        if matches!(self.standing, Standing::Over) {
            return;
        }
        if tell {
            self.say(&WatcherSays::Leave(reason));
        }
        self.standing = Standing::Over;
        self.outputs.push_back(WatcherOutput::Ended(reason));
    }

    fn say_watching(&mut self, says: &WatcherSays) {
        if self.part == Part::Watching {
            self.say(says);
        }
    }

    fn say(&mut self, says: &WatcherSays) {
        let Standing::Sealed(pair) = &mut self.standing else { return };
        let (mut plain, mut bytes) = (Vec::new(), Vec::new());
        says.write(&mut plain);
        // A pair that has failed is told of where it failed.
        if pair.seal(record::CONTROL, &plain, &mut bytes).is_ok() {
            self.outputs.push_back(WatcherOutput::Send(bytes));
        }
    }

    /// Time passes.
    pub fn tick(&mut self, now: Timestamp) {
        if self.next_tick().is_some_and(|due| due <= now) {
            let reason = match self.standing {
                Standing::Away(_) => EndReason::Lost,
                Standing::Sealed(_) => EndReason::NoAnswer,
                Standing::Resuming(..) => EndReason::Lost,
                Standing::Shaking(_) | Standing::Over => EndReason::TimedOut,
            };
            self.over(reason, true);
        }
    }

    /// When [`Watcher::tick`] has something to do next.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        let within = match (&self.standing, self.part) {
            (Standing::Resuming(..) | Standing::Away(_), _) => BACK_WITHIN,
            (Standing::Shaking(_), _) => SHAKE_WITHIN,
            (Standing::Sealed(_), Part::Asking) => ANSWER_WITHIN,
            (Standing::Sealed(_), Part::Watching) | (Standing::Over, _) => return None,
        };
        Some(self.since + within)
    }
}

fn follow(opener: &mut StreamOpener, key: &[u8]) -> std::result::Result<(), EndReason> {
    let key = StreamKey::from_bytes(key).map_err(|_| EndReason::BrokeRules)?;
    opener.follow(&key).map_err(door::reason)
}
