//! `panecast decode --reference`: decoded pictures against what they were made from.

use crate::failure::Failure;
use crate::output::{has_extension, open_file};
use crate::quality::{Errors, Judge};
use panecast::Limits;
use panecast::capture::{Captured, Capturer, FileSource};
use panecast::frame::{FrameBuf, Region, Size};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reads the pictures of a file beside those that are decoded.
pub(crate) struct Reference {
    path: PathBuf,
    /// Opened with the first picture: raw pictures have the size of the decoded ones.
    source: Option<FileSource>,
    picture: Option<FrameBuf>,
    judge: Judge,
    total: Errors,
    worst: Option<(u64, Errors)>,
    pictures: u64,
    exact: u64,
}

impl Reference {
    /// The pictures in `path`: `.y4m`, or raw B, G, R, A.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            source: None,
            picture: None,
            judge: Judge::default(),
            total: Errors::default(),
            worst: None,
            pictures: 0,
            exact: 0,
        }
    }

    /// Compares the next decoded picture.
    pub(crate) fn picture(&mut self, shown: &FrameBuf) -> Result<(), Failure> {
        let about = |e: Failure| e.about(self.path.display());
        let source = match &mut self.source {
            Some(source) => source,
            none => none.insert(open(&self.path, shown.size()).map_err(about)?),
        };
        let size = source.info().size;
        if size != shown.size() {
            let message = format!("its pictures are {size}, the stream's are {}", shown.size());
            return Err(about(Failure::new(message, "name the file that the stream was made from")));
        }
        let frame = match &mut self.picture {
            Some(frame) => frame,
            none => none.insert(FrameBuf::new(size, &Limits::default())?),
        };
        let captured = source.next(frame, &Region::full(size), Duration::MAX).map_err(|e| about(e.into()))?;
        if !matches!(captured, Captured::Frame { .. }) {
            let message = format!("it has {} pictures, the stream has more", self.pictures);
            return Err(about(Failure::new(message, "name the file that the stream was made from")));
        }
        let mut errors = Errors::default();
        self.judge.compare(frame, shown).iter().for_each(|tile| errors.add(tile));
        self.total.add(&errors);
        self.exact += u64::from(errors.is_exact());
        let db = |e: &Errors| e.psnr_rgb().unwrap_or(f64::INFINITY);
        if self.worst.as_ref().is_none_or(|(_, worst)| db(&errors) < db(worst)) {
            self.worst = Some((self.pictures, errors));
        }
        self.pictures += 1;
        Ok(())
    }
}

fn open(path: &Path, size: Size) -> Result<FileSource, Failure> {
    let file = open_file(path)?;
    let source =
        if has_extension(path, "y4m") { FileSource::y4m(file) } else { FileSource::raw(file, size, 1) };
    Ok(source?)
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "all:   {}, {} of {} pictures exact", Line(&self.total), self.exact, self.pictures)?;
        match &self.worst {
            Some((index, errors)) => write!(f, "worst: {}, picture {index}", Line(errors)),
            None => write!(f, "worst: there is no picture"),
        }
    }
}

struct Line<'a>(&'a Errors);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let db = |value: Option<f64>| value.map_or("exact".to_owned(), |db| format!("{db:.3} dB"));
        let (rgb, luma) = (db(self.0.psnr_rgb()), db(self.0.psnr_luma()));
        write!(f, "PSNR-RGB {rgb}, PSNR-Y {luma}, SSIM {:.5}", self.0.ssim())
    }
}
