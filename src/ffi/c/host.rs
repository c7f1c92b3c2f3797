//! The sharing end at a relay; the app carries its WebSocket's messages.

use super::boundary::{free, give, message, on, optional_text, plain, slice, text, wants};
use super::codes;
use super::events::{Told, panecast_session_callback, panecast_session_event};
use super::frame::{self, panecast_frame};
use super::handle::{handled, is_calling_back};
use super::masks::{self, panecast_mask};
use super::packet::{Packet, panecast_packet};
use super::pump::{self, Pump};
use super::settings;
use super::sized::{self, Sized32};
use super::stats::{c_stats, panecast_stats};
use crate::error::{Error, Result};
use crate::ffi::{Host, HostConfig, Status};
use crate::pipeline::PipelineConfig;
use crate::session::relay::{LinkKind, Presence};
use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::time::Duration;

/// The sharing end at a relay. All its functions may be called from any thread.
#[derive(Debug)]
pub struct panecast_host {
    _opaque: [u8; 0],
}

/// What its handle stands for.
#[derive(Debug)]
pub struct HostObject {
    host: Arc<Host>,
    pump: Option<Pump>,
}

handled!(HostObject, 8, "host");

/// Whom a host lets in, and how it encodes. A field of 0 or NULL is the default; NULL in its place is all defaults.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_host_config {
    /// sizeof(panecast_host_config).
    pub struct_size: u32,
    /// 1: agents may not come by a key. 0: a key is told.
    pub no_keys: u32,
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
    /// Always 0.
    pub reserved: u32,
    /// Most bits a second for moving pictures; as the viewers' lines take if 0.
    pub bitrate: u64,
    /// Most bytes that the encoder keeps; 512 MiB if 0.
    pub memory_bytes: u64,
    /// Whose visitors and agents these are; "default" if NULL.
    pub tenant: *const c_char,
    /// The app's own id of its visitor, by which agents with a pass may ask; NULL: they may not. Needs `tenant_key`.
    pub visitor: *const c_char,
    /// The tenant's public key, by which passes are checked.
    pub tenant_key: *const c_char,
    /// Told what happens. NULL: panecast_host_next is asked.
    pub on_event: panecast_session_callback,
    /// Handed to `on_event`; it must be good on another thread.
    pub user: *mut c_void,
}

// SAFETY: numbers, pointers and a function that may be NULL, the first of them the size.
unsafe impl Sized32 for panecast_host_config {}

/// # Safety
/// Its texts have a NUL at their end.
unsafe fn checked(given: &panecast_host_config) -> Result<HostConfig> {
    if given.reserved != 0 {
        return Err(codes::unknown("reserved", given.reserved));
    }
    let mut config = HostConfig { keys: !codes::truth(given.no_keys, "no_keys")?, ..HostConfig::default() };
    config.pipeline = PipelineConfig {
        encoder: settings::encoder(
            given.mode,
            given.quality,
            given.never_refine,
            given.no_av1,
            given.memory_bytes,
        )?,
        bitrate: (given.bitrate != 0).then_some(given.bitrate),
        ..config.pipeline
    };
    if given.fps != 0 {
        config.pipeline.fps = given.fps;
    }
    if !given.tenant.is_null() {
        // SAFETY: as this function's contract says.
        unsafe { text(given.tenant, "tenant")? }.clone_into(&mut config.tenant);
    }
    if !given.visitor.is_null() {
        // SAFETY: as this function's contract says.
        let (visitor, key) =
            unsafe { (text(given.visitor, "visitor")?, text(given.tenant_key, "tenant_key")?) };
        config.presence = Some(Presence::new(visitor, key.parse()?)?);
    }
    Ok(config)
}

/// Makes a host. `config` may be NULL. Nothing is captured before panecast_host_allow. The first event asks for a connection.
///
/// # Safety
/// `config` is NULL or a struct as its text says; `host` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_new(
    config: *const panecast_host_config,
    host: *mut *mut panecast_host,
) -> Status {
    plain(|| {
        wants(host, "host")?;
        // SAFETY: as this function's contract says.
        let given = unsafe { sized::read(config, "the configuration")? };
        // SAFETY: as this function's contract says.
        let made = Arc::new(Host::new(unsafe { checked(&given)? })?);
        let asked = Arc::clone(&made);
        let pump =
            Pump::of(given.on_event, given.user, move |timeout| Ok(asked.next(timeout)?.map(Told::from)))?;
        let start = pump.as_ref().map(Pump::start);
        // SAFETY: as this function's contract says.
        unsafe { pump::give_and_start(HostObject { host: made, pump }, start, host)? };
        Ok(Status::Ok)
    })
}

/// What happened next, in order; waits up to `timeout_ms`. NOTHING_NOW if nothing has. It is to be asked again and again:
/// pictures wait in it, and its caller's pace is theirs.
///
/// Fails with CLOSED after ENDED was given and after panecast_host_stop, INVALID_INPUT if the host has a callback.
///
/// # Safety
/// `event` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_next(
    host: *mut panecast_host,
    timeout_ms: u32,
    event: *mut panecast_session_event,
) -> Status {
    on(host, |object: &HostObject| {
        // SAFETY: as this function's contract says.
        unsafe { sized::accept(event, "the event")? };
        if object.pump.is_some() {
            return Err(Error::input("this host tells its callback what happens"));
        }
        let told = object.host.next(Duration::from_millis(timeout_ms.into()))?;
        // SAFETY: accepted above.
        unsafe { pump::answer(told.map(Told::from), event) }
    })
}

fn call(host: *mut panecast_host, body: impl FnOnce(&Host) -> Result<()>) -> Status {
    on(host, |object: &HostObject| body(&object.host).map(|()| Status::Ok))
}

/// The WebSocket is there. `token`: who this is, where the tenant asks for it; NULL without one.
///
/// # Safety
/// `token` is NULL or a text with a NUL at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_connected(host: *mut panecast_host, token: *const c_char) -> Status {
    call(host, |host| {
        // SAFETY: as this function's contract says.
        host.connected(unsafe { optional_text(token, "token")? }.map(str::to_owned))
    })
}

/// Before a WebSocket is opened: what its request is to have as Sec-WebSocket-Protocol, names with commas in between, with the
/// first messages among them; NOTHING_NOW if it is to have no such header. Then panecast_host_opened takes the place of
/// panecast_host_connected. It saves a round trip. The packet is a text with a NUL at its end. `token`: who this is, where
/// the tenant asks for it; NULL without one.
///
/// # Safety
/// `token` is NULL or a text with a NUL at its end; `early` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_early(
    host: *mut panecast_host,
    token: *const c_char,
    early: *mut *mut panecast_packet,
) -> Status {
    on(host, |object: &HostObject| {
        wants(early, "early")?;
        // SAFETY: as this function's contract says.
        let token = unsafe { optional_text(token, "token")? }.map(str::to_owned);
        let entries = object.host.early(token)?;
        if entries.is_empty() {
            return Ok(Status::NothingNow);
        }
        // SAFETY: as this function's contract says.
        unsafe { give(Packet::of_text(&entries.join(", ")), early)? };
        Ok(Status::Ok)
    })
}

/// The WebSocket that panecast_host_early was asked for is there; `protocol` is the Sec-WebSocket-Protocol of the answer, NULL
/// without one.
///
/// # Safety
/// `protocol` is NULL or a text with a NUL at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_opened(host: *mut panecast_host, protocol: *const c_char) -> Status {
    call(host, |host| {
        // SAFETY: as this function's contract says.
        host.opened(unsafe { optional_text(protocol, "protocol")? })
    })
}

/// Bytes come or go that are no whole message yet: the relay is there. For apps whose WebSocket tells.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_host_alive(host: *mut panecast_host) -> Status {
    call(host, Host::alive)
}

/// The WebSocket is gone, or could not be had.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_host_disconnected(host: *mut panecast_host) -> Status {
    call(host, Host::disconnected)
}

/// A text message came; it needs no NUL at its end.
///
/// # Safety
/// `bytes` is good for reading `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_text(
    host: *mut panecast_host,
    bytes: *const c_char,
    length: usize,
) -> Status {
    call(host, |host| {
        // SAFETY: as this function's contract says.
        host.text(unsafe { message(bytes, length)? })
    })
}

/// A binary message came.
///
/// # Safety
/// `bytes` is good for reading `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_binary(
    host: *mut panecast_host,
    bytes: *const u8,
    length: usize,
) -> Status {
    call(host, |host| {
        // SAFETY: as this function's contract says.
        let mut bytes = unsafe { slice(bytes, length, "the message")? }.to_vec();
        host.binary(&mut bytes)
    })
}

/// The visitor allows `joiner` to see `source`, named as for panecast_consent_ask; "push:640x360" for frames that the app
/// pushes. While others watch already, it is what they see. `purpose` is a panecast_purpose.
///
/// Fails with INVALID_INPUT if this joiner asks nothing, if there is no such source, or if something else is shown already.
///
/// # Safety
/// `source` is a text with a NUL at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_allow(
    host: *mut panecast_host,
    joiner: u32,
    purpose: u32,
    source: *const c_char,
) -> Status {
    call(host, |host| {
        // SAFETY: as this function's contract says.
        host.allow(joiner, codes::purpose(purpose)?, unsafe { text(source, "source")? })
    })
}

/// The visitor does not let `joiner` see anything.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_host_decline(host: *mut panecast_host, joiner: u32) -> Status {
    call(host, |host| host.decline(joiner))
}

/// Hands over a frame, as panecast_share_push. DENIED while nobody was allowed to see anything.
///
/// # Safety
/// `frame` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_push(
    host: *mut panecast_host,
    frame: *const panecast_frame,
) -> Status {
    call(host, |host| {
        // SAFETY: as this function's contract says; it is not used after this call.
        let frame = unsafe { frame::read(frame)? };
        host.push(&frame.view, &frame.damage, frame.timestamp)
    })
}

/// Shows nothing from here on, and forgets what was shown: once it returns, no picture is told any more.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_host_pause(host: *mut panecast_host) -> Status {
    call(host, Host::pause)
}

/// Goes on after a pause, with a picture taken after this call.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_host_resume(host: *mut panecast_host) -> Status {
    call(host, Host::resume)
}

/// Hides what these masks say from now on, whatever is shown.
///
/// # Safety
/// `masks` is good for reading `count` masks, whose texts have a NUL at their end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_set_masks(
    host: *mut panecast_host,
    masks: *const panecast_mask,
    count: usize,
) -> Status {
    // SAFETY: as this function's contract says.
    call(host, |host| host.set_masks(unsafe { masks::read(masks, count)? }))
}

/// Writes figures of what is shown; zeros where nothing is.
///
/// # Safety
/// `stats` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_stats(host: *mut panecast_host, stats: *mut panecast_stats) -> Status {
    // SAFETY: as this function's contract says.
    call(host, |host| unsafe { sized::write(stats, &c_stats(&host.stats()?), "stats") })
}

/// Draws a link, in place of one before; LINK tells it. `kind` is a panecast_link_kind; alone it is good for `uses` and for
/// `lasts_s` seconds.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_host_open_link(
    host: *mut panecast_host,
    kind: u32,
    uses: u32,
    lasts_s: u32,
) -> Status {
    call(host, |host| {
        host.open_link(match kind {
            0 => LinkKind::Alone { uses, lasts: Duration::from_secs(lasts_s.into()) },
            1 => LinkKind::WithKeys,
            _ => return Err(codes::unknown("link kind", kind)),
        })
    })
}

/// Lets in the one who drew this link and sent it here, once: a deep link that asks for a camera.
///
/// # Safety
/// `link` is a text with a NUL at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_host_take_link(host: *mut panecast_host, link: *const c_char) -> Status {
    // SAFETY: as this function's contract says.
    call(host, |host| host.take_link(unsafe { text(link, "link")? }.parse()?))
}

/// Sends a watcher away.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_host_dismiss(host: *mut panecast_host, joiner: u32) -> Status {
    call(host, |host| host.dismiss(joiner))
}

/// The visitor ends it and takes the consent back. Capture stops before this returns; the events that follow tell the others.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_host_end(host: *mut panecast_host) -> Status {
    call(host, Host::end)
}

fn stop(object: &HostObject) {
    object.host.stop();
    if let Some(pump) = &object.pump {
        pump.join();
    }
}

/// Ends all at once, without a word to anybody. After it returned, the callback is not called any more; from within the
/// callback it does not wait, and the call at hand is the last.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_host_stop(host: *mut panecast_host) -> Status {
    on(host, |object: &HostObject| {
        stop(object);
        Ok(Status::Ok)
    })
}

/// Stops a host as panecast_host_stop and frees it; NULL is fine. INVALID_INPUT from within its own callback, and nothing
/// happens.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_host_free(host: *mut panecast_host) -> Status {
    free(host, |object: &HostObject| {
        if is_calling_back(host.addr()) {
            return Err(Error::input("a host cannot be freed from within its own callback; stop it there"));
        }
        stop(object);
        Ok(())
    })
}
