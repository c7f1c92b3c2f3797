//! A running share: capture or pushed frames in, packets out, by a queue or by a callback.

use super::boundary::{free, give, on, optional, plain, text, wants};
use super::codes::panecast_event_kind;
use super::consent::panecast_grant;
use super::frame::{self, panecast_frame, panecast_rect};
use super::handle::{self, Handled, calling_back, handled, is_calling_back};
use super::log;
use super::masks::{self, panecast_mask};
use super::packet::{Packet, panecast_packet};
use super::settings;
use super::sized::{self, Sized32};
use super::stats::{c_stats, panecast_stats};
use crate::error::{Error, Result};
use crate::ffi::{Grant, Share, Status};
use crate::pipeline::{Audience, Output, PipelineConfig, ViewerId};
use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A running share. All its functions may be called from any thread.
#[derive(Debug)]
pub struct panecast_share {
    _opaque: [u8; 0],
}

/// What its handle stands for.
#[derive(Debug)]
pub struct ShareObject {
    share: Share,
    /// Its own handle, which its callback's thread is told by; 0 until it is known.
    own: Arc<AtomicUsize>,
}

handled!(ShareObject, 7, "share");

/// What a share tells.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_event {
    /// sizeof(panecast_event).
    pub struct_size: u32,
    /// A panecast_event_kind.
    pub kind: u32,
    /// STATE: a panecast_state.
    pub state: u32,
    /// ENDED: 0 if the source ended, else a panecast_status; panecast_last_error of the share says more.
    pub reason: u32,
    /// PACKET: 1 if it is for every viewer that has had its snapshot, 0 if for `viewer` alone.
    pub for_all: u32,
    /// PACKET: whom it is for.
    pub viewer: u32,
    /// PACKET: 1 if it is to be acknowledged.
    pub has_sequence: u32,
    /// 0.
    pub reserved: u32,
    /// PACKET: the number that comes back in panecast_share_viewer_ack.
    pub sequence: u64,
    /// PACKET: the bytes. In a callback good until it returns; from panecast_share_next until `packet` is freed.
    pub bytes: *const u8,
    /// PACKET: how many bytes.
    pub length: usize,
    /// PACKET from panecast_share_next: whose bytes they are; it becomes the caller's. NULL otherwise.
    pub packet: *mut panecast_packet,
}

// SAFETY: numbers and pointers, the first of them the size.
unsafe impl Sized32 for panecast_event {}

/// Told what happens, in order, on a thread of the library that holds no lock; nothing is encoded meanwhile. `event` and
/// its bytes are good until it returns. It may call every function; panecast_share_free of its own share is refused, and
/// panecast_share_stop makes the call at hand the last. It must not unwind.
pub type panecast_event_callback = Option<extern "C" fn(event: *const panecast_event, user: *mut c_void)>;

/// How a share runs. A field of 0 is the default; NULL in its place is all defaults.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_share_config {
    /// sizeof(panecast_share_config).
    pub struct_size: u32,
    /// Most pictures a second; 30 if 0.
    pub fps: u32,
    /// A panecast_mode.
    pub mode: u32,
    /// Of films and photographs, from 1 (smallest) to 100 (best); 60 if 0.
    pub quality: u32,
    /// 1: what was lost is never made good. 0: once the place is quiet.
    pub never_refine: u32,
    /// 1: no AV1. 0: the best AV1 encoder that is built in.
    pub no_av1: u32,
    /// Most bits a second for moving pictures; as the viewers' lines take if 0.
    pub bitrate: u64,
    /// Most bytes that the encoder keeps; 512 MiB if 0.
    pub memory_bytes: u64,
    /// Told what happens. NULL: panecast_share_next is asked.
    pub on_event: panecast_event_callback,
    /// Handed to `on_event`; it must be good on another thread.
    pub user: *mut c_void,
}

// SAFETY: numbers, a pointer and a function that may be NULL, the first of them the size.
unsafe impl Sized32 for panecast_share_config {}

/// A caller's function and its argument.
#[derive(Clone, Copy)]
struct Listener {
    callback: extern "C" fn(*const panecast_event, *mut c_void),
    user: *mut c_void,
}

// SAFETY: the header says that another thread calls it with `user`.
unsafe impl Send for Listener {}

impl Listener {
    fn tell(&self, output: &Output) {
        let event = c_event(output, &[]);
        (self.callback)(&raw const event, self.user);
    }
}

fn c_event(output: &Output, own_bytes: &[u8]) -> panecast_event {
    let mut event = panecast_event {
        struct_size: size_of::<panecast_event>() as u32,
        kind: 0,
        state: 0,
        reason: 0,
        for_all: 0,
        viewer: 0,
        has_sequence: 0,
        reserved: 0,
        sequence: 0,
        bytes: std::ptr::null(),
        length: 0,
        packet: std::ptr::null_mut(),
    };
    match output {
        Output::Packet { to, sequence, bytes } => {
            event.kind = panecast_event_kind::Packet as u32;
            match to {
                Audience::All => event.for_all = 1,
                Audience::One(ViewerId(viewer)) => event.viewer = *viewer,
            }
            event.has_sequence = u32::from(sequence.is_some());
            event.sequence = sequence.unwrap_or(0);
            let bytes = if own_bytes.is_empty() { bytes } else { own_bytes };
            (event.bytes, event.length) = (bytes.as_ptr(), bytes.len());
        }
        Output::State(state) => {
            (event.kind, event.state) = (panecast_event_kind::State as u32, u32::from(state.code()));
        }
        Output::Ended(how) => {
            event.kind = panecast_event_kind::Ended as u32;
            event.reason = how.as_ref().map_or_else(|e| Status::from(e.kind()).code(), |()| 0);
        }
    }
    event
}

/// What an end says is the share's last error.
fn note_end(share: usize, how: &Result<()>) {
    log::info(|| match how {
        Ok(()) => "a share ended".to_owned(),
        Err(e) => format!("a share ended, {}", log::line_of(e)),
    });
    if let (Err(e), Some(slot)) = (how, ShareObject::register().find(share)) {
        slot.note(e.message());
    }
}

/// Starts to share `source`, which `grant` must be for; the grant is used up by a share that starts. `config` may be NULL.
/// Nothing is captured before the first viewer joins.
///
/// Fails with DENIED if the grant is for something else or used up, REVOKED if it was taken back, NOT_FOUND or UNSUPPORTED
/// if the source is not to be had, INVALID_INPUT for what makes no sense.
///
/// # Safety
/// `source` is a text with a NUL at its end; `config` is NULL or a struct as its text says; `share` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_share_start(
    grant: *mut panecast_grant,
    source: *const c_char,
    config: *const panecast_share_config,
    share: *mut *mut panecast_share,
) -> Status {
    plain(|| {
        wants(share, "share")?;
        // SAFETY: as this function's contract says.
        let (source, config) =
            unsafe { (text(source, "source")?, sized::read(config, "the configuration")?) };
        let mut run = PipelineConfig {
            encoder: settings::encoder(
                config.mode,
                config.quality,
                config.never_refine,
                config.no_av1,
                config.memory_bytes,
            )?,
            bitrate: (config.bitrate != 0).then_some(config.bitrate),
            ..PipelineConfig::default()
        };
        if config.fps != 0 {
            run.fps = config.fps;
        }
        let grant = handle::find::<Grant>(grant.addr())?;
        let own = Arc::new(AtomicUsize::new(0));
        let started = match config.on_event {
            None => Share::start(&grant.object, source, run)?,
            Some(callback) => {
                let (listener, of) = (Listener { callback, user: config.user }, Arc::clone(&own));
                Share::start_with(&grant.object, source, run, move |output| {
                    // Borrowed whole, so that its reason to be sent counts.
                    let listener = &listener;
                    // Ended may come before the handle is known; everything else needs a viewer.
                    let handle = of.load(Ordering::Acquire);
                    if let Output::Ended(how) = &output {
                        note_end(handle, how);
                    }
                    calling_back(handle, || listener.tell(&output));
                })?
            }
        };
        // A file's path may say more than the log is to hold.
        log::info(|| format!("a share of a {} began", source.split(':').next().unwrap_or_default()));
        // SAFETY: as this function's contract says.
        unsafe {
            give(ShareObject { share: started, own: Arc::clone(&own) }, share)?;
            own.store(share.read().addr(), Ordering::Release);
        }
        Ok(Status::Ok)
    })
}

/// What happened next, in order; waits up to `timeout_ms`. NOTHING_NOW if nothing has. What was captured before a pause, a
/// change of masks or the consent's end is never given after it.
///
/// Fails with CLOSED after ENDED was given and after panecast_share_stop, INVALID_INPUT if the share has a callback.
///
/// # Safety
/// `event` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_share_next(
    share: *mut panecast_share,
    timeout_ms: u32,
    event: *mut panecast_event,
) -> Status {
    on(share, |object: &ShareObject| {
        // SAFETY: as this function's contract says.
        unsafe { sized::accept(event, "the event")? };
        let Some(mut output) = object.share.next(Duration::from_millis(timeout_ms.into()))? else {
            return Ok(Status::NothingNow);
        };
        if let Output::Ended(how) = &output {
            note_end(share.addr(), how);
        }
        let mut told = if let Output::Packet { bytes, .. } = &mut output {
            let bytes = std::mem::take(bytes);
            let told = c_event(&output, &bytes);
            let mut packet = std::ptr::null_mut();
            // SAFETY: a pointer of this function's own. Moving a vector leaves its bytes where they are.
            unsafe { give(Packet(bytes, Vec::new()), &raw mut packet)? };
            panecast_event { packet, ..told }
        } else {
            c_event(&output, &[])
        };
        told.struct_size = 0;
        // SAFETY: as this function's contract says.
        unsafe { sized::write(event, &told, "the event")? };
        Ok(Status::Ok)
    })
}

/// Hands over a frame; it replaces one that was not captured yet. Costs one copy of the damaged pixels. Another size than
/// before resizes the source.
///
/// Fails with INVALID_INPUT if the share captures its source itself or the frame makes no sense, REVOKED if the visitor
/// took the consent back, CLOSED after the share's end, LIMIT_EXCEEDED if the frame is too large.
///
/// # Safety
/// `frame` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_share_push(
    share: *mut panecast_share,
    frame: *const panecast_frame,
) -> Status {
    on(share, |object: &ShareObject| {
        // SAFETY: as this function's contract says; it is not used after this call.
        let frame = unsafe { frame::read(frame)? };
        object.share.push(&frame.view, &frame.damage, frame.timestamp)?;
        Ok(Status::Ok)
    })
}

fn call(share: *mut panecast_share, body: impl FnOnce(&Share) -> Result<()>) -> Status {
    on(share, |object: &ShareObject| body(&object.share).map(|()| Status::Ok))
}

/// No more frames will be pushed: what was pushed last still goes out, then comes ENDED.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_share_end(share: *mut panecast_share) -> Status {
    call(share, Share::end)
}

/// A viewer joined, or lost its place: it gets a snapshot, then what follows. The app numbers its viewers as it likes.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_share_viewer_joined(share: *mut panecast_share, viewer: u32) -> Status {
    call(share, |share| share.viewer_joined(ViewerId(viewer)))
}

/// The transport has dropped what was on its way to a viewer. It holds up nobody until it joins anew.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_share_viewer_behind(share: *mut panecast_share, viewer: u32) -> Status {
    call(share, |share| share.viewer_behind(ViewerId(viewer)))
}

/// A viewer left.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_share_viewer_left(share: *mut panecast_share, viewer: u32) -> Status {
    call(share, |share| share.viewer_left(ViewerId(viewer)))
}

/// A viewer has painted the update `sequence`, and so all before it. `held_us`: how long it took from the update's last
/// byte until it told; 0 if it does not say.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_share_viewer_ack(
    share: *mut panecast_share,
    viewer: u32,
    sequence: u64,
    held_us: u64,
) -> Status {
    call(share, |share| share.viewer_ack(ViewerId(viewer), sequence, Duration::from_micros(held_us)))
}

/// What the agents look at: it is refined first. NULL if nobody says.
///
/// # Safety
/// `focus` is NULL or a rectangle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_share_set_focus(
    share: *mut panecast_share,
    focus: *const panecast_rect,
) -> Status {
    call(share, |share| {
        // SAFETY: as this function's contract says.
        share.set_focus(unsafe { optional(focus, "focus")? }.map(frame::rect))
    })
}

/// Stops capturing until panecast_share_resume, and forgets all pictures. Once it returns no packet from before is given
/// any more; from within the callback, none after the one at hand.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_share_pause(share: *mut panecast_share) -> Status {
    call(share, Share::pause)
}

/// Goes on after a pause, with a picture taken after this call.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_share_resume(share: *mut panecast_share) -> Status {
    call(share, Share::resume)
}

/// Hides what these masks say, in place of what was hidden before; none hide nothing. Once it returns, no picture without
/// them is given. Set before the first viewer joins, they are on in every picture. A mask of a window hides all where the
/// source does not know where windows are.
///
/// # Safety
/// `masks` is good for reading `count` masks, whose texts have a NUL at their end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_share_set_masks(
    share: *mut panecast_share,
    masks: *const panecast_mask,
    count: usize,
) -> Status {
    call(share, |share| {
        // SAFETY: as this function's contract says.
        share.set_masks(unsafe { masks::read(masks, count)? })
    })
}

/// Writes figures since the start.
///
/// # Safety
/// `stats` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_share_stats(
    share: *mut panecast_share,
    stats: *mut panecast_stats,
) -> Status {
    call(share, |share| {
        let out = c_stats(&share.stats()?);
        // SAFETY: as this function's contract says.
        unsafe { sized::write(stats, &out, "stats") }
    })
}

/// Stops capturing and encoding and waits for the library's threads. After it returned, the callback is not called any
/// more; from within the callback it does not wait, and the call at hand is the last. A second time does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_share_stop(share: *mut panecast_share) -> Status {
    call(share, |share| {
        share.stop();
        Ok(())
    })
}

/// Stops a share as panecast_share_stop and frees it; NULL is fine. INVALID_INPUT from within its own callback, and nothing
/// happens.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_share_free(share: *mut panecast_share) -> Status {
    free(share, |object: &ShareObject| {
        if is_calling_back(object.own.load(Ordering::Acquire)) {
            return Err(Error::input("a share cannot be freed from within its own callback; stop it there"));
        }
        object.share.stop();
        Ok(())
    })
}
