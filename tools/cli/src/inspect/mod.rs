//! `panecast inspect`.

mod overlay;
mod tally;
mod units;

use crate::decode::{check_end, read};
use crate::failure::Failure;
use crate::output::{line, reader};
use overlay::Overlay;
use panecast::Limits;
use panecast::bitstream::{Packet, Piece, Splitter, VERSION};
use panecast::codec::{Decoded, Decoder, UpdateFacts};
use panecast::frame::{Size, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use tally::Tally;
use units::Units;

/// Show what a stream is made of: packets, bytes, what changed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast inspect screen.pcast
  panecast inspect screen.pcast --json | jq '.pictures | max_by(.bytes)'
  panecast inspect screen.pcast --overlay 17 picture-17.png
  panecast inspect screen.pcast --overlay all overlays/
  panecast inspect screen.pcast --av1 units/ && ffmpeg -i units/surface-1-000002.obu -f null -

The tools are those of docs/bitstream.md; all that goes through the zstd stream shares its bytes as its pixels were
before compression. `refine` is every packet that only makes lossy places exact, `around` the heads of packets and the
places of copies. The table has a line for each picture: bytes of its packet, copies, coded rectangles, and the
share of the picture that both wrote.
Exit codes: 0 success, 1 the stream is damaged (what is sound is shown), 2 wrong usage.")]
pub(crate) struct Arguments {
    /// The stream; `-` is standard input
    #[arg(value_name = "F.pcast")]
    input: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write picture N (its sequence number, or all) as PNG, tinted by the tools that coded it; OUT is a file or a folder
    #[arg(long, num_args = 2, value_names = ["N", "OUT"])]
    overlay: Option<Vec<String>>,
    /// Write the AV1 units of each surface into this folder, as .obu files
    #[arg(long, value_name = "DIR")]
    av1: Option<PathBuf>,
}

/// What is written on the side.
#[derive(Debug)]
struct Extras {
    overlay: Option<Overlay>,
    units: Option<Units>,
}

#[derive(Debug, Default)]
struct Report {
    bytes: u64,
    /// Packets and bytes by kind.
    kinds: BTreeMap<&'static str, (u64, u64)>,
    tools: Tally,
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
    let mut extras = Extras {
        overlay: arguments.overlay.as_deref().map(Overlay::parse).transpose()?,
        units: arguments.av1.as_deref().map(Units::into).transpose()?,
    };
    let mut input = reader(&arguments.input)?;
    let result = report.read(&mut input, &mut extras);
    // What is sound is shown even if the rest is not; of a file that is no stream at all, nothing is.
    if result.is_ok() || !report.kinds.is_empty() {
        if arguments.json {
            line(report.json(result.as_ref().err()))?;
        } else {
            report.print()?;
        }
    }
    result.map_err(|e| e.about(arguments.input.display()))?;
    if let (Some(units), false) = (&extras.units, arguments.json) {
        line(format_args!("av1       {} files", units.files()))?;
    }
    extras.overlay.map_or(Ok(()), |overlay| overlay.finish(arguments.json))
}

impl Report {
    fn read(&mut self, input: &mut dyn Read, extras: &mut Extras) -> Result<(), Failure> {
        let limits = Limits::default();
        let (mut decoder, mut splitter) = (Decoder::new(limits), Splitter::new());
        let mut chunk = vec![0; 1 << 20];
        loop {
            let n = read(&mut *input, &mut chunk)?;
            if n == 0 {
                return Ok(check_end(decoder.pending_bytes(), self.end.is_some())?);
            }
            decoder.feed(&chunk[..n])?;
            splitter.feed(&chunk[..n]);
            loop {
                let before = decoder.pending_bytes();
                let Some(decoded) = decoder.next()? else { break };
                let bytes = (before - decoder.pending_bytes()) as u64;
                let size = decoder.frame().map_or(Size::default(), |f| f.size());
                self.add(&decoded, bytes, size);
                // The decoder has taken this very piece.
                if let Some(Piece::Packet(kind, body)) = splitter.next(&limits)? {
                    self.look_inside(&decoded, &Packet::read(kind, body, &limits)?, &decoder, extras)?;
                }
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
                let kind = match (keyframe, facts.refines) {
                    (true, _) => "snapshot",
                    (false, true) => "refine",
                    (false, false) => "update",
                };
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

    fn look_inside(
        &mut self,
        decoded: &Decoded,
        packet: &Packet<'_>,
        decoder: &Decoder,
        extras: &mut Extras,
    ) -> Result<(), Failure> {
        if let Some(units) = &mut extras.units {
            units.packet(packet)?;
        }
        let Decoded::Picture { sequence, facts, .. } = decoded else { return Ok(()) };
        self.tools.add(packet, decoder.tools(), facts);
        match (&mut extras.overlay, decoder.frame()) {
            (Some(overlay), Some(picture)) => overlay.picture(*sequence, picture, decoder.tools()),
            _ => Ok(()),
        }
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
                    "av1_bytes": p.facts.av1_bytes,
                    "film_bytes": p.facts.film_bytes,
                    "photo_bytes": p.facts.photo_bytes,
                    "exact_bytes": p.facts.exact_bytes,
                    "refines": p.facts.refines,
                })
            })
            .collect();
        json!({
            "version": VERSION,
            "bytes": self.bytes,
            "packets": self.kinds.values().map(|(n, _)| n).sum::<u64>(),
            "kinds": kinds,
            "tools": self.tools.json(),
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
        line("\ntool          packets         bytes    share            pixels")?;
        for (name, tool) in self.tools.iter() {
            let share = tool.bytes / self.bytes.max(1) as f64 * 100.0;
            line(format_args!(
                "{name:<10}{:>11}{:>14.0}  {share:5.1} %{:>18}",
                tool.packets, tool.bytes, tool.px
            ))?;
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
