//! The part of the ABI that a camera's page calls.

use super::{bad, hosted, opened, with};
use panecast::bitstream::{FilmCodec, FilmColour};
use panecast::frame::{Size, Timestamp};
use panecast::session::FilmUnit;
use std::time::Duration;

/// Opens the door of a link that somebody else has drawn: the first `len` bytes of the input are its text. Returns the
/// door's number, with the id for the relay in [`super::panecast_host_told`]; or a negative number.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_host_take_link(len: usize, uses: u32, lasts_s: u32, now_us: u64) -> i32 {
    let text = with(|s| s.text(len).map(str::to_owned));
    opened(|host| {
        let lasts = Duration::from_secs(lasts_s.into());
        let (id, door) = host.take_link(&text?, uses, lasts, Timestamp(now_us))?;
        Ok((id, door as i32))
    })
}

/// Whether the camera's picture of now is to be encoded: -1 if not; else 1 if it is to be a keyframe, and twice the bits a
/// second that the lines take, as far as that is known.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_film_wants(now_us: u64) -> i64 {
    hosted(-1, |host| match host.film_wants(Timestamp(now_us)) {
        Some(wants) => {
            let bitrate = wants.bitrate.unwrap_or(0).min(1 << 40) as i64;
            2 * bitrate + i64::from(wants.keyframe)
        }
        None => -1,
    })
}

/// What the encoder gave for a picture is the input. `codec`: 1 AV1, 2 H.264, 3 VP9, 4 VP8. `flags`: 1 keyframe, 2 BT.709,
/// 4 luma from 0 to 255. Returns 0, or a negative number.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_film_unit(
    codec: u32,
    width: u32,
    height: u32,
    flags: u32,
    timestamp_us: u64,
    now_us: u64,
) -> i32 {
    with(|s| {
        let data = std::mem::take(&mut s.input);
        let taken = match &mut s.host {
            None => Err(bad("there is no host")),
            Some(host) => FilmCodec::from_code(u8::try_from(codec).unwrap_or(0)).and_then(|codec| {
                let unit = FilmUnit {
                    codec,
                    size: Size { width, height },
                    colour: FilmColour { bt709: flags & 2 != 0, full_range: flags & 4 != 0 },
                    keyframe: flags & 1 != 0,
                    timestamp: Timestamp(timestamp_us),
                    data: &data,
                };
                host.film_unit(&unit, Timestamp(now_us))
            }),
        };
        s.input = data;
        s.answer(taken.map(|()| 0))
    })
}

/// The camera gave a picture, whether or not it is of use.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_camera_gave(now_us: u64) {
    hosted((), |host| host.camera_gave(Timestamp(now_us)));
}

/// The operating system has taken the camera away (`blocked` is not 0), or gives it back.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_camera_blocked(blocked: u32, now_us: u64) {
    hosted((), |host| host.camera_blocked(blocked != 0, Timestamp(now_us)));
}

/// A picture that was wanted will not come.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_film_lost() {
    hosted((), |host| host.film_lost());
}
