//! The loops over every pixel: AVX2 paths, each beside its plain reference.
#![allow(unsafe_code)]

use super::compare::SEGMENT_BYTES;

/// One run in 2^6 is picked: some 14,000 in a 720p picture that changed everywhere.
const PICK_BITS: u32 = 6;

/// Compares two rows of equal length that begin at tile column `first`, and sets the bits of the columns that
/// differ in `bits`, the row's words.
pub(super) type RowComparer = fn(old: &[u8], new: &[u8], first: usize, bits: &mut [u64]);

/// The fastest comparer that this processor has.
pub(super) fn row_comparer() -> RowComparer {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return compare_row_avx2_checked;
    }
    compare_row_scalar
}

/// The plain reference.
pub(super) fn compare_row_scalar(old: &[u8], new: &[u8], first: usize, bits: &mut [u64]) {
    for (i, (a, b)) in old.chunks(SEGMENT_BYTES).zip(new.chunks(SEGMENT_BYTES)).enumerate() {
        if a != b {
            let column = first + i;
            bits[column / 64] |= 1 << (column % 64);
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn compare_row_avx2_checked(old: &[u8], new: &[u8], first: usize, bits: &mut [u64]) {
    // SAFETY: `row_comparer` hands this function out only where AVX2 was detected.
    unsafe { compare_row_avx2(old, new, first, bits) }
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn compare_row_avx2(old: &[u8], new: &[u8], first: usize, bits: &mut [u64]) {
    use std::arch::x86_64::{
        __m256i, _mm256_loadu_si256, _mm256_or_si256, _mm256_setzero_si256, _mm256_testz_si256,
        _mm256_xor_si256,
    };
    let (old_whole, old_rest) = old.as_chunks::<SEGMENT_BYTES>();
    let (new_whole, new_rest) = new.as_chunks::<SEGMENT_BYTES>();
    let mut column = first;
    for (a, b) in old_whole.iter().zip(new_whole) {
        let mut differs = [_mm256_setzero_si256(); 2];
        for at in (0..SEGMENT_BYTES).step_by(64) {
            for (half, differs) in differs.iter_mut().enumerate() {
                let at = at + half * 32;
                // SAFETY: `at` + 32 ≤ SEGMENT_BYTES, the length of both arrays; the loads need no alignment.
                let (x, y) = unsafe {
                    (
                        _mm256_loadu_si256(a.as_ptr().add(at).cast::<__m256i>()),
                        _mm256_loadu_si256(b.as_ptr().add(at).cast::<__m256i>()),
                    )
                };
                *differs = _mm256_or_si256(*differs, _mm256_xor_si256(x, y));
            }
        }
        let any = _mm256_or_si256(differs[0], differs[1]);
        // No branch: the bit is or-ed in either way, so that noisy pictures cost what quiet ones do.
        bits[column / 64] |= u64::from(_mm256_testz_si256(any, any) == 0) << (column % 64);
        column += 1;
    }
    if old_rest != new_rest {
        bits[column / 64] |= 1 << (column % 64);
    }
}

/// Appends to `picks` the index of each run of eight pixels whose hash has [`PICK_BITS`] leading zeros and whose
/// first two pixels differ; `hashes` is scratch.
pub(super) fn pick_runs(pixels: &[[u8; 4]], hashes: &mut Vec<u32>, picks: &mut Vec<u32>) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was detected.
        unsafe { pick_runs_avx2(pixels, hashes, picks) };
        return;
    }
    pick_runs_scalar(pixels, hashes, picks);
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn pick_runs_avx2(pixels: &[[u8; 4]], hashes: &mut Vec<u32>, picks: &mut Vec<u32>) {
    // The same code, which the compiler turns into 256-bit operations here.
    pick_runs_scalar(pixels, hashes, picks);
}

/// Hashes that are looked at together: most groups have none to pick.
const GROUP: usize = 16;

/// The plain reference: runs of one, two and four pixels are joined to runs of twice their length.
#[inline(always)]
fn pick_runs_scalar(pixels: &[[u8; 4]], hashes: &mut Vec<u32>, picks: &mut Vec<u32>) {
    hashes.clear();
    let pairs = pixels.iter().zip(pixels.iter().skip(1));
    hashes.extend(
        pairs.map(|(a, b)| u32::from_le_bytes(*a).wrapping_mul(0x9E37_79B1) ^ u32::from_le_bytes(*b)),
    );
    for (reach, factor) in [(2, 0x85EB_CA77_u32), (4, 0xC2B2_AE3D)] {
        let len = hashes.len().saturating_sub(reach);
        for i in 0..len {
            hashes[i] = hashes[i].wrapping_mul(factor) ^ hashes[i + reach];
        }
        hashes.truncate(len);
    }
    // Multiplication mixes upwards only: the leading bits are the mixed ones.
    let picked = |hash: &u32| hash.wrapping_mul(0x27D4_EB2F) >> (32 - PICK_BITS) == 0;
    for (group, of) in hashes.chunks(GROUP).enumerate() {
        if !of.iter().fold(false, |any, hash| any | picked(hash)) {
            continue;
        }
        for (i, hash) in of.iter().enumerate() {
            let i = group * GROUP + i;
            // Flat runs are everywhere and say nothing.
            if picked(hash) && pixels[i] != pixels[i + 1] {
                picks.push(i as u32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_row_comparer_agrees_with_the_reference(
            old in prop::collection::vec(any::<[u8; 4]>(), 1..400),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
            first in 0_usize..70,
        ) {
            let old = old.concat();
            let mut new = old.clone();
            for (at, value) in &changes {
                let at = at.index(new.len());
                new[at] = *value;
            }
            let mut fast = vec![0; 3];
            let mut plain = vec![0; 3];
            row_comparer()(&old, &new, first, &mut fast);
            compare_row_scalar(&old, &new, first, &mut plain);
            prop_assert_eq!(&fast, &plain);
            prop_assert_eq!(plain.iter().all(|w| *w == 0), old == new);
        }

        #[test]
        fn the_fast_picks_agree_with_the_reference(
            pixels in prop::collection::vec(prop::array::uniform4(0_u8..3), 0..400),
        ) {
            let (mut fast, mut plain, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
            pick_runs(&pixels, &mut hashes, &mut fast);
            pick_runs_scalar(&pixels, &mut hashes, &mut plain);
            prop_assert_eq!(fast, plain);
        }
    }
}
