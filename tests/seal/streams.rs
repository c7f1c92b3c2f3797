//! One stream for all agents: in order from where an agent came in, or the end.

use super::{limits, pairs, texts};
use panecast::session::seal::{Pair, STREAM_OVERHEAD, SealError, StreamKey, StreamOpener, StreamSealer};
use panecast::{ErrorKind, Limits};

fn sealed(from: &mut StreamSealer, text: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    from.seal(4, text, &mut record).unwrap();
    record
}

/// An agent that has the key of what comes next.
fn agent(of: &StreamSealer) -> StreamOpener {
    let mut opener = StreamOpener::new(&limits());
    opener.follow(&of.key()).unwrap();
    opener
}

fn assert_opens(opener: &mut StreamOpener, record: &[u8], text: &[u8]) {
    assert_eq!(opener.open(&mut record.to_vec()), Ok(Some((4, text))));
}

fn assert_ends(mut opener: StreamOpener, record: &[u8], why: SealError) {
    let key = StreamSealer::new(&limits()).unwrap().key();
    assert_eq!(opener.open(&mut record.to_vec()), Err(why));
    assert_eq!(opener.open(&mut record.to_vec()), Err(SealError::Ended));
    assert_eq!(opener.follow(&key), Err(SealError::Ended));
    opener.wait();
    assert_eq!(opener.open(&mut record.to_vec()), Err(SealError::Ended));
}

/// Either role may be the side that shares; the key travels in the pair.
#[test]
fn all_agents_open_the_same_bytes_whoever_shares() {
    let mut sealer = StreamSealer::new(&limits()).unwrap();
    let pass_on = |sealer: &StreamSealer, from: &mut Pair, to: &mut Pair| {
        let mut record = Vec::new();
        from.seal(1, sealer.key().to_bytes().as_slice(), &mut record).unwrap();
        let mut opener = StreamOpener::new(&limits());
        opener.follow(&StreamKey::from_bytes(to.open(&mut record).unwrap().1).unwrap()).unwrap();
        opener
    };
    let (mut host, mut joiner) = pairs();
    let mut agents = vec![pass_on(&sealer, &mut host, &mut joiner)];
    for (number, text) in texts().enumerate() {
        if number == 50 {
            let (mut host, mut joiner) = pairs();
            agents.push(pass_on(&sealer, &mut joiner, &mut host));
        }
        let record = sealed(&mut sealer, &text);
        assert_eq!(record.len(), text.len() + STREAM_OVERHEAD);
        for agent in &mut agents {
            assert_opens(agent, &record, &text);
        }
    }
    assert_eq!(agents.len(), 2);
}

#[test]
fn every_flipped_byte_of_a_hundred_records_ends_the_stream() {
    let mut sealer = StreamSealer::new(&limits()).unwrap();
    for (number, text) in texts().enumerate() {
        let fresh = agent(&sealer);
        let key = sealer.key();
        let record = sealed(&mut sealer, &text);
        for at in 0..record.len() {
            let mut opener = StreamOpener::new(&limits());
            opener.follow(&key).unwrap();
            let mut record = record.clone();
            record[at] ^= 1 << (number % 8);
            let why = if at == 0 { SealError::OtherGeneration } else { SealError::Tampered };
            assert_ends(opener, &record, why);
        }
        let mut fresh = fresh;
        assert_opens(&mut fresh, &record, &text);
    }
    assert_eq!(SealError::OtherGeneration.kind(), ErrorKind::Tampered);
}

#[test]
fn a_repeated_a_swapped_and_a_lost_record_end_the_stream() {
    let mut sealer = StreamSealer::new(&limits()).unwrap();
    let key = sealer.key();
    let records: Vec<Vec<u8>> = (0..4_u8).map(|i| sealed(&mut sealer, &[i])).collect();
    for (before, wrong) in [(1, 0), (2, 0), (0, 1), (1, 3)] {
        let mut opener = StreamOpener::new(&limits());
        opener.follow(&key).unwrap();
        for (i, record) in records[..before].iter().enumerate() {
            assert_opens(&mut opener, record, &[i as u8]);
        }
        assert_ends(opener, &records[wrong], SealError::Tampered);
    }
    for bytes in 0..STREAM_OVERHEAD {
        let mut opener = StreamOpener::new(&limits());
        opener.follow(&key).unwrap();
        assert_ends(opener, &records[0][..bytes], SealError::Tampered);
    }
}

#[test]
fn who_has_no_key_yet_lets_records_pass_and_comes_in_where_the_key_says() {
    let mut sealer = StreamSealer::new(&limits()).unwrap();
    let mut late = StreamOpener::new(&limits());
    for _ in 0..3 {
        assert_eq!(late.open(&mut sealed(&mut sealer, b"early")), Ok(None));
    }
    late.follow(&sealer.key()).unwrap();
    assert_opens(&mut late, &sealed(&mut sealer, b"now"), b"now");
    // It missed some while it was away, and goes on with a snapshot's key.
    late.wait();
    let missed = sealed(&mut sealer, b"missed");
    assert_eq!(late.open(&mut missed.clone()), Ok(None));
    late.follow(&sealer.key()).unwrap();
    assert_opens(&mut late, &sealed(&mut sealer, b"again"), b"again");
    assert_ends(late, &missed, SealError::Tampered);
}

#[test]
fn no_key_leads_back_to_what_was_opened() {
    let mut sealer = StreamSealer::new(&limits()).unwrap();
    let first = sealer.key();
    for waits in [false, true] {
        let mut opener = agent(&sealer);
        assert_opens(&mut opener, &sealed(&mut sealer, b"1"), b"1");
        if waits {
            opener.wait();
        }
        assert_eq!(opener.follow(&first), Err(SealError::Tampered));
        assert_eq!(opener.follow(&sealer.key()), Err(SealError::Ended));
    }
    let mut opener = agent(&sealer);
    sealer.rotate().unwrap();
    opener.follow(&sealer.key()).unwrap();
    assert_eq!(opener.follow(&first), Err(SealError::Tampered));
}

#[test]
fn a_new_generation_shuts_out_whoever_lacks_its_key() {
    let mut sealer = StreamSealer::new(&limits()).unwrap();
    let (mut stays, gone) = (agent(&sealer), agent(&sealer));
    let old_key = sealer.key();
    for generation in 1..=300 {
        sealer.rotate().unwrap();
        stays.follow(&sealer.key()).unwrap();
        let record = sealed(&mut sealer, b"private");
        assert_opens(&mut stays, &record, b"private");
        if generation == 1 {
            assert_ends(agent_with(&old_key), &record, SealError::OtherGeneration);
        }
        // 256 generations on, the byte in the clear is the old one's.
        if generation == 256 {
            assert_ends(agent_with(&old_key), &record, SealError::Tampered);
        }
    }
    drop(gone);
}

fn agent_with(key: &StreamKey) -> StreamOpener {
    let mut opener = StreamOpener::new(&limits());
    opener.follow(key).unwrap();
    opener
}

#[test]
fn limits_hold_for_streams_too() {
    let tight = Limits { record_bytes: 100, ..limits() };
    let mut sealer = StreamSealer::new(&tight).unwrap();
    let mut out = Vec::new();
    let most = 100 - STREAM_OVERHEAD;
    assert_eq!(sealer.seal(0, &vec![0; most + 1], &mut out), Err(SealError::TooLong));
    assert!(out.is_empty());
    let key = sealer.key();
    sealer.seal(4, &vec![0; most], &mut out).unwrap();
    assert_opens(&mut agent_with(&key), &out, &vec![0; most]);
    let mut opener = StreamOpener::new(&Limits { record_bytes: 99, ..limits() });
    opener.follow(&key).unwrap();
    assert_ends(opener, &out, SealError::TooLong);
}

#[test]
fn a_key_has_one_form_on_the_wire_and_is_not_printed() {
    let mut sealer = StreamSealer::new(&limits()).unwrap();
    sealer.rotate().unwrap();
    sealed(&mut sealer, b"");
    let bytes = sealer.key().to_bytes();
    assert_eq!(bytes[..12], [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(StreamKey::from_bytes(bytes.as_slice()).unwrap().to_bytes(), bytes);
    for wrong in [&bytes[1..], &[bytes.as_slice(), &[0]].concat()] {
        assert_eq!(StreamKey::from_bytes(wrong).unwrap_err(), SealError::Malformed);
    }
    let printed = format!("{:?} {sealer:?}", sealer.key());
    assert_eq!(
        printed,
        "StreamKey { generation: 1, next: 1, .. } StreamSealer { generation: 1, key: …, records: Records { next: 1, .. \
         }, limit: 269484032 }"
    );
}
