//! One codec over one trace, in a process of its own: what it costs is then its own, and so is its peak of memory.

use super::scoring::{Scores, Scoring};
use super::trace::RawTrace;
use crate::cost::{cpu_time, peak_rss_bytes};
use crate::failure::Failure;
use crate::output::line;
use panecast::Limits;
use panecast::capture::Damage;
use panecast::codec::{Decoded, Decoder, Encoder, EncoderConfig};
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
    /// Encodes the trace into `stream`, and prints [`Encoded`].
    Encode { trace: RawTrace, stream: PathBuf, mode: Mode },
    /// Decodes `stream`, scores it against the trace, and prints [`Shown`]. `bytes` are those of each picture.
    Decode { trace: RawTrace, stream: PathBuf, bytes: Vec<u64> },
    /// Scores raw pictures from standard input, and prints [`Scores`].
    Score { trace: RawTrace },
}

/// How panecast codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    /// Every picture exact.
    Lossless,
}

/// What encoding cost.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Encoded {
    /// Bytes of each picture.
    pub(crate) bytes: Vec<u64>,
    /// CPU of each picture in nanoseconds; empty where it cannot be told apart.
    pub(crate) cpu_ns: Vec<u64>,
    /// CPU of all.
    pub(crate) cpu_total_ns: u64,
    /// Most bytes of memory resident.
    pub(crate) peak_bytes: Option<u64>,
    /// Pictures that went in before the first one's bytes came out, beyond the one itself; `None` if unknown.
    pub(crate) latency_frames: Option<u64>,
}

/// What decoding cost and showed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shown {
    /// CPU of each picture in nanoseconds; empty where it cannot be told apart.
    pub(crate) cpu_ns: Vec<u64>,
    /// CPU of all.
    pub(crate) cpu_total_ns: u64,
    /// Most bytes of memory resident.
    pub(crate) peak_bytes: Option<u64>,
    /// How near it was.
    pub(crate) scores: Scores,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let step: Step = serde_json::from_str(&arguments.step)
        .map_err(|e| Failure::usage(format!("not a step: {e}"), "use `panecast bench`"))?;
    // One thread: figures are CPU, and the stream is the same for any number.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|e| Failure::new(format!("no threads: {e}"), "close other programs"))?;
    let printed = pool.install(|| match step {
        Step::Encode { trace, stream, mode } => json(&encode(&trace, &stream, mode)?),
        Step::Decode { trace, stream, bytes } => json(&decode(&trace, &stream, &bytes)?),
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

fn encode(trace: &RawTrace, stream: &PathBuf, mode: Mode) -> Result<Encoded, Failure> {
    let mut pictures = trace.open()?;
    let mut frame = FrameBuf::new(trace.size(), &Limits::default())?;
    let mut out = BufWriter::new(File::create(stream)?);
    let config = match mode {
        Mode::Lossless => EncoderConfig::default(),
    };
    let mut encoder = Encoder::new(config)?;
    let mut encoded = Encoded { latency_frames: Some(0), ..Encoded::default() };
    let mut bytes = Vec::new();
    while pictures.next(&mut frame)? {
        let index = encoded.bytes.len() as u64;
        bytes.clear();
        let start = cpu_time();
        encoder.encode(&mut frame, &Damage::Unknown, Timestamp(trace.time_us(index)), &mut bytes)?;
        encoded.cpu_ns.push(nanos(start));
        out.write_all(&bytes)?;
        encoded.bytes.push(bytes.len() as u64);
    }
    out.flush()?;
    encoded.cpu_total_ns = encoded.cpu_ns.iter().sum();
    encoded.peak_bytes = peak_rss_bytes();
    Ok(encoded)
}

fn decode(trace: &RawTrace, stream: &PathBuf, bytes: &[u64]) -> Result<Shown, Failure> {
    let mut input = File::open(stream)?;
    let mut scoring = Scoring::new(trace)?;
    let mut decoder = Decoder::new(Limits::default());
    let mut shown = Shown::default();
    let blank = FrameBuf::new(trace.size(), &Limits::default())?;
    let mut packet = Vec::new();
    for count in bytes {
        packet.resize(usize::try_from(*count).unwrap_or(usize::MAX), 0);
        input.read_exact(&mut packet)?;
        let start = cpu_time();
        let mut touched = false;
        if !packet.is_empty() {
            decoder.feed(&packet)?;
            while let Some(decoded) = decoder.next()? {
                touched |= matches!(decoded, Decoded::Picture { .. });
            }
        }
        shown.cpu_ns.push(nanos(start));
        scoring.next(decoder.frame().unwrap_or(&blank), touched)?;
    }
    shown.cpu_total_ns = shown.cpu_ns.iter().sum();
    shown.peak_bytes = peak_rss_bytes();
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
