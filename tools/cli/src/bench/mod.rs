//! `panecast bench`.

mod bd_rate;
mod ffmpeg;
mod machine;
mod page;
mod peers;
mod plots;
mod row;
mod scoring;
mod step;
mod table;
mod trace;
#[cfg(target_os = "linux")]
mod vnc;
#[cfg(not(target_os = "linux"))]
#[path = "vnc_absent.rs"]
mod vnc;

pub(crate) use step::{Arguments as StepArguments, run as run_step};

use crate::failure::Failure;
use crate::output::line;
use crate::progress;
use indicatif::ProgressBar;
use panecast::frame::Size;
use peers::{Peer, VncEncoding};
use row::Row;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use step::{Encoded, Mode, Shown, Step};
use trace::{RawTrace, TraceSpec};

/// Measure bytes, CPU, delay, memory and picture quality on recorded desktops
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast bench --out figures                               the built-in desktop
  panecast bench screen.pcast film.y4m --out figures
  panecast bench screen.bgra --size 1280x720 --fps 30 --out figures
  panecast bench traces/ --peers --out figures --frames 120
  panecast bench traces/ --peers --codec libaom --codec panecast --out figures --json

Writes bench.csv and bench.html into DIR. A trace is a stream (.pcast), a .y4m file, raw B, G, R, A pictures (.bgra;
their size from --size or from a text file beside them with `1280x720 30` in it), a folder of these, or
pattern[:WxH@FPS]. CPU is user and system time, never wall time; every codec runs in processes of its own.
Exit codes: 0 success, 1 failure, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// Traces, and folders of them [default: pattern:1280x720@30]
    #[arg(value_name = "TRACES")]
    traces: Vec<String>,
    /// Folder for bench.csv and bench.html; made if it is not there
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// Run other codecs on the same pictures, as far as ffmpeg and a VNC server (TigerVNC's Xvnc) are installed
    #[arg(long)]
    peers: bool,
    /// Run only codecs with this in their name; may be repeated
    #[arg(long, value_name = "NAME")]
    codec: Vec<String>,
    /// Qualities at which the automatic mode runs, from 1 to 100
    #[arg(long, value_name = "Q,…", value_delimiter = ',', default_values_t = [85, 60, 30])]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: Vec<u8>,
    /// Size of raw pictures, for example 1280x720
    #[arg(long, value_name = "WxH")]
    size: Option<Size>,
    /// Pictures a second of raw pictures [default: 30]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    fps: Option<u32>,
    /// Most pictures of each trace [default: all; 90 of the built-in desktop]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
    /// The link on which times until a picture has arrived are counted, in kbit/s
    #[arg(long, value_name = "KBIT", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    link: u64,
    /// The codec that BD-rates refer to
    #[arg(long, value_name = "NAME", default_value = peers::BASELINE)]
    baseline: String,
    /// Print all figures as JSON to standard output
    #[arg(long)]
    json: bool,
}

/// The automatic mode as other codecs work: what was lost stays lost.
const UNREFINED: &str = "panecast auto, unrefined";

/// A codec at one quality.
#[derive(Clone, Copy, Debug)]
enum Job {
    Own(Mode),
    Peer(Peer, u32),
    Vnc(VncEncoding),
}

impl Job {
    fn name(&self) -> &'static str {
        match self {
            Self::Own(Mode::Lossless) => "panecast lossless",
            Self::Own(Mode::Auto(_)) => "panecast auto",
            Self::Own(Mode::Unrefined(_)) => UNREFINED,
            Self::Peer(peer, _) => peer.name,
            Self::Vnc(encoding) => encoding.name(),
        }
    }

    fn quality(&self) -> String {
        match self {
            Self::Own(Mode::Lossless) | Self::Vnc(_) => String::new(),
            Self::Own(Mode::Auto(quality) | Mode::Unrefined(quality)) => format!("q {quality}"),
            Self::Peer(_, quality) => format!("crf {quality}"),
        }
    }
}

/// What a whole bench found.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// The machine, by name and value.
    machine: Vec<(String, String)>,
    rows: Vec<Row>,
    /// What did not run, and why.
    notes: Vec<String>,
    baseline: String,
    link_kbit: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let specs = specs(arguments)?;
    std::fs::create_dir_all(&arguments.out).map_err(|e| {
        Failure::from(e).about(arguments.out.display()).with_next("name a folder that can be written: --out")
    })?;
    let mut results = Results {
        machine: machine::describe(arguments.peers),
        baseline: arguments.baseline.clone(),
        link_kbit: arguments.link,
        ..Results::default()
    };
    let jobs = jobs(arguments, &mut results.notes)?;
    let bar = progress::bar(Some((specs.len() * jobs.len()) as u64), "runs");
    for spec in &specs {
        // Beside the results, where there is room for pictures.
        let scratch = tempfile::tempdir_in(&arguments.out)?;
        let trace = spec.raw(scratch.path(), arguments.frames).map_err(|e| e.about(spec.name()))?;
        run_trace(&trace, &jobs, scratch.path(), arguments.link * 1000, &bar, &mut results)?;
    }
    bar.finish_and_clear();
    add_bd_rates(&mut results.rows, &arguments.baseline);
    let write = |name: &str, text: String| {
        let path = arguments.out.join(name);
        std::fs::write(&path, text).map_err(|e| Failure::from(e).about(path.display()))?;
        eprintln!("wrote {}", path.display());
        Ok::<(), Failure>(())
    };
    write("bench.csv", row::csv(&results.rows))?;
    write("bench.html", page::html(&results)?)?;
    if arguments.json {
        let machine: serde_json::Map<_, _> =
            results.machine.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        line(json!({
            "machine": machine,
            "link_kbit": results.link_kbit,
            "baseline": results.baseline,
            "notes": results.notes,
            "rows": results.rows.iter().map(Row::json).collect::<Vec<_>>(),
        }))?;
    }
    Ok(())
}

fn specs(arguments: &Arguments) -> Result<Vec<TraceSpec>, Failure> {
    if arguments.traces.is_empty() {
        return TraceSpec::read("pattern", None, None);
    }
    let mut all = Vec::new();
    for argument in &arguments.traces {
        all.extend(TraceSpec::read(argument, arguments.size, arguments.fps)?);
    }
    Ok(all)
}

fn jobs(arguments: &Arguments, notes: &mut Vec<String>) -> Result<Vec<Job>, Failure> {
    let mut all = vec![Job::Own(Mode::Lossless)];
    for mode in [Mode::Auto, Mode::Unrefined] {
        all.extend(arguments.quality.iter().map(|quality| Job::Own(mode(*quality))));
    }
    if arguments.peers {
        let (there, vnc, missing) = peers::installed();
        all.extend(there.iter().flat_map(|peer| peer.qualities.iter().map(|q| Job::Peer(*peer, *q))));
        all.extend(vnc.into_iter().map(Job::Vnc));
        notes.extend(missing.iter().map(|name| format!("not installed: {name}")));
    }
    let is_wanted = |name: &str| {
        let name = name.to_lowercase();
        arguments.codec.is_empty() || arguments.codec.iter().any(|c| name.contains(&c.to_lowercase()))
    };
    all.retain(|job| is_wanted(job.name()));
    if all.is_empty() {
        let missing: Vec<&str> = notes.iter().map(String::as_str).filter(|note| is_wanted(note)).collect();
        let next = match missing.as_slice() {
            [] => "leave --codec out, or add --peers to have more codecs".to_owned(),
            missing => missing.join("; "),
        };
        return Err(Failure::usage(
            format!("no codec has {} in its name", arguments.codec.join(" or ")),
            next,
        ));
    }
    Ok(all)
}

fn run_trace(
    trace: &RawTrace,
    jobs: &[Job],
    folder: &Path,
    link: u64,
    bar: &ProgressBar,
    results: &mut Results,
) -> Result<(), Failure> {
    let mut planes: Vec<(&str, ffmpeg::Planes)> = Vec::new();
    for job in jobs {
        let (name, quality) = (job.name(), job.quality());
        bar.set_message(format!("{}: {name} {quality}", trace.name));
        let outcome = match job {
            Job::Own(mode) => run_own(trace, *mode, folder, link),
            Job::Peer(peer, quality) => run_peer(trace, peer, *quality, folder, &mut planes),
            Job::Vnc(encoding) => child(&Step::Vnc { trace: trace.clone(), encoding: *encoding }),
        };
        match (outcome, job) {
            (Ok((encoded, shown)), _) => {
                let row = Row::new(trace, name, &quality, &encoded, &shown, link);
                report(bar, &row);
                results.rows.push(row);
            }
            // A peer that cannot is no reason to lose the other figures.
            (Err(failure), Job::Peer(..) | Job::Vnc(_)) => {
                let note = format!("{}: {name} {quality}: {}", trace.name, failure.message());
                bar.suspend(|| eprintln!("{note}"));
                results.notes.push(note);
            }
            (Err(failure), Job::Own(..)) => return Err(failure.about(format!("{}: {name}", trace.name))),
        }
        bar.inc(1);
    }
    Ok(())
}

/// A line for each run, above the bar.
fn report(bar: &ProgressBar, row: &Row) {
    let psnr = row.psnr_rgb.map_or("exact".to_owned(), |db| format!("{db:.2} dB"));
    bar.suspend(|| {
        eprintln!(
            "{:<16} {:<26} {:<7} {:>10.1} kB {:>8.2} ms in {:>8.2} ms out  {psnr}",
            row.trace,
            row.codec,
            row.quality,
            row.bytes as f64 / 1e3,
            row.encode.changed.mean,
            row.decode.changed.mean,
        );
    });
}

fn run_own(trace: &RawTrace, mode: Mode, folder: &Path, link: u64) -> Result<(Encoded, Shown), Failure> {
    let stream = folder.join("stream.pcast");
    let step = Step::Encode { trace: trace.clone(), stream: stream.clone(), mode, link };
    let encoded: Encoded = child(&step)?;
    let (bytes, refined, tail) = (encoded.bytes.clone(), encoded.refined.clone(), encoded.tail_bytes);
    let shown = child(&Step::Decode { trace: trace.clone(), stream, bytes, refined, tail })?;
    Ok((encoded, shown))
}

fn run_peer(
    trace: &RawTrace,
    peer: &Peer,
    quality: u32,
    folder: &Path,
    planes: &mut Vec<(&str, ffmpeg::Planes)>,
) -> Result<(Encoded, Shown), Failure> {
    let at = match planes.iter().position(|(pixels, _)| *pixels == peer.pixels) {
        Some(at) => at,
        None => {
            planes.push((peer.pixels, ffmpeg::Planes::convert(trace, peer.pixels, folder)?));
            planes.len() - 1
        }
    };
    let coded = folder.join("peer.mkv");
    let encoded = ffmpeg::encode(trace, &planes[at].1, peer, quality, &coded)?;
    Ok((encoded, ffmpeg::decode(trace, &coded)?))
}

/// The command that carries out one step in a process of its own.
fn step_command(step: &Step) -> Result<Command, Failure> {
    let text = serde_json::to_string(step).map_err(|e| Failure::new(e.to_string(), "report this"))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("bench-step").arg(text);
    Ok(command)
}

fn child<T: DeserializeOwned>(step: &Step) -> Result<T, Failure> {
    let output = step_command(step)?.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(Failure::new("a run failed", "see the message above"));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| Failure::new(format!("a run said {e}"), "report this"))
}

fn add_bd_rates(rows: &mut [Row], baseline: &str) {
    let curve = |rows: &[Row], trace: &str, codec: &str| -> Vec<(f64, f64)> {
        let of_codec = rows.iter().filter(|r| r.trace == trace && r.codec == codec);
        of_codec.filter_map(|r| Some((r.bytes as f64, r.psnr_rgb?))).collect()
    };
    for i in 0..rows.len() {
        let base = curve(rows, &rows[i].trace, baseline);
        let own = curve(rows, &rows[i].trace, &rows[i].codec);
        rows[i].bd_rate = bd_rate::bd_rate(&base, &own);
    }
}
