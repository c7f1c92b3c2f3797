//! A camera: the browser encodes it, and its film goes out as it is.

use super::Host;
use panecast::Result;
use panecast::frame::Timestamp;
use panecast::pipeline::StreamState;
use panecast::session::seal::{LinkText, SecretOffer};
use panecast::session::{Door, DoorId, FilmFeed, FilmUnit, FilmWants, ViewerEvent};
use panecast::{Error, ErrorKind};
use std::time::Duration;

impl Host {
    /// Opens the door of a link that somebody else has drawn, from the text of its URL. Returns the id that the relay is
    /// asked to open, and the door's number.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if the text is no link, or needs a typed key as well.
    pub fn take_link(
        &mut self,
        text: &str,
        uses: u32,
        lasts: Duration,
        now: Timestamp,
    ) -> Result<(String, u32)> {
        let no_link = || Error::new(ErrorKind::InvalidInput, "this is no link");
        let LinkText { secret, with_key: false } = text.parse().map_err(|_| no_link())? else {
            return Err(no_link());
        };
        let id = secret.door_id();
        let offer = SecretOffer::of_link(&secret, &self.tenant, uses, now + lasts, &self.limits)?;
        Ok((id, self.open_door(offer)))
    }

    pub(super) fn open_door(&mut self, offer: SecretOffer) -> u32 {
        let door = super::FIRST_LINK + self.links;
        self.links += 1;
        self.sharer.open(DoorId(door), Door::Link(offer));
        door
    }

    /// A camera is shown from now on.
    pub(super) fn begin_film(&mut self) {
        if self.film.is_none() {
            self.film = Some(FilmFeed::new(self.limits));
        }
    }

    /// How the camera lives, if that has changed; watchers are told.
    pub(super) fn film_news(&mut self, now: Timestamp) -> Option<StreamState> {
        self.film.as_ref()?;
        let state = self.camera.news(now)?;
        self.state = Some(state);
        self.sharer.state(state, &self.source);
        Some(state)
    }

    /// The camera gave a picture, whether or not it is of use.
    pub fn camera_gave(&mut self, now: Timestamp) {
        self.camera.gave(now);
    }

    /// The operating system has taken the camera away, or gives it back.
    pub fn camera_blocked(&mut self, blocked: bool, now: Timestamp) {
        self.camera.blocked(blocked, now);
        if blocked {
            self.film_lost();
        }
    }

    pub(super) fn film_viewer(&mut self, event: &ViewerEvent, now: Timestamp) {
        if let Some(film) = &mut self.film {
            film.viewer(event, now);
        }
    }

    pub(super) fn pause_film(&mut self, now: Timestamp) {
        self.camera.paused(self.paused, now);
        if let Some(film) = &mut self.film {
            film.forget();
        }
    }

    /// Whether the camera's picture of now is to be encoded, and how.
    pub fn film_wants(&mut self, now: Timestamp) -> Option<FilmWants> {
        if self.paused || self.over {
            return None;
        }
        self.film.as_mut()?.wants(now)
    }

    /// Takes what the encoder gave. What comes while it is paused, or when all is over, goes nowhere.
    ///
    /// # Errors
    /// - [`ErrorKind::Denied`] before anybody was allowed to see it.
    /// - as [`FilmFeed::encoded`].
    pub fn film_unit(&mut self, unit: &FilmUnit<'_>, now: Timestamp) -> Result<()> {
        let Some(film) = &mut self.film else {
            return Err(Error::new(ErrorKind::Denied, "nobody was allowed to see the camera"));
        };
        if self.paused || self.over {
            return Ok(());
        }
        for packet in film.encoded(unit, now)? {
            match packet.to {
                Some(viewer) => self.sharer.packet_for(viewer, &packet.bytes),
                None => self.sharer.packet(&packet.bytes),
            }
        }
        Ok(())
    }

    /// A picture that was wanted will not come.
    pub fn film_lost(&mut self) {
        if let Some(film) = &mut self.film {
            film.lost();
        }
    }
}
