//! Decoded pictures in other programs' formats: raw B, G, R, A; YUV4MPEG2 4:4:4; PNG.

use crate::failure::Failure;
use crate::output::{has_extension, is_standard, writer};
use panecast::frame::{FrameBuf, Size};
use std::io::Write;
use std::path::{Path, PathBuf};
use yuv::{YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

/// A format of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Raw B, G, R, 255; rows without padding
    Bgra,
    /// YUV4MPEG2, 4:4:4, BT.601 limited range: not exact
    Y4m,
    /// One PNG file for each picture (OUT has %d or %04d), or one for the last
    Png,
}

impl Format {
    /// The format that a file's name stands for.
    pub(crate) fn of(path: &Path) -> Self {
        if has_extension(path, "y4m") {
            Self::Y4m
        } else if has_extension(path, "png") {
            Self::Png
        } else {
            Self::Bgra
        }
    }
}

/// Writes pictures one after the other.
pub(crate) struct PictureWriter {
    format: Format,
    path: PathBuf,
    fps: u32,
    out: Option<Box<dyn Write>>,
    size: Option<Size>,
    /// The last picture as it was written, to be written again while nothing changes.
    coded: Vec<u8>,
    written: u64,
}

impl PictureWriter {
    /// A writer to `path`; `fps` goes into the head of a y4m file.
    pub(crate) fn create(path: &Path, format: Format, fps: u32) -> Result<Self, Failure> {
        let numbered = format == Format::Png && number_place(path).is_some();
        Ok(Self {
            format,
            path: path.to_owned(),
            fps,
            out: if numbered { None } else { Some(writer(path)?) },
            size: None,
            coded: Vec::new(),
            written: 0,
        })
    }

    /// Takes the next picture and writes it.
    pub(crate) fn picture(&mut self, picture: &FrameBuf) -> Result<(), Failure> {
        let size = picture.size();
        let keeps_size = self.format == Format::Png || self.size.is_none_or(|s| s == size);
        if !keeps_size {
            let before = self.size.unwrap_or_default();
            return Err(Failure::new(
                format!(
                    "picture {} is {size}, those before are {before}: one file cannot hold both",
                    self.written
                ),
                "write numbered files: --format png -o 'picture-%04d.png'",
            ));
        }
        match self.format {
            Format::Bgra => {
                self.coded.clear();
                self.coded.extend_from_slice(picture.pixels());
            }
            Format::Y4m => {
                if let (None, Some(out)) = (self.size, &mut self.out) {
                    let (w, h, fps) = (size.width, size.height, self.fps);
                    writeln!(out, "YUV4MPEG2 W{w} H{h} F{fps}:1 Ip A1:1 C444 XCOLORRANGE=LIMITED")?;
                }
                self.coded.clear();
                self.coded.extend_from_slice(b"FRAME\n");
                add_planes(picture, &mut self.coded)?;
            }
            Format::Png => {
                self.coded.clear();
                write_png(&mut self.coded, picture)?;
            }
        }
        self.size = Some(size);
        self.again()
    }

    /// Writes the last picture once more.
    pub(crate) fn again(&mut self) -> Result<(), Failure> {
        match (&mut self.out, self.format) {
            // One PNG file holds the last picture; `finish` writes it.
            (Some(_), Format::Png) => {}
            (Some(out), _) => out.write_all(&self.coded)?,
            (None, _) => {
                let path = numbered(&self.path, self.written);
                std::fs::write(&path, &self.coded).map_err(|e| Failure::from(e).about(path.display()))?;
            }
        }
        self.written += 1;
        Ok(())
    }

    /// Writes what is still held back.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        if let Some(out) = &mut self.out {
            if self.format == Format::Png {
                if self.written == 0 {
                    return Err(Failure::new(
                        "the stream holds no picture",
                        "check the stream with `panecast inspect`",
                    ));
                }
                out.write_all(&self.coded)?;
            }
            out.flush()?;
        }
        Ok(())
    }
}

/// Writes one picture as PNG, without alpha: a screen is opaque.
pub(crate) fn write_png(out: &mut impl Write, picture: &FrameBuf) -> Result<(), Failure> {
    let size = picture.size();
    let rgb: Vec<u8> = picture.pixels().chunks_exact(4).flat_map(|p| [p[2], p[1], p[0]]).collect();
    let mut encoder = png::Encoder::new(out, size.width, size.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let written = encoder.write_header().and_then(|mut w| {
        w.write_image_data(&rgb)?;
        w.finish()
    });
    written.map_err(|e| match e {
        png::EncodingError::IoError(e) => e.into(),
        e => Failure::new(format!("the PNG file could not be written: {e}"), "try another --format"),
    })
}

/// Appends the planes Y, U, V of a picture.
fn add_planes(picture: &FrameBuf, out: &mut Vec<u8>) -> Result<(), Failure> {
    let size = picture.size();
    let mut planes =
        YuvPlanarImageMut::<u8>::alloc(size.width, size.height, yuv::YuvChromaSubsampling::Yuv444);
    yuv::bgra_to_yuv444(
        &mut planes,
        picture.pixels(),
        size.width * 4,
        YuvRange::Limited,
        YuvStandardMatrix::Bt601,
        YuvConversionMode::Balanced,
    )
    .map_err(|e| Failure::new(format!("the picture could not be converted: {e}"), "try --format bgra"))?;
    for plane in [planes.y_plane.borrow(), planes.u_plane.borrow(), planes.v_plane.borrow()] {
        out.extend_from_slice(plane);
    }
    Ok(())
}

/// Where `path` has a place for a number: start, end, and the digits it asks for.
fn number_place(path: &Path) -> Option<(usize, usize, usize)> {
    let text = path.to_str().filter(|_| !is_standard(path))?;
    let start = text.find('%')?;
    let digits = text[start + 1..].find('d')?;
    let width = &text[start + 1..start + 1 + digits];
    let width =
        if width.is_empty() { 0 } else { width.strip_prefix('0')?.parse().ok().filter(|w| *w < 20)? };
    Some((start, start + digits + 2, width))
}

/// `path` with a number in its place.
fn numbered(path: &Path, number: u64) -> PathBuf {
    match (path.to_str(), number_place(path)) {
        (Some(text), Some((start, end, width))) => {
            format!("{}{number:0width$}{}", &text[..start], &text[end..]).into()
        }
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_where_the_name_asks_for_them() {
        for (name, with_7) in [
            ("a-%d.png", "a-7.png"),
            ("a-%04d.png", "a-0007.png"),
            ("a.png", "a.png"),
            ("100%.png", "100%.png"),
            ("%x%d.png", "%x%d.png"),
            ("-", "-"),
        ] {
            assert_eq!(numbered(Path::new(name), 7), Path::new(with_7), "{name}");
        }
    }
}
