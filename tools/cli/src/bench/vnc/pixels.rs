//! Reading numbers and pixels as RFB sends them.

use crate::failure::Failure;
use std::io::{BufReader, Read, Write};

/// The server sent what it must not.
pub(super) fn broken(what: impl Into<String>) -> Failure {
    Failure::new(format!("the VNC server: {}", what.into()), "use another version of it")
}

/// A connection that counts what comes.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    stream: BufReader<S>,
    count: u64,
}

impl<S: Write> Wire<S> {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }
}

impl<S: Read> Wire<S> {
    pub(super) fn of(stream: S) -> Self {
        Self { stream: BufReader::with_capacity(1 << 16, stream), count: 0 }
    }

    /// Bytes that have been read.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn read(&mut self, bytes: &mut [u8]) -> Result<(), Failure> {
        self.stream.read_exact(bytes).map_err(|e| broken(format!("no answer: {e}")))?;
        self.count += bytes.len() as u64;
        Ok(())
    }

    /// At most what a picture of the largest screen takes.
    pub(super) fn bytes(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        const MOST: usize = 1 << 28;
        if length > MOST {
            return Err(broken(format!("it announced {length} bytes")));
        }
        let mut bytes = vec![0; length];
        self.read(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn skip(&mut self, length: u64) -> Result<(), Failure> {
        let copied = std::io::copy(&mut self.stream.by_ref().take(length), &mut std::io::sink())?;
        self.count += copied;
        if copied < length { Err(broken("no answer")) } else { Ok(()) }
    }

    pub(super) fn u8(&mut self) -> Result<u8, Failure> {
        let mut byte = [0];
        self.read(&mut byte)?;
        Ok(byte[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Failure> {
        let mut bytes = [0; 2];
        self.read(&mut bytes)?;
        Ok(u16::from_be_bytes(bytes))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Failure> {
        let mut bytes = [0; 4];
        self.read(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }
}

/// Goes through bytes, and never beyond their end.
#[derive(Debug)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Failure> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| broken("a rectangle is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Failure> {
        Ok(self.take(1)?[0])
    }

    /// B, G, R, and 255.
    pub(super) fn bgr(&mut self) -> Result<[u8; 4], Failure> {
        let px = self.take(3)?;
        Ok([px[0], px[1], px[2], 255])
    }
}

/// Pixels of `bits` each from rows that begin at whole bytes, the first in the highest bits, as numbers.
pub(super) fn unpack(row: &[u8], bits: u32, width: usize) -> impl Iterator<Item = usize> + '_ {
    let in_byte = 8 / bits as usize;
    (0..width).map(move |x| {
        let shift = 8 - bits * (1 + (x % in_byte) as u32);
        usize::from(row[x / in_byte] >> shift) & ((1 << bits) - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers_begin_in_the_highest_bits() {
        assert!(unpack(&[0b1011_0001, 0b1000_0000], 1, 9).eq([1, 0, 1, 1, 0, 0, 0, 1, 1]));
        assert!(unpack(&[0b1101_0010, 0b0100_0000], 2, 5).eq([3, 1, 0, 2, 1]));
        assert!(unpack(&[0xa5, 0x70], 4, 3).eq([10, 5, 7]));
        assert!(unpack(&[200, 7], 8, 2).eq([200, 7]));
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let mut cursor = Cursor(&[1, 2, 3]);
        assert_eq!(cursor.bgr().unwrap(), [1, 2, 3, 255]);
        assert!(cursor.u8().is_err());
        let mut wire = Wire::of(std::io::Cursor::new(vec![0, 1, 9]));
        assert_eq!((wire.u16().unwrap(), wire.count()), (1, 2));
        assert!(wire.u32().is_err() && wire.bytes(usize::MAX).is_err());
    }
}
