//! Shares as a door runs them: pushed frames come out as packets, and nothing comes out after the visitor's word.

use super::*;
use crate::Limits;
use crate::capture::Pattern;
use crate::codec::Decoder;
use crate::consent::{Decision, Purpose};
use crate::ffi::ask;
use crate::frame::{FrameBuf, Size};
use crate::pipeline::StreamState;
use std::sync::mpsc;

const SIZE: Size = Size::new(96, 64);
/// Against hangs only.
const LONG: Duration = Duration::from_secs(60);
const VIEWER: ViewerId = ViewerId(1);

fn granted(source: &str) -> Grant {
    Grant::new(ask(Purpose::Camera, source).and_then(|q| q.answer(Decision::Allow)).expect("allowed"))
}

fn picture(index: u64) -> FrameBuf {
    let mut frame = FrameBuf::new(SIZE, &Limits::default()).expect("a frame");
    Pattern::new(SIZE, 1).and_then(|pattern| pattern.paint(index, &mut frame)).expect("painted");
    frame
}

fn push(share: &Share, frame: &FrameBuf, at: u64) -> Result<()> {
    share.push(&frame.view(), &Damage::Unknown, Timestamp(at))
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|e| e.kind())
}

fn packet(share: &Share) -> (u64, Vec<u8>) {
    loop {
        match share.next(LONG).expect("it runs").expect("in time") {
            Output::Packet { sequence: Some(sequence), bytes, .. } => return (sequence, bytes),
            Output::Ended(how) => panic!("ended: {how:?}"),
            _ => {}
        }
    }
}

#[test]
fn pushed_frames_come_out_as_the_same_pixels() {
    let grant = granted("push:96x64");
    let share = Share::start(&grant, "push:96x64", PipelineConfig::default()).expect("started");
    assert!(share.next(Duration::ZERO).expect("it runs").is_none(), "nobody watches");
    share.viewer_joined(VIEWER).expect("it runs");
    let mut decoder = Decoder::new(Limits::default());
    for index in 0..5 {
        let frame = picture(index);
        push(&share, &frame, index).expect("pushed");
        let (sequence, bytes) = packet(&share);
        share.viewer_ack(VIEWER, sequence, Duration::ZERO).expect("it runs");
        decoder.feed(&bytes).expect("fed");
        while decoder.next().expect("sound").is_some() {}
        assert_eq!(decoder.frame(), Some(&frame), "frame {index}");
    }
    assert_eq!(share.stats().expect("it runs").viewers, 1);
    share.end().expect("it runs");
    assert_eq!(kind(push(&share, &picture(9), 9)), Some(ErrorKind::Closed));
    loop {
        match share.next(LONG).expect("it runs").expect("in time") {
            Output::Ended(how) => break assert_eq!(how, Ok(())),
            Output::Packet { sequence, .. } => {
                let acked = sequence.map(|s| share.viewer_ack(VIEWER, s, Duration::ZERO));
                assert!(acked.is_none_or(|a| a.is_ok()));
            }
            Output::State(_) => {}
        }
    }
    assert_eq!(kind(share.next(LONG)), Some(ErrorKind::Closed));
}

#[test]
fn no_share_without_its_own_grant() {
    let config = PipelineConfig::default();
    let start = |grant: &Grant, source| kind(Share::start(grant, source, config));
    let grant = granted("push:96x64");
    assert_eq!(start(&grant, "push:96x65"), Some(ErrorKind::Denied));
    assert_eq!(start(&grant, "screen"), Some(ErrorKind::Denied));
    assert_eq!(start(&grant, "nothing"), Some(ErrorKind::InvalidInput));
    let share = Share::start(&grant, "push:96x64", config).expect("started");
    assert_eq!(start(&grant, "push:96x64"), Some(ErrorKind::Denied), "it is used up");
    grant.revoke();
    assert_eq!(kind(push(&share, &picture(0), 0)), Some(ErrorKind::Revoked));
    let ended = loop {
        if let Output::Ended(how) = share.next(LONG).expect("it runs").expect("in time") {
            break how;
        }
    };
    assert_eq!(kind(ended), Some(ErrorKind::Revoked));
    assert_eq!(start(&grant, "push:96x64"), Some(ErrorKind::Revoked));
}

#[test]
fn what_waits_is_dropped_by_a_pause() {
    let share =
        Share::start(&granted("push:96x64"), "push:96x64", PipelineConfig::default()).expect("started");
    share.viewer_joined(VIEWER).expect("it runs");
    push(&share, &picture(0), 0).expect("pushed");
    // The packet waits in the queue, unfetched.
    while share.stats().expect("it runs").bytes_sent == 0 {
        std::thread::yield_now();
    }
    share.pause().expect("it runs");
    loop {
        match share.next(LONG).expect("it runs").expect("in time") {
            Output::State(StreamState::Paused) => break,
            Output::State(_) => {}
            other => panic!("{other:?} after the pause"),
        }
    }
    share.resume().expect("it runs");
    let (_, bytes) = packet(&share);
    let mut decoder = Decoder::new(Limits::default());
    decoder.feed(&bytes).expect("fed");
    while decoder.next().expect("sound").is_some() {}
    assert_eq!(decoder.frame(), Some(&picture(0)), "a snapshot follows");
}

#[test]
fn a_stop_wakes_who_waits_and_closes() {
    let share =
        Share::start(&granted("push:96x64"), "push:96x64", PipelineConfig::default()).expect("started");
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| kind(share.next(LONG)));
        share.stop();
        assert_eq!(waits.join().expect("no panic"), Some(ErrorKind::Closed));
    });
    for closed in [
        kind(push(&share, &picture(0), 0)),
        kind(share.end()),
        kind(share.pause()),
        kind(share.viewer_joined(VIEWER)),
        kind(share.stats()),
        kind(share.next(Duration::ZERO)),
    ] {
        assert_eq!(closed, Some(ErrorKind::Closed));
    }
    share.stop();
}

#[test]
fn a_callback_may_stop_its_share() {
    let grant = Grant::new(
        ask(Purpose::Prepared, "pattern:96x64@30").and_then(|q| q.answer(Decision::Allow)).expect("allowed"),
    );
    let (slot, own) = (Arc::new(OnceLock::<Arc<Share>>::new()), mpsc::channel());
    let (told, calls) = own;
    let within = Arc::clone(&slot);
    let share = Share::start_with(&grant, "pattern:96x64@30", PipelineConfig::default(), move |output| {
        if let (Output::Packet { .. }, Some(share)) = (&output, within.get()) {
            share.stop();
        }
        // The test may have ended already.
        let _ = told.send(matches!(output, Output::Packet { .. }));
    })
    .expect("started");
    let share = slot.get_or_init(|| Arc::new(share));
    assert_eq!(kind(share.next(Duration::ZERO)), Some(ErrorKind::InvalidInput));
    share.viewer_joined(VIEWER).expect("it runs");
    while !calls.recv_timeout(LONG).expect("a call") {}
    share.stop();
    assert!(calls.try_recv().is_err(), "nothing after the packet in which it was stopped");
}
