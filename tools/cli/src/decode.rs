//! `panecast decode`.

use crate::failure::Failure;
use crate::output::{is_standard, line, open_file};
use crate::pictures::{Format, PictureWriter};
use crate::progress;
use crate::recording::frame_index;
use crate::reference::Reference;
use panecast::bitstream::{EndBody, Packet, Piece, Splitter};
use panecast::codec::{Decoded, Decoder};
use panecast::frame::{Size, Timestamp};
use panecast::{Error, ErrorKind, Limits};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// What is read from the stream at once.
const READ_BYTES: usize = 1 << 20;

/// The rate in the head of a y4m file if the stream was cut off before its end record told it.
const USUAL_FPS: u32 = 30;

/// Decode a stream into pictures
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast decode screen.pcast -o screen.bgra
  panecast decode screen.pcast -o last.png
  panecast decode screen.pcast -o 'picture-%04d.png'
  panecast decode - -o - --format y4m < screen.pcast | ffplay -
  panecast decode screen.pcast --reference screen.bgra

Unchanged pictures are repeated, so that encoding and decoding give every picture back. With --reference, PSNR over
B, G, R, PSNR and SSIM of the luma are printed, of all pictures together and of the worst one.
Exit codes: 0 success, 1 failure (what is sound is written), 2 wrong usage.")]
pub(crate) struct Arguments {
    /// The stream; `-` is standard input
    #[arg(value_name = "IN.pcast")]
    input: PathBuf,
    /// The pictures; `-` is standard output
    #[arg(short, long, value_name = "OUT", required_unless_present = "reference")]
    output: Option<PathBuf>,
    /// Format of the pictures [default: by the name: .y4m, .png, else bgra]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Most pictures to write: a stream of a few bytes may ask for billions
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_frames: u64,
    /// Compare with the pictures that the stream was made from: .y4m, else raw B, G, R, A
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let about = |e: Failure| e.about(arguments.input.display());
    let mut input = open(&arguments.input)?;
    let end = find_end(&mut input).map_err(|e| about(e.into()))?;
    input.seek(SeekFrom::Start(0)).map_err(|e| about(e.into()))?;
    let fps = end.map(|e| e.fps.max(1));
    let pictures = match &arguments.output {
        Some(path) => {
            let format = arguments.format.unwrap_or(Format::of(path));
            Some(PictureWriter::create(path, format, fps.unwrap_or(USUAL_FPS))?)
        }
        None => None,
    };
    let mut decoding = Decoding {
        decoder: Decoder::new(Limits::default()),
        pictures,
        reference: arguments.reference.as_deref().map(Reference::new),
        written: 0,
        fps,
        most: arguments.max_frames,
        first: None,
        ended: false,
    };
    let bar = progress::bar(end.map(|e| e.frames.min(arguments.max_frames)), "pictures");
    let result = decoding.run(&mut input, |written| bar.set_position(written));
    bar.finish_and_clear();
    let written = decoding.written;
    // What is sound is written even if the rest is not.
    if (written > 0 || result.is_ok())
        && let Some(pictures) = decoding.pictures
    {
        pictures.finish()?;
    }
    if let Some(reference) = &decoding.reference {
        match &arguments.output {
            // The pictures go there.
            Some(path) if is_standard(path) => eprintln!("{reference}"),
            _ => line(reference)?,
        }
    }
    result.map_err(|e| match written {
        0 => about(e),
        _ => about(e).about(format!("stopped after {written} pictures")),
    })
}

/// Decodes a whole stream into raw pictures, and gives their size and rate.
pub(crate) fn to_raw(input: &Path, output: &Path) -> Result<(Size, u32), Failure> {
    let arguments = Arguments {
        input: input.to_owned(),
        output: Some(output.to_owned()),
        format: Some(Format::Bgra),
        max_frames: 1_000_000,
        reference: None,
    };
    run(&arguments)?;
    let mut input = open_file(input)?;
    let fps = find_end(&mut input)?.map_or(USUAL_FPS, |end| end.fps.max(1));
    input.seek(SeekFrom::Start(0))?;
    // The first packet with a picture tells the size.
    let mut decoder = Decoder::new(Limits::default());
    let mut chunk = vec![0; READ_BYTES];
    while decoder.frame().is_none() {
        let n = read(&mut input, &mut chunk)?;
        if n == 0 {
            return Err(Failure::new(
                "the stream holds no picture",
                "check the stream with `panecast inspect`",
            ));
        }
        decoder.feed(&chunk[..n])?;
        while decoder.frame().is_none() && decoder.next()?.is_some() {}
    }
    Ok((decoder.frame().map_or(Size::default(), |f| f.size()), fps))
}

/// Opens the stream; standard input is put into a temporary file, because the stream is read twice.
fn open(path: &Path) -> Result<File, Failure> {
    if !is_standard(path) {
        return open_file(path);
    }
    let mut file = tempfile::tempfile()?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Looks for the end record, which tells the rate. Damage on the way is for the decoder to report.
fn find_end(input: &mut File) -> io::Result<Option<EndBody>> {
    let (mut splitter, limits) = (Splitter::new(), Limits::default());
    let mut end = None;
    let mut chunk = vec![0; READ_BYTES];
    loop {
        let n = read(input, &mut chunk)?;
        if n == 0 {
            return Ok(end);
        }
        splitter.feed(&chunk[..n]);
        loop {
            match splitter.next(&limits) {
                Ok(None) => break,
                Ok(Some(Piece::Packet(kind, body))) => {
                    if kind == panecast::bitstream::PacketKind::End
                        && let Ok(Packet::End(body)) = Packet::read(kind, body, &limits)
                    {
                        end = Some(body);
                    }
                }
                Ok(Some(Piece::Header(_))) => {}
                Err(_) => return Ok(end),
            }
        }
    }
}

/// Reads some bytes, whatever interrupts it.
pub(crate) fn read(input: &mut (impl Read + ?Sized), chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(chunk) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

struct Decoding {
    decoder: Decoder,
    pictures: Option<PictureWriter>,
    reference: Option<Reference>,
    /// Pictures that came out, repeated ones included.
    written: u64,
    /// The grid on which pictures lie; without it each is written once.
    fps: Option<u32>,
    most: u64,
    first: Option<Timestamp>,
    ended: bool,
}

impl Decoding {
    fn run(&mut self, input: &mut File, mut progress: impl FnMut(u64)) -> Result<(), Failure> {
        let mut chunk = vec![0; READ_BYTES];
        loop {
            let n = read(input, &mut chunk)?;
            if n == 0 {
                return Ok(check_end(self.decoder.pending_bytes(), self.ended)?);
            }
            self.decoder.feed(&chunk[..n])?;
            while let Some(decoded) = self.decoder.next()? {
                self.take(&decoded)?;
                progress(self.written);
            }
        }
    }

    fn take(&mut self, decoded: &Decoded) -> Result<(), Failure> {
        if self.ended {
            return Err(Error::new(ErrorKind::InvalidData, "the stream goes on after its end record").into());
        }
        match *decoded {
            Decoded::Picture { timestamp, .. } => {
                let first = *self.first.get_or_insert(timestamp);
                if let Some(fps) = self.fps {
                    self.repeat_until(frame_index(timestamp, first, fps))?;
                }
                self.check_room(self.written + 1)?;
                self.write(true)
            }
            Decoded::End { frames, .. } => {
                self.ended = true;
                self.repeat_until(frames)
            }
            Decoded::Header | Decoded::NeedsPlanes | Decoded::Epoch { .. } | Decoded::Cursor => Ok(()),
        }
    }

    /// Writes the last picture again until there are `frames`.
    fn repeat_until(&mut self, frames: u64) -> Result<(), Failure> {
        if frames <= self.written {
            return Ok(());
        }
        if self.first.is_none() || self.written == 0 {
            return Err(Error::new(ErrorKind::InvalidData, "the stream counts pictures, but has none").into());
        }
        self.check_room(frames)?;
        while self.written < frames {
            self.write(false)?;
        }
        Ok(())
    }

    /// Hands the decoder's picture on, a `new` one or the same again.
    fn write(&mut self, new: bool) -> Result<(), Failure> {
        let Some(picture) = self.decoder.frame() else { return Ok(()) };
        match &mut self.pictures {
            Some(pictures) if new => pictures.picture(picture)?,
            Some(pictures) => pictures.again()?,
            None => {}
        }
        if let Some(reference) = &mut self.reference {
            reference.picture(picture)?;
        }
        self.written += 1;
        Ok(())
    }

    fn check_room(&self, frames: u64) -> Result<(), Failure> {
        if frames <= self.most {
            return Ok(());
        }
        let message = format!("the stream asks for {frames} pictures, {} are allowed", self.most);
        let failure = Failure::from(Error::new(ErrorKind::LimitExceeded, message));
        Err(failure.with_next(format!("if you trust the stream, allow more: --max-frames {frames}")))
    }
}

/// A sound file ends with a whole packet, and that is its end record.
pub(crate) fn check_end(pending_bytes: usize, ended: bool) -> Result<(), Error> {
    let message = match (pending_bytes, ended) {
        (0, true) => return Ok(()),
        (0, false) => "the stream is cut off: it has no end record",
        _ => "the stream is cut off in the middle of a packet",
    };
    Err(Error::new(ErrorKind::InvalidData, message))
}
