//! Which pictures the bench runs on, and putting them on disk as raw pictures for everyone alike.

use crate::decode;
use crate::failure::Failure;
use crate::output::has_extension;
use panecast::Limits;
use panecast::capture::{Captured, Capturer, FileSource, Pattern, SourceSpec};
use panecast::frame::{FrameBuf, Region, Size};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Pictures of the built-in desktop where no number is given.
const PATTERN_FRAMES: u64 = 90;

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TraceSpec {
    /// The built-in desktop.
    Pattern(Size, u32),
    /// B, G, R, anything; rows without padding.
    Raw(PathBuf, Size, u32),
    /// YUV4MPEG2.
    Y4m(PathBuf),
    /// A panecast stream.
    Stream(PathBuf),
}

impl TraceSpec {
    /// The traces that an argument names; of a folder, all that are in it.
    pub(crate) fn read(argument: &str, size: Option<Size>, fps: Option<u32>) -> Result<Vec<Self>, Failure> {
        if argument == "pattern" || argument.starts_with("pattern:") {
            return match argument.trim_end_matches(':').parse::<SourceSpec>()? {
                SourceSpec::Pattern(size, fps) => Ok(vec![Self::Pattern(size, fps)]),
                _ => Ok(Vec::new()),
            };
        }
        let path = Path::new(argument);
        if !path.is_dir() {
            return Ok(vec![Self::of_file(path, size, fps)?]);
        }
        let about = |e: std::io::Error| Failure::from(e).about(path.display());
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(path).map_err(about)? {
            let file = entry.map_err(about)?.path();
            if ["bgra", "y4m", "pcast"].iter().any(|end| has_extension(&file, end)) {
                files.push(file);
            }
        }
        files.sort();
        if files.is_empty() {
            return Err(Failure::new(
                format!("{argument}: no .bgra, .y4m or .pcast file in this folder"),
                "name the files, or record some with `panecast record`",
            ));
        }
        files.iter().map(|file| Self::of_file(file, size, fps)).collect()
    }

    fn of_file(path: &Path, size: Option<Size>, fps: Option<u32>) -> Result<Self, Failure> {
        if has_extension(path, "pcast") {
            return Ok(Self::Stream(path.to_owned()));
        }
        if has_extension(path, "y4m") {
            return Ok(Self::Y4m(path.to_owned()));
        }
        let beside = beside(path);
        let size = size.or(beside.map(|b| b.0)).ok_or_else(|| {
            Failure::usage(
                format!("{}: raw pictures do not say their size", path.display()),
                "add --size, for example --size 1280x720, or put a .txt file with `1280x720 30` beside it",
            )
        })?;
        Ok(Self::Raw(path.to_owned(), size, fps.or(beside.map(|b| b.1)).unwrap_or(30)))
    }

    /// What the reports call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Pattern(size, fps) => format!("pattern {size}@{fps}"),
            Self::Raw(path, ..) | Self::Y4m(path) | Self::Stream(path) => {
                path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
            }
        }
    }

    /// Puts the pictures into a raw file, at most `frames` of them; raw files stay where they are.
    pub(crate) fn raw(&self, folder: &Path, frames: Option<u64>) -> Result<RawTrace, Failure> {
        let name = self.name();
        let path = folder.join("trace.bgra");
        let (path, size, fps) = match self {
            Self::Raw(path, size, fps) => (path.clone(), *size, *fps),
            Self::Pattern(size, fps) => {
                let mut source = Pattern::new(*size, *fps)?.unpaced();
                write_all(&mut source, &path, frames.unwrap_or(PATTERN_FRAMES))?;
                (path, *size, *fps)
            }
            Self::Y4m(file) => {
                let mut source = FileSource::open(file)?;
                let fps = write_all(&mut source, &path, frames.unwrap_or(u64::MAX))?;
                (path, source.info().size, fps)
            }
            Self::Stream(file) => {
                let (size, fps) = decode::to_raw(file, &path)?;
                (path, size, fps)
            }
        };
        Limits::default().check_size(size)?;
        let bytes = std::fs::metadata(&path).map_err(|e| Failure::from(e).about(path.display()))?.len();
        let frame_bytes = size.area() * 4;
        let count = (bytes / frame_bytes.max(1)).min(frames.unwrap_or(u64::MAX));
        if count == 0 {
            return Err(Failure::new(
                format!("{}: not one whole picture of {size}", path.display()),
                "check the file and --size",
            ));
        }
        Ok(RawTrace { name, path, width: size.width, height: size.height, fps, frames: count })
    }
}

/// The size and rate that a text file beside raw pictures tells, as `1280x720 30`.
fn beside(path: &Path) -> Option<(Size, u32)> {
    let text = std::fs::read_to_string(path.with_extension("txt")).ok()?;
    let mut words = text.split_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// Writes pictures, and gives their rate as far as their times tell it.
fn write_all(source: &mut impl Capturer, path: &Path, most: u64) -> Result<u32, Failure> {
    let mut frame = FrameBuf::new(source.info().size, &Limits::default())?;
    let stale = Region::full(frame.size());
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let (mut count, mut fps) = (0, 30);
    while count < most {
        match source.next(&mut frame, &stale, Duration::MAX)? {
            Captured::Frame { timestamp, .. } => {
                if let (1, Some(time)) = (count, timestamp)
                    && time.micros() > 0
                {
                    fps = ((1_000_000 + time.micros() / 2) / time.micros()).clamp(1, 1000) as u32;
                }
                out.write_all(frame.pixels())?;
                count += 1;
            }
            Captured::Unchanged => {}
            Captured::Ended | Captured::Resized(_) => break,
        }
    }
    out.flush()?;
    Ok(fps)
}

/// Raw pictures on disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RawTrace {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) fps: u32,
    pub(crate) frames: u64,
}

impl RawTrace {
    /// Size of its pictures.
    pub(crate) fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }

    /// When picture `index` is taken.
    pub(crate) fn time_us(&self, index: u64) -> u64 {
        index * 1_000_000 / u64::from(self.fps)
    }

    /// Its pictures, one by one.
    pub(crate) fn open(&self) -> Result<RawPictures, Failure> {
        let file = File::open(&self.path).map_err(|e| Failure::from(e).about(self.path.display()))?;
        Ok(RawPictures { file: BufReader::with_capacity(1 << 20, file), left: self.frames })
    }
}

/// Reads raw pictures.
#[derive(Debug)]
pub(crate) struct RawPictures {
    file: BufReader<File>,
    left: u64,
}

impl RawPictures {
    /// Reads the next picture over `frame`, alpha 255; false after the last.
    pub(crate) fn next(&mut self, frame: &mut FrameBuf) -> Result<bool, Failure> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        self.file.read_exact(frame.pixels_mut())?;
        frame.pixels_mut().chunks_exact_mut(4).for_each(|px| px[3] = 255);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are() {
        let read = |text: &str| TraceSpec::read(text, None, None);
        assert_eq!(read("pattern:64x48@20").unwrap(), [TraceSpec::Pattern(Size::new(64, 48), 20)]);
        assert_eq!(read("a/b.pcast").unwrap()[0].name(), "b");
        assert!(read("a/b.bgra").is_err(), "raw pictures need a size");
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path().to_str().unwrap()).is_err(), "an empty folder");
        std::fs::write(dir.path().join("x.bgra"), [0; 48]).unwrap();
        std::fs::write(dir.path().join("x.txt"), "4x3 25\n").unwrap();
        let found = read(dir.path().to_str().unwrap()).unwrap();
        assert_eq!(found, [TraceSpec::Raw(dir.path().join("x.bgra"), Size::new(4, 3), 25)]);
        assert_eq!(found[0].raw(dir.path(), None).unwrap().frames, 1);
    }
}
