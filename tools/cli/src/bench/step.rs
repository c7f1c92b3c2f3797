//! One codec over one trace, in a process of its own: what it costs is then its own, and so is its peak of memory.

use super::peers::VncEncoding;
use super::scoring::{Scores, Scoring};
use super::trace::RawTrace;
use super::vnc;
use crate::cost::{cpu_time, peak_rss_bytes};
use crate::failure::Failure;
use crate::output::line;
use panecast::Limits;
use panecast::capture::Damage;
use panecast::codec::{self, Decoded, Decoder, Encoder, EncoderConfig, Refine};
use panecast::frame::{FrameBuf, Timestamp};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::PathBuf;

/// The hidden command that a bench runs itself with.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The step as JSON
    step: String,
}

/// What one process does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Step {
    /// Encodes the trace into `stream` for a link of so many bits a second, and prints [`Encoded`].
    Encode { trace: RawTrace, stream: PathBuf, mode: Mode, link: u64 },
    /// Decodes `stream`, scores it against the trace, and prints [`Shown`]. `bytes` are those of each picture,
    /// `refined` those of refinement after each, `tail` those that came after the last one.
    Decode { trace: RawTrace, stream: PathBuf, bytes: Vec<u64>, refined: Vec<u64>, tail: u64 },
    /// Shows the trace on a VNC server to a viewer, and prints [`Encoded`] and [`Shown`].
    Vnc { trace: RawTrace, encoding: VncEncoding },
    /// Scores raw pictures from standard input, and prints [`Scores`].
    Score { trace: RawTrace },
}

/// How panecast codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    /// Every picture exact.
    Lossless,
    /// Films and photographs with a loss at first, at this quality.
    Auto(u8),
    /// Likewise, and what was lost is never made good, as with other codecs.
    Unrefined(u8),
}

impl Mode {
    fn config(self) -> EncoderConfig {
        let plain = EncoderConfig::default();
        match self {
            Self::Lossless => EncoderConfig { mode: codec::Mode::Lossless, ..plain },
            Self::Auto(quality) => EncoderConfig { mode: codec::Mode::Auto, quality, ..plain },
            Self::Unrefined(quality) => {
                EncoderConfig { mode: codec::Mode::Auto, quality, refine: Refine::Off, ..plain }
            }
        }
    }
}

/// What encoding cost.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Encoded {
    /// Bytes of each picture.
    pub(crate) bytes: Vec<u64>,
    /// Bytes after each picture that made good what earlier ones had lost; empty where there is no such thing.
    pub(crate) refined: Vec<u64>,
    /// CPU of each picture in nanoseconds; empty where it cannot be told apart.
    pub(crate) cpu_ns: Vec<u64>,
    /// CPU of refinement, all of it.
    pub(crate) refine_ns: u64,
    /// CPU of all, the start of the codec included.
    pub(crate) cpu_total_ns: u64,
    /// Most bytes of memory resident.
    pub(crate) peak_bytes: Option<u64>,
    /// Pictures that went in before the first one's bytes came out, beyond the one itself; `None` if unknown.
    pub(crate) latency_frames: Option<u64>,
    /// Bytes after the last picture that made it exact, and how long after it they had arrived, in milliseconds.
    pub(crate) tail_bytes: u64,
    pub(crate) tail_ms: Option<f64>,
}

/// What decoding cost and showed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shown {
    /// CPU of each picture in nanoseconds, refinement apart; empty where it cannot be told apart.
    pub(crate) cpu_ns: Vec<u64>,
    /// CPU of all.
    pub(crate) cpu_total_ns: u64,
    /// Most bytes of memory resident.
    pub(crate) peak_bytes: Option<u64>,
    /// How near it was.
    pub(crate) scores: Scores,
    /// Whether the last picture had become exact in the end.
    pub(crate) ends_exact: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let step: Step = serde_json::from_str(&arguments.step)
        .map_err(|e| Failure::usage(format!("not a step: {e}"), "use `panecast bench`"))?;
    // One thread: figures are CPU, and the stream is the same for any number.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|e| Failure::new(format!("no threads: {e}"), "close other programs"))?;
    let printed = pool.install(|| match step {
        Step::Encode { trace, stream, mode, link } => json(&encode(&trace, &stream, mode, link)?),
        Step::Decode { trace, stream, bytes, refined, tail } => {
            json(&decode(&trace, &stream, bytes.iter().zip(&refined), tail)?)
        }
        Step::Vnc { trace, encoding } => json(&vnc::replay(&trace, encoding)?),
        Step::Score { trace } => json(&score(&trace)?),
    })?;
    line(printed)
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|e| Failure::new(e.to_string(), "report this"))
}

fn nanos(since: std::time::Duration) -> u64 {
    u64::try_from(cpu_time().saturating_sub(since).as_nanos()).unwrap_or(u64::MAX)
}

/// How long after the last picture what it lacks is waited for.
const TAIL_US: u64 = 10_000_000;

/// A link of a fixed rate on the trace's own clock.
struct Link {
    bits_a_second: f64,
    /// When it has sent what it was given, in microseconds.
    free_us: f64,
}

impl Link {
    fn send(&mut self, now_us: u64, bytes: usize) {
        self.free_us = self.free_us.max(now_us as f64) + bytes as f64 * 8e6 / self.bits_a_second;
    }

    /// Bytes that it could send until `until_us` beyond what it was given.
    fn room(&self, now_us: u64, until_us: u64) -> usize {
        let left_us = until_us as f64 - self.free_us.max(now_us as f64);
        (left_us.max(0.0) * self.bits_a_second / 8e6) as usize
    }
}

fn encode(trace: &RawTrace, stream: &PathBuf, mode: Mode, link: u64) -> Result<Encoded, Failure> {
    let mut pictures = trace.open()?;
    let mut frame = FrameBuf::new(trace.size(), &Limits::default())?;
    let mut out = BufWriter::new(File::create(stream)?);
    let start = cpu_time();
    let mut encoder = Encoder::new(mode.config())?;
    let start_ns = nanos(start);
    let mut encoded = Encoded { latency_frames: Some(0), ..Encoded::default() };
    let mut link = Link { bits_a_second: link.max(1) as f64, free_us: 0.0 };
    let mut bytes = Vec::new();
    while pictures.next(&mut frame)? {
        let index = encoded.bytes.len() as u64;
        let (now, next) = (trace.time_us(index), trace.time_us(index + 1));
        bytes.clear();
        let start = cpu_time();
        encoder.encode(&mut frame, &Damage::Unknown, Timestamp(now), &mut bytes)?;
        encoded.cpu_ns.push(nanos(start));
        let picture = bytes.len();
        encoded.bytes.push(picture as u64);
        link.send(now, picture);
        let start = cpu_time();
        refine(&mut encoder, &mut link, now, next, &mut bytes)?;
        encoded.refine_ns += nanos(start);
        encoded.refined.push((bytes.len() - picture) as u64);
        out.write_all(&bytes)?;
    }
    encoded.cpu_total_ns = start_ns + encoded.refine_ns + encoded.cpu_ns.iter().sum::<u64>();
    // The desktop stays as it is: what the last picture lacks follows.
    let last = trace.time_us((encoded.bytes.len() as u64).saturating_sub(1));
    let mut index = encoded.bytes.len() as u64;
    while encoder.exactness().lossy_px() > 0 && trace.time_us(index) <= last + TAIL_US {
        bytes.clear();
        let (now, next) = (trace.time_us(index), trace.time_us(index + 1));
        refine(&mut encoder, &mut link, now, next, &mut bytes)?;
        out.write_all(&bytes)?;
        encoded.tail_bytes += bytes.len() as u64;
        index += 1;
    }
    out.flush()?;
    let after = (link.free_us - last as f64).max(0.0) / 1000.0;
    encoded.tail_ms = (encoder.exactness().lossy_px() == 0).then_some(after);
    encoded.peak_bytes = peak_rss_bytes();
    Ok(encoded)
}

/// Sends exact pixels for as long as the link has nothing else to do.
fn refine(
    encoder: &mut Encoder,
    link: &mut Link,
    now: u64,
    next: u64,
    bytes: &mut Vec<u8>,
) -> Result<(), Failure> {
    let room = link.room(now, next);
    if room == 0 || encoder.refine_due().is_none_or(|due| due.micros() > now) {
        return Ok(());
    }
    let before = bytes.len();
    encoder.refine(Timestamp(now), room, None, bytes)?;
    link.send(now, bytes.len() - before);
    Ok(())
}

fn decode<'a>(
    trace: &RawTrace,
    stream: &PathBuf,
    parts: impl Iterator<Item = (&'a u64, &'a u64)>,
    tail: u64,
) -> Result<Shown, Failure> {
    let mut input = File::open(stream)?;
    let mut scoring = Scoring::new(trace)?;
    let mut decoder = Decoder::new(Limits::default());
    let mut shown = Shown::default();
    let blank = FrameBuf::new(trace.size(), &Limits::default())?;
    let mut packet = Vec::new();
    // Whether anything was painted, and the CPU.
    let mut next = |decoder: &mut Decoder, count: u64| -> Result<(bool, u64), Failure> {
        packet.resize(usize::try_from(count).unwrap_or(usize::MAX), 0);
        input.read_exact(&mut packet)?;
        let start = cpu_time();
        let mut touched = false;
        if !packet.is_empty() {
            decoder.feed(&packet)?;
            while let Some(decoded) = decoder.next()? {
                touched |= matches!(decoded, Decoded::Picture { .. });
            }
        }
        Ok((touched, nanos(start)))
    };
    for (picture, refined) in parts {
        let (painted, picture_ns) = next(&mut decoder, *picture)?;
        let (refined, refine_ns) = next(&mut decoder, *refined)?;
        shown.cpu_ns.push(picture_ns);
        shown.cpu_total_ns += picture_ns + refine_ns;
        scoring.next(decoder.frame().unwrap_or(&blank), painted || refined)?;
    }
    shown.peak_bytes = peak_rss_bytes();
    let mut packet = Vec::new();
    input.take(tail).read_to_end(&mut packet)?;
    for part in packet.chunks(1 << 20) {
        decoder.feed(part)?;
        while decoder.next()?.is_some() {}
    }
    shown.ends_exact = decoder.frame().is_some_and(|frame| scoring.is_last(frame));
    shown.scores = scoring.finish();
    Ok(shown)
}

fn score(trace: &RawTrace) -> Result<Scores, Failure> {
    let mut input = std::io::stdin().lock();
    let mut scoring = Scoring::new(trace)?;
    let mut shown = FrameBuf::new(trace.size(), &Limits::default())?;
    for _ in 0..trace.frames {
        if input.read_exact(shown.pixels_mut()).is_err() {
            break;
        }
        shown.pixels_mut().chunks_exact_mut(4).for_each(|px| px[3] = 255);
        scoring.next(&shown, true)?;
    }
    Ok(scoring.finish())
}
