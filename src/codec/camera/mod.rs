//! The encoder of sources that may be cameras: planes go to AV1 as they are, and a picture that stands still is followed
//! by an exact one ("document mode").

mod steady;

use super::av1::{Av1Choice, Av1Encoder, Chroma, Planes, film_to_picture};
use super::config::{EncoderConfig, Mode, Refine};
use super::encoder::{Encoder, Update, UpdateKind};
use super::held::HeldTiles;
use super::regions::{FILM_PERCENT, steer, video_quantizer};
use crate::bitstream::{FilmBody, FilmCodec, FilmColour, Packet};
use crate::capture::{CursorUpdate, Damage};
use crate::error::{Error, Result};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Region, Size, Timestamp};
use std::time::Duration;
use steady::Steady;

/// A picture that has stood still for so long is sent exactly: shorter than a person takes to hold a page still and ask
/// whether it can be read, longer than a hand rests.
const STILL_AFTER: Duration = Duration::from_millis(1000);

/// What is told to the AV1 encoder of a camera's speed; pictures that do not come cost nothing.
const FPS: u32 = 30;

/// An [`Encoder`] that takes a camera's planes, too.
///
/// Pictures go through the [`Encoder`] as they are. Planes become packets of a film ([`FilmBody`]) in the same stream; once
/// they stand still for a second, the [`Encoder`] codes that very picture, loses at most what it may lose of any picture,
/// and refines it until it is exact. While it stands still nothing more is sent; as soon as it moves, the film goes on.
#[derive(Debug)]
pub struct CameraEncoder {
    config: EncoderConfig,
    encoder: Encoder,
    film: Option<Filming>,
    steady: Steady,
    bitrate: Option<u64>,
    /// For planes that cannot be a film.
    pixels: Option<FrameBuf>,
}

/// What is being filmed.
#[derive(Debug)]
struct Filming {
    /// The camera's newest picture.
    planes: Planes,
    colour: FilmColour,
    /// `None` while viewers have the still picture.
    av1: Option<Box<dyn Av1Encoder>>,
    /// The next picture needs nothing from before.
    keyframe: bool,
    quantizer: u8,
    coded_at: Timestamp,
}

impl CameraEncoder {
    /// An encoder before its first picture.
    ///
    /// # Errors
    /// As [`EncoderConfig::check`].
    pub fn new(config: EncoderConfig) -> Result<Self> {
        let encoder = Encoder::new(config)?;
        Ok(Self { config, encoder, film: None, steady: Steady::default(), bitrate: None, pixels: None })
    }

    /// Whether planes of a camera can become a film; otherwise its pictures are to come as any others.
    #[must_use]
    pub fn films(config: &EncoderConfig) -> bool {
        config.mode == Mode::Auto && config.av1 != Av1Choice::Off
    }

    /// As [`Encoder::encode`]; a film ends.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub fn encode(
        &mut self,
        frame: &mut FrameBuf,
        damage: &Damage,
        timestamp: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<Update> {
        if self.film.take().is_some_and(|film| film.av1.is_some()) {
            self.encoder.give_way();
        }
        self.encoder.encode(frame, damage, timestamp, out)
    }

    /// Encodes a camera's picture.
    ///
    /// # Shapes and units
    /// - `planes`: 4:2:0, of any size; another than before begins with a keyframe. On return they hold an **older** picture,
    ///   of any size: they are swapped, not copied.
    /// - `out`: one packet is appended, or nothing while the viewers have the still picture and this one is no other.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] for 4:4:4.
    /// - [`crate::ErrorKind::LimitExceeded`] if the picture or the packet is too large; `out` is unchanged, and the next
    ///   picture becomes a keyframe.
    ///
    /// # Threads and cost
    /// What AV1 costs, and one pass over the planes. Where the library or [`crate::Limits::memory_bytes`] allow no AV1, the
    /// picture goes through [`Encoder::encode`].
    pub fn film(
        &mut self,
        planes: &mut Planes,
        colour: FilmColour,
        timestamp: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<Update> {
        let size = planes.size();
        self.config.limits.check_size(size)?;
        if planes.chroma() != Chroma::Half {
            return Err(Error::input("a camera's planes have colour at half its width and height"));
        }
        let before = out.len();
        let shown = self.film.as_ref().is_some_and(|f| f.planes.size() == size && f.colour == colour);
        let still = shown && self.film.as_ref().is_some_and(|f| f.av1.is_none());
        let moved = self.steady.note(planes, still, timestamp);
        if still && !moved {
            return Ok(self.update(UpdateKind::Unchanged));
        }
        if !shown || still {
            let Some(av1) = self.av1_for(size) else {
                return self.as_picture(planes, colour, timestamp, out);
            };
            let quantizer = video_quantizer(self.config.quality);
            // Of what has been shown so far, nothing is needed any more.
            self.encoder.give_way();
            self.encoder.may_film();
            let held = self.film.take().map(|film| film.planes).unwrap_or_default();
            self.film = Some(Filming {
                planes: held,
                colour,
                av1: Some(av1),
                keyframe: true,
                quantizer,
                coded_at: timestamp,
            });
        }
        let Some(film) = &mut self.film else { return Ok(self.update(UpdateKind::Unchanged)) };
        std::mem::swap(&mut film.planes, planes);
        let keyframe = film.keyframe;
        let coded = self.unit(timestamp, out);
        if coded.is_err() {
            out.truncate(before);
            self.film = None;
        }
        coded?;
        Ok(self.update(if keyframe { UpdateKind::Keyframe } else { UpdateKind::Delta }))
    }

    /// Appends a packet of the film's newest picture.
    fn unit(&mut self, timestamp: Timestamp, out: &mut Vec<u8>) -> Result<()> {
        let Some(film) = &mut self.film else { return Ok(()) };
        let Some(av1) = &mut film.av1 else { return Ok(()) };
        let mut data = Vec::new();
        av1.encode(&film.planes, film.quantizer, film.keyframe, &mut data)?;
        // The head of a packet has a few small numbers.
        if data.len() + 128 > self.config.limits.packet_bytes {
            return Err(Error::limit("a camera's picture has more bytes than a packet may"));
        }
        if !film.keyframe {
            let frame = Duration::from_secs(1) / FPS;
            let since = timestamp.since(film.coded_at).clamp(frame / 2, frame * 4);
            let budget =
                self.bitrate.map(|bits| bits * FILM_PERCENT / 100 * since.as_micros() as u64 / 8_000_000);
            let wanted = video_quantizer(self.config.quality);
            film.quantizer = steer(film.quantizer, wanted, data.len() as u64, budget);
        }
        film.coded_at = timestamp;
        let (keyframe, size, colour) = (film.keyframe, film.planes.size(), film.colour);
        film.keyframe = false;
        let (epoch, sequence) = self.encoder.film_packet(keyframe, out);
        let codec = FilmCodec::Av1;
        Packet::Film(FilmBody { epoch, sequence, timestamp, size, codec, keyframe, colour, data: &data })
            .write(out);
        Ok(())
    }

    fn av1_for(&self, size: Size) -> Option<Box<dyn Av1Encoder>> {
        if !Self::films(&self.config) {
            return None;
        }
        // Three buffers of planes go round.
        let bytes = self.config.av1.video_bytes(size) + 3 * (size.area() * 3 / 2);
        (bytes <= self.config.limits.memory_bytes)
            .then(|| self.config.av1.video(size, Chroma::Half, FPS).ok())
            .flatten()
    }

    fn as_picture(
        &mut self,
        planes: &Planes,
        colour: FilmColour,
        timestamp: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<Update> {
        if self.film.take().is_some() {
            self.encoder.give_way();
        }
        let mut frame = picture_of(planes, colour, self.pixels.take(), &self.config)?;
        let update = self.encoder.encode(&mut frame, &Damage::Unknown, timestamp, out)?;
        self.pixels = Some(frame);
        Ok(update)
    }

    fn update(&self, kind: UpdateKind) -> Update {
        let (dirty_px, lossy_px) = match &self.film {
            Some(film) if film.av1.is_some() => (film.planes.size().area(), film.planes.size().area()),
            _ => (0, self.encoder.exactness().lossy_px()),
        };
        Update { kind, sequence: self.encoder.last_sequence(), dirty_px, stale: Region::empty(), lossy_px }
    }

    /// Whether viewers have a film and not a still picture.
    fn filming(&self) -> bool {
        self.film.as_ref().is_some_and(|film| film.av1.is_some())
    }

    /// As [`Encoder::refine_due`]; for a film, when it has stood still for long enough.
    #[must_use]
    pub fn refine_due(&self) -> Option<Timestamp> {
        if !self.filming() {
            return self.encoder.refine_due();
        }
        let due = Timestamp(self.steady.since().0 + Timestamp::from(STILL_AFTER).0);
        (self.config.refine != Refine::Off).then_some(due)
    }

    /// As [`Encoder::refine`]; of a film that stands still, the whole picture is sent first.
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
        if !self.filming() {
            return self.encoder.refine(timestamp, bytes, focus, out);
        }
        if self.refine_due().is_none_or(|due| due > timestamp) {
            return Ok(None);
        }
        let Some(film) = &mut self.film else { return Ok(None) };
        // Its memory goes to the still picture.
        film.av1 = None;
        let mut frame = picture_of(&film.planes, film.colour, None, &self.config)?;
        self.encoder.encode(&mut frame, &Damage::Unknown, timestamp, out).map(Some)
    }

    /// As [`Encoder::late_join`]; a film starts over for all, with a keyframe of its newest picture.
    ///
    /// # Errors
    /// As [`Encoder::late_join`].
    pub fn late_join(
        &mut self,
        timestamp: Timestamp,
        joiner: &mut Vec<u8>,
        others: &mut Vec<u8>,
    ) -> Result<Option<u64>> {
        let Some(film) = self.film.as_mut().filter(|film| film.av1.is_some()) else {
            return self.encoder.late_join(timestamp, joiner, others);
        };
        film.keyframe = true;
        let before = others.len();
        if let Err(e) = self.unit(timestamp, others) {
            others.truncate(before);
            self.film = None;
            return Err(e);
        }
        self.encoder.film_header(joiner);
        joiner.extend_from_slice(&others[before..]);
        Ok(Some(self.encoder.last_sequence()))
    }

    /// As [`Encoder::resume`]; what a viewer holds of a film is of no use.
    ///
    /// # Errors
    /// As [`Encoder::resume`].
    pub fn resume(
        &mut self,
        held: &HeldTiles,
        timestamp: Timestamp,
        resumer: &mut Vec<u8>,
        others: &mut Vec<u8>,
    ) -> Result<Option<u64>> {
        if self.filming() {
            return self.late_join(timestamp, resumer, others);
        }
        self.encoder.resume(held, timestamp, resumer, others)
    }

    /// As [`Encoder::forget`].
    pub fn forget(&mut self) {
        (self.film, self.pixels) = (None, None);
        self.steady.forget();
        self.encoder.forget();
    }

    /// As [`Encoder::set_bitrate`].
    pub fn set_bitrate(&mut self, bits_a_second: Option<u64>) {
        self.bitrate = bits_a_second;
        self.encoder.set_bitrate(bits_a_second);
    }

    /// As [`Encoder::cursor`].
    ///
    /// # Errors
    /// As [`Encoder::cursor`].
    pub fn cursor(&mut self, update: &CursorUpdate, timestamp: Timestamp, out: &mut Vec<u8>) -> Result<()> {
        self.encoder.cursor(update, timestamp, out)
    }

    /// The size of the newest picture.
    #[must_use]
    pub fn size(&self) -> Option<Size> {
        let film = self.film.as_ref().map(|film| film.planes.size());
        film.or_else(|| self.encoder.picture().map(FrameBuf::size))
    }
}

fn picture_of(
    planes: &Planes,
    colour: FilmColour,
    spare: Option<FrameBuf>,
    config: &EncoderConfig,
) -> Result<FrameBuf> {
    let size = planes.size();
    let bytes = size.area() * BYTES_PER_PIXEL as u64;
    if bytes > config.limits.memory_bytes {
        return Err(Error::limit(format!("a picture of {size} takes {bytes} bytes of memory")));
    }
    let mut frame = match spare {
        Some(frame) if frame.size() == size => frame,
        _ => FrameBuf::new(size, &config.limits)?,
    };
    film_to_picture(planes, colour, &mut frame)?;
    Ok(frame)
}
