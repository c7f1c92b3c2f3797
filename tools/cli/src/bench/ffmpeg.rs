//! Runs peers by ffmpeg, and reads from its log what each picture cost.
//!
//! `-debug_ts` tells when a picture goes into a coder and a packet comes out, `-benchmark_all` the CPU of each call in
//! between, `-benchmark` that of the whole process and its peak of memory. What feeding costs alone is measured with
//! the same input and no coder, and taken off.

use super::peers::Peer;
use super::scoring::Scores;
use super::step::{Encoded, Shown, Step};
use super::trace::RawTrace;
use crate::failure::Failure;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Colours are converted with all the precision that ffmpeg has, so that the codecs alone are judged.
const PRECISE: &str = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp";

/// A trace as planes on disk, and what reading them costs.
#[derive(Debug)]
pub(crate) struct Planes {
    path: PathBuf,
    pixels: &'static str,
    feeding_ns: u64,
}

impl Planes {
    /// Converts a trace, BT.601 full range.
    pub(crate) fn convert(trace: &RawTrace, pixels: &'static str, folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(format!("{pixels}.yuv"));
        let to = format!("scale=out_color_matrix=bt601:out_range=full:{PRECISE},format={pixels}");
        let mut command = ffmpeg();
        command.args(raw_input(trace, "bgra", &trace.path));
        command.args(["-frames:v", &trace.frames.to_string(), "-vf", &to, "-f", "rawvideo"]).arg(&path);
        Log::run(&mut command, None)?;
        let mut planes = Self { path, pixels, feeding_ns: 0 };
        let mut command = ffmpeg();
        command.args(raw_input(trace, pixels, &planes.path)).args(["-f", "null", "-"]);
        planes.feeding_ns = Log::run(&mut command, None)?.process_ns;
        Ok(planes)
    }
}

/// Encodes planes with a peer.
pub(crate) fn encode(
    trace: &RawTrace,
    planes: &Planes,
    peer: &Peer,
    quality: u32,
    out: &Path,
) -> Result<Encoded, Failure> {
    let mut command = ffmpeg();
    command.args(raw_input(trace, planes.pixels, &planes.path)).args(["-color_range", "pc"]);
    command.args(peer.arguments(quality)).args(["-fps_mode", "passthrough", "-f", "matroska"]).arg(out);
    let log = Log::run(&mut command, None)?;
    if log.bytes.len() as u64 != trace.frames {
        return Err(Failure::new(
            format!("{} packets for {} pictures", log.bytes.len(), trace.frames),
            "another version of ffmpeg may tell them",
        ));
    }
    Ok(Encoded {
        cpu_total_ns: log.process_ns.saturating_sub(planes.feeding_ns),
        cpu_ns: if peer.asynchronous { Vec::new() } else { log.encode_ns },
        bytes: log.bytes,
        peak_bytes: log.peak_bytes,
        latency_frames: log.latency_frames,
        ..Encoded::default()
    })
}

/// Decodes what [`encode`] wrote and scores it in RGB.
pub(crate) fn decode(trace: &RawTrace, coded: &Path) -> Result<Shown, Failure> {
    let from = format!("scale=in_color_matrix=bt601:in_range=full:{PRECISE},format=bgra");
    let mut command = ffmpeg();
    command.args(["-threads", "1", "-i"]).arg(coded);
    command.args(["-fps_mode", "passthrough", "-vf", &from, "-f", "rawvideo", "-"]);
    let mut scores = Scores::default();
    let log = Log::run(&mut command, Some((trace, &mut scores)))?;
    if scores.is_exact.len() as u64 != trace.frames {
        return Err(Failure::new(
            format!("{} pictures came back of {}", scores.is_exact.len(), trace.frames),
            "another version of ffmpeg may give them",
        ));
    }
    Ok(Shown {
        cpu_total_ns: log.decode_ns.iter().sum(),
        cpu_ns: log.decode_ns,
        peak_bytes: log.peak_bytes,
        scores,
        ends_exact: false,
    })
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-nostats", "-hide_banner", "-y"]);
    command.args(["-benchmark", "-benchmark_all", "-debug_ts"]);
    command
}

fn raw_input(trace: &RawTrace, pixels: &str, path: &Path) -> Vec<String> {
    let (size, fps) = (trace.size().to_string(), trace.fps.to_string());
    let mut all = ["-f", "rawvideo", "-pix_fmt", pixels, "-video_size", &size, "-framerate", &fps, "-i"]
        .map(str::to_owned)
        .to_vec();
    all.push(path.display().to_string());
    all
}

/// Which coder's calls are looked for in a log: raw pictures go through coders, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Encoder,
    Decoder,
}

/// What ffmpeg's log tells.
#[derive(Debug)]
struct Log {
    side: Side,
    /// Bytes of each packet.
    bytes: Vec<u64>,
    encode_ns: Vec<u64>,
    decode_ns: Vec<u64>,
    /// CPU of calls of the coder since the last picture.
    pending_ns: u64,
    process_ns: u64,
    peak_bytes: Option<u64>,
    /// Pictures that went in.
    fed: u64,
    latency_frames: Option<u64>,
    /// The last lines that are none of the above, to explain a failure.
    said: Vec<String>,
}

impl Log {
    fn new(side: Side) -> Self {
        Self {
            side,
            bytes: Vec::new(),
            encode_ns: Vec::new(),
            decode_ns: Vec::new(),
            pending_ns: 0,
            process_ns: 0,
            peak_bytes: None,
            fed: 0,
            latency_frames: None,
            said: Vec::new(),
        }
    }

    /// Runs ffmpeg; its pictures go to a process that scores them, if they are asked for.
    fn run(command: &mut Command, scoring: Option<(&RawTrace, &mut Scores)>) -> Result<Self, Failure> {
        let piped = if scoring.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = command.stdout(piped).stderr(Stdio::piped()).spawn()?;
        let mut scorer = None;
        if let (Some((trace, _)), Some(pictures)) = (&scoring, child.stdout.take()) {
            let step = Step::Score { trace: (*trace).clone() };
            scorer = Some(super::step_command(&step)?.stdin(pictures).stdout(Stdio::piped()).spawn()?);
        }
        let mut log = Self::new(if scoring.is_some() { Side::Decoder } else { Side::Encoder });
        if let Some(stderr) = child.stderr.take() {
            for line in BufReader::new(stderr).split(b'\n') {
                log.read(&String::from_utf8_lossy(&line?));
            }
        }
        let status = child.wait()?;
        if let (Some(mut scorer), Some((_, scores))) = (scorer, scoring) {
            let mut text = String::new();
            if let Some(mut out) = scorer.stdout.take() {
                out.read_to_string(&mut text)?;
            }
            scorer.wait()?;
            *scores = serde_json::from_str(&text)
                .map_err(|e| Failure::new(format!("no scores: {e}"), "see the messages above"))?;
        }
        if !status.success() {
            let said = log.said.join("; ");
            return Err(Failure::new(format!("ffmpeg failed: {said}"), "run it without --peers"));
        }
        Ok(log)
    }

    fn read(&mut self, line: &str) {
        let encoding = self.side == Side::Encoder;
        if let Some(bench) = line.find("bench: ").map(|at| &line[at + 7..]) {
            self.read_bench(bench.trim());
        } else if !encoding && line.contains("decoder -> ") && line.contains("type:video") {
            self.decode_ns.push(std::mem::take(&mut self.pending_ns));
        } else if encoding && line.contains("encoder <- type:video") {
            self.end_encoding();
            self.fed += 1;
        } else if encoding && line.contains("muxer <- type:video") {
            // Pictures that are inside the coder while it gives this packet, beyond the packet's own.
            self.bytes.extend(field(line, "size:"));
            let held = self.fed.saturating_sub(self.bytes.len() as u64);
            self.latency_frames = self.latency_frames.max(Some(held));
        } else if !line.contains(" -> ") && !line.contains(" <- ") && !line.trim().is_empty() {
            self.said.push(line.trim().to_owned());
            if self.said.len() > 3 {
                self.said.remove(0);
            }
        }
    }

    /// Notes what the picture that went in last has cost.
    fn end_encoding(&mut self) {
        if self.fed > self.encode_ns.len() as u64 {
            self.encode_ns.push(self.pending_ns);
        }
        self.pending_ns = 0;
    }

    /// `123 user 45 sys 170 real encode_video 0.0`, `utime=1.2s stime=0.3s …` or `maxrss=123kB`.
    fn read_bench(&mut self, text: &str) {
        if let Some(kb) = text.strip_prefix("maxrss=").and_then(leading) {
            self.peak_bytes = Some(kb as u64 * 1024);
        } else if let (Some(user), Some(system)) = (after(text, "utime="), after(text, "stime=")) {
            self.process_ns = ((user + system) * 1e9) as u64;
            self.end_encoding();
        } else if text.contains(if self.side == Side::Encoder { "encode_video" } else { "decode_video" }) {
            let mut words = text.split_whitespace();
            let micros = |word: Option<&str>| word.and_then(|w| w.parse::<u64>().ok()).unwrap_or(0);
            let user = micros(words.next());
            let system = micros(words.nth(1));
            self.pending_ns += (user + system) * 1000;
        }
    }
}

fn field(line: &str, name: &str) -> Option<u64> {
    line.rsplit_once(name)?.1.split_whitespace().next()?.parse().ok()
}

fn after(text: &str, name: &str) -> Option<f64> {
    leading(text.split_once(name)?.1)
}

/// The number that a text begins with.
fn leading(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tells_bytes_costs_and_delay() {
        let lines = [
            "bench:       10 user        5 sys       20 real decode_video 0.0 ",
            "decoder -> ist_index:0 type:video frame_pts:0",
            "encoder <- type:video frame_pts:0 frame_pts_time:0 time_base:1/30",
            "bench:     1000 user       34 sys    25633 real encode_video 0.0 ",
            "bench:       20 user        0 sys       20 real decode_video 0.0 ",
            "decoder -> ist_index:0 type:video frame_pts:1",
            "encoder <- type:video frame_pts:1 frame_pts_time:0 time_base:1/30",
            "bench:     2000 user        0 sys    25633 real encode_video 0.0 ",
            "encoder -> type:video pkt_pts:0 pkt_pts_time:0",
            "muxer <- type:video pkt_pts:0 pkt_pts_time:0 duration_time:0 size:74336",
            "bench:        1 user        0 sys      107 real encode_video 0.0 ",
            "muxer <- type:video pkt_pts:1 pkt_pts_time:0 duration_time:0 size:12",
            "bench: utime=0.270s stime=0.315s rtime=1.067s ",
            "bench: maxrss=100kB",
        ];
        let mut log = Log::new(Side::Encoder);
        lines.iter().for_each(|line| log.read(line));
        assert_eq!(log.bytes, [74336, 12]);
        assert_eq!(log.encode_ns, [1_034_000, 2_001_000]);
        assert_eq!(log.process_ns, 585_000_000);
        assert_eq!((log.peak_bytes, log.latency_frames), (Some(102_400), Some(1)));
        let mut log = Log::new(Side::Decoder);
        lines.iter().for_each(|line| log.read(line));
        assert_eq!(log.decode_ns, [15_000, 20_000]);
        assert!(log.encode_ns.is_empty() && log.bytes.is_empty());
    }
}
