//! Records of two: in order, whole, or the end.

use super::{assert_talk, limits, linked, pairs, say, sealed, texts};
use panecast::session::seal::{Pair, RECORD_OVERHEAD, REPLACEABLE_OVERHEAD, SealError};
use panecast::{Error, ErrorKind, Limits};

/// The pair has ended and says so to whatever it is asked.
fn assert_ended(mut pair: Pair) {
    let mut out = vec![1, 2];
    assert_eq!(pair.seal(0, b"", &mut out), Err(SealError::Ended));
    assert_eq!(out, [1, 2]);
    assert_eq!(pair.open(&mut [0; 40]), Err(SealError::Ended));
    assert_eq!(Error::from(pair.into_ticket().unwrap_err()).kind(), ErrorKind::Closed);
}

#[test]
fn both_directions_talk_and_records_show_nothing() {
    let (mut host, mut joiner) = pairs();
    assert_talk(&mut host, &mut joiner);
    let text = b"text that is long enough to be looked for";
    let record = sealed(&mut host, text);
    assert_eq!(record.len(), text.len() + RECORD_OVERHEAD);
    assert!(!record.windows(4).any(|window| window == b"text"));
    assert_ne!(record, sealed(&mut host, text), "the same said twice looks different");
    assert!(!format!("{host:?}").contains("key"));
}

/// Each byte of 100 records in each direction, each on a channel of its own.
#[test]
fn every_flipped_byte_of_a_hundred_records_ends_the_channel() {
    for host_sends in [true, false] {
        for (number, text) in texts().enumerate() {
            for at in 0..text.len() + RECORD_OVERHEAD {
                let (mut from, mut to) = linked();
                if !host_sends {
                    std::mem::swap(&mut from, &mut to);
                }
                for _ in 0..number % 4 {
                    say(&mut from, &mut to, b"before");
                }
                let mut record = sealed(&mut from, &text);
                record[at] ^= 1 << (number % 8);
                assert_eq!(to.open(&mut record), Err(SealError::Tampered), "record {number}, byte {at}");
                assert_ended(to);
            }
        }
    }
    assert_eq!(SealError::Tampered.kind(), ErrorKind::Tampered);
}

#[test]
fn a_repeated_a_swapped_a_lost_and_a_returned_record_end_the_channel() {
    type Records = Vec<Vec<u8>>;
    let ends = |choose: fn(Records, Vec<u8>) -> Records| {
        let (mut host, mut joiner) = linked();
        let records = (0..4_u8).map(|i| sealed(&mut host, &[i])).collect();
        let own = sealed(&mut joiner, b"own");
        let mut arriving = choose(records, own);
        let mut last = arriving.pop().unwrap();
        for record in &mut arriving {
            assert!(joiner.open(record).is_ok());
        }
        assert_eq!(joiner.open(&mut last), Err(SealError::Tampered));
        assert_ended(joiner);
    };
    ends(|r, _| vec![r[0].clone(), r[0].clone()]);
    ends(|r, _| vec![r[0].clone(), r[1].clone(), r[0].clone()]);
    ends(|r, _| vec![r[1].clone()]);
    ends(|r, _| vec![r[0].clone(), r[2].clone()]);
    ends(|_, own| vec![own]);
    // Another channel's.
    ends(|_, _| vec![sealed(&mut linked().0, b"foreign")]);
}

#[test]
fn a_record_that_is_cut_off_lengthened_or_empty_ends_the_channel() {
    let whole = 30 + RECORD_OVERHEAD;
    for bytes in (0..whole).chain([whole + 1, whole + 16]) {
        let (mut host, mut joiner) = linked();
        let mut record = sealed(&mut host, &[9; 30]);
        record.resize(bytes, 0);
        let before = record.clone();
        assert_eq!(joiner.open(&mut record), Err(SealError::Tampered), "{bytes} bytes");
        assert_eq!(record, before, "nothing was decrypted");
        assert_ended(joiner);
    }
}

#[test]
fn records_of_one_byte_and_of_64_mb_pass() {
    let (mut host, mut joiner) = linked();
    say(&mut host, &mut joiner, b"");
    say(&mut host, &mut joiner, b"1");
    let large: Vec<u8> = (0..64_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    say(&mut joiner, &mut host, &large);
    assert_talk(&mut host, &mut joiner);
}

#[test]
fn a_limit_is_kept_by_both_sides() {
    use panecast::session::seal::{Joiner, LinkSecret, SecretOffer};
    let tight = Limits { record_bytes: 100, ..limits() };
    let most = 100 - RECORD_OVERHEAD;
    let link = LinkSecret::draw().unwrap();
    let mut offer = SecretOffer::of_link(&link, "t", 1, super::seconds(9), &tight).unwrap();
    let (joiner, hello) = Joiner::by_link(&link, "t", &limits()).unwrap();
    let (answered, answer) = offer.answer(&hello, super::seconds(0)).unwrap();
    let (mut joined, last) = joiner.finish(&answer).unwrap();
    let mut hosted = offer.complete(answered, &last, super::seconds(0)).unwrap();

    let mut out = vec![5];
    assert_eq!(hosted.seal(0, &vec![0; most + 1], &mut out), Err(SealError::TooLong));
    assert_eq!(out, [5], "nothing was sent, so nothing has ended");
    say(&mut hosted, &mut joined, &vec![0; most]);
    say(&mut joined, &mut hosted, &vec![0; most]);
    let mut long = sealed(&mut joined, &vec![0; most + 1]);
    assert_eq!(hosted.open(&mut long), Err(SealError::TooLong));
    assert_ended(hosted);
}

#[test]
fn a_warm_channel_allocates_nothing_for_a_record() {
    let (mut host, mut joiner) = linked();
    let mut out = Vec::new();
    host.seal(1, &[1; 5000], &mut out).unwrap();
    assert!(joiner.open(&mut out).is_ok());
    let (room, place) = (out.capacity(), out.as_ptr());
    for bytes in [0, 5000, 1, 4999, 300] {
        out.clear();
        host.seal(1, &[2; 5000][..bytes], &mut out).unwrap();
        let inside = out.as_ptr_range();
        let (_, plain) = joiner.open(&mut out).unwrap();
        assert!(inside.contains(&plain.as_ptr()) || bytes == 0, "opened where it lies");
    }
    assert_eq!((out.capacity(), out.as_ptr()), (room, place));
}

fn replaceable(from: &mut Pair, text: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    from.seal_replaceable(6, text, &mut record).unwrap();
    record
}

/// Records of both sorts, in the order in which they were sealed; `kept` are those that the relay delivers.
fn delivered(kept: &[usize]) -> Result<(), SealError> {
    let (mut host, mut joiner) = linked();
    let sealed = [
        (true, replaceable(&mut host, b"picture 1")),
        (false, sealed(&mut host, b"word 1")),
        (true, replaceable(&mut host, b"picture 2")),
        (true, replaceable(&mut host, b"picture 3")),
        (false, sealed(&mut host, b"word 2")),
        (true, replaceable(&mut host, b"picture 4")),
    ];
    for &which in kept {
        let (may_be_missing, mut record) = sealed[which].clone();
        if may_be_missing {
            joiner.open_replaceable(&mut record)?;
        } else {
            joiner.open(&mut record)?;
        }
    }
    say(&mut joiner, &mut host, b"still here");
    Ok(())
}

#[test]
fn replaceable_records_may_be_missing_and_nothing_else() {
    for kept in [&[0, 1, 2, 3, 4, 5][..], &[1, 4], &[1, 4, 5], &[0, 1, 3, 4], &[1, 2, 4], &[]] {
        assert_eq!(delivered(kept), Ok(()), "{kept:?}");
    }
    // Repeated, swapped among themselves, moved past a word, or a word is missing.
    for kept in
        [&[0, 0][..], &[0, 1, 3, 2], &[0, 1, 3, 3], &[1, 0], &[2], &[1, 4, 3], &[1, 5], &[0, 1, 2, 5], &[4]]
    {
        assert_eq!(delivered(kept), Err(SealError::Tampered), "{kept:?}");
    }
}

#[test]
fn every_flipped_byte_of_a_replaceable_record_ends_the_channel() {
    for at in 0..20 + REPLACEABLE_OVERHEAD {
        for bit in 0..8 {
            let (mut host, mut joiner) = linked();
            let mut record = replaceable(&mut host, &[3; 20]);
            assert_eq!(record.len(), 20 + REPLACEABLE_OVERHEAD);
            record[at] ^= 1 << bit;
            assert_eq!(joiner.open_replaceable(&mut record), Err(SealError::Tampered), "byte {at}");
            assert_ended(joiner);
        }
    }
    for bytes in 0..REPLACEABLE_OVERHEAD {
        let (mut host, mut joiner) = linked();
        let mut record = replaceable(&mut host, b"");
        assert_eq!(joiner.open_replaceable(&mut record[..bytes]), Err(SealError::Tampered));
        let (mut host, mut joiner) = linked();
        assert!(joiner.open(&mut replaceable(&mut host, b"")).is_err(), "one sort is not the other");
        let (mut host, mut joiner) = linked();
        assert!(joiner.open_replaceable(&mut sealed(&mut host, &[0; 40])).is_err());
    }
    let (mut host, mut joiner) = linked();
    let mut record = replaceable(&mut joiner, b"the other way");
    assert_eq!(host.open_replaceable(&mut record), Ok((6, &b"the other way"[..])));
    let mut returned = replaceable(&mut joiner, b"returned");
    assert_eq!(joiner.open_replaceable(&mut returned), Err(SealError::Tampered));
}
