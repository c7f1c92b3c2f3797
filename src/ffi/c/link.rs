//! Links and addresses of relays, taken apart.

use super::boundary::{free, give, on, optional_text, plain, text, wants};
use super::codes;
use super::handle::handled;
use super::sized::{self, Sized32};
use crate::error::Result;
use crate::ffi::Status;
use crate::ffi::link::{Link, LinkGoal, RelayAddress};
use crate::session::relay::DEFAULT_TENANT;
use std::ffi::{CString, c_char};

/// A link, or a relay's address.
#[derive(Debug)]
pub struct panecast_link {
    _opaque: [u8; 0],
}

/// What a link says. Its texts are good until the link is freed; they are NULL where there is none.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_link_info {
    /// sizeof(panecast_link_info).
    pub struct_size: u32,
    /// A panecast_link_goal.
    pub goal: u32,
    /// 1: who sees needs a key besides.
    pub needs_key: u32,
    /// 1: TLS leads to the relay.
    pub secure: u32,
    /// All of it, in its one form; secret.
    pub url: *const c_char,
    /// The relay, as https://HOST. Links may come from anybody: an app with a relay of its own compares.
    pub relay: *const c_char,
    /// Where a host's WebSocket connects to, as wss://HOST/ws/host.
    pub host_socket: *const c_char,
    /// Where a joiner's WebSocket connects to.
    pub joiner_socket: *const c_char,
    /// For the configuration of a host or a joiner.
    pub tenant: *const c_char,
    /// SEE: `link` of a joiner; KEY: its `key`; CAMERA: for panecast_host_take_link.
    pub secret: *const c_char,
}

// SAFETY: numbers and pointers, the first of them the size.
unsafe impl Sized32 for panecast_link_info {}

/// What its handle stands for: the texts in the order of the struct; without a link those of an address.
#[derive(Debug)]
pub struct LinkObject {
    goal: codes::panecast_link_goal,
    needs_key: bool,
    secure: bool,
    url: CString,
    relay: [CString; 3],
    link: Option<[CString; 2]>,
}

handled!(LinkObject, 10, "link");

/// A text of which no byte is NUL: neither addresses nor tenants nor secrets have one.
fn owned(text: String) -> CString {
    CString::new(text).unwrap_or_default()
}

fn relay(address: RelayAddress) -> [CString; 3] {
    [address.url, address.host_socket, address.joiner_socket].map(owned)
}

impl From<Link> for LinkObject {
    fn from(link: Link) -> Self {
        let goal = match link.goal {
            LinkGoal::See => codes::panecast_link_goal::See,
            LinkGoal::Camera => codes::panecast_link_goal::Camera,
            LinkGoal::Key => codes::panecast_link_goal::Key,
        };
        Self {
            goal,
            needs_key: link.needs_key,
            secure: link.relay.secure,
            url: owned(link.url),
            relay: relay(link.relay),
            link: Some([link.tenant, link.secret].map(owned)),
        }
    }
}

impl From<RelayAddress> for LinkObject {
    fn from(address: RelayAddress) -> Self {
        let (goal, secure) = (codes::panecast_link_goal::None, address.secure);
        let url = owned(address.url.clone());
        Self { goal, needs_key: false, secure, url, relay: relay(address), link: None }
    }
}

/// # Safety
/// `link` is NULL or good for writing.
unsafe fn made(link: *mut *mut panecast_link, body: impl FnOnce() -> Result<LinkObject>) -> Status {
    plain(|| {
        wants(link, "link")?;
        let object = body()?;
        // SAFETY: as this function's contract says.
        unsafe { give(object, link)? };
        Ok(Status::Ok)
    })
}

/// Reads a link such as https://RELAY/camera?tenant=NAME#... `app_scheme`: the app's own scheme, if such links open it too; it
/// stands for https. NULL without one.
///
/// Fails with INVALID_INPUT if it is none, or not whole.
///
/// # Safety
/// `url` is a text with a NUL at its end, `app_scheme` too or NULL; `link` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_link_read(
    url: *const c_char,
    app_scheme: *const c_char,
    link: *mut *mut panecast_link,
) -> Status {
    let body = || {
        // SAFETY: as this function's contract says.
        let url = unsafe { text(url, "url")? };
        // SAFETY: as this function's contract says.
        let scheme = unsafe { optional_text(app_scheme, "app_scheme")? };
        Link::read(url, scheme).map(LinkObject::from)
    };
    // SAFETY: as this function's contract says.
    unsafe { made(link, body) }
}

/// Writes a link for somebody else. `goal` is a panecast_link_goal, `relay` an address as people write it, `tenant` may be NULL;
/// `secret`: SEE: what LINK told; CAMERA: what panecast_link_draw wrote; KEY: what KEY told.
///
/// Fails with INVALID_INPUT if one of them cannot be.
///
/// # Safety
/// The texts have a NUL at their end; `link` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_link_write(
    goal: u32,
    relay: *const c_char,
    tenant: *const c_char,
    secret: *const c_char,
    link: *mut *mut panecast_link,
) -> Status {
    let body = || {
        let goal = match goal {
            0 => LinkGoal::See,
            1 => LinkGoal::Camera,
            2 => LinkGoal::Key,
            _ => return Err(codes::unknown("goal of a link", goal)),
        };
        // SAFETY: as this function's contract says.
        let (relay, secret) = unsafe { (text(relay, "relay")?, text(secret, "secret")?) };
        // SAFETY: as this function's contract says.
        let tenant = unsafe { optional_text(tenant, "tenant")? }.unwrap_or(DEFAULT_TENANT);
        Link::write(goal, relay, tenant, secret).map(LinkObject::from)
    };
    // SAFETY: as this function's contract says.
    unsafe { made(link, body) }
}

/// Reads a relay's address as people write it, https://HOST or https://HOST:PORT; no scheme at all is http. The goal is NONE.
///
/// Fails with INVALID_INPUT if it is none.
///
/// # Safety
/// `address` is a text with a NUL at its end; `link` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_link_relay(
    address: *const c_char,
    link: *mut *mut panecast_link,
) -> Status {
    // SAFETY: as this function's contract says.
    unsafe { made(link, || RelayAddress::read(text(address, "address")?).map(LinkObject::from)) }
}

/// Draws a link to a camera, to be sent to somebody: knock with its `secret` as `sent_link` of a joiner.
///
/// Fails with INVALID_INPUT if `relay` or `tenant` (NULL is the default one) cannot be, IO where there is no randomness.
///
/// # Safety
/// The texts have a NUL at their end; `link` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_link_draw(
    relay: *const c_char,
    tenant: *const c_char,
    link: *mut *mut panecast_link,
) -> Status {
    let body = || {
        // SAFETY: as this function's contract says.
        let relay = unsafe { text(relay, "relay")? };
        // SAFETY: as this function's contract says.
        let tenant = unsafe { optional_text(tenant, "tenant")? }.unwrap_or(DEFAULT_TENANT);
        Link::draw(relay, tenant).map(LinkObject::from)
    };
    // SAFETY: as this function's contract says.
    unsafe { made(link, body) }
}

/// Writes what a link says.
///
/// # Safety
/// `info` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_link_tell(
    link: *const panecast_link,
    info: *mut panecast_link_info,
) -> Status {
    on(link, |link: &LinkObject| {
        let [relay, host_socket, joiner_socket] = &link.relay;
        let null = std::ptr::null();
        let (tenant, secret) = match &link.link {
            Some([tenant, secret]) => (tenant.as_ptr(), secret.as_ptr()),
            None => (null, null),
        };
        let told = panecast_link_info {
            struct_size: 0,
            goal: link.goal as u32,
            needs_key: u32::from(link.needs_key),
            secure: u32::from(link.secure),
            url: link.url.as_ptr(),
            relay: relay.as_ptr(),
            host_socket: host_socket.as_ptr(),
            joiner_socket: joiner_socket.as_ptr(),
            tenant,
            secret,
        };
        // SAFETY: as this function's contract says.
        unsafe { sized::write(info, &told, "the link's info")? };
        Ok(Status::Ok)
    })
}

/// Frees a link; NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_link_free(link: *mut panecast_link) -> Status {
    free(link, |_: &LinkObject| Ok(()))
}
