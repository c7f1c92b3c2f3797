//! `panecast encode`.

use crate::codec_args::{CodecArgs, mode_name};
use crate::cost::{cpu_time, peak_rss_bytes};
use crate::failure::Failure;
use crate::mask_args::RectArgs;
use crate::output::{has_extension, is_standard, reader, writer};
use crate::progress;
use panecast::capture::mask::Masked;
use panecast::capture::{Captured, Capturer, FileSource};
use panecast::codec::{Encoder, EncoderConfig, Mode, UpdateKind};
use panecast::frame::{FrameBuf, Region, Size, Timestamp};
use panecast::{Error, ErrorKind};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// The rate of raw frames where none is given.
const USUAL_FPS: u32 = 30;

/// Bits a second that are left for refinement where none are asked for.
const USUAL_BITRATE: u64 = 10_000_000;

/// Encode recorded pictures into a stream
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast encode screen.bgra --size 1280x720 --fps 30 -o screen.pcast
  panecast encode film.y4m -o film.pcast --stats film.json
  panecast encode screen.bgra --size 1280x720 --mask 0,0,400,90 -o screen.pcast
  panecast encode film.y4m --mode auto --quality 70 --bitrate 4M -o film.pcast
  ffmpeg -i film.mkv -f rawvideo -pix_fmt bgra - | panecast encode - --size 1280x720 -o film.pcast

Decoding gives every picture back, byte for byte, alpha 255; with --mode auto, all but films and photographs. What of
them rests becomes exact with what is left of the bitrate.
Exit codes: 0 success, 1 failure, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// The pictures; `-` is standard input
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The stream; `-` is standard output
    #[arg(short, long, value_name = "OUT.pcast")]
    output: PathBuf,
    /// What the pictures are [default: y4m if IN ends in .y4m, else bgra]
    #[arg(long, value_enum)]
    format: Option<InputFormat>,
    /// Size of raw pictures, for example 1280x720
    #[arg(long, value_name = "WxH")]
    size: Option<Size>,
    /// Pictures a second [default: what a y4m file says, 30 for raw pictures]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    fps: Option<u32>,
    #[command(flatten)]
    codec: CodecArgs,
    #[command(flatten)]
    masks: RectArgs,
    /// Threads that compare pictures; the stream is the same for any number [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// File for figures as JSON; `-` is standard output
    #[arg(long, value_name = "S.json")]
    stats: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum InputFormat {
    /// Raw B, G, R and a fourth byte that is ignored; rows without padding
    Bgra,
    /// YUV4MPEG2
    Y4m,
}

/// What one run counts.
#[derive(Debug, Default)]
struct Figures {
    frame_bytes: Vec<u64>,
    changed: u64,
    bytes: u64,
    /// Packets and bytes that only made lossy places exact; the bytes count in those of their picture too.
    refinements: (u64, u64),
    cpu: Duration,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.stats.as_deref().is_some_and(is_standard) && is_standard(&arguments.output) {
        return Err(Failure::usage(
            "the stream and the figures cannot both go to standard output",
            "name a file with --stats",
        ));
    }
    let threads = arguments.threads.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Failure::new(format!("no threads: {e}"), "try --threads 1"))?;
    let config = arguments.codec.encoder(Mode::Lossless)?;
    let mut source = Masked::new(Box::new(open(arguments)?), arguments.masks.masks());
    let size = source.info().size;
    let mut out = writer(&arguments.output)?;
    let coding = Coding { config, bitrate: arguments.codec.bitrate(), fps: arguments.fps };
    let (figures, fps) = encode(&mut source, &coding, &pool, &mut *out)?;
    out.flush()?;
    drop(out);
    if let Some(path) = &arguments.stats {
        let facts = json!({
            "width": size.width,
            "height": size.height,
            "fps": fps,
            "mode": mode_name(config.mode),
            "av1": config.av1.name(),
            "quality": config.quality,
            "threads": pool.current_num_threads(),
            "frames": figures.frame_bytes.len(),
            "changed_frames": figures.changed,
            "bytes_total": figures.bytes,
            "frame_bytes": figures.frame_bytes,
            "refinements": figures.refinements.0,
            "refinement_bytes": figures.refinements.1,
            "encode_cpu_ms_total": (figures.cpu.as_secs_f64() * 1e6).round() / 1e3,
            "peak_rss_bytes": peak_rss_bytes(),
        });
        let mut out = writer(path)?;
        writeln!(out, "{facts}")?;
        out.flush()?;
    }
    Ok(())
}

fn open(arguments: &Arguments) -> Result<FileSource, Failure> {
    let format = arguments.format.unwrap_or(if has_extension(&arguments.input, "y4m") {
        InputFormat::Y4m
    } else {
        InputFormat::Bgra
    });
    let raw_size = match (format, arguments.size) {
        (InputFormat::Bgra, None) => {
            return Err(Failure::usage(
                "raw pictures do not say their size",
                "add --size, for example --size 1280x720, or --format y4m",
            ));
        }
        (InputFormat::Y4m, Some(_)) => {
            return Err(Failure::usage("a y4m file says its own size", "leave --size out"));
        }
        (_, size) => size,
    };
    let input = reader(&arguments.input)?;
    let source = match raw_size {
        Some(size) => FileSource::raw(input, size, arguments.fps.unwrap_or(USUAL_FPS)),
        None => FileSource::y4m(input),
    };
    source.map_err(|e| Failure::from(e).about(arguments.input.display()))
}

/// How a file is coded.
struct Coding {
    config: EncoderConfig,
    bitrate: Option<u64>,
    /// The rate that was asked for.
    fps: Option<u32>,
}

/// Bytes that are left for refinement, as if the stream went over a line of a constant rate.
struct Allowance {
    /// Bits that a second brings.
    bitrate: i64,
    bits: i64,
}

impl Allowance {
    fn new(bitrate: u64) -> Self {
        Self { bitrate: i64::try_from(bitrate).unwrap_or(i64::MAX), bits: 0 }
    }

    /// The time of one picture has passed.
    fn pass(&mut self, fps: u32) {
        let brought = self.bitrate / i64::from(fps.max(1));
        // What a line has not carried is lost, but for the moment that a queue may take.
        self.bits = self.bits.saturating_add(brought).min(brought.max(self.bitrate / 10));
    }

    fn spend(&mut self, bytes: usize) {
        self.bits = self.bits.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX).saturating_mul(8));
    }

    fn bytes(&self) -> usize {
        usize::try_from(self.bits / 8).unwrap_or(0)
    }
}

/// Encodes all pictures, and gives the figures and the rate.
fn encode(
    source: &mut dyn Capturer,
    coding: &Coding,
    pool: &rayon::ThreadPool,
    out: &mut dyn Write,
) -> Result<(Figures, u32), Failure> {
    let limits = coding.config.limits;
    let mut frame = FrameBuf::new(source.info().size, &limits)?;
    let stale = Region::full(frame.size());
    let mut encoder = Encoder::new(coding.config)?;
    encoder.set_bitrate(coding.bitrate);
    let mut allowance = Allowance::new(coding.bitrate.unwrap_or(USUAL_BITRATE));
    let mut figures = Figures::default();
    let mut bytes = Vec::new();
    let bar = progress::bar(None, "pictures");
    let mut fps = coding.fps.unwrap_or(USUAL_FPS);
    loop {
        let damage = match source.next(&mut frame, &stale, Duration::MAX)? {
            Captured::Frame { timestamp, damage } => {
                // The second picture's time tells the rate of the file. Rates such as 30000/1001 are rounded:
                // times must lie on a grid of whole pictures a second for decoding to find each one again.
                if let (None, Some(Timestamp(micros @ 1..)), 1) =
                    (coding.fps, timestamp, figures.frame_bytes.len())
                {
                    fps = ((1_000_000 + micros / 2) / micros).clamp(1, 1000) as u32;
                }
                damage
            }
            Captured::Unchanged => continue,
            Captured::Ended => break,
            Captured::Resized(size) => {
                return Err(Error::new(
                    ErrorKind::InvalidData,
                    format!("the file changed its size to {size}"),
                )
                .into());
            }
        };
        let timestamp = Timestamp::of_frame(figures.frame_bytes.len() as u64, fps);
        bytes.clear();
        let before = cpu_time();
        let update = pool.install(|| encoder.encode(&mut frame, &damage, timestamp, &mut bytes))?;
        allowance.pass(fps);
        allowance.spend(bytes.len());
        // A picture has one packet: its time would not tell two apart.
        let due = bytes.is_empty() && encoder.refine_due().is_some_and(|due| due <= timestamp);
        if due && allowance.bytes() > 0 {
            let begun = bytes.len();
            if pool.install(|| encoder.refine(timestamp, allowance.bytes(), None, &mut bytes))?.is_some() {
                allowance.spend(bytes.len() - begun);
                figures.refinements.0 += 1;
                figures.refinements.1 += (bytes.len() - begun) as u64;
            }
        }
        figures.cpu += cpu_time().saturating_sub(before);
        figures.changed += u64::from(update.kind != UpdateKind::Unchanged);
        figures.frame_bytes.push(bytes.len() as u64);
        figures.bytes += bytes.len() as u64;
        out.write_all(&bytes)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    if figures.frame_bytes.is_empty() {
        return Err(Failure::new("there is no picture in the input", "check the file and --size"));
    }
    bytes.clear();
    encoder.finish(figures.frame_bytes.len() as u64, fps, &mut bytes);
    figures.bytes += bytes.len() as u64;
    out.write_all(&bytes)?;
    Ok((figures, fps))
}
