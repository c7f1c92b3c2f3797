//! What is answered where no host is behind a key's number: bytes that a host could have sent, made as
//! docs/sealing.md has them, of numbers that nobody keeps. No key goes with them.

use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::{EdwardsPoint, Scalar};

/// The version of the sealing.
const VERSION: u8 = 1;

/// The mark of the host's side of SPAKE2.
const HOST_SIDE: u8 = b'B';

/// Bytes of an answer: version, side, PAKE element, ephemeral key, tag.
const ANSWER_BYTES: usize = 1 + 1 + 32 + 32 + 16;

/// Bytes that a host could have answered a knock with; `None` without randomness, when there is no host either.
pub(crate) fn answer() -> Option<Vec<u8>> {
    let mut random = [0; 64 + 32 + 16];
    getrandom::fill(&mut random).ok()?;
    let (element, rest) = random.split_first_chunk::<64>()?;
    let (ephemeral, tag) = rest.split_first_chunk::<32>()?;
    let mut answer = Vec::with_capacity(ANSWER_BYTES);
    answer.extend([VERSION, HOST_SIDE]);
    // An element of SPAKE2 is evenly spread over the group, as is this one.
    let element = EdwardsPoint::mul_base(&Scalar::from_bytes_mod_order_wide(element));
    answer.extend(element.compress().to_bytes());
    answer.extend(MontgomeryPoint::mul_base_clamped(*ephemeral).to_bytes());
    answer.extend(tag);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::edwards::CompressedEdwardsY;

    /// Half of all random bytes are no points of a curve: who gets a few of those knows a decoy.
    #[test]
    fn a_decoy_holds_points_of_the_right_groups() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..64 {
            let answer = answer().unwrap();
            assert_eq!((answer.len(), &answer[..2]), (ANSWER_BYTES, &[1, b'B'][..]));
            let element = CompressedEdwardsY::from_slice(&answer[2..34]).unwrap().decompress().unwrap();
            assert!(element.is_torsion_free());
            let ephemeral = MontgomeryPoint(answer[34..66].try_into().unwrap());
            assert!(ephemeral.to_edwards(0).is_some(), "on the curve, not on its twist");
            assert!(seen.insert(answer));
        }
    }
}
