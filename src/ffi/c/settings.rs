//! How to encode, in structs whose zeros are the defaults.

use super::codes;
use super::sized::Sized32;
use crate::codec::av1::Av1Choice;
use crate::codec::{EncoderConfig, Refine};
use crate::error::Result;
use crate::limits::Limits;

/// How an encoder works. A field of 0 is the default; NULL in its place is all defaults.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_encoder_config {
    /// sizeof(panecast_encoder_config).
    pub struct_size: u32,
    /// A panecast_mode.
    pub mode: u32,
    /// Of films and photographs, from 1 (smallest) to 100 (best); 60 if 0.
    pub quality: u32,
    /// 1: what was lost is never made good. 0: once the place is quiet.
    pub never_refine: u32,
    /// 1: no AV1; photographs are still coded with a bounded loss. 0: the best AV1 encoder that is built in.
    pub no_av1: u32,
    /// Always 0.
    pub reserved: u32,
    /// Most bytes that the encoder keeps; 512 MiB if 0.
    pub memory_bytes: u64,
}

// SAFETY: numbers, the first of them the size.
unsafe impl Sized32 for panecast_encoder_config {}

/// What a stream may cost its decoder. A field of 0 is the default; NULL in its place is all defaults.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_limits {
    /// sizeof(panecast_limits).
    pub struct_size: u32,
    /// Longest side of a picture; 16384 if 0.
    pub side_px: u32,
    /// Most pixels of a picture; 35651584 if 0.
    pub pixels: u64,
    /// Most bytes of one packet; 256 MiB if 0.
    pub packet_bytes: u64,
}

// SAFETY: numbers, the first of them the size.
unsafe impl Sized32 for panecast_limits {}

pub(super) fn encoder(
    mode: u32,
    quality: u32,
    never_refine: u32,
    no_av1: u32,
    memory_bytes: u64,
) -> Result<EncoderConfig> {
    let mut config = EncoderConfig { mode: codes::mode(mode)?, ..EncoderConfig::default() };
    if quality != 0 {
        config.quality = u8::try_from(quality).unwrap_or(u8::MAX);
    }
    if codes::truth(never_refine, "never_refine")? {
        config.refine = Refine::Off;
    }
    if codes::truth(no_av1, "no_av1")? {
        config.av1 = Av1Choice::Off;
    }
    if memory_bytes != 0 {
        config.limits.memory_bytes = memory_bytes;
    }
    config.check()?;
    Ok(config)
}

impl panecast_encoder_config {
    pub(super) fn checked(&self) -> Result<EncoderConfig> {
        if self.reserved != 0 {
            return Err(codes::unknown("reserved", self.reserved));
        }
        encoder(self.mode, self.quality, self.never_refine, self.no_av1, self.memory_bytes)
    }
}

impl panecast_limits {
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        if self.side_px != 0 {
            limits.side_px = self.side_px;
        }
        if self.pixels != 0 {
            limits.pixels = self.pixels;
        }
        if self.packet_bytes != 0 {
            limits.packet_bytes = usize::try_from(self.packet_bytes).unwrap_or(usize::MAX);
        }
        limits
    }
}
