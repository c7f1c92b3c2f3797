//! What can be shared on this machine.

use super::boundary::{free, give, on, plain, put, put_text, wants};
use super::codes::{self, panecast_facing, panecast_permission_state, panecast_source_kind};
use super::handle::handled;
use super::sized::{self, Sized32};
use crate::capture::{Facing, PermissionState, SourceInfo, SourceKind, permission, sources};
use crate::error::{Error, ErrorKind};
use crate::ffi::Status;
use std::ffi::{CStr, CString, c_char};

/// A list of sources as they were when it was made.
#[derive(Debug)]
pub struct panecast_sources {
    _opaque: [u8; 0],
}

/// What its handle stands for.
#[derive(Debug)]
pub struct List(Vec<Listed>);

#[derive(Debug)]
struct Listed {
    id: CString,
    name: CString,
    class: Option<CString>,
    info: SourceInfo,
}

handled!(List, 6, "list of sources");

/// One source of a list.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_source {
    /// sizeof(panecast_source).
    pub struct_size: u32,
    /// A panecast_source_kind.
    pub kind: u32,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// How to name it to panecast_consent_ask and panecast_share_start; good until the list is freed.
    pub id: *const c_char,
    /// What a person calls it, for the visitor's own eyes; good until the list is freed.
    pub name: *const c_char,
    /// 1 if x and y say where it is on the desktop.
    pub has_place: u32,
    /// Columns from the desktop's own corner, in the desktop's own units.
    pub x: i32,
    /// Rows from there.
    pub y: i32,
    /// How large the desktop draws on it: 100 is one physical pixel for one of the desktop's.
    pub scale_percent: u32,
    /// How far a monitor or a camera is turned, clockwise: 0, 90, 180 or 270. Pictures are upright.
    pub rotation_degrees: u32,
    /// The process that a window is of, as it says itself; 0 where nobody says.
    pub pid: u32,
    /// What program a window is of; NULL where nobody says. Good until the list is freed.
    pub class_name: *const c_char,
    /// A panecast_facing.
    pub facing: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: numbers and pointers, the first of them the size.
unsafe impl Sized32 for panecast_source {}

/// Lists monitors, windows and the built-in desktop; without a display only the last. STALLED if the display does not answer.
///
/// # Safety
/// `list` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_sources_list(list: *mut *mut panecast_sources) -> Status {
    plain(|| {
        wants(list, "list")?;
        let text = |text: &str| CString::new(text.replace('\0', " ")).unwrap_or_default();
        let listed = |info: SourceInfo| Listed {
            id: text(&info.id),
            name: text(&info.name),
            class: info.class.as_deref().map(text),
            info,
        };
        let all = List(sources()?.into_iter().map(listed).collect());
        // SAFETY: as this function's contract says.
        unsafe { give(all, list)? };
        Ok(Status::Ok)
    })
}

/// Writes how many sources a list has.
///
/// # Safety
/// `count` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_sources_count(list: *const panecast_sources, count: *mut usize) -> Status {
    on(list, |list: &List| {
        // SAFETY: as this function's contract says.
        unsafe { put(count, list.0.len())? };
        Ok(Status::Ok)
    })
}

/// Writes the source with this index, from 0 on. NOT_FOUND if there are fewer.
///
/// # Safety
/// `source` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_sources_at(
    list: *const panecast_sources,
    index: usize,
    source: *mut panecast_source,
) -> Status {
    on(list, |list: &List| {
        let Some(Listed { id, name, class, info }) = list.0.get(index) else {
            let text = format!("there is no source {index}: the list has {}", list.0.len());
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        let kind = match info.kind {
            SourceKind::Screen => panecast_source_kind::Screen,
            SourceKind::Window => panecast_source_kind::Window,
            SourceKind::Pattern => panecast_source_kind::Pattern,
            SourceKind::File => panecast_source_kind::File,
            SourceKind::Push => panecast_source_kind::Push,
            SourceKind::Camera => panecast_source_kind::Camera,
        };
        let out = panecast_source {
            struct_size: 0,
            kind: kind as u32,
            width: info.size.width,
            height: info.size.height,
            id: id.as_ptr(),
            name: name.as_ptr(),
            has_place: info.origin.is_some().into(),
            x: info.origin.map_or(0, |at| at.0),
            y: info.origin.map_or(0, |at| at.1),
            scale_percent: info.scale_percent,
            rotation_degrees: info.rotation.degrees(),
            pid: info.pid.unwrap_or(0),
            class_name: class.as_deref().map_or(std::ptr::null(), CStr::as_ptr),
            facing: match info.facing {
                None => panecast_facing::Unknown,
                Some(Facing::Front) => panecast_facing::Front,
                Some(Facing::Back) => panecast_facing::Back,
                Some(Facing::External) => panecast_facing::External,
            } as u32,
            reserved: 0,
        };
        // SAFETY: as this function's contract says.
        unsafe { sized::write(source, &out, "the source")? };
        Ok(Status::Ok)
    })
}

/// Frees a list; NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_sources_free(list: *mut panecast_sources) -> Status {
    free(list, |_: &List| Ok(()))
}

/// Says whether the operating system lets this program capture for a purpose, as it is now: nothing is opened and nobody is
/// asked. It is not the visitor's consent. May wait up to 1 s for a display that does not answer.
///
/// next may be NULL; else up to next_bytes bytes, the final NUL among them, of what the person at the machine can do next
/// are written there, as a sentence to show: nothing but the NUL where nothing is to be done.
///
/// # Safety
/// `state` is good for writing, `next` is NULL or good for writing `next_bytes` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_permission(
    purpose: u32,
    state: *mut u32,
    next: *mut c_char,
    next_bytes: usize,
) -> Status {
    plain(|| {
        wants(state, "state")?;
        let found = permission(codes::purpose(purpose)?);
        let code = match found.state {
            PermissionState::Granted => panecast_permission_state::Granted,
            PermissionState::Denied => panecast_permission_state::Denied,
            PermissionState::Ask => panecast_permission_state::Ask,
            PermissionState::Restricted => panecast_permission_state::Restricted,
        };
        // SAFETY: as this function's contract says.
        unsafe {
            put_text(&found.next, next, next_bytes);
            put(state, code as u32)?;
        }
        Ok(Status::Ok)
    })
}
