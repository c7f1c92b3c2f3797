//! A source with its masks on.

use super::{MOST_MASK_RECTS, MaskSet, MaskSource, area_px, without};
use crate::capture::{Camera, Captured, Capturer, CursorShape, CursorUpdate, Damage, SourceInfo};
use crate::error::Result;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Region, Size};
use std::time::{Duration, Instant};

/// What is painted over: B, G, R, opaque. One plain colour tells nothing of what is below; a blur would.
pub const MASK_COLOUR: [u8; 4] = [0x46, 0x40, 0x3C, 255];

/// A source whose pictures have the masks painted over before anybody else sees them.
///
/// It is a [`Capturer`] of the masked picture: what happens under a mask is neither a frame nor damage, and the cursor is
/// hidden while it points there. A frame that [`Capturer::next`] failed on may hold pixels without masks; it must not be
/// shown, as the trait says of all sources.
pub struct Masked {
    source: Box<dyn Capturer>,
    masks: MaskSet,
    windows: Option<Box<dyn MaskSource>>,
    /// What is hidden of the last picture.
    current: Vec<Rect>,
    hidden_px: u64,
    /// A picture has been given since the masks were changed.
    given: bool,
    /// The number of the picture that is asked for.
    picture: u64,
    /// The places of windows are followed.
    follows: bool,
    anew: bool,
    pointer: Pointer,
}

/// What the source said about the cursor, and what was told of it.
#[derive(Default)]
struct Pointer {
    position: Option<(i32, i32)>,
    /// Not told yet.
    shape: Option<CursorShape>,
    /// Where viewers see it, who begin with none.
    told: Option<(i32, i32)>,
}

impl Masked {
    /// `source` with `masks` on.
    #[must_use]
    pub fn new(source: Box<dyn Capturer>, masks: MaskSet) -> Self {
        let windows = source.windows();
        Self {
            source,
            masks,
            windows,
            current: Vec::new(),
            hidden_px: 0,
            given: false,
            picture: 0,
            follows: false,
            anew: false,
            pointer: Pointer::default(),
        }
    }

    /// Has `masks` on from the next picture on, which is whole.
    pub fn set_masks(&mut self, masks: MaskSet) {
        self.masks = masks;
        self.follows = false;
        self.forget();
    }

    /// As [`Capturer::camera`]; none with masks on, which are painted on pixels.
    pub fn camera(&mut self) -> Option<&mut dyn Camera> {
        if self.masks.is_empty() { self.source.camera() } else { None }
    }

    /// Pixels that were hidden of the last picture.
    #[must_use]
    pub fn hidden_px(&self) -> u64 {
        self.hidden_px
    }

    /// Whether, since the last call, a window was hidden that could be seen before.
    pub fn take_anew(&mut self) -> bool {
        std::mem::take(&mut self.anew)
    }

    /// What is hidden of the picture just taken: all of it where that is not certain.
    fn resolve(&mut self, size: Size) -> Vec<Rect> {
        let whole = size.rect();
        let clipped = |r: &Rect| r.intersection(&whole);
        let mut rects: Vec<Rect> = self.masks.rects().iter().filter_map(clipped).collect();
        if self.masks.has_windows() {
            // Whose pixels of earlier these are, nobody knows.
            rects.extend(self.source.frozen().rects().iter().filter_map(clipped));
            let followed = self.windows.as_mut().filter(|_| self.follows);
            match followed.map(|w| w.resolve(&self.masks, self.picture, size)) {
                Some(Ok(found)) if found.picture == self.picture => {
                    self.anew |= found.anew;
                    rects.extend(found.rects.iter().filter_map(clipped));
                }
                _ => {
                    self.follows = false;
                    return vec![whole];
                }
            }
        }
        if rects.len() > MOST_MASK_RECTS {
            return vec![whole];
        }
        rects
    }

    /// Where the masked picture may differ from the one before, which had `self.current` hidden.
    fn visible(&self, damage: Damage, rects: &[Rect], size: Size) -> Damage {
        if !self.given {
            return Damage::Within(Region::full(size));
        }
        let mut region = match damage {
            Damage::Unknown if rects.contains(&size.rect()) => Region::empty(),
            Damage::Unknown => return Damage::Unknown,
            Damage::Within(region) => {
                region.rects().iter().filter(|r| !without(r, rects).is_empty()).copied().collect()
            }
        };
        if self.current != rects {
            self.current.iter().chain(rects).for_each(|r| region.add(*r));
        }
        Damage::Within(region)
    }

    fn is_hidden(&self, (x, y): (i32, i32)) -> bool {
        let at = u32::try_from(x).ok().zip(u32::try_from(y).ok()).map(|(x, y)| Rect::new(x, y, 1, 1));
        !self.given || at.is_some_and(|at| self.current.iter().any(|r| r.contains(&at)))
    }
}

/// Paints `rects`, which lie within the picture.
fn paint(frame: &mut FrameBuf, rects: &[Rect]) {
    for rect in rects {
        for y in rect.y..rect.bottom() {
            frame.row_of_mut(rect, y).as_chunks_mut::<BYTES_PER_PIXEL>().0.fill(MASK_COLOUR);
        }
    }
}

impl Capturer for Masked {
    fn info(&self) -> SourceInfo {
        self.source.info()
    }

    fn next(&mut self, frame: &mut FrameBuf, stale: &Region, timeout: Duration) -> Result<Captured> {
        if self.masks.is_empty() {
            return self.source.next(frame, stale, timeout);
        }
        let begun = Instant::now();
        let mut write = stale.clone();
        loop {
            // What a window that moves on uncovers was painted over in this buffer.
            if self.masks.has_windows() {
                self.current.iter().for_each(|r| write.add(*r));
            }
            write.clip(frame.size());
            let left = timeout.saturating_sub(begun.elapsed());
            self.picture += 1;
            if self.masks.has_windows() && !self.follows {
                // From here on; what this call gives is of no picture.
                let begun = self.windows.as_mut().map(|w| w.resolve(&self.masks, self.picture, frame.size()));
                self.follows = matches!(begun, Some(Ok(_)));
            }
            match self.source.next(frame, &write, left)? {
                Captured::Frame { timestamp, damage } => {
                    let size = frame.size();
                    let rects = self.resolve(size);
                    paint(frame, &rects);
                    let damage = self.visible(damage, &rects, size);
                    if self.current != rects || !self.given {
                        self.hidden_px = area_px(&rects, &size.rect());
                        self.current = rects;
                    }
                    self.given = true;
                    let same = matches!(&damage, Damage::Within(region) if region.is_empty());
                    if !same {
                        return Ok(Captured::Frame { timestamp, damage });
                    }
                }
                Captured::Unchanged => {
                    // A window may be another by its title alone.
                    if self.given && self.masks.has_windows() && self.resolve(frame.size()) != self.current {
                        self.source.forget();
                        self.given = false;
                        continue;
                    }
                }
                Captured::Resized(size) => {
                    (self.current, self.given) = (Vec::new(), false);
                    return Ok(Captured::Resized(size));
                }
                Captured::Ended => return Ok(Captured::Ended),
            }
            if begun.elapsed() >= timeout {
                return Ok(Captured::Unchanged);
            }
        }
    }

    fn cursor(&mut self) -> Result<Option<CursorUpdate>> {
        let update = self.source.cursor()?;
        if self.masks.is_empty() {
            return Ok(update);
        }
        if let Some(update) = update {
            self.pointer.position = update.position;
            if update.shape.is_some() {
                self.pointer.shape = update.shape;
            }
        }
        let position = self.pointer.position.filter(|at| !self.is_hidden(*at));
        // A caret or a hand tells what is below: a shape waits until it may be seen.
        let shape = if position.is_some() { self.pointer.shape.take() } else { None };
        let before = std::mem::replace(&mut self.pointer.told, position);
        Ok((before != position || shape.is_some()).then_some(CursorUpdate { position, shape }))
    }

    fn frozen(&self) -> Region {
        self.source.frozen()
    }

    fn forget(&mut self) {
        self.source.forget();
        (self.current, self.given) = (Vec::new(), false);
        self.pointer = Pointer::default();
    }
}

impl std::fmt::Debug for Masked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Masked({}, {} rectangles)", self.source.info().id, self.current.len())
    }
}
