//! The ways in that a host has open: what the relay calls each, and the number by which the session knows it.

use crate::error::{Error, Result as Checked};
use crate::frame::Timestamp;
use crate::limits::Limits;
use crate::session::seal::{
    KeyOffer, LinkSecret, LinkText, PassOffer, SealError, SecretOffer, TenantPublic, TypedKey,
};
use crate::session::{Door, DoorId, Sharer};
use panecast_protocol::{Door as DoorName, MOST_VISITOR_BYTES, NUMBER_DIGITS, NewDoor};
use std::time::Duration;

/// A key's door has the key's number, of four digits; presence comes after all of them.
const PRESENCE: DoorId = DoorId(10_000);

/// The link's door.
const LINK: DoorId = DoorId(10_001);

/// How long who has sent a link is waited for.
const TAKEN_LASTS: Duration = Duration::from_secs(30 * 60);

/// Whom a link lets in.
#[derive(Clone, Copy, Debug)]
pub enum LinkKind {
    /// So many, so long, without more.
    Alone {
        /// How many.
        uses: u32,
        /// How long.
        lasts: Duration,
    },
    /// Those who have a key as well.
    WithKeys,
    /// The one who has drawn it and sent it here.
    Taken,
}

/// A link that is told to others.
#[derive(Debug)]
struct Link {
    kind: LinkKind,
    secret: LinkSecret,
    /// When it closes, by the session's clock.
    until: Timestamp,
    /// Its URL was shown.
    shown: bool,
}

/// Who a visitor is to the app's tenant.
#[derive(Clone, Debug)]
pub struct Presence {
    visitor: String,
    key: TenantPublic,
}

impl Presence {
    /// `visitor` is the app's own id of its visitor, of 1 to 128 bytes; passes of `key`'s tenant are good.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if the id is empty, longer, or has control characters.
    pub fn new(visitor: impl Into<String>, key: TenantPublic) -> Checked<Self> {
        let visitor = visitor.into();
        if !(1..=MOST_VISITOR_BYTES).contains(&visitor.len()) || visitor.chars().any(char::is_control) {
            return Err(Error::input(format!("a visitor's id has 1 to {MOST_VISITOR_BYTES} bytes")));
        }
        Ok(Self { visitor, key })
    }
}

/// Which ways in there are.
#[derive(Debug)]
pub struct Doors {
    tenant: String,
    limits: Limits,
    /// A key for the next agent is open at all times.
    keys: bool,
    /// The key that is shown.
    key: Option<DoorId>,
    presence: Option<Presence>,
    link: Option<Link>,
}

impl Doors {
    /// With `keys`, a key for the next one is open at all times; with `presence`, those with a pass may ask.
    #[must_use]
    pub fn new(tenant: String, limits: Limits, keys: bool, presence: Option<Presence>) -> Self {
        Self { tenant, limits, keys, key: None, presence, link: None }
    }

    /// What to ask a relay for that knows none of them.
    pub fn all(&mut self, now: Timestamp) -> Vec<NewDoor> {
        self.key = None;
        let link = self.link_door(now);
        let presence =
            self.presence.as_ref().map(|presence| NewDoor::Presence { visitor: presence.visitor.clone() });
        self.keys.then_some(NewDoor::Key {}).into_iter().chain(presence).chain(link).collect()
    }

    /// Draws a link, in place of one before. One that needs no key lets in whoever has it from now on.
    ///
    /// # Errors
    /// - [`SealError::NoEntropy`] where there is no randomness.
    pub fn draw_link(
        &mut self,
        kind: LinkKind,
        sharer: &mut Sharer,
        now: Timestamp,
    ) -> Result<Option<NewDoor>, SealError> {
        let secret = LinkSecret::draw()?;
        let mut until = now;
        if let LinkKind::Alone { uses, lasts } = kind {
            until = now + lasts;
            let offer = SecretOffer::of_link(&secret, &self.tenant, uses, until, &self.limits)?;
            sharer.open(LINK, Door::Link(offer));
        }
        self.link = Some(Link { kind, secret, until, shown: false });
        Ok(self.link_door(now))
    }

    /// Lets in the one who has drawn this link, once.
    ///
    /// # Errors
    /// - [`SealError::NoEntropy`] where there is no randomness.
    pub fn take_link(
        &mut self,
        secret: LinkSecret,
        sharer: &mut Sharer,
        now: Timestamp,
    ) -> Result<(), SealError> {
        let until = now + TAKEN_LASTS;
        sharer.open(LINK, Door::Link(SecretOffer::of_link(&secret, &self.tenant, 1, until, &self.limits)?));
        self.link = Some(Link { kind: LinkKind::Taken, secret, until, shown: true });
        Ok(())
    }

    /// What the relay is asked for so that a link finds its host; nothing where its key does.
    #[must_use]
    pub fn link_door(&self, now: Timestamp) -> Option<NewDoor> {
        let link = self.link.as_ref().filter(|link| !matches!(link.kind, LinkKind::WithKeys))?;
        let lifetime_s = u32::try_from(link.until.since(now).as_secs()).unwrap_or(u32::MAX).max(1);
        Some(NewDoor::Link { id: link.secret.door_id(), lifetime_s })
    }

    /// What stands behind the `#` of the link's URL.
    #[must_use]
    pub fn link_text(&self) -> Option<String> {
        let link = self.link.as_ref()?;
        let with_key = matches!(link.kind, LinkKind::WithKeys);
        Some(LinkText { secret: link.secret.clone(), with_key }.to_string())
    }

    /// Whether the link was drawn by somebody else, who is waited for.
    #[must_use]
    pub fn takes_link(&self) -> bool {
        self.link.as_ref().is_some_and(|link| matches!(link.kind, LinkKind::Taken))
    }

    /// Whether keys belong to a link, which alone lets in nobody.
    #[must_use]
    pub fn keys_need_link(&self) -> bool {
        self.link.as_ref().is_some_and(|link| matches!(link.kind, LinkKind::WithKeys))
    }

    /// Whether the relay's link of this id is ours and its URL was not shown yet; from now on it was.
    pub fn shows_link(&mut self, id: &str) -> bool {
        let ours = self.link.as_mut().filter(|link| link.secret.door_id() == id);
        ours.is_some_and(|link| !std::mem::replace(&mut link.shown, true))
    }

    /// Opens a key with the digits that the relay never sees; gives it to be shown.
    ///
    /// # Errors
    /// - [`SealError::NoEntropy`] where there is no randomness.
    pub fn open_key(
        &mut self,
        number: &str,
        sharer: &mut Sharer,
        now: Timestamp,
    ) -> Result<Option<String>, SealError> {
        let Some(id) = key_id(number) else { return Ok(None) };
        // A link of another kind lets in by itself: beside it, a key does, too.
        let link = self.link.as_ref().filter(|link| matches!(link.kind, LinkKind::WithKeys));
        let link = link.map(|link| link.secret.clone());
        let offer = KeyOffer::new(TypedKey::draw(id.0 as u16)?, link, &self.tenant, now, &self.limits)?;
        let key = offer.key().to_string();
        sharer.open(id, Door::Key(offer));
        self.key = Some(id);
        Ok(Some(key))
    }

    /// Agents with a pass are answered from now on.
    ///
    /// # Errors
    /// - [`SealError::NoEntropy`] where there is no randomness.
    pub fn open_presence(&self, sharer: &mut Sharer) -> Result<(), SealError> {
        if let Some(Presence { visitor, key }) = &self.presence {
            let offer = PassOffer::new(key.clone(), &self.tenant, visitor, &self.limits)?;
            sharer.open(PRESENCE, Door::Presence(offer));
        }
        Ok(())
    }

    /// Another device is the visitor now; this one does not take it back.
    pub fn give_presence_up(&mut self, sharer: &mut Sharer) {
        self.presence = None;
        sharer.close(PRESENCE);
    }

    /// Whether anybody can come in at all, now or soon.
    #[must_use]
    pub fn any(&self) -> bool {
        self.keys || self.presence.is_some() || self.link.is_some()
    }

    /// The kind of the link, if this is its door and another link is to be drawn in its place.
    #[must_use]
    pub fn link_at(&self, id: DoorId) -> Option<LinkKind> {
        let kind = self.link.as_ref().filter(|_| id == LINK)?.kind;
        (!matches!(kind, LinkKind::Taken)).then_some(kind)
    }

    /// A door is closed: what to ask the relay for in its place. One key is open at a time; the next is for the next
    /// agent.
    pub fn after(&mut self, closed: DoorId) -> Option<NewDoor> {
        if closed == LINK {
            self.link = None;
        }
        (self.key == Some(closed)).then(|| {
            self.key = None;
            NewDoor::Key {}
        })
    }

    /// By what number the session knows a door of the relay's.
    #[must_use]
    pub fn id(&self, name: &DoorName) -> Option<DoorId> {
        match name {
            DoorName::Key { number } => key_id(number),
            DoorName::Presence { .. } => self.presence.is_some().then_some(PRESENCE),
            DoorName::Link { id } => {
                self.link.as_ref().is_some_and(|link| link.secret.door_id() == *id).then_some(LINK)
            }
        }
    }

    /// What the relay calls a door of the session's.
    #[must_use]
    pub fn name(&self, id: DoorId) -> Option<DoorName> {
        if id == PRESENCE {
            let visitor = self.presence.as_ref()?.visitor.clone();
            return Some(DoorName::Presence { visitor });
        }
        if id == LINK {
            return Some(DoorName::Link { id: self.link.as_ref()?.secret.door_id() });
        }
        Some(DoorName::Key { number: format!("{:04}", id.0) })
    }
}

/// A key's door is numbered as the relay numbers the key.
fn key_id(number: &str) -> Option<DoorId> {
    let digits = number.len() == NUMBER_DIGITS && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| number.parse().ok().map(DoorId))?
}
