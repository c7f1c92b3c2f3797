//! The pixels of a packet: a table of rectangles and what the model codes in one run of bits, and what goes
//! through zstd beside it.

use super::super::recall::{self, Recall};
use super::layout::{self, CodedRect, Coding};
use super::model::Model;
use super::number::{Number, tree};
use super::range::{Bits, Prob, RangeReader, RangeWriter};
use super::stream::{StreamDecoder, StreamEncoder, compress_once, decompress_once};
use crate::bitstream::{Reader, Writer};
use crate::error::{Error, Result};
use crate::frame::{FrameBuf, Rect, Size, Timestamp};
use crate::limits::Limits;

/// The numbers of the table, as they learn.
#[derive(Debug, Default)]
struct Table {
    count: Number,
    down: Number,
    x: Number,
    width: Number,
    height: Number,
    coding: [Prob; 8],
    /// By the slot before.
    slots: [[Prob; recall::MOST_SLOTS]; recall::MOST_SLOTS],
}

impl Table {
    /// One entry, with the number of its coding; what is read may be anything.
    fn entry<B: Bits>(&mut self, bits: &mut B, r: Rect, coding: u32, y: u32, size: Size) -> (Rect, u32) {
        let down = r.y.wrapping_sub(y) as i32;
        let down = self.down.code(bits, (down << 1 ^ down >> 31) as u32, 2 * size.height);
        let rect = Rect {
            y: y.wrapping_add(down >> 1 ^ (down & 1).wrapping_neg()),
            height: self.height.code(bits, r.height, size.height),
            x: self.x.code(bits, r.x, size.width),
            width: self.width.code(bits, r.width, size.width),
        };
        (rect, tree(bits, &mut self.coding, 3, coding))
    }
}

/// What both sides of an epoch learn.
#[derive(Debug)]
struct Learnt {
    table: Table,
    model: Model,
}

impl Learnt {
    fn new() -> Self {
        Self { table: Table::default(), model: Model::new() }
    }
}

/// The encoder's side.
#[derive(Debug)]
pub(in crate::codec) struct PixelWriter {
    /// `None` until an update of the epoch needs it: most sessions never do, and it takes megabytes.
    stream: Option<StreamEncoder>,
    learnt: Learnt,
    plain: Vec<u8>,
    zstd: Vec<u8>,
}

impl PixelWriter {
    pub(in crate::codec) fn new() -> Self {
        Self { stream: None, learnt: Learnt::new(), plain: Vec::new(), zstd: Vec::new() }
    }

    /// Appends the payload that turns `shown` into `source` within `rects`, sorted by their first row; on return it
    /// has, but for a difference of `slack` in each channel where the coding is nearly exact. Returns the plain bytes of
    /// its zstd part.
    pub(in crate::codec) fn update(
        &mut self,
        shown: &mut FrameBuf,
        source: &FrameBuf,
        rects: &[CodedRect],
        recall: &Recall,
        slack: u8,
        out: &mut Vec<u8>,
    ) -> Result<u64> {
        self.plain.clear();
        self.zstd.clear();
        layout::write_plain(source, rects, &mut self.plain);
        if !self.plain.is_empty() {
            let stream = match self.stream.take() {
                Some(stream) => stream,
                None => StreamEncoder::over(shown)?,
            };
            self.stream.insert(stream).compress(&self.plain, &mut self.zstd)?;
        }
        write(&mut self.learnt, shown, source, (rects, &self.zstd), recall, slack, out);
        Ok(self.plain.len() as u64)
    }

    /// An update begins, in which the pixels of `moved` moved away or arrived.
    pub(in crate::codec) fn begin_update(&mut self, moved: impl Iterator<Item = Rect>, now: Timestamp) {
        self.learnt.model.costly.begin(moved, now);
    }

    /// Lets drawn `rects` be nearly exact that hold what keeps changing at great cost. Whether there are any.
    pub(in crate::codec) fn loosen(&self, rects: &mut Vec<CodedRect>) -> bool {
        self.learnt.model.costly.loosen(rects)
    }

    /// Begins an epoch and appends the payload that turns `shown`, of which a joiner knows as much, into `source`
    /// within `rects`; on return it has.
    ///
    /// With `alone` there is nobody else whose model would have to learn the same, so the epoch keeps what the
    /// model learnt here.
    pub(in crate::codec) fn snapshot(
        &mut self,
        shown: &mut FrameBuf,
        source: &FrameBuf,
        rects: &[CodedRect],
        alone: bool,
        out: &mut Vec<u8>,
    ) -> Result<u64> {
        // A whole picture takes more than the updates after it: its memory is not worth keeping.
        let (mut plain, mut zstd) = (Vec::new(), Vec::new());
        layout::write_plain(source, rects, &mut plain);
        if !plain.is_empty() {
            compress_once(&plain, &mut zstd)?;
        }
        out.push(u8::from(alone));
        self.learnt = Learnt::new();
        write(&mut self.learnt, shown, source, (rects, &zstd), &Recall::default(), 0, out);
        if !alone {
            self.learnt = Learnt::new();
        }
        self.stream = None;
        Ok(plain.len() as u64)
    }
}

fn write(
    learnt: &mut Learnt,
    shown: &mut FrameBuf,
    source: &FrameBuf,
    (rects, zstd): (&[CodedRect], &[u8]),
    recall: &Recall,
    slack: u8,
    out: &mut Vec<u8>,
) {
    let mut w = Writer::new(out);
    w.varint(zstd.len() as u64);
    w.bytes(zstd);
    let mut bits = RangeWriter::new(out);
    learnt.table.count.code(&mut bits, rects.len() as u32, u32::MAX - 2);
    let mut y = 0;
    for CodedRect { rect, coding } in rects {
        learnt.table.entry(&mut bits, *rect, coding.code().into(), y, source.size());
        y = rect.y;
    }
    let mut slot = 0;
    for CodedRect { rect, coding } in rects {
        shown.copy_rect(source, rect);
        match coding {
            Coding::Modelled => learnt.model.rect(&mut bits, shown, rect),
            Coding::Nearly => learnt.model.nearly(&mut bits, shown, rect, slack),
            Coding::Solid => learnt.model.solid(&mut bits, shown, rect),
            Coding::Rows | Coding::Predicted => {}
            Coding::Recalled => {
                for (tile, _) in recall.parts(rect) {
                    let chosen = recall.chosen(tile).into();
                    slot = tree(&mut bits, &mut learnt.table.slots[slot], recall::SLOTS_LOG, chosen) as usize;
                }
            }
        }
    }
    learnt.model.costly.settle();
    bits.finish();
}

/// What a decoder does around the rectangles of a payload.
pub(in crate::codec) trait Canvas {
    /// `rect` of `picture` is going to be written.
    fn before(&mut self, picture: &FrameBuf, rect: &Rect);

    /// It has been written, for about so many bytes.
    fn written(&mut self, coded: &CodedRect, bytes: u64);

    /// What can be called back.
    fn recall(&self) -> &Recall;
}

/// The decoder's side.
#[derive(Debug)]
pub(in crate::codec) struct PixelReader {
    /// `None` until an update of the epoch needs it.
    stream: Option<StreamDecoder>,
    learnt: Learnt,
    plain: Vec<u8>,
    table: Vec<CodedRect>,
}

impl PixelReader {
    pub(in crate::codec) fn new() -> Self {
        Self { stream: None, learnt: Learnt::new(), plain: Vec::new(), table: Vec::new() }
    }

    /// Begins an epoch.
    pub(in crate::codec) fn begin(&mut self) {
        self.learnt = Learnt::new();
        self.stream = None;
    }

    /// Writes the pixels of an update's payload into `picture`, and tells `canvas` of every rectangle.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] if the payload breaks the format; the picture may be partly written.
    /// - [`crate::ErrorKind::LimitExceeded`] for too many rectangles or pixels.
    pub(in crate::codec) fn update(
        &mut self,
        data: &[u8],
        plain_bytes: u64,
        picture: &mut FrameBuf,
        limits: &Limits,
        canvas: &mut impl Canvas,
    ) -> Result<()> {
        let (zstd, bits) = split(data, plain_bytes, picture.size())?;
        self.plain.clear();
        if plain_bytes > 0 {
            let stream = match self.stream.take() {
                Some(stream) => stream,
                None => StreamDecoder::over(picture)?,
            };
            self.stream.insert(stream).decompress(zstd, plain_bytes as usize, &mut self.plain)?;
        }
        let parts = Parts { bits, plain: &self.plain, zstd_bytes: zstd.len() };
        read(&mut self.learnt, parts, &mut self.table, picture, limits, canvas)
    }

    /// As [`PixelReader::update`], for a snapshot's payload over what is known of its picture; begins its epoch.
    pub(in crate::codec) fn snapshot(
        &mut self,
        data: &[u8],
        plain_bytes: u64,
        picture: &mut FrameBuf,
        limits: &Limits,
        canvas: &mut impl Canvas,
    ) -> Result<()> {
        let alone = match data.first() {
            Some(0) => false,
            Some(1) => true,
            _ => return Err(Error::data("a snapshot's payload does not say whom it is for")),
        };
        let (zstd, bits) = split(&data[1..], plain_bytes, picture.size())?;
        let mut plain = Vec::new();
        if plain_bytes > 0 {
            decompress_once(zstd, plain_bytes as usize, &mut plain)?;
        }
        self.learnt = Learnt::new();
        let parts = Parts { bits, plain: &plain, zstd_bytes: zstd.len() };
        read(&mut self.learnt, parts, &mut self.table, picture, limits, canvas)?;
        if !alone {
            self.learnt = Learnt::new();
        }
        self.stream = None;
        Ok(())
    }
}

/// The zstd part and the bits of a payload.
fn split(data: &[u8], plain_bytes: u64, size: Size) -> Result<(&[u8], &[u8])> {
    if plain_bytes > layout::most_plain_bytes(size) {
        return Err(Error::limit(format!("a payload of {plain_bytes} bytes for a {size} picture")));
    }
    let mut r = Reader::new(data);
    let len = r.varint()?;
    let zstd = r.bytes(usize::try_from(len).unwrap_or(usize::MAX))?;
    if zstd.is_empty() != (plain_bytes == 0) {
        return Err(Error::data("a payload that says it is empty is not, or the other way round"));
    }
    Ok((zstd, r.rest()))
}

/// A payload once its zstd part is decompressed.
struct Parts<'a> {
    bits: &'a [u8],
    plain: &'a [u8],
    zstd_bytes: usize,
}

fn read(
    learnt: &mut Learnt,
    parts: Parts<'_>,
    table: &mut Vec<CodedRect>,
    picture: &mut FrameBuf,
    limits: &Limits,
    canvas: &mut impl Canvas,
) -> Result<()> {
    let size = picture.size();
    let mut bits = RangeReader::new(parts.bits);
    let count = learnt.table.count.code(&mut bits, 0, u32::MAX - 2);
    if count as usize > limits.rects {
        return Err(Error::limit(format!("{count} rectangles in a packet; {} are allowed", limits.rects)));
    }
    table.clear();
    let (mut px, mut y) = (0, 0);
    for _ in 0..count {
        let (rect, code) = learnt.table.entry(&mut bits, Rect::default(), 0, y, size);
        let Some(coding) = Coding::of(code) else {
            return Err(Error::data(format!("there is no coding {code}")));
        };
        if rect.is_empty() || !rect.fits(size) {
            return Err(Error::data(format!("a rectangle {rect} outside of the {size} picture")));
        }
        px += rect.area();
        if px > size.area() {
            return Err(Error::data("the rectangles of a packet hold more pixels than the picture"));
        }
        bits.check()?;
        y = rect.y;
        table.push(CodedRect { rect, coding });
    }
    let mut plain = Reader::new(parts.plain);
    let mut slot = 0;
    for entry in table {
        let CodedRect { rect, coding } = &*entry;
        let (left, left_plain) = (bits.left(), plain.rest().len());
        canvas.before(picture, rect);
        match coding {
            Coding::Modelled => learnt.model.rect(&mut bits, picture, rect),
            Coding::Nearly => learnt.model.nearly(&mut bits, picture, rect, 0),
            Coding::Solid => learnt.model.solid(&mut bits, picture, rect),
            Coding::Rows | Coding::Predicted => layout::read_plain(&mut plain, picture, entry)?,
            Coding::Recalled => {
                for (tile, part) in canvas.recall().parts(rect) {
                    let slots = &mut learnt.table.slots[slot];
                    slot = tree(&mut bits, slots, recall::SLOTS_LOG, 0) as usize;
                    call_back(canvas.recall(), tile, slot, &part, picture)?;
                }
            }
        }
        bits.check()?;
        let plain_bytes = (left_plain - plain.rest().len()) as u64;
        let share = plain_bytes * parts.zstd_bytes as u64 / parts.plain.len().max(1) as u64;
        canvas.written(entry, (left - bits.left()) as u64 + share);
    }
    if !plain.is_at_end() {
        return Err(Error::data("bytes left over after the pixels of a packet"));
    }
    bits.finish()
}

/// Writes what a tile held before into `part` of it.
fn call_back(recall: &Recall, tile: usize, slot: usize, part: &Rect, picture: &mut FrameBuf) -> Result<()> {
    for y in part.y..part.bottom() {
        match recall.row(tile, slot, part, y) {
            Some(row) => picture.row_of_mut(part, y).copy_from_slice(row),
            None => return Err(Error::data(format!("tile {tile} never held what is called back"))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A canvas of which nobody needs to know.
    #[derive(Default)]
    struct Plain(Recall);

    impl Canvas for Plain {
        fn before(&mut self, _: &FrameBuf, _: &Rect) {}

        fn written(&mut self, _: &CodedRect, _: u64) {}

        fn recall(&self) -> &Recall {
            &self.0
        }
    }

    #[test]
    fn payloads_come_back() {
        let size = Size::new(97, 63);
        let limits = Limits::default();
        let mut shown = FrameBuf::new(size, &limits).expect("room");
        let mut source = shown.clone();
        let mut random = 1_u64;
        for (i, px) in source.pixels_mut().chunks_exact_mut(4).enumerate() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if (i / 500) % 2 == 0 && random >> 60 < 5 {
                px[0] = (random >> 40) as u8;
                px[1] = (random >> 41) as u8;
            }
        }
        let rects = [
            CodedRect { rect: Rect::new(0, 0, 97, 30), coding: Coding::Modelled },
            CodedRect { rect: Rect::new(3, 30, 50, 33), coding: Coding::Modelled },
            CodedRect { rect: Rect::new(60, 40, 37, 2), coding: Coding::Rows },
            CodedRect { rect: Rect::new(60, 43, 37, 20), coding: Coding::Nearly },
        ];
        let mut held = shown.clone();
        let mut writer = PixelWriter::new();
        let mut reader = PixelReader::new();
        let mut first = Vec::new();
        let all = [CodedRect { rect: size.rect(), coding: Coding::Modelled }];
        let plain = writer.snapshot(&mut shown, &held.clone(), &all, true, &mut first).expect("a payload");
        reader.snapshot(&first, plain, &mut held, &limits, &mut Plain::default()).expect("sound");
        for slack in [0, 1, 7, 200] {
            let costly = &mut writer.learnt.model.costly;
            costly.fit(size);
            for _ in 0..9 {
                (0..1000).for_each(|i| costly.surprise(60 + i % 37));
                costly.note(&rects[3].rect);
                costly.settle();
            }
            source.pixels_mut().iter_mut().filter(|v| **v % 255 > 0).for_each(|v| *v = v.wrapping_add(37));
            let mut out = Vec::new();
            let plain = writer
                .update(&mut shown, &source, &rects, &Recall::default(), slack, &mut out)
                .expect("a payload");
            reader.update(&out, plain, &mut held, &limits, &mut Plain::default()).expect("sound");
            assert!(shown == held);
            for CodedRect { rect, coding } in &rects {
                let most = if *coding == Coding::Nearly { slack } else { 0 };
                let off =
                    |y| shown.row_of(rect, y).iter().zip(source.row_of(rect, y)).map(|(a, b)| a.abs_diff(*b));
                let off = (rect.y..rect.bottom()).flat_map(off).max();
                assert!(off <= Some(most) && (off > Some(0)) == (most > 0), "slack {slack}: {off:?} off");
            }
            shown.pixels_mut().fill(255);
            held.pixels_mut().fill(255);
        }
    }

    #[test]
    fn broken_payloads_are_named() {
        use crate::ErrorKind;
        let size = Size::new(80, 70);
        let limits = Limits::default();
        let black = FrameBuf::new(size, &limits).expect("room");
        let mut source = black.clone();
        for (i, px) in source.pixels_mut().chunks_exact_mut(4).enumerate() {
            px[1] = (i * i / 7) as u8;
        }
        let rect = |y, coding| CodedRect { rect: Rect::new(0, y, 80, 20), coding };
        let rects = [rect(0, Coding::Modelled), rect(20, Coding::Rows), rect(40, Coding::Predicted)];
        let mut payload = Vec::new();
        let mut writer = PixelWriter::new();
        let mut shown = black.clone();
        let plain = writer.snapshot(&mut shown, &source, &rects, true, &mut payload).expect("a payload");
        let read = |payload: &[u8], plain, limits: &Limits| {
            let mut reader = PixelReader::new();
            let mut picture = black.clone();
            reader
                .snapshot(payload, plain, &mut picture, limits, &mut Plain::default())
                .map(|()| picture)
                .map_err(|e| e.kind())
        };
        assert_eq!(read(&payload, plain, &limits), Ok(shown));
        let longer = [&payload[..], &[1; 5]].concat();
        assert_eq!(read(&longer, plain, &limits), Err(ErrorKind::InvalidData), "bytes left over");
        for len in [0, 1, 2, payload.len() / 2, payload.len() - 40] {
            assert_eq!(read(&payload[..len], plain, &limits), Err(ErrorKind::InvalidData), "{len} bytes");
        }
        let few = Limits { rects: 2, ..limits };
        assert_eq!(read(&payload, plain, &few), Err(ErrorKind::LimitExceeded));
        assert_eq!(read(&payload, 1 << 40, &limits), Err(ErrorKind::LimitExceeded));
        for other in [0, plain - 1, plain + 1] {
            assert_eq!(read(&payload, other, &limits), Err(ErrorKind::InvalidData), "{other} plain bytes");
        }
        let mut nobody = payload.clone();
        nobody[0] = 2;
        assert_eq!(read(&nobody, plain, &limits), Err(ErrorKind::InvalidData));
    }
}
