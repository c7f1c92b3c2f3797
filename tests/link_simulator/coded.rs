//! An editor beside a photograph and a spinner, through the real encoder and decoders.

use crate::line::Ms;
use crate::scene::Random;
use crate::session::{Desk, Parcel};
use panecast::Limits;
use panecast::capture::Damage;
use panecast::codec::{Decoded, Decoder, Encoder, EncoderConfig, Mode, UpdateKind};
use panecast::frame::{FrameBuf, Rect, Region, Size, Timestamp};
use panecast::session::Flow;

const SIZE: Size = Size::new(640, 360);
const PHOTO: Rect = Rect::new(0, 0, 300, 200);
const PAGE: Rect = Rect::new(310, 80, 320, 168);
const GLYPH: (u32, u32) = (8, 14);

pub(crate) struct Editor {
    pub(crate) picture: FrameBuf,
    encoder: Encoder,
    decoders: Vec<Decoder>,
    random: Random,
    typed: Vec<Ms>,
    letters: u32,
    damage: Region,
    begun: bool,
    /// What is encoded into; it lags behind by one picture.
    buffer: Option<(FrameBuf, Region)>,
}

/// From then on nothing moves.
pub(crate) const QUIET: Ms = 30_000;

impl Editor {
    pub(crate) fn new(mode: Mode, viewers: usize) -> Self {
        let limits = Limits::default();
        let mut picture = FrameBuf::new(SIZE, &limits).unwrap();
        let mut random = Random(11);
        // Waves and a little grain: a photograph as far as a coder can tell.
        for y in PHOTO.y..PHOTO.bottom() {
            for (x, px) in picture.row_of_mut(&PHOTO, y).chunks_exact_mut(4).enumerate() {
                let (x, y) = (x as f64, f64::from(y));
                for (c, value) in px[..3].iter_mut().enumerate() {
                    let c = c as f64 + 1.0;
                    let wave = (x / (9.0 * c)).sin() * 40.0 + ((x + 2.0 * y) / (23.0 + c)).cos() * 50.0;
                    *value = (128.0 + wave + random.between(-6.0, 6.0)) as u8;
                }
            }
        }
        Self {
            buffer: Some((FrameBuf::new(SIZE, &limits).unwrap(), Region::full(SIZE))),
            picture,
            encoder: Encoder::new(EncoderConfig { mode, ..EncoderConfig::default() }).unwrap(),
            decoders: (0..viewers).map(|_| Decoder::new(limits)).collect(),
            random,
            typed: Vec::new(),
            letters: 0,
            damage: Region::full(SIZE),
            begun: false,
        }
    }

    /// What a viewer sees.
    pub(crate) fn seen(&self, viewer: usize) -> Option<&FrameBuf> {
        self.decoders[viewer].frame()
    }

    fn draw(&mut self, rect: Rect, mut dot: impl FnMut(&mut Random) -> [u8; 3]) {
        for y in rect.y..rect.bottom() {
            for px in self.picture.row_of_mut(&rect, y).chunks_exact_mut(4) {
                px[..3].copy_from_slice(&dot(&mut self.random));
            }
        }
        self.damage.add(rect);
    }

    fn letter(&mut self) {
        let columns = PAGE.width / GLYPH.0;
        let (line, column) = (self.letters / columns % 12, self.letters % columns);
        self.letters += 1;
        let rect = Rect::new(PAGE.x + column * GLYPH.0, PAGE.y + line * GLYPH.1, GLYPH.0, GLYPH.1);
        self.draw(rect, |random| if random.up_to(2) == 0 { [20; 3] } else { [240; 3] });
    }

    /// Encodes the newest picture; `None` if it is what was sent last.
    fn newest(&mut self, now: Ms) -> Option<Vec<u8>> {
        let (mut frame, mut stale) = self.buffer.take().unwrap();
        stale.add_region(&self.damage);
        for rect in stale.rects() {
            frame.copy_from(&self.picture.view(), rect).unwrap();
        }
        let damage = Damage::Within(std::mem::take(&mut self.damage));
        let mut bytes = Vec::new();
        let update = self.encoder.encode(&mut frame, &damage, Timestamp(now * 1000), &mut bytes).unwrap();
        self.buffer = Some((frame, update.stale));
        (update.kind != UpdateKind::Unchanged).then_some(bytes)
    }
}

impl Desk for Editor {
    fn capture(&mut self, now: Ms) -> bool {
        if now >= QUIET {
            return !self.damage.is_empty();
        }
        self.draw(Rect::new(600, 10, 24, 24), |random| [random.up_to(255) as u8, 90, 40]);
        if now % 5000 < 34 {
            // A page flip.
            self.draw(PAGE, |_| [250; 3]);
        }
        true
    }

    fn encode(&mut self, now: Ms, flow: &Flow) -> Option<Parcel> {
        self.encoder.set_bitrate(flow.target_bitrate());
        let data = self.newest(now)?;
        Some(Parcel { bytes: data.len(), data, keys: std::mem::take(&mut self.typed), ..Parcel::default() })
    }

    fn snapshot(&mut self, now: Ms) -> (Parcel, Parcel) {
        let (mut joiner, mut others) = (Vec::new(), Vec::new());
        if self.begun {
            self.encoder.late_join(Timestamp(now * 1000), &mut joiner, &mut others).unwrap();
        } else {
            joiner = self.newest(now).unwrap();
            self.begun = true;
        }
        let parcel = |data: Vec<u8>| Parcel { bytes: data.len(), data, ..Parcel::default() };
        (parcel(joiner), parcel(others))
    }

    fn refine(&mut self, now: Ms, bytes: usize) -> Option<Parcel> {
        let mut data = Vec::new();
        self.encoder.refine(Timestamp(now * 1000), bytes, None, &mut data).unwrap()?;
        Some(Parcel { bytes: data.len(), data, ..Parcel::default() })
    }

    fn key(&mut self, pressed: Ms) {
        self.letter();
        self.typed.push(pressed);
    }

    fn painted(&mut self, viewer: usize, parcel: &Parcel) {
        let decoder = &mut self.decoders[viewer];
        if parcel.data.starts_with(b"PCST") {
            decoder.reset();
        }
        decoder.feed(&parcel.data).unwrap();
        let mut pictures = 0;
        while let Some(decoded) = decoder.next().unwrap() {
            pictures += usize::from(matches!(decoded, Decoded::Picture { .. } | Decoded::Epoch { .. }));
        }
        assert_eq!(pictures, 1, "each update is one packet");
    }
}
