//! A stream in a file, and its end record.

use crate::failure::Failure;
use crate::output::writer;
use panecast::bitstream::{EndBody, Packet};
use panecast::frame::Timestamp;
use std::io::Write;
use std::path::Path;

/// Writes a stream to a file and remembers how long it is.
pub(crate) struct Recording {
    out: Box<dyn Write>,
    fps: u32,
    first: Option<Timestamp>,
    last: Timestamp,
    bytes: u64,
}

impl Recording {
    /// Starts a file whose pictures lie on a grid of `fps` a second.
    pub(crate) fn create(path: &Path, fps: u32) -> Result<Self, Failure> {
        Ok(Self { out: writer(path)?, fps, first: None, last: Timestamp(0), bytes: 0 })
    }

    /// Appends packets.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Notes that one of the packets is a picture taken at `timestamp`.
    pub(crate) fn picture(&mut self, timestamp: Timestamp) {
        self.first.get_or_insert(timestamp);
        self.last = self.last.max(timestamp);
    }

    /// Bytes written so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes the end record: the pictures on the grid from the first one until `until`, or until the last one.
    pub(crate) fn finish(mut self, until: Timestamp) -> Result<u64, Failure> {
        let frames = match self.first {
            Some(first) => frame_index(self.last.max(until), first, self.fps) + 1,
            None => 0,
        };
        let mut end = Vec::new();
        Packet::End(EndBody { frames, fps: self.fps }).write(&mut end);
        self.write(&end)?;
        self.out.flush()?;
        Ok(frames)
    }
}

/// The place on a grid of `fps` pictures a second, counted from `first`, that is nearest to `timestamp`.
pub(crate) fn frame_index(timestamp: Timestamp, first: Timestamp, fps: u32) -> u64 {
    let micros = u128::from(timestamp.0.saturating_sub(first.0));
    u64::try_from((micros * u128::from(fps) + 500_000) / 1_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frames_own_time_leads_back_to_its_index() {
        for fps in [1, 24, 30, 60, 144, 1000] {
            for index in (0..10_000).chain([1 << 40]) {
                assert_eq!(frame_index(Timestamp::of_frame(index, fps), Timestamp(0), fps), index);
            }
        }
    }
}
