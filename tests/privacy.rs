//! What a pause and a revoked consent leave behind: nothing.

mod pipeline_rig;
mod scene;

use panecast::capture::mask::{MASK_COLOUR, MaskSet};
use panecast::capture::{CursorShape, CursorUpdate, Damage};
use panecast::codec::{Decoder, Encoder, EncoderConfig, Mode};
use panecast::frame::{FrameBuf, Rect, Size, Timestamp};
use panecast::pipeline::{Audience, Output, Pipeline, PipelineConfig, StreamState, ViewerId};
use panecast::{ErrorKind, Limits};
use pipeline_rig::{DEADLINE, Rig, SIZE, Script, granted};
use scene::{Random, change, fill, photographed};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MODES: [Mode; 2] = [Mode::Lossless, Mode::Auto];

#[test]
fn after_a_pause_the_stream_stands_alone_and_calls_nothing_back() {
    for mode in MODES {
        let mut rig = Rig::coding(mode);
        rig.script.paint(SIZE.rect(), 1);
        rig.join(1);
        rig.join(2);
        rig.settle();
        let before = rig.script.picture();
        rig.script.paint(Rect::new(20, 20, 90, 60), 2);
        rig.settle();
        rig.pipeline.pause();
        while rig.state() != StreamState::Paused {}
        rig.ack_all();
        // Whoever watches drops what it holds: from here on the rig has fresh decoders.
        for viewer in [1, 2] {
            rig.viewers.insert(viewer, pipeline_rig::Viewer::default());
        }
        // What was there before the pause comes back, which a stream that remembers would call back.
        rig.script.change(|s| s.picture.clone_from(&before));
        rig.script.paint(SIZE.rect(), 1);
        rig.script.paint(Rect::new(0, 0, 1, 1), 3);
        rig.pipeline.resume();
        for _ in 0..2 {
            assert!(matches!(rig.packet(), (Audience::One(_), Some(_))), "a snapshot for each viewer");
        }
        rig.settle();
        rig.script.paint(Rect::new(20, 20, 90, 60), 2);
        rig.settle();
        assert!(rig.script.change(|s| s.forgets) > 0, "the source forgets, too");
    }
}

#[test]
fn what_a_viewer_held_before_a_pause_is_not_gone_on_from() {
    let mut rig = Rig::start();
    rig.script.resize(Size::new(600, 400));
    rig.script.paint(Rect::new(0, 0, 600, 400), 1);
    rig.join(1);
    rig.join(2);
    rig.settle();
    let cut = rig.cut(1);
    rig.pipeline.pause();
    rig.pipeline.resume();
    rig.settle();
    rig.come_back(1, cut);
    // A resumption over the old picture would not decode here.
    let fresh = Decoder::new(Limits::default());
    rig.viewers.get_mut(&1).unwrap().decoder = Some(fresh);
    rig.settle();
    let cut = rig.cut(1);
    rig.come_back(1, cut);
    rig.settle();
}

/// Streams of two encoders with different pasts, of as many packets, are the same bytes once they forgot.
#[test]
fn nothing_of_the_past_shows_in_the_bytes_after_it_was_forgotten() {
    let size = Size::new(400, 300);
    for mode in MODES {
        let streams = [1_u64, 2].map(|seed| {
            let config = EncoderConfig { mode, ..EncoderConfig::default() };
            let mut encoder = Encoder::new(config).unwrap();
            let mut source = scene::black(size);
            let mut random = Random(seed);
            let mut out = Vec::new();
            let (mut sent, mut i) = (0, 0);
            // The past: text, photographs, a film, a cursor.
            while sent < 40 {
                change(&mut source, &mut random);
                let film = Rect::new(100, 100, 160, 120);
                fill(&mut source, &film, |x, y| photographed(x, y, i + seed as u32 * 1000));
                let (mut frame, before) = (source.clone(), out.len());
                let at = Timestamp(u64::from(i) * 33_000);
                encoder.encode(&mut frame, &Damage::Unknown, at, &mut out).unwrap();
                sent += usize::from(out.len() > before);
                i += 1;
            }
            let shape = CursorShape { size: Size::new(1, 1), hotspot: (0, 0), pixels: vec![seed as u8; 4] };
            let cursor = CursorUpdate { position: Some((seed as i32, 1)), shape: Some(shape) };
            encoder.cursor(&cursor, Timestamp(0), &mut out).unwrap();
            encoder.forget();
            assert!(encoder.picture().is_none() && encoder.refine_due().is_none());
            out.clear();
            let (mut source, mut random) = (scene::black(size), Random(77));
            for i in 0..30 {
                change(&mut source, &mut random);
                let film = Rect::new(200, 60, 160, 120);
                fill(&mut source, &film, |x, y| photographed(x, y, i));
                let at = Timestamp(9_000_000 + u64::from(i) * 33_000);
                encoder.encode(&mut source.clone(), &Damage::Unknown, at, &mut out).unwrap();
                encoder.refine(at, 10_000, None, &mut out).unwrap();
            }
            let mut joiner = Vec::new();
            encoder.late_join(Timestamp(99_000_000), &mut joiner, &mut out).unwrap();
            out.extend(joiner);
            out
        });
        assert!(streams[0].starts_with(b"PCST"));
        assert!(streams[0] == streams[1], "{mode:?}: the past shows");
        // It decodes alone.
        let mut decoder = Decoder::new(Limits::default());
        decoder.feed(&streams[0]).unwrap();
        let mut pictures = 0;
        while decoder.next().unwrap().is_some() {
            pictures += 1;
        }
        assert!(pictures > 30);
    }
}

#[test]
fn revoking_ends_the_share_with_one_typed_end_and_nothing_after() {
    for mode in MODES {
        let script = Script::new();
        let source = script.clone();
        let (sink, outputs) = channel();
        let grant = granted();
        let revoke = grant.revoke_handle();
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let config = PipelineConfig {
            fps: 1000,
            encoder: EncoderConfig { mode, ..EncoderConfig::default() },
            ..PipelineConfig::default()
        };
        let pipeline = Pipeline::start(
            grant,
            move |_| Ok(Box::new(Kept { source: source.source(), _held: held })),
            config,
            move |output| drop(sink.send(output)),
        )
        .unwrap();
        pipeline.viewer_joined(ViewerId(1));
        let mut packets = 0;
        while packets < 5 {
            script.paint(SIZE.rect(), packets);
            if let Output::Packet { sequence, .. } = outputs.recv_timeout(DEADLINE).unwrap() {
                packets += 1;
                pipeline.ack(ViewerId(1), sequence.unwrap(), Duration::ZERO);
            }
        }
        std::thread::scope(|scope| {
            // Changes go on all the while.
            let painting = scope.spawn(|| (0..200).for_each(|i| script.paint(SIZE.rect(), i)));
            revoke.revoke();
            // What had been handed over before stands in the channel; from here on there is but the end.
            let before: Vec<Output> = outputs.try_iter().collect();
            let told = before.iter().filter(|o| matches!(o, Output::Ended(_))).count();
            let mut ends = told;
            loop {
                match outputs.recv_timeout(DEADLINE) {
                    Ok(Output::Ended(how)) => {
                        assert_eq!(how.unwrap_err().kind(), ErrorKind::Revoked);
                        ends += 1;
                    }
                    Ok(other) => panic!("{other:?} after the consent was taken back"),
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => panic!("the sink is not dropped"),
                }
            }
            assert_eq!(ends, 1);
            painting.join().unwrap();
        });
        // The sources's own thread ends within one call of the source.
        let start = std::time::Instant::now();
        while Arc::strong_count(&alive) > 1 {
            assert!(start.elapsed() < DEADLINE, "the source is still open");
            std::thread::yield_now();
        }
        let calls = script.calls();
        pipeline.viewer_joined(ViewerId(2));
        pipeline.resume();
        assert_eq!(script.calls(), calls, "captured after the consent was taken back");
    }
}

/// A source whose end can be seen.
struct Kept {
    source: Box<dyn panecast::capture::Capturer>,
    _held: Arc<()>,
}

impl panecast::capture::Capturer for Kept {
    fn info(&self) -> panecast::capture::SourceInfo {
        self.source.info()
    }

    fn next(
        &mut self,
        frame: &mut FrameBuf,
        stale: &panecast::frame::Region,
        timeout: Duration,
    ) -> panecast::Result<panecast::capture::Captured> {
        self.source.next(frame, stale, timeout)
    }

    fn forget(&mut self) {
        self.source.forget();
    }
}

#[test]
fn a_sink_may_revoke_and_is_called_once_more() {
    let script = Script::new();
    let source = script.clone();
    let grant = granted();
    let revoke = grant.revoke_handle();
    let seen: Arc<Mutex<Vec<&str>>> = Arc::default();
    let noted = Arc::clone(&seen);
    let (ended, end) = channel();
    let sink = move |output: Output| {
        let mut seen = noted.lock().unwrap();
        match output {
            Output::Packet { .. } => {
                seen.push("packet");
                revoke.revoke();
            }
            Output::Ended(how) => {
                assert_eq!(how.unwrap_err().kind(), ErrorKind::Revoked);
                seen.push("end");
                ended.send(()).unwrap();
            }
            Output::State(_) => {}
        }
    };
    let pipeline =
        Pipeline::start(grant, move |_| Ok(source.source()), PipelineConfig::default(), sink).unwrap();
    pipeline.viewer_joined(ViewerId(1));
    end.recv_timeout(DEADLINE).unwrap();
    assert_eq!(*seen.lock().unwrap(), ["packet", "end"]);
}

#[test]
fn a_grant_that_was_taken_back_opens_nothing() {
    let grant = granted();
    grant.revoke();
    let failed = Pipeline::start(grant, |_| panic!("opened"), PipelineConfig::default(), |o| panic!("{o:?}"));
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Revoked);
    let grant = granted();
    grant.revoke();
    let pattern = "pattern".parse().unwrap();
    assert_eq!(panecast::capture::open(&pattern, &grant).err().unwrap().kind(), ErrorKind::Revoked);
}

#[cfg(target_os = "linux")]
#[test]
fn a_grant_for_one_thing_does_not_open_another() {
    let denied =
        |spec: &str| panecast::capture::open(&spec.parse().unwrap(), &granted()).err().unwrap().kind();
    // Before anything is asked of a display, so it holds where there is none, too.
    for spec in ["screen", "screen:3", "window:0x1200003"] {
        assert_eq!(denied(spec), ErrorKind::Denied);
    }
}

#[test]
fn once_masks_are_set_no_picture_without_them_leaves() {
    let secret = Rect::new(30, 20, 60, 50);
    for mode in MODES {
        let script = Script::new();
        let source = script.clone();
        let (sink, outputs) = channel();
        let masks_are_set = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&masks_are_set);
        let config = PipelineConfig {
            fps: 1000,
            encoder: EncoderConfig { mode, ..EncoderConfig::default() },
            ..PipelineConfig::default()
        };
        // Whether the masks were set is seen when the sink is called.
        let sink = move |output| drop(sink.send((flag.load(Ordering::SeqCst), output)));
        let pipeline = Pipeline::start(granted(), move |_| Ok(source.source()), config, sink).unwrap();
        pipeline.viewer_joined(ViewerId(1));
        let mut decoder = Decoder::new(Limits::default());
        let mut seed = 0;
        let (mut with, mut without) = (0, 0);
        for _ in 0..10 {
            for _ in 0..20 {
                // The secret is on its way all the time: in the mailbox, in the encoder, in what tiles held before.
                script.paint(secret, seed);
                script.paint(Rect::new(0, 0, 10, 10), seed);
                seed += 1;
                if seed % 20 == 10 {
                    pipeline.set_masks(MaskSet::new().with_rect(secret));
                    masks_are_set.store(true, Ordering::SeqCst);
                }
                let (masked, output) = outputs.recv_timeout(DEADLINE).unwrap();
                let Output::Packet { to, sequence, bytes } = output else { continue };
                if to == Audience::One(ViewerId(1)) {
                    decoder.reset();
                }
                decoder.feed(&bytes).unwrap();
                while decoder.next().unwrap().is_some() {}
                let Some(sequence) = sequence else { continue };
                pipeline.ack(ViewerId(1), sequence, Duration::ZERO);
                let picture = decoder.frame().unwrap();
                let hidden = (secret.y..secret.bottom()).all(|y| {
                    picture.row_of(&secret, y).as_chunks::<4>().0.iter().all(|px| *px == MASK_COLOUR)
                });
                assert!(hidden || !masked, "{mode:?}: the secret left after the masks were set");
                with += u32::from(hidden);
                without += u32::from(!hidden);
            }
            assert!((pipeline.stats().masked_ratio - 0.2).abs() < 1e-6);
            masks_are_set.store(false, Ordering::SeqCst);
            pipeline.set_masks(MaskSet::new());
        }
        assert!(with > 50 && without > 50, "{with} pictures with a mask, {without} without");
    }
}

#[test]
fn what_happens_under_a_mask_sends_nothing() {
    let mut rig = Rig::start();
    let secret = Rect::new(30, 20, 60, 50);
    rig.pipeline.set_masks(MaskSet::new().with_rect(secret));
    rig.join(1);
    rig.packet();
    rig.ack_all();
    let captured = rig.pipeline.stats().frames_captured;
    let asked = rig.script.calls();
    let start = std::time::Instant::now();
    let mut seed = 0;
    while rig.script.calls() < asked + 20 {
        seed += 1;
        rig.script.paint(secret, seed);
        assert!(start.elapsed() < DEADLINE);
        std::thread::yield_now();
    }
    assert_eq!(rig.pipeline.stats().frames_captured, captured, "a frame though nothing visible changed");
    let more = rig.glance();
    assert!(!matches!(more, Some(Output::Packet { .. })), "{more:?}");
}
