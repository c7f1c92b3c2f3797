//! What travels as an integer, with its numbers. Callers may pass any integer: each is checked.

use crate::codec::Mode;
use crate::consent::Purpose;
use crate::error::{Error, Result};
use crate::frame::PixelFormat;
use crate::session::Tool;
use crate::session::relay::RefusalKind;

/// How a frame's pixels are laid out.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_format {
    /// One plane of 4 bytes: blue, green, red, and one that is ignored.
    Bgra = 0,
    /// One plane of 4 bytes: red, green, blue, and one that is ignored.
    Rgba = 1,
    /// Three planes: luma, then blue and red differences at half width and height, rounded up. BT.601, limited range.
    I420 = 2,
    /// Two planes: luma, then interleaved differences at half width and height, rounded up. BT.601, limited range.
    Nv12 = 3,
}

/// What the visitor is asked to show.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_purpose {
    /// The visitor's screen, or one of the monitors.
    Screen = 0,
    /// One of the visitor's windows.
    Window = 1,
    /// The visitor's camera.
    Camera = 2,
    /// The agent's own screen or window, shown to the visitor.
    AgentScreen = 3,
    /// Nothing of a person's: the built-in desktop, a file.
    Prepared = 4,
}

/// What an encoder may lose.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_mode {
    /// Nothing: every picture is exact. The default.
    Lossless = 0,
    /// Films and photographs lose something at first and become exact once they are quiet; all else is exact.
    Auto = 1,
}

/// What a source is.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_source_kind {
    /// A monitor, or all of them.
    Screen = 0,
    /// One window.
    Window = 1,
    /// The built-in animated desktop.
    Pattern = 2,
    /// A recorded file.
    File = 3,
    /// Frames that the app pushes.
    Push = 4,
    /// A camera.
    Camera = 5,
}

/// Where a camera looks.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_facing {
    /// It is no camera, or nobody says.
    Unknown = 0,
    /// At the person who holds the device.
    Front = 1,
    /// Away from them.
    Back = 2,
    /// Wherever it was put.
    External = 3,
}

/// What the operating system says about capturing; not the visitor's consent.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_permission_state {
    /// Capture opens without a question.
    Granted = 0,
    /// Somebody said no, and nobody is asked again: settings have to be changed.
    Denied = 1,
    /// Opening a source makes the system ask.
    Ask = 2,
    /// It cannot be had here, whatever this person says: a policy, no display, a system that has no such thing.
    Restricted = 3,
}

/// What an encoder did.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_update_kind {
    /// The picture is what the viewers hold; there is no packet.
    Unchanged = 0,
    /// A packet with what changed.
    Delta = 1,
    /// A packet that makes pixels exact which had lost something.
    Refinement = 2,
    /// A whole picture, because there was none or its size changed.
    Keyframe = 3,
}

/// What one packet did to a decoder.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_decoded_kind {
    /// A stream begins.
    Header = 0,
    /// There is a newer picture.
    Picture = 1,
    /// A new epoch over the same picture.
    Epoch = 2,
    /// The cursor moved or changed its shape.
    Cursor = 3,
    /// The recording ends here.
    End = 4,
}

/// What a share tells.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_event_kind {
    /// Bytes of the stream, for all viewers or for one.
    Packet = 0,
    /// The state of the picture changed.
    State = 1,
    /// The last event: the source ended or failed, or the visitor took the consent back.
    Ended = 2,
}

/// What a host or a joiner tells.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_session_event_kind {
    /// Connect a WebSocket to the relay after `after_ms`, a host's to /ws/host, a joiner's to /ws/join; then call
    /// ..._connected, or ..._disconnected where it fails.
    Connect = 0,
    /// `text` is for the WebSocket, as a text message.
    SendText = 1,
    /// `bytes` are for the WebSocket, as a binary message.
    SendBinary = 2,
    /// Close the WebSocket, once what came before is sent.
    Disconnect = 3,
    /// HOST. Show the key `text` to the visitor, in place of the one before; it is good for `after_ms`.
    Key = 4,
    /// HOST. A link is open: `https://RELAY/see#` and `text`; with `flag`, who has it needs a key besides.
    Link = 5,
    /// HOST. Who sent the link that was taken is waited for.
    Waiting = 6,
    /// HOST. Agents with a pass may ask by the visitor's id `text`.
    Present = 7,
    /// HOST. Another device is the visitor `text` now.
    TakenOver = 8,
    /// HOST. Ask the visitor, then call panecast_host_allow or panecast_host_decline: `joiner`, which calls itself `text`,
    /// wants to see what `purpose` says. `agent`, if not NULL: a pass of the tenant's proves the name.
    Ask = 9,
    /// HOST. `joiner` points or draws, as `mark` and what follows it say.
    Mark = 10,
    /// HOST. The part of `joiner`, which called itself `text`, is over, or the question about it; `reason` says why.
    Left = 11,
    /// The picture's state is `state`; at a joiner, `text` is what is shown. While it is paused there is no picture.
    State = 12,
    /// HOST. Nothing is captured any more; `status` and `text` say why, 0 if nobody watches any more.
    Stopped = 13,
    /// The relay refuses; `refusal` and `text` say why. ENDED follows.
    Refused = 14,
    /// All is over for `reason`; nothing follows.
    Ended = 15,
    /// JOINER. The key was right: nobody between can read what follows.
    Sealed = 16,
    /// JOINER. The person at the other end is being asked.
    Asking = 17,
    /// JOINER. Allowed; pictures of `text` follow.
    Allowed = 18,
    /// JOINER. Paint the newer picture: panecast_joiner_picture. It differs within `dirty`; with `flag`, its size changed.
    Picture = 19,
    /// JOINER. The cursor moved or has another shape: panecast_joiner_cursor.
    Cursor = 20,
}

/// Why a session, or one watcher's part in it, is over.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_end_reason {
    /// Who shared stopped.
    SharerStopped = 0,
    /// Who watched left.
    WatcherLeft = 1,
    /// Who was asked said no.
    Declined = 2,
    /// Who was asked did not answer in time.
    NoAnswer = 3,
    /// Who shared sent this watcher away.
    Dismissed = 4,
    /// What was shared is gone.
    SourceEnded = 5,
    /// Capture failed.
    SourceFailed = 6,
    /// The key is not the one that was told.
    WrongKey = 7,
    /// The pass is not one of the tenant's.
    Untrusted = 8,
    /// The key, the link or the pass is too old.
    Expired = 9,
    /// The key or the link was used already, or guessed at too often.
    Spent = 10,
    /// Bytes were changed on their way.
    Tampered = 11,
    /// The other end broke the rules of the session.
    BrokeRules = 12,
    /// A connection was cut and did not come back in time.
    Lost = 13,
    /// The other end took too long over the beginning.
    TimedOut = 14,
    /// The relay shuts down.
    RelayStopped = 15,
    /// Something that should not fail did.
    Failed = 16,
}

/// Why the relay does not let an end in.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_refusal {
    /// No room has this key.
    WrongKey = 0,
    /// The room or the relay is full.
    Full = 1,
    /// Another version of the protocol.
    Version = 2,
    /// A message that does not fit the protocol, or is too large.
    BadMessage = 3,
    /// Too many keys were tried from this network, or of this tenant.
    TooManyTries = 4,
    /// The other side said no.
    Declined = 5,
    /// Nobody is there to be reached this way now.
    Unavailable = 6,
    /// The tenant is not known here, or the token does not allow this.
    NotAllowed = 7,
    /// The link was used up, or its host has closed it.
    Spent = 8,
}

/// How a watcher marks.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_mark_kind {
    /// The laser pointer is at the only point; without one it is gone.
    Pointer = 0,
    /// A line begins or, with the same number, goes on.
    Line = 1,
    /// All lines of this watcher go away.
    Clear = 2,
}

/// What a line looks like.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_tool {
    /// A thin line.
    Pen = 0,
    /// A broad one that lets through what is below.
    Highlight = 1,
    /// A straight line with a head at its last point.
    Arrow = 2,
}

/// Who may come by a link.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_link_kind {
    /// So many, so long, without more.
    Alone = 0,
    /// Those who have a key as well.
    WithKeys = 1,
}

/// What a link lets its reader do.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_link_goal {
    /// See a screen that somebody shows.
    See = 0,
    /// Show a camera to who has sent it.
    Camera = 1,
    /// See what the visitor shows whose key it is.
    Key = 2,
    /// No link: a relay's address.
    None = 3,
}

/// What viewers should be told about the picture's life.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_state {
    /// The picture follows the source.
    Live = 0,
    /// The source is there and unchanged.
    Idle = 1,
    /// The visitor paused; nothing is captured.
    Paused = 2,
    /// The source does not answer.
    Stalled = 3,
    /// The operating system lets nothing be captured for now.
    Blocked = 4,
    /// What is shown forbids capture.
    Secure = 5,
    /// A connection is cut and may come back.
    Reconnecting = 6,
}

/// What a mask hides.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_mask_kind {
    /// A rectangle of the source's picture.
    Rect = 0,
    /// A window, wherever it is.
    Window = 1,
    /// Everything but this window.
    AllBut = 2,
}

/// How much a log callback is told.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum panecast_log_level {
    /// Nothing.
    Off = 0,
    /// Bugs of the library that were caught.
    Error = 1,
    /// Shares that begin and end, too.
    Info = 2,
    /// Every call that fails, too.
    Debug = 3,
}

pub(super) fn format(code: u32) -> Result<PixelFormat> {
    match code {
        0 => Ok(PixelFormat::Bgra8),
        1 => Ok(PixelFormat::Rgba8),
        2 => Ok(PixelFormat::I420),
        3 => Ok(PixelFormat::Nv12),
        _ => Err(unknown("format", code)),
    }
}

pub(super) fn purpose(code: u32) -> Result<Purpose> {
    match code {
        0 => Ok(Purpose::Screen),
        1 => Ok(Purpose::Window),
        2 => Ok(Purpose::Camera),
        3 => Ok(Purpose::AgentScreen),
        4 => Ok(Purpose::Prepared),
        _ => Err(unknown("purpose", code)),
    }
}

pub(super) fn mode(code: u32) -> Result<Mode> {
    match code {
        0 => Ok(Mode::Lossless),
        1 => Ok(Mode::Auto),
        _ => Err(unknown("mode", code)),
    }
}

/// A yes or no.
pub(super) fn truth(code: u32, what: &str) -> Result<bool> {
    match code {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(unknown(what, code)),
    }
}

pub(super) fn unknown(what: &str, code: u32) -> Error {
    Error::input(format!("there is no {what} {code}"))
}

pub(super) fn purpose_code(purpose: Purpose) -> u32 {
    let code = match purpose {
        Purpose::Screen => panecast_purpose::Screen,
        Purpose::Window => panecast_purpose::Window,
        Purpose::Camera => panecast_purpose::Camera,
        Purpose::AgentScreen => panecast_purpose::AgentScreen,
        Purpose::Prepared => panecast_purpose::Prepared,
    };
    code as u32
}

pub(super) fn refusal_code(kind: RefusalKind) -> u32 {
    let code = match kind {
        RefusalKind::WrongKey => panecast_refusal::WrongKey,
        RefusalKind::Full => panecast_refusal::Full,
        RefusalKind::Version => panecast_refusal::Version,
        RefusalKind::BadMessage => panecast_refusal::BadMessage,
        RefusalKind::TooManyTries => panecast_refusal::TooManyTries,
        RefusalKind::Declined => panecast_refusal::Declined,
        RefusalKind::Unavailable => panecast_refusal::Unavailable,
        RefusalKind::NotAllowed => panecast_refusal::NotAllowed,
        RefusalKind::Spent => panecast_refusal::Spent,
    };
    code as u32
}

pub(super) fn tool(code: u32) -> Result<Tool> {
    match code {
        0 => Ok(Tool::Pen),
        1 => Ok(Tool::Highlight),
        2 => Ok(Tool::Arrow),
        _ => Err(unknown("tool", code)),
    }
}
