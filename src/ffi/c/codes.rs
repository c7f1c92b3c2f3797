//! What travels as an integer, with its numbers. Callers may pass any integer: each is checked.

use crate::codec::Mode;
use crate::consent::Purpose;
use crate::error::{Error, Result};
use crate::frame::PixelFormat;

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
