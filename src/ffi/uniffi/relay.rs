//! What both ends at a relay say to the app.

use super::held::guarded;
use super::{PanecastError, Point};
use crate::error::{Error, Result as Outcome};
use crate::session::relay as own;
use crate::session::seal::LinkSecret;
use crate::session::{self, MOST_POINTS};
use std::time::Duration;

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum EndReason {
    /// Who shared stopped, and so took the consent back.
    SharerStopped,
    /// Who watched left.
    WatcherLeft,
    /// Who was asked said no.
    Declined,
    /// Who was asked did not answer in time.
    NoAnswer,
    /// Who shared sent this watcher away.
    Dismissed,
    /// What was shared is gone: a closed window, the end of a file.
    SourceEnded,
    /// Capture failed.
    SourceFailed,
    /// The key is not the one that was told.
    WrongKey,
    /// The pass is not one of the tenant's.
    Untrusted,
    /// The key, the link or the pass is too old.
    Expired,
    /// The key or the link was used already, or guessed at too often.
    Spent,
    /// Bytes were changed, repeated, left out or exchanged on their way.
    Tampered,
    /// The other end broke the rules of the session.
    BrokeRules,
    /// A connection was cut and did not come back in time.
    Lost,
    /// The other end took too long over the beginning.
    TimedOut,
    /// The relay shuts down.
    RelayStopped,
    /// Something that should not fail did, on the device of who ended it.
    Failed,
}

/// Why the relay does not let an end in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum RefusalKind {
    /// No room has this key.
    WrongKey,
    /// The room or the relay is full.
    Full,
    /// Another version of the protocol.
    Version,
    /// A message that does not fit the protocol, or is too large.
    BadMessage,
    /// Too many keys were tried from this network, or of this tenant, or too many presences watched.
    TooManyTries,
    /// The other side said no.
    Declined,
    /// Nobody is there to be reached this way now.
    Unavailable,
    /// The tenant is not known here, or the token does not allow this.
    NotAllowed,
    /// The link was used up, or its host has closed it.
    Spent,
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum MarkTool {
    /// A thin line.
    Pen,
    /// A broad one that lets through what is below.
    Highlight,
    /// A straight line with a head at its last point.
    Arrow,
}

/// What a watcher points at or draws. It is drawn over the shared screen, never part of the picture.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Mark {
    /// The laser pointer is here; nothing: it is gone.
    Pointer {
        /// Where.
        at: Option<Point>,
    },
    /// A line begins or, with the same number, goes on.
    Line {
        /// The watcher's number for it.
        line: u32,
        /// What it looks like.
        tool: MarkTool,
        /// 0xRRGGBB.
        colour: u32,
        /// From one to the next.
        points: Vec<Point>,
    },
    /// All lines of this watcher go away.
    Clear,
}

/// Whom a link lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LinkKind {
    /// So many, so long, without more.
    Alone {
        /// How many.
        uses: u32,
        /// How many seconds.
        lasts_s: u32,
    },
    /// Those who have a key as well.
    WithKeys,
    /// The one who has drawn it and sent it here.
    Taken,
}

/// Who a visitor is to the app's tenant.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Presence {
    /// The app's own id of its visitor, of 1 to 128 bytes.
    pub visitor: String,
    /// The tenant's public key, as text: agents with its passes may ask.
    pub tenant_key: String,
}

/// Draws a link's secret to send to somebody: `https://RELAY/camera#` and this text.
///
/// # Errors
/// - `Io` where there is no randomness.
#[uniffi::export]
pub fn draw_link() -> Result<String, PanecastError> {
    guarded(|| Ok(LinkSecret::draw()?.to_string()))
}

/// The message in memory of its own, where it is opened.
pub(super) fn message(bytes: &[u8]) -> Outcome<Vec<u8>> {
    if bytes.len() > own::MAX_BINARY_BYTES {
        let most = own::MAX_BINARY_BYTES;
        return Err(Error::limit(format!(
            "a message of {} bytes; a relay's has at most {most}",
            bytes.len()
        )));
    }
    Ok(bytes.to_vec())
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A line with at most as many points as one message holds.
pub(super) fn line(line: u32, tool: MarkTool, colour: u32, points: &[Point]) -> Outcome<session::Mark> {
    if !(1..=MOST_POINTS).contains(&points.len()) {
        return Err(Error::input(format!(
            "a line of {} points; 1 to {MOST_POINTS} go at a time",
            points.len()
        )));
    }
    let tool = match tool {
        MarkTool::Pen => session::Tool::Pen,
        MarkTool::Highlight => session::Tool::Highlight,
        MarkTool::Arrow => session::Tool::Arrow,
    };
    Ok(session::Mark::Line { line, tool, colour, points: points.iter().map(|p| (p.x, p.y)).collect() })
}

impl From<session::Mark> for Mark {
    fn from(mark: session::Mark) -> Self {
        match mark {
            session::Mark::Pointer(at) => Self::Pointer { at: at.map(Point::from) },
            session::Mark::Line { line, tool, colour, points } => Self::Line {
                line,
                tool: match tool {
                    session::Tool::Pen => MarkTool::Pen,
                    session::Tool::Highlight => MarkTool::Highlight,
                    session::Tool::Arrow => MarkTool::Arrow,
                },
                colour,
                points: points.into_iter().map(Point::from).collect(),
            },
            session::Mark::Clear => Self::Clear,
        }
    }
}

impl From<LinkKind> for own::LinkKind {
    fn from(kind: LinkKind) -> Self {
        match kind {
            LinkKind::Alone { uses, lasts_s } => {
                Self::Alone { uses, lasts: Duration::from_secs(lasts_s.into()) }
            }
            LinkKind::WithKeys => Self::WithKeys,
            LinkKind::Taken => Self::Taken,
        }
    }
}

impl From<session::EndReason> for EndReason {
    fn from(reason: session::EndReason) -> Self {
        match reason {
            session::EndReason::SharerStopped => Self::SharerStopped,
            session::EndReason::WatcherLeft => Self::WatcherLeft,
            session::EndReason::Declined => Self::Declined,
            session::EndReason::NoAnswer => Self::NoAnswer,
            session::EndReason::Dismissed => Self::Dismissed,
            session::EndReason::SourceEnded => Self::SourceEnded,
            session::EndReason::SourceFailed => Self::SourceFailed,
            session::EndReason::WrongKey => Self::WrongKey,
            session::EndReason::Untrusted => Self::Untrusted,
            session::EndReason::Expired => Self::Expired,
            session::EndReason::Spent => Self::Spent,
            session::EndReason::Tampered => Self::Tampered,
            session::EndReason::BrokeRules => Self::BrokeRules,
            session::EndReason::Lost => Self::Lost,
            session::EndReason::TimedOut => Self::TimedOut,
            session::EndReason::RelayStopped => Self::RelayStopped,
            session::EndReason::Failed => Self::Failed,
        }
    }
}

impl From<own::RefusalKind> for RefusalKind {
    fn from(kind: own::RefusalKind) -> Self {
        match kind {
            own::RefusalKind::WrongKey => Self::WrongKey,
            own::RefusalKind::Full => Self::Full,
            own::RefusalKind::Version => Self::Version,
            own::RefusalKind::BadMessage => Self::BadMessage,
            own::RefusalKind::TooManyTries => Self::TooManyTries,
            own::RefusalKind::Declined => Self::Declined,
            own::RefusalKind::Unavailable => Self::Unavailable,
            own::RefusalKind::NotAllowed => Self::NotAllowed,
            own::RefusalKind::Spent => Self::Spent,
        }
    }
}
