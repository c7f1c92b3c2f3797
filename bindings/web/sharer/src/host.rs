//! A host without threads: who knocks, who is let in, and the pictures that go to them.

mod film;

use panecast::capture::Damage;
use panecast::codec::av1::Av1Choice;
use panecast::codec::{EncoderConfig, Mode};
use panecast::frame::{FrameView, Timestamp};
use panecast::pipeline::{Audience, Output, PipelineConfig, Stepped, StreamState};
use panecast::session::seal::{KeyOffer, LinkSecret, LinkText, SecretOffer, TypedKey};
use panecast::session::{
    CameraLife, Decision, Door, DoorId, EndReason, FilmFeed, Lane, Purpose, Sharer, SharerOutput, ViewerId,
};
use panecast::{Error, ErrorKind, Limits, Result};
use std::time::Duration;

/// Most bytes of one message: what relays pass on.
pub const MOST_MESSAGE_BYTES: usize = 64 << 20;

/// Doors of links are numbered from here on; below are those of typed keys, by the key's number.
const FIRST_LINK: u32 = 10_000;

/// A picture every frame of a camera or a screen; the viewers' lines set the pace.
const FPS: u32 = 30;

/// What this end may cost. What seals a packet and what names whom it is for must fit beside it.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        packet_bytes: MOST_MESSAGE_BYTES - 1024,
        record_bytes: MOST_MESSAGE_BYTES - 64,
        memory_bytes: 256 << 20,
        ..Limits::default()
    }
}

/// What the page is told, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A binary message for the relay: whom it is for, how it waits, sealed bytes.
    Send(Vec<u8>),
    /// This joiner proved itself: the relay may let it in.
    Admit(u32),
    /// Nobody comes in by this door any more.
    Close(u32),
    /// This joiner is sent away.
    Dismiss(u32, EndReason),
    /// Somebody asks: shall this be shared? [`Host::answer`] takes the word.
    Ask {
        /// Which joiner.
        joiner: u32,
        /// What it calls itself.
        who: String,
    },
    /// A watcher's part is over.
    Left {
        /// Which joiner.
        joiner: u32,
        /// Why.
        reason: EndReason,
    },
    /// The picture lives differently.
    State(StreamState),
    /// All is over.
    Ended(EndReason),
}

/// The host of a room.
#[derive(Debug)]
pub struct Host {
    tenant: String,
    limits: Limits,
    sharer: Sharer,
    /// There is none before the first Allow.
    share: Option<Stepped>,
    /// A camera's, likewise.
    film: Option<FilmFeed>,
    camera: CameraLife,
    /// What is shown, as watchers are told.
    source: String,
    /// A typed key alone does not let in: this link belongs to it.
    link: Option<LinkSecret>,
    links: u32,
    state: Option<StreamState>,
    paused: bool,
    over: bool,
}

impl Host {
    /// Nobody is there. `began_s`: the second since 1970 at which the caller's clock was 0; `source`: what is shown, as
    /// watchers are told.
    ///
    /// # Errors
    /// - [`ErrorKind::Io`] where there is no randomness.
    pub fn new(tenant: &str, source: &str, began_s: u64) -> Result<Self> {
        let limits = limits();
        Ok(Self {
            tenant: tenant.to_owned(),
            limits,
            sharer: Sharer::new(began_s, limits)?,
            share: None,
            film: None,
            camera: CameraLife::new(),
            source: source.to_owned(),
            link: None,
            links: 0,
            state: None,
            paused: false,
            over: false,
        })
    }

    /// Draws a link that lets in so many, so long. Returns its text for the URL, the id that the relay is asked to open,
    /// and the door's number.
    ///
    /// # Errors
    /// - [`ErrorKind::Io`] where there is no randomness.
    pub fn open_link(&mut self, uses: u32, lasts: Duration, now: Timestamp) -> Result<(String, String, u32)> {
        let secret = LinkSecret::draw()?;
        let offer = SecretOffer::of_link(&secret, &self.tenant, uses, now + lasts, &self.limits)?;
        let door = self.open_door(offer);
        let id = secret.door_id();
        Ok((LinkText { secret, with_key: false }.to_string(), id, door))
    }

    /// Draws a link that lets in nobody without a typed key: keys from now on belong to it. Returns its text for the URL.
    ///
    /// # Errors
    /// - [`ErrorKind::Io`] where there is no randomness.
    pub fn link_for_keys(&mut self) -> Result<String> {
        let secret = LinkSecret::draw()?;
        self.link = Some(secret.clone());
        Ok(LinkText { secret, with_key: true }.to_string())
    }

    /// The relay has opened a key of this number, which is the door's too: returns the whole key.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if the number has more than four digits.
    /// - [`ErrorKind::Io`] where there is no randomness.
    pub fn open_key(&mut self, number: u16, now: Timestamp) -> Result<String> {
        let key = TypedKey::draw(number)?;
        let text = key.to_string();
        let offer = KeyOffer::new(key, self.link.clone(), &self.tenant, now, &self.limits)?;
        self.sharer.open(DoorId(number.into()), Door::Key(offer));
        Ok(text)
    }

    /// Nobody is let in by this door any more.
    pub fn close(&mut self, door: u32) {
        self.sharer.close(DoorId(door));
    }

    /// Somebody stands in a door.
    pub fn came(&mut self, joiner: u32, door: u32, now: Timestamp) {
        self.sharer.came(ViewerId(joiner), DoorId(door), now);
    }

    /// A joiner that was cut off is back.
    pub fn came_back(&mut self, joiner: u32, now: Timestamp) {
        self.sharer.came_back(ViewerId(joiner), now);
    }

    /// Bytes from a joiner; they are opened where they lie.
    pub fn received(&mut self, joiner: u32, bytes: &mut [u8], now: Timestamp) {
        self.sharer.received(ViewerId(joiner), bytes, now);
    }

    /// The connection to one joiner is cut.
    pub fn away(&mut self, joiner: u32, now: Timestamp) {
        self.sharer.away(ViewerId(joiner), now);
    }

    /// The relay has dropped what was on its way to a joiner (`true`), or it takes bytes again.
    pub fn behind(&mut self, joiner: u32, behind: bool) {
        match behind {
            true => self.sharer.behind(ViewerId(joiner)),
            false => self.sharer.ready(ViewerId(joiner)),
        }
    }

    /// The connection to the relay is cut.
    pub fn cut(&mut self, now: Timestamp) {
        self.sharer.cut(now);
    }

    /// The person's word about a question. The first Allow is what pictures are taken against.
    ///
    /// # Errors
    /// - [`ErrorKind::Denied`] for [`Decision::Deny`].
    /// - [`ErrorKind::InvalidInput`] if this joiner asks nothing any more.
    pub fn answer(
        &mut self,
        joiner: u32,
        decision: Decision,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<()> {
        let grant = self.sharer.answer(ViewerId(joiner), decision, purpose, &self.source)?;
        if purpose == Purpose::Camera {
            self.begin_film();
        } else if self.share.is_none() {
            let encoder = EncoderConfig {
                limits: self.limits,
                mode: Mode::Auto,
                av1: Av1Choice::Off,
                ..EncoderConfig::default()
            };
            let config = PipelineConfig { fps: FPS, encoder, bitrate: None };
            let mut share = Stepped::start(&grant, config, now)?;
            if self.paused {
                share.pause(now);
            }
            self.share = Some(share);
        }
        if let Some(state) = self.state {
            self.sharer.state(state, &self.source);
        }
        Ok(())
    }

    /// Sends a joiner away.
    pub fn dismiss(&mut self, joiner: u32) {
        self.sharer.dismiss(ViewerId(joiner), EndReason::Dismissed);
    }

    /// Whether a picture is of use now; with `news`, there is one that has not been pushed.
    pub fn wants(&mut self, news: bool, now: Timestamp) -> bool {
        self.share.as_mut().is_some_and(|share| share.wants(news, now))
    }

    /// Whether the source is to be asked for its picture of now, changed or not.
    #[must_use]
    pub fn needs_picture(&self) -> bool {
        self.share.as_ref().is_some_and(Stepped::needs_picture)
    }

    /// Takes a picture, of which nobody says where it changed.
    ///
    /// # Errors
    /// - [`ErrorKind::Denied`] before anybody was allowed to see it.
    /// - as [`Stepped::push`].
    pub fn push(&mut self, view: &FrameView<'_>, now: Timestamp) -> Result<()> {
        let Some(share) = &mut self.share else {
            return Err(Error::new(ErrorKind::Denied, "nobody was allowed to see a picture"));
        };
        share.push(view, &Damage::Unknown, now, now)
    }

    /// Shows nothing for now, and forgets what was shown; or goes on.
    pub fn pause(&mut self, paused: bool, now: Timestamp) {
        self.paused = paused;
        self.pause_film(now);
        match &mut self.share {
            Some(share) if paused => share.pause(now),
            Some(share) => share.resume(now),
            None => {}
        }
    }

    /// All is over: no picture leaves from now on.
    pub fn end(&mut self, reason: EndReason, now: Timestamp) {
        if let Some(share) = &mut self.share {
            share.pause(now);
        }
        (self.share, self.film) = (None, None);
        self.over = true;
        self.sharer.end(reason);
    }

    /// Time passes.
    pub fn tick(&mut self, now: Timestamp) {
        self.sharer.tick(now);
    }

    /// When [`Host::tick`] and [`Host::poll`] have something to do next, if nothing happens before.
    pub fn next_turn(&mut self, now: Timestamp) -> Option<Timestamp> {
        let share = self.share.as_mut().and_then(|share| share.next_turn(now));
        let film = self.film.as_ref().and_then(|_| self.camera.next_change(now));
        share.into_iter().chain(film).chain(self.sharer.next_tick()).min()
    }

    /// What happened next; `None` until something happens.
    pub fn poll(&mut self, now: Timestamp) -> Option<Told> {
        loop {
            if let Some(output) = self.sharer.poll() {
                match self.told(output, now) {
                    Some(told) => return Some(told),
                    None => continue,
                }
            }
            if let Some(state) = self.film_news(now) {
                return Some(Told::State(state));
            }
            match self.share.as_mut()?.poll(now)? {
                Output::Packet { to: Audience::All, bytes, .. } => self.sharer.packet(&bytes),
                Output::Packet { to: Audience::One(viewer), bytes, .. } => {
                    self.sharer.packet_for(viewer, &bytes);
                }
                Output::State(state) => {
                    self.state = Some(state);
                    self.sharer.state(state, &self.source);
                    return Some(Told::State(state));
                }
                Output::Ended(how) => {
                    let reason = if how.is_ok() { EndReason::SourceEnded } else { EndReason::SourceFailed };
                    self.end(reason, now);
                }
            }
        }
    }

    fn told(&mut self, output: SharerOutput, now: Timestamp) -> Option<Told> {
        Some(match output {
            SharerOutput::Send { to, lane, bytes } => Told::Send(parcel(to, lane, &bytes)),
            SharerOutput::Admit(viewer) => Told::Admit(viewer.0),
            SharerOutput::Close(door) => Told::Close(door.0),
            SharerOutput::Dismiss(viewer, reason) => Told::Dismiss(viewer.0, reason),
            SharerOutput::Ask(question) => Told::Ask { joiner: question.viewer.0, who: question.who },
            SharerOutput::Viewer(event) => {
                self.film_viewer(&event, now);
                if let Some(share) = &mut self.share {
                    share.viewer(event, now);
                }
                return None;
            }
            // What watchers draw has no place in a page that shows another window's screen.
            SharerOutput::Mark(..) => return None,
            SharerOutput::Left { viewer, reason, .. } => Told::Left { joiner: viewer.0, reason },
            SharerOutput::Ended(reason) => Told::Ended(reason),
        })
    }
}

/// A host's binary message, as docs/protocol.md has it.
fn parcel(to: Option<ViewerId>, lane: Lane, bytes: &[u8]) -> Vec<u8> {
    let kind = match lane {
        Lane::Control => 0,
        Lane::Stream => 1,
        Lane::StartsOver => 2,
    };
    let mut parcel = Vec::with_capacity(bytes.len() + 5);
    parcel.extend(to.map_or(0, |viewer| viewer.0).to_le_bytes());
    parcel.push(kind);
    parcel.extend(bytes);
    parcel
}
