//! Pictures whose tint says which tool coded what.

use crate::failure::Failure;
use crate::output::{line, writer};
use crate::pictures::write_png;
use panecast::codec::{Tool, ToolUse};
use panecast::frame::{FrameBuf, Rect};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which pictures, and where they go.
#[derive(Debug)]
pub(super) struct Overlay {
    /// A sequence number; without one, all pictures.
    wanted: Option<u64>,
    to: PathBuf,
    written: u64,
    seen: BTreeSet<Tool>,
}

impl Overlay {
    /// Reads the two values of `--overlay`.
    pub(super) fn parse(values: &[String]) -> Result<Self, Failure> {
        let [which, to] = values else {
            return Err(Failure::usage("--overlay takes two values", "see --help"));
        };
        let wanted = match which.as_str() {
            "all" => None,
            n => Some(n.parse().map_err(|_| {
                Failure::usage(
                    format!("`{n}` is no sequence number"),
                    "take one of the first column of `panecast inspect`, or all",
                )
            })?),
        };
        let to = PathBuf::from(to);
        if wanted.is_none() && !to.is_dir() {
            return Err(Failure::usage(
                format!("{} is no folder, and all pictures do not fit into one file", to.display()),
                "name a folder that is there",
            ));
        }
        Ok(Self { wanted, to, written: 0, seen: BTreeSet::new() })
    }

    /// Writes the picture with this sequence number if it is wanted.
    pub(super) fn picture(
        &mut self,
        sequence: u64,
        picture: &FrameBuf,
        used: &[ToolUse],
    ) -> Result<(), Failure> {
        if self.wanted.is_some_and(|wanted| wanted != sequence) {
            return Ok(());
        }
        let to = if self.to.is_dir() { self.to.join(format!("{sequence:06}.png")) } else { self.to.clone() };
        write(&to, picture, used)?;
        self.written += 1;
        self.seen.extend(used.iter().map(|u| u.tool));
        Ok(())
    }

    /// Tells what the tints mean, or that the picture was not there. `quiet` prints nothing.
    pub(super) fn finish(&self, quiet: bool) -> Result<(), Failure> {
        if let (Some(wanted), 0) = (self.wanted, self.written) {
            return Err(Failure::new(
                format!("no picture has the sequence number {wanted}"),
                "take one of the first column of `panecast inspect`",
            ));
        }
        if !quiet {
            for tool in &self.seen {
                let [b, g, r] = tint(*tool);
                line(format_args!("overlay   #{r:02x}{g:02x}{b:02x}  {}", tool.name()))?;
            }
        }
        Ok(())
    }
}

fn write(path: &Path, picture: &FrameBuf, used: &[ToolUse]) -> Result<(), Failure> {
    let mut shown = picture.clone();
    let whole = shown.size().rect();
    // What was not touched is dark and grey.
    paint(&mut shown, &whole, |grey| [grey / 3; 3]);
    for u in used {
        let tint = tint(u.tool);
        let source = picture.view();
        if shown.copy_from(&source, &u.rect).is_ok() {
            paint(&mut shown, &u.rect, |grey| {
                tint.map(|t| ((u16::from(t) * 3 + u16::from(grey) * 2) / 5) as u8)
            });
            edge(&mut shown, &u.rect, tint);
        }
    }
    write_png(&mut writer(path)?, &shown)
}

/// Makes each pixel what `dot` makes of its brightness.
fn paint(picture: &mut FrameBuf, rect: &Rect, dot: impl Fn(u8) -> [u8; 3]) {
    for y in rect.y..rect.bottom() {
        for px in picture.row_of_mut(rect, y).chunks_exact_mut(4) {
            let grey = (u16::from(px[0]) + u16::from(px[1]) * 2 + u16::from(px[2])) / 4;
            px[..3].copy_from_slice(&dot(grey as u8));
        }
    }
}

/// A line around, so that rectangles of one tool can be told apart.
fn edge(picture: &mut FrameBuf, rect: &Rect, tint: [u8; 3]) {
    for y in rect.y..rect.bottom() {
        let outer = y == rect.y || y + 1 == rect.bottom();
        let row = picture.row_of_mut(rect, y);
        let last = row.len() / 4 - 1;
        for (i, px) in row.chunks_exact_mut(4).enumerate() {
            if outer || i == 0 || i == last {
                px[..3].copy_from_slice(&tint);
            }
        }
    }
}

/// B, G, R of a tool's tint.
fn tint(tool: Tool) -> [u8; 3] {
    match tool {
        Tool::Copy => [235, 150, 40],
        Tool::Recalled => [250, 215, 110],
        Tool::Solid => [160, 160, 160],
        Tool::Rows => [60, 190, 60],
        Tool::Modelled => [150, 200, 30],
        Tool::Nearly => [40, 140, 240],
        Tool::Predicted => [30, 200, 220],
        Tool::Fade => [120, 60, 120],
        Tool::Change => [230, 150, 230],
        Tool::Photo => [200, 90, 200],
        Tool::Av1Still => [70, 110, 250],
        Tool::Av1Video => [40, 30, 220],
        Tool::Film => [40, 120, 220],
    }
}
