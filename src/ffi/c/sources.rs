//! What can be shared on this machine.

use super::boundary::{free, give, on, plain, put, wants};
use super::codes::panecast_source_kind;
use super::handle::handled;
use super::sized::{self, Sized32};
use crate::capture::{SourceInfo, SourceKind, sources};
use crate::error::{Error, ErrorKind};
use crate::ffi::Status;
use std::ffi::{CString, c_char};

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
        let listed = |info: SourceInfo| Listed { id: text(&info.id), name: text(&info.name), info };
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
        let Some(Listed { id, name, info }) = list.0.get(index) else {
            let text = format!("there is no source {index}: the list has {}", list.0.len());
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        let kind = match info.kind {
            SourceKind::Screen => panecast_source_kind::Screen,
            SourceKind::Window => panecast_source_kind::Window,
            SourceKind::Pattern => panecast_source_kind::Pattern,
            SourceKind::File => panecast_source_kind::File,
            SourceKind::Push => panecast_source_kind::Push,
        };
        let out = panecast_source {
            struct_size: 0,
            kind: kind as u32,
            width: info.size.width,
            height: info.size.height,
            id: id.as_ptr(),
            name: name.as_ptr(),
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
