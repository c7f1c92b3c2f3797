//! A viewer: the client's side of RFB 3.8, as far as a server that is not secured needs it.

use super::pixels::{Wire, broken};
use super::tight::Tight;
use super::zrle::Zrle;
use crate::bench::peers::VncEncoding;
use crate::failure::Failure;
use panecast::Limits;
use panecast::frame::{FrameBuf, Rect, Size};
use std::io::{Read, Write};

const RAW: i32 = 0;
const COPY_RECT: i32 = 1;
const TIGHT: i32 = 7;
const ZRLE: i32 = 16;
/// The viewer paints the pointer itself, so that it is not in the picture.
const CURSOR: i32 = -239;

/// A viewer that is connected.
#[derive(Debug)]
pub(crate) struct Client<S> {
    wire: Wire<S>,
    picture: FrameBuf,
    tight: Tight,
    zrle: Zrle,
}

impl<S: Read + Write> Client<S> {
    /// Shakes hands and chooses the encoding and pixels of B, G, R and a byte that is not used.
    pub(crate) fn connect(stream: S, size: Size, encoding: VncEncoding) -> Result<Self, Failure> {
        let mut wire = Wire::of(stream);
        let mut version = [0; 12];
        wire.read(&mut version)?;
        if !version.starts_with(b"RFB 003.") {
            return Err(broken("it does not speak RFB 3"));
        }
        wire.write(b"RFB 003.008\n")?;
        let count = wire.u8()?;
        let kinds = wire.bytes(usize::from(count))?;
        if !kinds.contains(&1) {
            return Err(broken("it wants a password"));
        }
        wire.write(&[1])?;
        if wire.u32()? != 0 {
            return Err(broken("it refused the viewer"));
        }
        // Other viewers may stay.
        wire.write(&[1])?;
        let screen = Size::new(u32::from(wire.u16()?), u32::from(wire.u16()?));
        if screen != size {
            return Err(broken(format!("its screen is {screen}, not {size}")));
        }
        wire.skip(16)?;
        let name = wire.u32()?;
        wire.skip(u64::from(name))?;
        // 32 bits of which 24 count, little-endian, true colour, 255 each, red at 16, green at 8, blue at 0.
        wire.write(&[0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0])?;
        let encoding = match encoding {
            VncEncoding::Tight => TIGHT,
            VncEncoding::Zrle => ZRLE,
        };
        let mut message = vec![2, 0, 0, 2];
        message.extend(encoding.to_be_bytes());
        message.extend(CURSOR.to_be_bytes());
        wire.write(&message)?;
        let picture = FrameBuf::new(size, &Limits::default())?;
        Ok(Self { wire, picture, tight: Tight::default(), zrle: Zrle::default() })
    }

    /// What it shows, alpha 255 wherever something has arrived.
    pub(crate) fn picture(&self) -> &FrameBuf {
        &self.picture
    }

    /// Asks for one update, for all of the screen or for what changed, and reads it. Gives the bytes that came.
    pub(crate) fn update(&mut self, all: bool) -> Result<u64, Failure> {
        let before = self.wire.count();
        let size = self.picture.size();
        let mut message = vec![3, u8::from(!all), 0, 0, 0, 0];
        for side in [size.width, size.height] {
            message.extend(u16::try_from(side).unwrap_or(u16::MAX).to_be_bytes());
        }
        self.wire.write(&message)?;
        loop {
            match self.wire.u8()? {
                0 => break,
                // A bell.
                2 => {}
                // The clipboard.
                3 => {
                    self.wire.skip(3)?;
                    let length = self.wire.u32()?;
                    self.wire.skip(u64::from(length))?;
                }
                kind => return Err(broken(format!("it sent a message of kind {kind}"))),
            }
        }
        self.wire.skip(1)?;
        for _ in 0..self.wire.u16()? {
            self.rectangle()?;
        }
        Ok(self.wire.count() - before)
    }

    fn rectangle(&mut self) -> Result<(), Failure> {
        let wire = &mut self.wire;
        let [x, y, width, height] = [wire.u16()?, wire.u16()?, wire.u16()?, wire.u16()?].map(u32::from);
        let rect = Rect::new(x, y, width, height);
        let encoding = wire.u32()?.cast_signed();
        if encoding == CURSOR {
            let row_bytes = u64::from(width) * 4 + u64::from(width.div_ceil(8));
            return wire.skip(row_bytes * u64::from(height));
        }
        if !rect.fits(self.picture.size()) {
            return Err(broken(format!("it sent a rectangle {rect} outside of the screen")));
        }
        match encoding {
            RAW => {
                for y in rect.y..rect.bottom() {
                    let row = self.picture.row_of_mut(&rect, y);
                    wire.read(row)?;
                    row.chunks_exact_mut(4).for_each(|px| px[3] = 255);
                }
                Ok(())
            }
            COPY_RECT => {
                let from = (u32::from(wire.u16()?), u32::from(wire.u16()?));
                let copy = panecast::damage::Copy { from, to: rect };
                if !copy.fits(self.picture.size()) {
                    return Err(broken("it copies from outside of the screen"));
                }
                copy.apply(&mut self.picture);
                Ok(())
            }
            TIGHT => self.tight.read(wire, &mut self.picture, &rect),
            ZRLE => self.zrle.read(wire, &mut self.picture, &rect),
            other => Err(broken(format!("it used encoding {other}, which was not asked for"))),
        }
    }
}
