//! An encoder that takes borrowed frames of any format.
#![forbid(unsafe_code)]

use crate::capture::Damage;
use crate::codec::{Encoder, EncoderConfig, Update};
use crate::error::{Error, Result};
use crate::frame::{FrameBuf, FrameView, PixelFormat, Rect, Region, Size, Timestamp};
use crate::limits::Limits;

/// Most damage rectangles that one frame may come with.
pub const MOST_DAMAGE: usize = 65_536;

/// Where a frame of `size` may differ from the one before, as callers tell it: `None` anywhere, else within `rects`.
/// Parts outside the frame are cut off, and where `format` shares colour samples, rectangles grow to whole ones.
///
/// # Errors
/// - [`crate::ErrorKind::LimitExceeded`] for more than [`MOST_DAMAGE`] rectangles.
pub fn damage(rects: Option<&[Rect]>, size: Size, format: PixelFormat) -> Result<Damage> {
    let Some(rects) = rects else { return Ok(Damage::Unknown) };
    if rects.len() > MOST_DAMAGE {
        return Err(Error::limit(format!("{} damage rectangles; {MOST_DAMAGE} are allowed", rects.len())));
    }
    let shares = format.shares_colour();
    let whole = |r: &Rect| if shares { r.even() } else { r.grown(0) };
    let mut region: Region = rects.iter().map(whole).collect();
    region.clip(size);
    Ok(Damage::Within(region))
}

/// An [`Encoder`] with the picture that goes to and fro between it and its caller.
#[derive(Debug)]
pub struct FrameEncoder {
    encoder: Encoder,
    limits: Limits,
    frame: Option<FrameBuf>,
    /// Where `frame` differs from the newest picture.
    stale: Region,
}

impl FrameEncoder {
    /// An encoder before its first picture.
    ///
    /// # Errors
    /// As [`EncoderConfig::check`].
    pub fn new(config: EncoderConfig) -> Result<Self> {
        let encoder = Encoder::new(config)?;
        Ok(Self { encoder, limits: config.limits, frame: None, stale: Region::empty() })
    }

    /// Encodes what changed since the last call; `view` is not kept.
    ///
    /// # Shapes and units
    /// - `damage`: where `view` may differ from the frame of the last call; pixels elsewhere are not read.
    /// - `out`: as [`Encoder::encode`] has it. [`Update::stale`] is this object's own matter.
    ///
    /// # Errors
    /// As [`Encoder::encode`]; the next frame becomes a keyframe then.
    ///
    /// # Threads and cost
    /// One copy of the damaged pixels, then as [`Encoder::encode`].
    pub fn encode(
        &mut self,
        view: &FrameView<'_>,
        damage: &Damage,
        timestamp: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<Update> {
        let size = view.size();
        let whole = Region::full(size);
        let mut damage = damage.clone();
        let mut frame = match self.frame.take() {
            Some(frame) if frame.size() == size => frame,
            Some(mut frame) => {
                frame.reset(size, &self.limits)?;
                (self.stale, damage) = (whole, Damage::Unknown);
                frame
            }
            None => {
                (self.stale, damage) = (whole, Damage::Unknown);
                FrameBuf::new(size, &self.limits)?
            }
        };
        match &damage {
            Damage::Unknown => frame.copy_from(view, &size.rect())?,
            Damage::Within(region) => {
                for rect in region.rects().iter().chain(self.stale.rects()) {
                    frame.copy_from(view, rect)?;
                }
            }
        }
        let update = self.encoder.encode(&mut frame, &damage, timestamp, out)?;
        self.stale.clone_from(&update.stale);
        self.frame = Some(frame);
        Ok(update)
    }

    /// As [`Encoder::refine`].
    ///
    /// # Errors
    /// As [`Encoder::refine`].
    pub fn refine(
        &mut self,
        timestamp: Timestamp,
        bytes: usize,
        focus: Option<Rect>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Update>> {
        self.encoder.refine(timestamp, bytes, focus, out)
    }

    /// As [`Encoder::late_join`].
    ///
    /// # Errors
    /// As [`Encoder::late_join`].
    pub fn late_join(
        &mut self,
        timestamp: Timestamp,
        joiner: &mut Vec<u8>,
        others: &mut Vec<u8>,
    ) -> Result<Option<u64>> {
        self.encoder.late_join(timestamp, joiner, others)
    }

    /// As [`Encoder::set_bitrate`].
    pub fn set_bitrate(&mut self, bits_a_second: Option<u64>) {
        self.encoder.set_bitrate(bits_a_second);
    }

    /// As [`Encoder::forget`], the picture that goes to and fro included.
    pub fn forget(&mut self) {
        self.encoder.forget();
        self.frame = None;
    }

    /// As [`Encoder::finish`].
    pub fn finish(&mut self, frames: u64, fps: u32, out: &mut Vec<u8>) {
        self.encoder.finish(frames, fps, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Pattern;
    use crate::codec::Decoder;

    #[test]
    fn hinted_frames_give_the_same_bytes_as_whole_ones() {
        let size = Size::new(160, 120);
        let pattern = Pattern::new(size, 30).expect("a pattern");
        let mut hinted = FrameEncoder::new(EncoderConfig::default()).expect("an encoder");
        let mut plain = FrameEncoder::new(EncoderConfig::default()).expect("an encoder");
        let mut decoder = Decoder::new(Limits::default());
        let mut frame = FrameBuf::new(size, &Limits::default()).expect("a frame");
        let mut before = frame.clone();
        for index in 0..40 {
            pattern.paint(index * 3, &mut frame).expect("painted");
            let rows = (0..size.height).filter(|&y| before.row(y) != frame.row(y));
            let rects: Vec<Rect> = rows.map(|y| Rect::new(0, y, size.width, 1)).collect();
            let (mut a, mut b) = (Vec::new(), Vec::new());
            let at = Timestamp::of_frame(index, 30);
            let hints = damage(Some(&rects), size, PixelFormat::Bgra8).expect("few");
            hinted.encode(&frame.view(), &hints, at, &mut a).expect("encoded");
            plain.encode(&frame.view(), &Damage::Unknown, at, &mut b).expect("encoded");
            assert_eq!(a, b, "frame {index}");
            decoder.feed(&a).expect("fed");
            while decoder.next().expect("decoded").is_some() {}
            assert_eq!(decoder.frame(), Some(&frame), "frame {index}");
            before.clone_from(&frame);
        }
    }

    #[test]
    fn hints_are_cut_and_grown() {
        let size = Size::new(10, 7);
        let at = |format, rect| damage(Some(&[rect]), size, format).expect("one");
        let region = |rect: Rect| Damage::Within([rect].into_iter().collect());
        assert_eq!(
            at(PixelFormat::Bgra8, Rect::new(8, 5, u32::MAX, u32::MAX)),
            region(Rect::new(8, 5, 2, 2))
        );
        assert_eq!(at(PixelFormat::Nv12, Rect::new(3, 3, 2, 2)), region(Rect::new(2, 2, 4, 4)));
        assert_eq!(at(PixelFormat::I420, Rect::new(9, 6, 9, 9)), region(Rect::new(8, 6, 2, 1)));
        assert_eq!(at(PixelFormat::Nv12, Rect::new(30, 30, 2, 2)), Damage::Within(Region::empty()));
        let many = vec![Rect::new(0, 0, 1, 1); MOST_DAMAGE + 1];
        let error = damage(Some(&many), size, PixelFormat::Bgra8).expect_err("too many");
        assert_eq!(error.kind(), crate::ErrorKind::LimitExceeded);
    }
}
