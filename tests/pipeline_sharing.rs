//! The pipeline with scripted sources, real threads and real decoders.

mod pipeline_rig;

use panecast::capture::{CursorShape, CursorUpdate};
use panecast::codec::Mode;
use panecast::frame::{Rect, Size};
use panecast::pipeline::{Audience, Output, Pipeline, PipelineConfig, StreamState, ViewerId};
use panecast::session::{Consent, Decision, Purpose};
use panecast::{Error, ErrorKind};
use pipeline_rig::{DEADLINE, Rig, SIZE, Script, granted, stalled};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn nothing_is_captured_before_there_is_a_viewer_and_after_the_last_left() {
    let mut rig = Rig::start();
    assert!(rig.glance().is_none());
    assert_eq!(rig.script.calls(), 0);
    rig.join(1);
    rig.settle();
    assert!(rig.script.calls() > 0);
    rig.pipeline.viewer_left(ViewerId(1));
    rig.viewers.clear();
    // One call may be under way when the viewer leaves.
    let calls = rig.script.calls() + 1;
    rig.script.paint(SIZE.rect(), 7);
    assert!(rig.glance().is_none());
    assert!(rig.script.calls() <= calls);
    rig.join(2);
    rig.packet();
    assert_eq!(rig.viewers[&2].picture(), Some(&rig.script.picture()), "the first picture is the newest");
}

#[test]
fn without_the_visitors_word_there_is_nothing_to_start_with() {
    let denied = Consent::ask(Purpose::Screen, "screen").answer(Decision::Deny).unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::Denied);
}

#[test]
fn a_source_that_does_not_open_is_the_starts_error() {
    let failed = Pipeline::start(
        granted(),
        |_| Err(Error::new(ErrorKind::NotFound, "no such window")),
        PipelineConfig::default(),
        |output| panic!("{output:?}"),
    );
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::NotFound);
    let config = PipelineConfig { fps: 0, ..PipelineConfig::default() };
    let failed = Pipeline::start(granted(), |_| panic!("not opened"), config, |_| {});
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_slow_viewer_gets_two_updates_and_then_the_newest_picture() {
    let mut rig = Rig::start();
    rig.join(1);
    assert_eq!(rig.packet().0, Audience::One(ViewerId(1)));
    // The snapshot is unacknowledged; one update more may be on its way.
    rig.script.paint(Rect::new(10, 10, 20, 20), 1);
    assert_eq!(rig.packet().0, Audience::All);
    let before = rig.pipeline.stats().frames_captured;
    for i in 0..40 {
        rig.script.paint(Rect::new(i * 3, i, 9, 9), i);
        rig.captured(before + u64::from(i) + 1);
    }
    assert!(rig.glance().is_none(), "a third update in flight");
    rig.ack(1);
    assert_eq!(rig.packet().0, Audience::All);
    assert_eq!(rig.viewers[&1].picture(), Some(&rig.script.picture()), "newest wins, nothing in between");
    assert_eq!(rig.pipeline.stats().updates_sent, 2);
}

#[test]
fn a_late_joiner_sees_the_exact_picture_and_the_others_go_on() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    for i in 0..10 {
        rig.script.paint(Rect::new(i * 5, i * 7, 30, 20), i);
        rig.settle();
    }
    rig.join(2);
    let (to, epoch) = rig.packet();
    assert_eq!(to, Audience::All, "those who are in come first");
    assert_eq!(rig.packet(), (Audience::One(ViewerId(2)), epoch));
    assert_eq!(rig.viewers[&2].picture(), Some(&rig.script.picture()));
    rig.ack_all();
    for i in 0..10 {
        rig.script.paint(Rect::new(i * 6, i * 3, 25, 30), 100 + i);
        rig.settle();
    }
    assert_eq!(rig.pipeline.stats().viewers, 2);
}

#[test]
fn a_viewer_that_lost_its_place_gets_a_snapshot() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    rig.pipeline.viewer_behind(ViewerId(1));
    rig.script.paint(Rect::new(0, 0, 50, 50), 5);
    assert!(rig.glance().is_none(), "nobody follows");
    rig.join(1);
    rig.settle();
}

/// Random changes, joins, departures and acknowledgements: whatever happened, all see the exact picture.
#[test]
fn everybody_converges_on_the_exact_picture() {
    let mut rig = Rig::start();
    rig.join(0);
    let mut newcomers = 1..;
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut roll = move |sides: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) % sides
    };
    for round in 0..400 {
        for _ in 0..roll(4) {
            let (x, y) = (roll(140) as u32, roll(90) as u32);
            let rect =
                Rect::new(x, y, 1 + roll(u64::from(150 - x)) as u32, 1 + roll(u64::from(100 - y)) as u32);
            rig.script.paint(rect, round);
        }
        match roll(12) {
            0 => rig.join(newcomers.next().unwrap()),
            5 => rig.join(*rig.viewers.keys().last().unwrap()),
            1 if rig.viewers.len() > 1 => {
                let viewer = *rig.viewers.keys().next().unwrap();
                rig.viewers.remove(&viewer);
                rig.pipeline.viewer_left(ViewerId(viewer));
            }
            2 => rig.script.change(|s| s.no_hints = !s.no_hints),
            3 => {
                rig.pipeline.pause();
                rig.pipeline.resume();
            }
            4 => rig.settle(),
            _ => rig.ack_all(),
        }
    }
    rig.settle();
}

#[test]
fn a_pause_stops_capture_and_packets_at_once_and_resume_shows_the_newest() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    rig.script.paint(Rect::new(0, 0, 10, 10), 1);
    rig.pipeline.pause();
    // What was handed over before the pause is in the channel; nothing comes after it but the state.
    assert_eq!(rig.state(), StreamState::Paused);
    rig.ack_all();
    let calls = rig.script.calls() + 1;
    rig.script.paint(SIZE.rect(), 2);
    rig.join(2);
    assert!(rig.glance().is_none(), "a packet while paused, though a viewer joined");
    assert!(rig.script.calls() <= calls, "captured while paused");
    rig.pipeline.resume();
    rig.settle();
}

#[test]
fn a_resized_source_gives_exact_pictures_of_the_new_size() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    for (i, size) in [Size::new(200, 50), Size::new(1, 1), Size::new(333, 222), SIZE].into_iter().enumerate()
    {
        rig.script.resize(size);
        rig.script.paint(size.rect(), i as u32);
        rig.settle();
        rig.script.paint(Rect::new(0, 0, 1, 1), 99);
        rig.settle();
    }
}

#[test]
fn an_absurd_size_is_a_typed_end() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    let source = Consent::ask(Purpose::Screen, "huge").answer(Decision::Allow).unwrap();
    let mut config = PipelineConfig::default();
    config.encoder.limits.pixels = 100;
    let (sink, outputs) = channel();
    let script = Script::new();
    let small = Pipeline::start(
        source,
        move |_| Ok(script.source()),
        config,
        move |output| {
            let _ = sink.send(output);
        },
    )
    .unwrap();
    small.viewer_joined(ViewerId(1));
    loop {
        match outputs.recv_timeout(DEADLINE).unwrap() {
            Output::Ended(how) => {
                assert_eq!(how.unwrap_err().kind(), ErrorKind::LimitExceeded);
                break;
            }
            Output::State(_) => {}
            Output::Packet { .. } => panic!("a packet over the limit"),
        }
    }
}

#[test]
fn a_stalled_source_is_told_and_comes_back() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    rig.script.change(|s| s.failure = Some(stalled()));
    while rig.state() != StreamState::Stalled {}
    rig.script.change(|s| s.failure = None);
    rig.script.paint(Rect::new(3, 3, 40, 40), 8);
    assert_eq!(rig.state(), StreamState::Live);
    rig.settle();
}

#[test]
fn a_source_that_hangs_is_told_and_comes_back() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    rig.script.change(|s| s.hangs = true);
    while rig.state() != StreamState::Stalled {}
    rig.script.change(|s| s.hangs = false);
    rig.script.paint(Rect::new(3, 3, 40, 40), 9);
    assert_eq!(rig.state(), StreamState::Live);
    rig.settle();
}

#[test]
fn a_source_that_never_returns_does_not_hold_up_the_end() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    rig.script.change(|s| s.hangs = true);
    let Rig { script, pipeline, .. } = rig;
    pipeline.stop();
    // For the thread that was left to itself.
    script.change(|s| s.hangs = false);
}

#[test]
fn what_was_lossy_becomes_exact_when_nothing_moves() {
    let mut rig = Rig::coding(Mode::Auto);
    rig.script.photograph();
    rig.pipeline.set_focus(Some(Rect::new(100, 50, 20, 20)));
    rig.join(1);
    rig.packet();
    assert!(rig.pipeline.stats().exact_ratio < 1.0);
    assert!(rig.viewers[&1].picture() != Some(&rig.script.picture()), "photographs go lossy at once");
    rig.settle();
    let stats = rig.pipeline.stats();
    assert_eq!(stats.exact_ratio, 1.0);
    assert!(stats.refinements_sent > 0 && stats.updates_sent == 0);
    assert!(
        rig.glance().is_none_or(|o| !matches!(o, Output::Packet { .. })),
        "and then there is nothing to do"
    );
}

#[test]
fn an_unchanged_picture_is_told_to_be_idle_and_costs_nothing() {
    let mut rig = Rig::start();
    rig.join(1);
    assert_eq!(rig.state(), StreamState::Live);
    assert_eq!(rig.state(), StreamState::Idle);
    rig.settle();
    let bytes = rig.pipeline.stats().bytes_sent;
    assert!(rig.glance().is_none());
    assert_eq!(rig.pipeline.stats().bytes_sent, bytes);
    rig.script.paint(Rect::new(3, 3, 4, 4), 8);
    assert_eq!(rig.state(), StreamState::Live);
}

#[test]
fn the_end_comes_after_the_last_picture() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    rig.script.paint(Rect::new(0, 0, 100, 100), 1);
    rig.script.change(|s| s.ended = true);
    assert_eq!(rig.ended(), Ok(()));
    assert_eq!(rig.viewers[&1].picture(), Some(&rig.script.picture()));
    assert!(rig.glance().is_none());
}

#[test]
fn a_source_that_ends_before_its_first_picture_ends_the_share() {
    let mut rig = Rig::start();
    rig.script.change(|s| s.failure = Some(Error::new(ErrorKind::Closed, "the window was closed")));
    rig.join(1);
    assert_eq!(rig.ended().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_source_that_panics_is_a_failure_and_no_hang() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    rig.script.change(|s| s.panics = true);
    // The lock is poisoned by the panic; the pipeline's own end is what counts.
    loop {
        match rig.next() {
            Output::Ended(how) => return assert_eq!(how.unwrap_err().kind(), ErrorKind::Io),
            Output::State(_) | Output::Packet { .. } => {}
        }
    }
}

#[test]
fn the_cursor_travels_beside_the_picture() {
    let mut rig = Rig::start();
    let shape = CursorShape { size: Size::new(2, 1), hotspot: (1, 0), pixels: vec![9; 8] };
    rig.script.move_cursor(CursorUpdate { position: Some((5, 6)), shape: Some(shape.clone()) });
    rig.join(1);
    let sees = |rig: &Rig, viewer: u32, at: (i32, i32)| {
        let decoder = rig.viewers[&viewer].decoder.as_ref();
        decoder.is_some_and(|d| d.cursor_position() == Some(at) && d.cursor_shape() == Some(&shape))
    };
    while !sees(&rig, 1, (5, 6)) {
        rig.packet();
        rig.ack_all();
    }
    rig.script.move_cursor(CursorUpdate { position: Some((-3, 40)), shape: None });
    while !sees(&rig, 1, (-3, 40)) {
        assert_eq!(rig.packet(), (Audience::All, None), "only the cursor changed");
    }
    rig.join(2);
    while !sees(&rig, 2, (-3, 40)) {
        rig.packet();
    }
}

#[test]
fn stop_waits_for_a_slow_sink_and_for_nothing_more() {
    let script = Script::new();
    let source = script.clone();
    let (entered, is_in) = channel();
    let (release, released) = channel::<()>();
    let calls = Arc::new(Mutex::new(0));
    let counted = calls.clone();
    let pipeline = Pipeline::start(
        granted(),
        move |_| Ok(source.source()),
        PipelineConfig { fps: 1000, ..PipelineConfig::default() },
        move |_| {
            *counted.lock().unwrap() += 1;
            let _ = entered.send(());
            let _ = released.recv_timeout(DEADLINE);
        },
    )
    .unwrap();
    pipeline.viewer_joined(ViewerId(1));
    is_in.recv_timeout(DEADLINE).unwrap();
    let stopping = std::thread::spawn(move || pipeline.stop());
    assert!(!stopping.is_finished());
    drop(release);
    stopping.join().unwrap();
    // The call under way was the last one, or one more had begun before the stop.
    assert!(*calls.lock().unwrap() <= 2);
}

#[test]
fn a_sink_may_stop_its_own_pipeline() {
    let script = Script::new();
    let source = script.clone();
    let own: Arc<Mutex<Option<Pipeline>>> = Arc::default();
    let (stopped, is_stopped) = channel();
    let in_sink = own.clone();
    let pipeline = Pipeline::start(
        granted(),
        move |_| Ok(source.source()),
        PipelineConfig::default(),
        move |output| {
            if let Output::Packet { .. } = output {
                let pipeline = in_sink.lock().unwrap().take();
                if let Some(pipeline) = pipeline {
                    pipeline.pause();
                    pipeline.stop();
                    stopped.send(()).unwrap();
                }
            }
        },
    )
    .unwrap();
    let mut slot = own.lock().unwrap();
    pipeline.viewer_joined(ViewerId(1));
    *slot = Some(pipeline);
    drop(slot);
    is_stopped.recv_timeout(DEADLINE).unwrap();
}

#[test]
fn pictures_keep_the_pace_they_were_asked_for() {
    let script = Script::new();
    let source = script.clone();
    let config = PipelineConfig { fps: 20, ..PipelineConfig::default() };
    let pipeline = Pipeline::start(granted(), move |_| Ok(source.source()), config, |_| {}).unwrap();
    pipeline.viewer_joined(ViewerId(1));
    let begun = std::time::Instant::now();
    let mut seed = 0;
    while pipeline.stats().frames_captured < 10 {
        seed += 1;
        script.paint(Rect::new(0, 0, 5, 5), seed);
        assert!(begun.elapsed() < DEADLINE);
        std::thread::yield_now();
    }
    // Nine intervals of 50 ms lie between ten pictures, however fast the source is; the first one is not paced.
    assert!(begun.elapsed() >= Duration::from_millis(8 * 50));
}

#[test]
fn a_cursor_that_is_not_to_be_had_loses_no_picture() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    for seed in 0..20 {
        rig.script.change(|s| s.cursor_failure = Some(stalled()));
        rig.script.paint(Rect::new(seed * 7, 3, 6, 40), seed + 1);
        rig.settle();
    }
}

#[test]
fn a_picture_that_nobody_could_take_outlives_a_stall() {
    let mut rig = Rig::start();
    rig.join(1);
    rig.settle();
    for seed in 0..3 {
        // Two updates are on their way, the third picture waits.
        rig.script.paint(Rect::new(seed * 20, 3, 15, 40), seed + 1);
        if seed < 2 {
            assert!(matches!(rig.packet(), (Audience::All, Some(_))));
        }
    }
    rig.captured(4);
    rig.script.change(|s| s.failure = Some(stalled()));
    let asked = rig.script.calls();
    let start = std::time::Instant::now();
    while rig.script.calls() < asked + 2 {
        assert!(start.elapsed() < DEADLINE, "the source is not asked");
        std::thread::yield_now();
    }
    rig.script.change(|s| s.failure = None);
    rig.settle();
}
