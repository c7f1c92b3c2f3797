//! One row of two pictures, tile column by tile column: the AVX2 path and the plain reference.
#![allow(unsafe_code)]

use super::compare::SEGMENT_BYTES;

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
            for half in 0..2 {
                let at = at + half * 32;
                // SAFETY: `at` + 32 ≤ SEGMENT_BYTES, the length of both arrays; the loads need no alignment.
                let (x, y) = unsafe {
                    (
                        _mm256_loadu_si256(a.as_ptr().add(at).cast::<__m256i>()),
                        _mm256_loadu_si256(b.as_ptr().add(at).cast::<__m256i>()),
                    )
                };
                differs[half] = _mm256_or_si256(differs[half], _mm256_xor_si256(x, y));
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
