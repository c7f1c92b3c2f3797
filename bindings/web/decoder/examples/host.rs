//! The sharing end of a session for the page's browser tests, which bring the relay or play it.
//!
//! Frames go in by the standard input and out by the standard output: `u32` length of what follows, a letter, `u32`
//! viewer (0: all), payload. Numbers are little-endian.
//!
//! | in | | out | |
//! |---|---|---|---|
//! | `k` | open a key with this number (`u16`) | `K` | the key |
//! | `c` `r` | a viewer came; bytes from it | `S` | send: lane (0 control, 1 stream, 2 starts over), bytes |
//! | `a` `n` | allow it to see this source; decline | `A` `D` | admit; dismiss, with the reason |
//! | `p` `s` | a packet that starts it over; one for all | `Q` | it asks, with its name |
//! | `t` | state (`u8`), source | `J` `R` `P` | it joined; is back and holds something; painted (`u64`) |
//! | `x` `b` | the relay is cut; a viewer is back | `M` `F` | a mark; a focus, as text |
//! | `w` `e` | a viewer is away; the end, for a reason (`u8`) | `L` `E` | it left; all is over, with the reason |

use panecast::Limits;
use panecast::frame::Timestamp;
use panecast::session::seal::{KeyOffer, TypedKey};
use panecast::session::{
    Decision, Door, DoorId, EndReason, Lane, Purpose, Sharer, SharerOutput, StreamState, ViewerEvent,
    ViewerId,
};
use std::io::{Read, Write};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let began = Instant::now();
    let limits = Limits::default();
    let mut sharer = Sharer::new(0, limits)?;
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut frame = vec![0; u32::from_le_bytes(length) as usize];
        input.read_exact(&mut frame)?;
        let (&letter, rest) = frame.split_first().ok_or("an empty frame")?;
        let (number, payload) = rest.split_first_chunk::<4>().ok_or("a short frame")?;
        let viewer = ViewerId(u32::from_le_bytes(*number));
        let now = Timestamp(began.elapsed().as_micros() as u64);
        match letter {
            b'k' => {
                let number = u16::from_le_bytes(payload.try_into()?);
                let key = TypedKey::draw(number)?;
                write(&mut output, b'K', 0, key.to_string().as_bytes())?;
                let offer = KeyOffer::new(key, None, "default", now, &limits)?;
                sharer.open(DoorId(number.into()), Door::Key(offer));
            }
            b'c' => sharer.came(viewer, DoorId(u32::from_le_bytes(payload.try_into()?)), now),
            b'r' => sharer.received(viewer, &mut payload.to_vec(), now),
            b'a' => {
                let source = std::str::from_utf8(payload)?;
                let _ = sharer.answer(viewer, Decision::Allow, Purpose::Screen, source)?;
            }
            // The refusal is the answer.
            b'n' => drop(sharer.answer(viewer, Decision::Deny, Purpose::Screen, "")),
            b'p' => sharer.packet_for(viewer, payload),
            b's' => sharer.packet(payload),
            b't' => {
                let (&code, source) = payload.split_first().ok_or("no state")?;
                let state = StreamState::of_code(code).ok_or("an unknown state")?;
                sharer.state(state, std::str::from_utf8(source)?);
            }
            b'x' => sharer.cut(now),
            b'b' => sharer.came_back(viewer, now),
            b'w' => sharer.away(viewer, now),
            b'e' => {
                let reason = payload.first().and_then(|code| EndReason::of_code(*code));
                sharer.end(reason.ok_or("an unknown reason")?);
            }
            _ => return Err("an unknown letter".into()),
        }
        while let Some(told) = sharer.poll() {
            tell(&mut output, told)?;
        }
        output.flush()?;
    }
    Ok(())
}

fn tell(output: &mut impl Write, told: SharerOutput) -> Result<()> {
    match told {
        SharerOutput::Send { to, lane, bytes } => {
            let lane = match lane {
                Lane::Control => 0,
                Lane::Stream => 1,
                Lane::StartsOver => 2,
            };
            write(output, b'S', to.map_or(0, |to| to.0), &[&[lane], &bytes[..]].concat())
        }
        SharerOutput::Admit(viewer) => write(output, b'A', viewer.0, b""),
        SharerOutput::Close(_) => Ok(()),
        SharerOutput::Dismiss(viewer, reason) => write(output, b'D', viewer.0, reason.name().as_bytes()),
        SharerOutput::Ask(question) => write(output, b'Q', question.viewer.0, question.who.as_bytes()),
        SharerOutput::Viewer(event) => match event {
            ViewerEvent::Joined(viewer) => write(output, b'J', viewer.0, b""),
            ViewerEvent::Resumed(viewer, ..) => write(output, b'R', viewer.0, b""),
            ViewerEvent::Painted { viewer, sequence, .. } => {
                write(output, b'P', viewer.0, &sequence.to_le_bytes())
            }
            ViewerEvent::Focus(rect) => write(output, b'F', 0, format!("{rect:?}").as_bytes()),
            ViewerEvent::Behind(_) | ViewerEvent::Left(_) => Ok(()),
        },
        SharerOutput::Mark(viewer, mark) => write(output, b'M', viewer.0, format!("{mark:?}").as_bytes()),
        SharerOutput::Left { viewer, reason, .. } => write(output, b'L', viewer.0, reason.name().as_bytes()),
        SharerOutput::Ended(reason) => write(output, b'E', 0, reason.name().as_bytes()),
    }
}

fn write(output: &mut impl Write, letter: u8, viewer: u32, payload: &[u8]) -> Result<()> {
    output.write_all(&(payload.len() as u32 + 5).to_le_bytes())?;
    output.write_all(&[letter])?;
    output.write_all(&viewer.to_le_bytes())?;
    Ok(output.write_all(payload)?)
}
