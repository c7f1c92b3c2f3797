//! Files and the standard streams; `-` is the standard one.

use crate::failure::Failure;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

/// Whether `path` means standard input or output.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens a file to read, or standard input.
pub(crate) fn reader(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if is_standard(path) {
        return Ok(Box::new(io::stdin()));
    }
    Ok(Box::new(open_file(path)?))
}

/// Opens a file to read.
pub(crate) fn open_file(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|e| {
        Failure::from(e).about(path.display()).with_next("check the path; `-` reads standard input")
    })
}

/// Creates a file to write, or takes standard output.
pub(crate) fn writer(path: &Path) -> Result<Box<dyn Write>, Failure> {
    if is_standard(path) {
        return Ok(Box::new(BufWriter::with_capacity(1 << 20, io::stdout())));
    }
    let file = File::create(path).map_err(|e| {
        Failure::from(e).about(path.display()).with_next("check that the folder is there and writable")
    })?;
    Ok(Box::new(BufWriter::with_capacity(1 << 20, file)))
}

/// Writes a line to standard output at once.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Whether `path` ends in this extension.
pub(crate) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension))
}
