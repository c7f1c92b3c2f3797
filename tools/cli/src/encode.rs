//! `panecast encode`.

use crate::cost::{cpu_time, peak_rss_bytes};
use crate::failure::Failure;
use crate::output::{has_extension, is_standard, reader, writer};
use crate::progress;
use panecast::capture::{Captured, Capturer, FileSource};
use panecast::codec::{Encoder, EncoderConfig, UpdateKind};
use panecast::frame::{FrameBuf, Region, Size, Timestamp};
use panecast::{Error, ErrorKind, Limits};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// The rate of raw frames where none is given.
const USUAL_FPS: u32 = 30;

/// Encode recorded pictures into a stream
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast encode screen.bgra --size 1280x720 --fps 30 -o screen.pcast
  panecast encode film.y4m -o film.pcast --stats film.json
  ffmpeg -i film.mkv -f rawvideo -pix_fmt bgra - | panecast encode - --size 1280x720 -o film.pcast

Decoding gives every picture back, byte for byte, alpha 255.
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
    /// How to code
    #[arg(long, value_enum, default_value_t = Mode::Auto)]
    mode: Mode,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// Every picture exact
    Lossless,
    /// The best that this version has: every picture exact
    Auto,
}

/// What one run counts.
#[derive(Debug, Default)]
struct Figures {
    frame_bytes: Vec<u64>,
    changed: u64,
    bytes: u64,
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
    let mut source = open(arguments)?;
    let size = source.info().size;
    let mut out = writer(&arguments.output)?;
    let (figures, fps) = encode(&mut source, arguments.fps, &pool, &mut *out)?;
    out.flush()?;
    drop(out);
    if let Some(path) = &arguments.stats {
        let facts = json!({
            "width": size.width,
            "height": size.height,
            "fps": fps,
            "mode": match arguments.mode { Mode::Lossless => "lossless", Mode::Auto => "auto" },
            "threads": pool.current_num_threads(),
            "frames": figures.frame_bytes.len(),
            "changed_frames": figures.changed,
            "bytes_total": figures.bytes,
            "frame_bytes": figures.frame_bytes,
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

/// Encodes all pictures, and gives the figures and the rate.
fn encode(
    source: &mut FileSource,
    asked_fps: Option<u32>,
    pool: &rayon::ThreadPool,
    out: &mut dyn Write,
) -> Result<(Figures, u32), Failure> {
    let limits = Limits::default();
    let mut frame = FrameBuf::new(source.info().size, &limits)?;
    let stale = Region::full(frame.size());
    let mut encoder = Encoder::new(EncoderConfig { limits, ..EncoderConfig::default() })?;
    let mut figures = Figures::default();
    let mut bytes = Vec::new();
    let bar = progress::bar(None, "pictures");
    let mut fps = asked_fps.unwrap_or(USUAL_FPS);
    loop {
        let damage = match source.next(&mut frame, &stale, Duration::MAX)? {
            Captured::Frame { timestamp, damage } => {
                // The second picture's time tells the rate of the file. Rates such as 30000/1001 are rounded:
                // times must lie on a grid of whole pictures a second for decoding to find each one again.
                if let (None, Some(Timestamp(micros @ 1..)), 1) =
                    (asked_fps, timestamp, figures.frame_bytes.len())
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
