//! A zlib stream that goes on from rectangle to rectangle.

use super::pixels::broken;
use crate::failure::Failure;
use flate2::{Decompress, FlushDecompress, Status};

/// The stream; a fresh one expects a header.
#[derive(Debug)]
pub(super) struct Inflater {
    stream: Decompress,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { stream: Decompress::new(true) }
    }
}

impl Inflater {
    /// Inflates all of `data` into at most `most` bytes.
    pub(super) fn inflate(&mut self, mut data: &[u8], most: usize) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        loop {
            if out.len() == out.capacity() {
                if out.len() >= most && !data.is_empty() {
                    return Err(broken("a rectangle inflates to more than its pixels"));
                }
                // One byte more, so that a full end can be told from one that is too long.
                out.reserve((most + 1 - out.len()).min(1 << 16));
            }
            let (read, written) = (self.stream.total_in(), out.len());
            let status = self.stream.decompress_vec(data, &mut out, FlushDecompress::Sync);
            let status = status.map_err(|e| broken(format!("a zlib stream is wrong: {e}")))?;
            let read = (self.stream.total_in() - read) as usize;
            data = &data[read..];
            if out.len() > most {
                return Err(broken("a rectangle inflates to more than its pixels"));
            }
            let full = out.len() == out.capacity();
            if status == Status::StreamEnd
                || (data.is_empty() && !full)
                || (read == 0 && out.len() == written && !full)
            {
                return Ok(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};

    #[test]
    fn parts_of_one_stream_come_back_one_by_one() {
        let mut deflater = Compress::new(Compression::default(), true);
        let mut inflater = Inflater::default();
        let mut seed = 1_u32;
        for (i, length) in [1_usize, 100, 70_000, 200_000, 3].into_iter().enumerate() {
            let part: Vec<u8> = (0..length)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8 % if i % 2 == 0 { 3 } else { 255 }
                })
                .collect();
            let mut packed = Vec::with_capacity(2 * length + 100);
            deflater.compress_vec(&part, &mut packed, FlushCompress::Sync).unwrap();
            assert_eq!(inflater.inflate(&packed, length).unwrap(), part);
        }
        let mut packed = Vec::with_capacity(1000);
        deflater.compress_vec(&[7; 500], &mut packed, FlushCompress::Sync).unwrap();
        assert!(inflater.inflate(&packed, 499).is_err());
        assert!(Inflater::default().inflate(&[1, 2, 3, 4], 100).is_err());
    }
}
