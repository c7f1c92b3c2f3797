//! `panecast inspect`.

use crate::decode::{check_end, read};
use crate::failure::Failure;
use crate::output::{line, reader};
use panecast::Limits;
use panecast::bitstream::VERSION;
use panecast::codec::{Decoded, Decoder, UpdateFacts};
use panecast::frame::{Size, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// Show what a stream is made of: packets, bytes, what changed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast inspect screen.pcast
  panecast inspect screen.pcast --json | jq '.pictures | max_by(.bytes)'

The table has a line for each picture: bytes of its packet, copies, coded rectangles, and the share of the
picture that both wrote.
Exit codes: 0 success, 1 the stream is damaged (what is sound is shown), 2 wrong usage.")]
pub(crate) struct Arguments {
    /// The stream; `-` is standard input
    #[arg(value_name = "F.pcast")]
    input: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Default)]
struct Report {
    bytes: u64,
    /// Packets and bytes by kind.
    kinds: BTreeMap<&'static str, (u64, u64)>,
    pictures: Vec<Picture>,
    size: Size,
    sizes: u64,
    end: Option<(u64, u32)>,
}

#[derive(Debug)]
struct Picture {
    kind: &'static str,
    sequence: u64,
    timestamp: Timestamp,
    bytes: u64,
    size: Size,
    facts: UpdateFacts,
}

impl Picture {
    /// Share of the picture that the packet wrote, in percent.
    fn dirty_percent(&self) -> f64 {
        let written = self.facts.copied_px + self.facts.coded_px;
        (written as f64 / self.size.area().max(1) as f64 * 100.0).min(100.0)
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut report = Report::default();
    let mut input = reader(&arguments.input)?;
    let result = report.read(&mut input);
    // What is sound is shown even if the rest is not; of a file that is no stream at all, nothing is.
    if result.is_ok() || !report.kinds.is_empty() {
        if arguments.json {
            line(report.json(result.as_ref().err()))?;
        } else {
            report.print()?;
        }
    }
    result.map_err(|e| e.about(arguments.input.display()))
}

impl Report {
    fn read(&mut self, input: &mut dyn Read) -> Result<(), Failure> {
        let mut decoder = Decoder::new(Limits::default());
        let mut chunk = vec![0; 1 << 20];
        loop {
            let n = read(&mut *input, &mut chunk)?;
            if n == 0 {
                return Ok(check_end(decoder.pending_bytes(), self.end.is_some())?);
            }
            decoder.feed(&chunk[..n])?;
            loop {
                let before = decoder.pending_bytes();
                let Some(decoded) = decoder.next()? else { break };
                let bytes = (before - decoder.pending_bytes()) as u64;
                let size = decoder.frame().map_or(Size::default(), |f| f.size());
                self.add(&decoded, bytes, size);
            }
        }
    }

    fn add(&mut self, decoded: &Decoded, bytes: u64, size: Size) {
        let kind = match *decoded {
            Decoded::Header => "header",
            // Only a decoder that leaves AV1 to others asks for planes.
            Decoded::NeedsPlanes => return,
            Decoded::Epoch { .. } => "epoch",
            Decoded::Cursor => "cursor",
            Decoded::End { frames, fps } => {
                self.end = Some((frames, fps));
                "end"
            }
            Decoded::Picture { sequence, timestamp, keyframe, resized, facts, .. } => {
                let kind = if keyframe { "snapshot" } else { "update" };
                self.sizes += u64::from(resized);
                self.size = size;
                self.pictures.push(Picture { kind, sequence, timestamp, bytes, size, facts });
                kind
            }
        };
        self.bytes += bytes;
        let (packets, total) = self.kinds.entry(kind).or_default();
        *packets += 1;
        *total += bytes;
    }

    fn dirty_px(&self) -> u64 {
        self.pictures.iter().map(|p| (p.facts.copied_px + p.facts.coded_px).min(p.size.area())).sum()
    }

    fn json(&self, error: Option<&Failure>) -> Value {
        let kinds: serde_json::Map<String, Value> = self
            .kinds
            .iter()
            .map(|(kind, (packets, bytes))| ((*kind).into(), json!({ "packets": packets, "bytes": bytes })))
            .collect();
        let pictures: Vec<Value> = self
            .pictures
            .iter()
            .map(|p| {
                json!({
                    "kind": p.kind,
                    "sequence": p.sequence,
                    "timestamp_us": p.timestamp.micros(),
                    "bytes": p.bytes,
                    "width": p.size.width,
                    "height": p.size.height,
                    "copies": p.facts.copies,
                    "copied_px": p.facts.copied_px,
                    "rects": p.facts.rects,
                    "solid_rects": p.facts.solid_rects,
                    "coded_px": p.facts.coded_px,
                })
            })
            .collect();
        json!({
            "version": VERSION,
            "bytes": self.bytes,
            "packets": self.kinds.values().map(|(n, _)| n).sum::<u64>(),
            "kinds": kinds,
            "width": self.size.width,
            "height": self.size.height,
            "sizes": self.sizes,
            "frames": self.end.map(|(frames, _)| frames),
            "fps": self.end.map(|(_, fps)| fps),
            "dirty_px": self.dirty_px(),
            "pictures": pictures,
            "error": error.map(Failure::message),
        })
    }

    fn print(&self) -> Result<(), Failure> {
        line(format_args!("stream    version {VERSION}, {} bytes", self.bytes))?;
        let many =
            if self.sizes > 1 { format!(" at last, {} sizes in all", self.sizes) } else { String::new() };
        line(format_args!("picture   {}{many}", self.size))?;
        match self.end {
            Some((frames, fps)) => line(format_args!(
                "length    {frames} pictures at {fps}/s, {} of them changed",
                self.pictures.len()
            ))?,
            None => line(format_args!("length    {} pictures, no end record", self.pictures.len()))?,
        }
        let area: u64 = self.pictures.iter().map(|p| p.size.area()).sum();
        let percent = self.dirty_px() as f64 / area.max(1) as f64 * 100.0;
        line(format_args!(
            "dirty     {} px in all, {percent:.1} % of the changed pictures",
            self.dirty_px()
        ))?;
        line("\nkind          packets         bytes    share")?;
        for (kind, (packets, bytes)) in &self.kinds {
            let share = *bytes as f64 / self.bytes.max(1) as f64 * 100.0;
            line(format_args!("{kind:<10}{packets:>11}{bytes:>14}  {share:5.1} %"))?;
        }
        line("\n sequence       time  kind          bytes  copies   rects   dirty")?;
        for p in &self.pictures {
            line(format_args!(
                "{:>9}{:>9.3} s  {:<9}{:>10}{:>8}{:>8}{:>6.1} %",
                p.sequence,
                p.timestamp.micros() as f64 / 1e6,
                p.kind,
                p.bytes,
                p.facts.copies,
                p.facts.rects,
                p.dirty_percent()
            ))?;
        }
        Ok(())
    }
}
