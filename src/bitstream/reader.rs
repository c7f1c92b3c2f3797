//! Reads numbers and bytes from a slice that may be hostile.

use crate::error::{Error, Result};

/// A cursor over bytes; every read is checked.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes that are left.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] if fewer are left.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(n)
            .ok_or_else(|| Error::data("the packet ends in the middle of a field"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// One byte.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] at the end.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.bytes(1)?[0])
    }

    /// Four bytes, little-endian.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] at the end.
    pub fn u32_le(&mut self) -> Result<u32> {
        let b = self.bytes(4)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// An unsigned LEB128 number of at most 64 bits in its shortest form.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] at the end, past 64 bits, or for a longer form than needed.
    pub fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                return Err(Error::data("a number has more than 64 bits"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(Error::data("a number is not in its shortest form"));
                }
                return Ok(value);
            }
        }
        Err(Error::data("a number has more than 64 bits"))
    }

    /// A varint that fits 32 bits.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] as [`Reader::varint`], or past 32 bits.
    pub fn varint_u32(&mut self) -> Result<u32> {
        u32::try_from(self.varint()?).map_err(|_| Error::data("a number has more than 32 bits"))
    }

    /// A signed number: zigzag within a varint.
    ///
    /// # Errors
    /// As [`Reader::varint_u32`].
    pub fn zigzag_i32(&mut self) -> Result<i32> {
        let v = self.varint_u32()?;
        Ok((v >> 1) as i32 ^ -((v & 1) as i32))
    }
}
