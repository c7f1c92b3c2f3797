//! The sharing end at a relay: the app carries the WebSocket's messages.

use super::frame::{FrameLayout, Rect, damage};
use super::held::{Shared, guarded};
use super::relay::{EndReason, LinkKind, Mark, Presence, RefusalKind, message, millis};
use super::share::{Masks, ShareConfig, ShareState, ShareStats, mask_set};
use super::{PanecastError, Purpose};
use crate::consent;
use crate::ffi::host as own;
use crate::frame::Timestamp;
use crate::session::relay::{self, Message};
use crate::session::seal::{LinkSecret, TenantPublic};
use std::sync::Arc;
use std::time::Duration;

/// Whom a host lets in, and how it encodes. `host_config` gives the defaults.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct HostConfig {
    /// Whose visitors and agents these are; `default` where the relay serves one.
    pub tenant: String,
    /// Whether agents may come by a key.
    pub keys: bool,
    /// Whether agents with a pass may ask.
    pub presence: Option<Presence>,
    /// How pictures are shared.
    pub share: ShareConfig,
}

/// What the app is told, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum HostEvent {
    /// Connect a WebSocket to the relay's `/ws/host` after so long, then call `connected`; where it fails, `disconnected`.
    Connect {
        /// Milliseconds to wait before.
        after_ms: u64,
    },
    /// A text message for the WebSocket.
    SendText {
        /// The message.
        text: String,
    },
    /// A binary message for the WebSocket.
    SendBinary {
        /// The message.
        bytes: Vec<u8>,
    },
    /// Close the WebSocket, once what came before is sent.
    Disconnect,
    /// Show this key to the visitor, in place of the one before.
    Key {
        /// Nine digits in groups of three.
        key: String,
        /// How many milliseconds it is good.
        lasts_ms: u64,
    },
    /// A link is open: `https://RELAY/see#` and its text.
    Link {
        /// What stands behind the `#`.
        text: String,
        /// Who has it needs a key besides, the one that was told last.
        with_key: bool,
    },
    /// Who sent the link that was taken is waited for.
    Waiting,
    /// Agents with a pass may ask by this visitor's id.
    Present {
        /// The id.
        visitor: String,
    },
    /// Another device is this visitor now.
    TakenOver {
        /// The id.
        visitor: String,
    },
    /// Ask the visitor, then call `allow` or `decline`.
    Ask {
        /// Who asks, by its number.
        joiner: u32,
        /// What it calls itself.
        who: String,
        /// The short form of the key of its pass, where a pass of the tenant's proves the name.
        agent: Option<String>,
        /// What it wants to see.
        purpose: Purpose,
    },
    /// A watcher points or draws.
    Mark {
        /// Which.
        joiner: u32,
        /// What.
        mark: Mark,
    },
    /// A watcher's part is over, or the question about it.
    Left {
        /// Which.
        joiner: u32,
        /// What it called itself.
        who: String,
        /// Why.
        reason: EndReason,
    },
    /// How the picture lives.
    State {
        /// The state.
        state: ShareState,
    },
    /// Nothing is captured any more: the last watcher left (no error), or the source is gone.
    Stopped {
        /// Why.
        error: Option<PanecastError>,
    },
    /// The relay does not take this host; `Ended` follows.
    Refused {
        /// Why.
        kind: RefusalKind,
        /// The same as a sentence.
        reason: String,
    },
    /// All is over; nothing follows.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// The sharing end at a relay, without its WebSocket. Any thread may call it. Nothing is captured before `allow`. `next` is to
/// be asked again and again: pictures wait in it.
#[derive(Debug, uniffi::Object)]
pub struct Host(Shared<own::Host>);

/// The library's defaults.
///
/// # Errors
/// Only [`PanecastError::Panicked`].
#[uniffi::export]
pub fn host_config() -> Result<HostConfig, PanecastError> {
    let share = super::share::share_config()?;
    guarded(|| {
        let own = own::HostConfig::default();
        Ok(HostConfig { tenant: own.tenant, keys: own.keys, presence: None, share })
    })
}

#[uniffi::export]
impl Host {
    /// A host before its connection; the first event asks for one.
    ///
    /// # Errors
    /// - `InvalidInput` if something in the configuration cannot be; `Io` where there is no randomness.
    #[uniffi::constructor]
    pub fn new(config: HostConfig) -> Result<Arc<Self>, PanecastError> {
        guarded(|| {
            let presence = match config.presence {
                None => None,
                Some(Presence { visitor, tenant_key }) => {
                    Some(relay::Presence::new(visitor, tenant_key.parse::<TenantPublic>()?)?)
                }
            };
            let HostConfig { tenant, keys, share, .. } = config;
            let own = own::HostConfig { tenant, keys, presence, pipeline: share.into() };
            Ok(Arc::new(Self(Shared::new(own::Host::new(own)?))))
        })
    }

    /// Draws a link, in place of one before.
    ///
    /// # Errors
    /// - `InvalidInput` for a link that cannot be; `Io` where there is no randomness.
    /// - `Closed` after the end, as every method below.
    pub fn open_link(&self, kind: LinkKind) -> Result<(), PanecastError> {
        self.0.call(|host| host.open_link(kind.into()))
    }

    /// Lets in the one who drew this link and sent it here, once: a deep link that asks for a camera.
    ///
    /// # Errors
    /// - `InvalidInput` if it is no link's text.
    pub fn take_link(&self, text: String) -> Result<(), PanecastError> {
        self.0.call(|host| host.take_link(text.trim().parse::<LinkSecret>()?))
    }

    /// The WebSocket is there. `token`: who this is, where the tenant asks for it.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn connected(&self, token: Option<String>) -> Result<(), PanecastError> {
        self.0.call(|host| host.connected(token))
    }

    /// Before a WebSocket is opened: the sub-protocols that its request is to name, with the first messages among them; none if it
    /// is to name none. Then `opened` takes the place of `connected`. It saves a round trip.
    ///
    /// # Errors
    /// - `Closed` after the end; `Io` where there is no randomness.
    pub fn early(&self, token: Option<String>) -> Result<Vec<String>, PanecastError> {
        self.0.call(|host| host.early(token))
    }

    /// The WebSocket that `early` was asked for is there; the answer named this sub-protocol.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn opened(&self, protocol: Option<String>) -> Result<(), PanecastError> {
        self.0.call(|host| host.opened(protocol.as_deref()))
    }

    /// Bytes come or go that are no whole message yet: the relay is there. For apps whose WebSocket tells.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn alive(&self) -> Result<(), PanecastError> {
        self.0.call(own::Host::alive)
    }

    /// The WebSocket is gone, or could not be had.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn disconnected(&self) -> Result<(), PanecastError> {
        self.0.call(own::Host::disconnected)
    }

    /// A text message came.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn text(&self, text: String) -> Result<(), PanecastError> {
        self.0.call(|host| host.text(&text))
    }

    /// A binary message came.
    ///
    /// # Errors
    /// - `LimitExceeded` if no relay sends one so large; `Closed` after the end.
    pub fn binary(&self, bytes: &[u8]) -> Result<(), PanecastError> {
        self.0.call(|host| host.binary(&mut message(bytes)?))
    }

    /// The visitor allows `joiner` to see `source`, an id of `sources` or `push:WIDTHxHEIGHT`. While others watch already, it is
    /// what they see.
    ///
    /// # Errors
    /// - `InvalidInput` if this joiner asks nothing (any more), if `source` names none, or if something else is shown already.
    /// - as `Share`: the joiner is told that the source failed.
    pub fn allow(&self, joiner: u32, purpose: Purpose, source: String) -> Result<(), PanecastError> {
        self.0.call(|host| host.allow(joiner, purpose.into(), &source))
    }

    /// The visitor does not let `joiner` see anything.
    ///
    /// # Errors
    /// - `InvalidInput` if this joiner asks nothing (any more).
    pub fn decline(&self, joiner: u32) -> Result<(), PanecastError> {
        self.0.call(|host| host.decline(joiner))
    }

    /// Hands over a frame of the app's own, as `Share.push`.
    ///
    /// # Errors
    /// - `Denied` while nobody was allowed to see anything.
    /// - as `Share.push`.
    pub fn push(
        &self,
        layout: FrameLayout,
        plane_0: &[u8],
        plane_1: &[u8],
        plane_2: &[u8],
        damaged: Option<Vec<Rect>>,
        timestamp_us: u64,
    ) -> Result<(), PanecastError> {
        self.0.call(|host| {
            let view = layout.view([plane_0, plane_1, plane_2])?;
            host.push(&view, &damage(damaged, &view)?, Timestamp(timestamp_us))
        })
    }

    /// Shows nothing from here on, and forgets what was shown: once it returns, no picture comes out of `next`.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn pause(&self) -> Result<(), PanecastError> {
        self.0.call(own::Host::pause)
    }

    /// Goes on after `pause`, with a picture taken after this call.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn resume(&self) -> Result<(), PanecastError> {
        self.0.call(own::Host::resume)
    }

    /// Hides what `masks` says from now on, whatever is shown.
    ///
    /// # Errors
    /// - `InvalidInput` for a window that is written in another way; `Closed` after the end.
    pub fn set_masks(&self, masks: Masks) -> Result<(), PanecastError> {
        self.0.call(|host| host.set_masks(mask_set(&masks)?))
    }

    /// Figures of what is shown; zeros where nothing is.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn stats(&self) -> Result<ShareStats, PanecastError> {
        self.0.call(|host| host.stats().map(ShareStats::from))
    }

    /// Sends a watcher away.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn dismiss(&self, joiner: u32) -> Result<(), PanecastError> {
        self.0.call(|host| host.dismiss(joiner))
    }

    /// The visitor ends it and takes the consent back. Capture stops before this returns; what is left in `next` tells the
    /// others.
    ///
    /// # Errors
    /// - `Closed` after the end.
    pub fn end(&self) -> Result<(), PanecastError> {
        self.0.call(own::Host::end)
    }

    /// What happened next, in order; nothing if nothing does within `timeout_ms`.
    ///
    /// # Errors
    /// - `Closed` after `Ended` and `stop`.
    pub fn next(&self, timeout_ms: u32) -> Result<Option<HostEvent>, PanecastError> {
        self.0.call(|host| Ok(host.next(Duration::from_millis(timeout_ms.into()))?.map(told)))
    }

    /// Ends all at once, without a word to anybody. Who waits in `next` is told `Closed`.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn stop(&self) -> Result<(), PanecastError> {
        self.0.last(|host| {
            host.stop();
            Ok(())
        })
    }
}

fn told(event: own::HostEvent) -> HostEvent {
    match event {
        own::HostEvent::Connect { after } => HostEvent::Connect { after_ms: millis(after) },
        own::HostEvent::Send(Message::Text(text)) => HostEvent::SendText { text },
        own::HostEvent::Send(Message::Binary(bytes)) => HostEvent::SendBinary { bytes },
        own::HostEvent::Disconnect => HostEvent::Disconnect,
        own::HostEvent::Key { key, lasts } => HostEvent::Key { key, lasts_ms: millis(lasts) },
        own::HostEvent::Link { text, with_key } => HostEvent::Link { text, with_key },
        own::HostEvent::Waiting => HostEvent::Waiting,
        own::HostEvent::Present { visitor } => HostEvent::Present { visitor },
        own::HostEvent::TakenOver { visitor } => HostEvent::TakenOver { visitor },
        own::HostEvent::Ask { joiner, who, agent, purpose } => {
            HostEvent::Ask { joiner, who, agent, purpose: purpose.into() }
        }
        own::HostEvent::Mark { joiner, mark } => HostEvent::Mark { joiner, mark: mark.into() },
        own::HostEvent::Left { joiner, who, reason } => {
            HostEvent::Left { joiner, who, reason: reason.into() }
        }
        own::HostEvent::State(state) => HostEvent::State { state: state.into() },
        own::HostEvent::Stopped { error } => HostEvent::Stopped { error: error.map(PanecastError::from) },
        own::HostEvent::Refused(refusal) => {
            HostEvent::Refused { kind: refusal.kind.into(), reason: refusal.message }
        }
        own::HostEvent::Ended(reason) => HostEvent::Ended { reason: reason.into() },
    }
}

impl From<consent::Purpose> for Purpose {
    fn from(purpose: consent::Purpose) -> Self {
        match purpose {
            consent::Purpose::Screen => Self::Screen,
            consent::Purpose::Window => Self::Window,
            consent::Purpose::Camera => Self::Camera,
            consent::Purpose::AgentScreen => Self::AgentScreen,
            consent::Purpose::Prepared => Self::Prepared,
        }
    }
}
