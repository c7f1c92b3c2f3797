//! The first bytes of a stream.

use crate::error::{Error, ErrorKind, Result};

/// What every stream begins with.
pub const MAGIC: [u8; 4] = *b"PCST";

/// The version of the format that this library writes and reads.
pub const VERSION: u8 = 3;

/// A required feature: some layers are AV1.
pub const FEATURE_AV1: u8 = 1;

/// A required feature: some layers fade what is there, or change it by differences.
pub const FEATURE_FADES: u8 = 2;

/// A required feature: films that somebody else encodes, each packet a picture.
pub const FEATURE_FILM: u8 = 4;

/// Bytes of the stream header: magic, version, required features, two zero bytes.
pub const HEADER_BYTES: usize = 8;

/// Appends the stream header; `features` are the bits of what a decoder must be able to do.
pub fn write_header(features: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, features, 0, 0]);
}

/// Checks a stream header and returns the bits of the features that it asks for.
///
/// # Errors
/// - [`ErrorKind::InvalidData`] if it is none.
/// - [`ErrorKind::Unsupported`] for another version or for features that a decoder of this version lacks.
pub fn read_header(bytes: &[u8; HEADER_BYTES]) -> Result<u8> {
    if bytes[..4] != MAGIC {
        return Err(Error::data("this is not a panecast stream"));
    }
    if bytes[4] != VERSION {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the stream has version {}, this decoder reads version {VERSION}; update it", bytes[4]),
        ));
    }
    if bytes[5] & !(FEATURE_AV1 | FEATURE_FADES | FEATURE_FILM) != 0 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the stream needs features (bits {:#04x}) that this decoder lacks; update it", bytes[5]),
        ));
    }
    if bytes[6..] != [0, 0] {
        return Err(Error::data("reserved bytes of the stream header are not zero"));
    }
    Ok(bytes[5])
}
