//! The visitor's word.

use super::boundary::{free, give, on, plain, put, text, wants};
use super::codes;
use super::handle::{Handled, handled};
use crate::consent::{Consent, Decision};
use crate::error::Error;
use crate::ffi::{Grant, Status, ask};
use std::ffi::c_char;
use std::sync::{Mutex, PoisonError};

/// A question to the visitor: may agents see this source?
#[derive(Debug)]
pub struct panecast_consent {
    _opaque: [u8; 0],
}

/// The visitor's yes, for one share of one source. It can be taken back.
#[derive(Debug)]
pub struct panecast_grant {
    _opaque: [u8; 0],
}

/// What a consent's handle stands for, until it is answered.
#[derive(Debug)]
pub struct Question(Mutex<Option<Consent>>);

handled!(Question, 4, "consent");
handled!(Grant, 5, "grant");

/// Asks about `source`: "screen", "screen:0", "window:0x1200003", "pattern:640x360@30", "file:PATH", or
/// "push:640x360" for frames that the app pushes. `purpose` is a panecast_purpose. Show the question to the visitor
/// yourself; nothing is captured before panecast_consent_answer.
///
/// # Safety
/// `source` is a text with a NUL at its end; `consent` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_consent_ask(
    purpose: u32,
    source: *const c_char,
    consent: *mut *mut panecast_consent,
) -> Status {
    plain(|| {
        wants(consent, "consent")?;
        // SAFETY: as this function's contract says.
        let source = unsafe { text(source, "source")? };
        let question = Question(Mutex::new(Some(ask(codes::purpose(purpose)?, source)?)));
        // SAFETY: as this function's contract says.
        unsafe { give(question, consent)? };
        Ok(Status::Ok)
    })
}

/// The visitor answered: `allow` is 1 for yes, 0 for no. The question is freed unless this fails with INVALID_INPUT.
/// A yes writes `*grant`, which becomes the caller's; a no is DENIED.
///
/// # Safety
/// `grant` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_consent_answer(
    consent: *mut panecast_consent,
    allow: u32,
    grant: *mut *mut panecast_grant,
) -> Status {
    plain(|| {
        wants(grant, "grant")?;
        let decision = if codes::truth(allow, "answer")? { Decision::Allow } else { Decision::Deny };
        let handle = consent.addr();
        let slot =
            Question::register().remove(handle).ok_or_else(|| super::handle::none::<Question>(handle))?;
        let question = slot.object.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let question = question.ok_or_else(|| Error::input("this was answered"))?;
        // SAFETY: as this function's contract says.
        unsafe { give(Grant::new(question.answer(decision)?), grant)? };
        Ok(Status::Ok)
    })
}

/// Frees a question that was not answered; NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_consent_free(consent: *mut panecast_consent) -> Status {
    free(consent, |_: &Question| Ok(()))
}

/// The visitor takes the grant back, for good. Once this returns, the share that ran on it gives no packet any more, and
/// what was captured is forgotten; from within its callback, none after the one at hand. Works after the share has used
/// the grant up.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_grant_revoke(grant: *mut panecast_grant) -> Status {
    on(grant, |grant: &Grant| {
        grant.revoke();
        Ok(Status::Ok)
    })
}

/// Writes 1 if the grant was taken back, else 0.
///
/// # Safety
/// `revoked` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_grant_is_revoked(
    grant: *const panecast_grant,
    revoked: *mut u32,
) -> Status {
    on(grant, |grant: &Grant| {
        // SAFETY: as this function's contract says.
        unsafe { put(revoked, u32::from(grant.is_revoked()))? };
        Ok(Status::Ok)
    })
}

/// Frees a grant; NULL is fine. A share that runs on it goes on, and nobody can take the grant back any more.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_grant_free(grant: *mut panecast_grant) -> Status {
    free(grant, |_: &Grant| Ok(()))
}
