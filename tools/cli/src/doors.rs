//! The ways in that a host has open: what the relay calls each, and the number by which the session knows it.

use crate::failure::Failure;
use panecast::Limits;
use panecast::frame::Timestamp;
use panecast::session::seal::{KeyOffer, PassOffer, SealError, TenantPublic, TypedKey};
use panecast::session::{Door, DoorId, Sharer};
use panecast_protocol::{Door as DoorName, MOST_VISITOR_BYTES, NewDoor};

/// A key's door has the key's number, of four digits; presence comes after all of them.
const PRESENCE: DoorId = DoorId(10_000);

/// Who a visitor is to the app's tenant.
#[derive(Clone, Debug)]
pub(crate) struct Presence {
    /// The app's own id of its visitor.
    pub(crate) visitor: String,
    /// Whose passes are good.
    pub(crate) key: TenantPublic,
}

/// Which ways in there are.
#[derive(Debug)]
pub(crate) struct Doors {
    tenant: String,
    limits: Limits,
    /// A key for the next agent is open at all times.
    keys: bool,
    /// The key that is shown.
    key: Option<DoorId>,
    presence: Option<Presence>,
}

impl Doors {
    pub(crate) fn new(tenant: String, limits: Limits, keys: bool, presence: Option<Presence>) -> Self {
        Self { tenant, limits, keys, key: None, presence }
    }

    /// What to ask a relay for that knows none of them.
    pub(crate) fn all(&mut self) -> Vec<NewDoor> {
        self.key = None;
        let presence =
            self.presence.as_ref().map(|presence| NewDoor::Presence { visitor: presence.visitor.clone() });
        self.keys.then_some(NewDoor::Key {}).into_iter().chain(presence).collect()
    }

    /// Opens a key with the digits that the relay never sees; gives it to be shown.
    pub(crate) fn open_key(
        &mut self,
        number: &str,
        sharer: &mut Sharer,
        now: Timestamp,
    ) -> Result<Option<String>, SealError> {
        let Some(id) = key_id(number) else { return Ok(None) };
        let offer = KeyOffer::new(TypedKey::draw(id.0 as u16)?, None, &self.tenant, now, &self.limits)?;
        let key = offer.key().to_string();
        sharer.open(id, Door::Key(offer));
        self.key = Some(id);
        Ok(Some(key))
    }

    /// Agents with a pass are answered from now on.
    pub(crate) fn open_presence(&self, sharer: &mut Sharer) -> Result<(), SealError> {
        if let Some(Presence { visitor, key }) = &self.presence {
            let offer = PassOffer::new(key.clone(), &self.tenant, visitor, &self.limits)?;
            sharer.open(PRESENCE, Door::Presence(offer));
        }
        Ok(())
    }

    /// Another device is the visitor now; this one does not take it back.
    pub(crate) fn give_presence_up(&mut self, sharer: &mut Sharer) {
        self.presence = None;
        sharer.close(PRESENCE);
    }

    /// Whether anybody can come in at all, now or soon.
    pub(crate) fn any(&self) -> bool {
        self.keys || self.presence.is_some()
    }

    /// A door is closed: what to ask the relay for in its place. One key is open at a time; the next is for the next
    /// agent.
    pub(crate) fn after(&mut self, closed: DoorId) -> Option<NewDoor> {
        (self.key == Some(closed)).then(|| {
            self.key = None;
            NewDoor::Key {}
        })
    }

    /// By what number the session knows a door of the relay's.
    pub(crate) fn id(&self, name: &DoorName) -> Option<DoorId> {
        match name {
            DoorName::Key { number } => key_id(number),
            DoorName::Presence { .. } => self.presence.is_some().then_some(PRESENCE),
            DoorName::Link { .. } => None,
        }
    }

    /// What the relay calls a door of the session's.
    pub(crate) fn name(&self, id: DoorId) -> Option<DoorName> {
        if id == PRESENCE {
            let visitor = self.presence.as_ref()?.visitor.clone();
            return Some(DoorName::Presence { visitor });
        }
        Some(DoorName::Key { number: format!("{:04}", id.0) })
    }
}

/// A key's door is numbered as the relay numbers the key.
fn key_id(number: &str) -> Option<DoorId> {
    let digits =
        number.len() == panecast_protocol::NUMBER_DIGITS && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| number.parse().ok().map(DoorId))?
}

/// A visitor's id as it is given on the command line.
pub(crate) fn visitor_id(text: &str) -> Result<String, String> {
    let sound = (1..=MOST_VISITOR_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    if sound {
        Ok(text.to_owned())
    } else {
        Err(format!("a visitor's id has 1 to {MOST_VISITOR_BYTES} bytes"))
    }
}

/// The public half of a tenant's key: as text, or in a file of its own.
pub(crate) fn tenant_public(text: &str) -> Result<TenantPublic, Failure> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let next =
        "give the public half that `panecast pass keygen` printed, or the file that it wrote it to (.pub)";
    let read = std::fs::read_to_string(text).map_err(|e| Failure::from(e).about(text).with_next(next))?;
    read.trim().parse().map_err(|_| Failure::new(format!("{text} holds no tenant's public key"), next))
}
