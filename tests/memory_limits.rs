//! What an encoder gives up when it may not keep more, and what a whole process with a film takes.

mod scene;

use panecast::capture::{Captured, Capturer, Damage, Pattern, SourceInfo, SourceKind};
use panecast::codec::{Decoder, Encoder, EncoderConfig, Mode, UpdateKind};
use panecast::frame::{FrameBuf, Rect, Region, Size, Timestamp};
use panecast::pipeline::{Output, Pipeline, PipelineConfig, ViewerId};
use panecast::session::{CaptureGrant, Consent, Decision, Purpose};
use panecast::{ErrorKind, Limits, Result};
use scene::{black, fill, photographed};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const SIZE: Size = Size { width: 960, height: 640 };
const FILM: Rect = Rect { x: 128, y: 64, width: 320, height: 192 };
const PHOTO: Rect = Rect { x: 512, y: 320, width: 300, height: 250 };

/// Two pictures and what is counted beside them.
const LEAST: u64 = 2 * PICTURE + (4 << 20);
const PICTURE: u64 = 960 * 640 * 4;

/// A film and a photograph over a desktop. Returns the first picture that is not exact at once, the encoder's AV1
/// bytes, and whether the last picture is exact in the end.
fn play(memory_bytes: u64) -> (Option<u32>, usize, bool) {
    let limits = Limits { memory_bytes, ..Limits::default() };
    let config = EncoderConfig { limits, mode: Mode::Auto, ..EncoderConfig::default() };
    let mut encoder = Encoder::new(config).expect("an encoder");
    let mut decoder = Decoder::new(Limits::default());
    let mut picture = black(SIZE);
    let (mut lossy, mut av1_bytes, mut now) = (None, 0, 0);
    let mut take = |bytes: &[u8], encoder: &Encoder, picture: &FrameBuf, index: u32| {
        decoder.feed(bytes).expect("room");
        while let Some(decoded) = decoder.next().expect("a sound stream") {
            if let panecast::codec::Decoded::Picture { facts, .. } = decoded {
                av1_bytes += facts.av1_bytes;
            }
        }
        assert!(decoder.frame() == encoder.shown(), "the pictures differ");
        let exact = decoder.frame() == Some(picture);
        if !exact {
            lossy = lossy.or(Some(index));
        }
        exact
    };
    for index in 0..20 {
        now += 33_333;
        fill(&mut picture, &FILM, |x, y| photographed(x, y, index));
        if index == 3 {
            fill(&mut picture, &PHOTO, |x, y| photographed(x, y, 0));
        }
        let mut out = Vec::new();
        encoder.encode(&mut picture.clone(), &Damage::Unknown, Timestamp(now), &mut out).expect("an update");
        take(&out, &encoder, &picture, index);
    }
    let mut exact = decoder_is_exact(&encoder);
    while let Some(due) = encoder.refine_due() {
        now = due.micros().max(now + 1000);
        let mut out = Vec::new();
        encoder.refine(Timestamp(now), 1 << 20, None, &mut out).expect("a refinement");
        exact = take(&out, &encoder, &picture, 99);
    }
    (lossy, av1_bytes, exact)
}

fn decoder_is_exact(encoder: &Encoder) -> bool {
    encoder.shown() == encoder.picture()
}

#[test]
fn with_less_memory_films_lose_av1_then_nothing_is_lossy() {
    let (lossy, av1_bytes, exact) = play(LEAST);
    assert_eq!((lossy, av1_bytes, exact), (None, 0, true), "no second picture: all is exact at once");
    let (lossy, av1_bytes, exact) = play(LEAST + PICTURE);
    assert!(lossy.is_some() && av1_bytes == 0 && exact, "a second picture: lossy, without films");
    let (lossy, av1_bytes, exact) = play(LEAST + PICTURE + (32 << 20));
    assert!(lossy.is_some() && av1_bytes > 0 && exact, "room for a film");
}

#[test]
fn a_picture_that_does_not_fit_twice_is_refused() {
    let limits = Limits { memory_bytes: LEAST - 1, ..Limits::default() };
    let mut encoder = Encoder::new(EncoderConfig { limits, ..EncoderConfig::default() }).expect("an encoder");
    let mut out = Vec::new();
    let error =
        encoder.encode(&mut black(SIZE), &Damage::Unknown, Timestamp(0), &mut out).expect_err("too large");
    assert_eq!((error.kind(), out.len()), (ErrorKind::LimitExceeded, 0));
    let small = Size::new(320, 200);
    let update = encoder.encode(&mut black(small), &Damage::Unknown, Timestamp(1), &mut out);
    assert_eq!(update.expect("a smaller one fits").kind, UpdateKind::Keyframe);
}

/// A desktop with a film, painted into whatever buffer comes: a source that holds no picture itself. It goes on when the
/// viewer has the picture before, so that none is skipped and every run is the same.
struct Painted {
    desktop: Pattern,
    index: u32,
    seen: Receiver<()>,
}

const FULL_HD: Size = Size { width: 1920, height: 1080 };
const PICTURES: u32 = 60;

impl Capturer for Painted {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("painted", "painted", SourceKind::Push, FULL_HD)
    }

    fn next(&mut self, frame: &mut FrameBuf, _stale: &Region, timeout: Duration) -> Result<Captured> {
        if frame.size() != FULL_HD {
            return Ok(Captured::Resized(FULL_HD));
        }
        if self.index > 0 && self.seen.recv_timeout(timeout).is_err() {
            return Ok(Captured::Unchanged);
        }
        if self.index == PICTURES {
            return Ok(Captured::Ended);
        }
        self.desktop.paint(self.index.into(), frame)?;
        let film = Rect::new(640, 320, 640, 360);
        fill(frame, &film, |x, y| photographed(x, y, self.index));
        self.index += 1;
        let timestamp = Some(Timestamp::of_frame(self.index.into(), 30));
        Ok(Captured::Frame { timestamp, damage: Damage::Unknown })
    }

    fn forget(&mut self) {}
}

/// Shares the desktop with one viewer that takes everything at once; returns what was sent.
fn share() -> (usize, usize) {
    let grant = Consent::ask(Purpose::Screen, "a desktop").answer(Decision::Allow).expect("allowed");
    let config = PipelineConfig {
        fps: 1000,
        encoder: EncoderConfig { mode: Mode::Auto, ..EncoderConfig::default() },
        ..PipelineConfig::default()
    };
    let (sink, outputs) = channel();
    let (sees, seen) = channel();
    let open = |_: &CaptureGrant| {
        Ok(Box::new(Painted { desktop: Pattern::new(FULL_HD, 30)?, index: 0, seen }) as Box<dyn Capturer>)
    };
    let pipeline =
        Pipeline::start(grant, open, config, move |output| drop(sink.send(output))).expect("a pipeline");
    pipeline.viewer_joined(ViewerId(1));
    let (mut packets, mut bytes_sent) = (0, 0);
    for output in outputs {
        match output {
            Output::Packet { sequence, bytes, .. } => {
                packets += 1;
                bytes_sent += bytes.len();
                if let Some(sequence) = sequence {
                    pipeline.ack(ViewerId(1), sequence, Duration::ZERO);
                    // The source may have ended.
                    let _ = sees.send(());
                }
            }
            Output::State(_) => {}
            Output::Ended(how) => {
                how.expect("the desktop ends well");
                break;
            }
        }
    }
    (packets, bytes_sent)
}

/// The test runs itself again as a process of its own, which does nothing but share.
#[cfg(target_os = "linux")]
#[test]
fn a_process_that_shares_full_hd_with_a_film_stays_under_50_mb() {
    const CHILD: &str = "PANECAST_TEST_SHARES";
    if std::env::var_os(CHILD).is_some() {
        let (packets, bytes) = share();
        let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
        println!("\npackets {packets} bytes {bytes}\n{status}");
        return;
    }
    let name = "a_process_that_shares_full_hd_with_a_film_stays_under_50_mb";
    let child = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", name, "--nocapture", "--test-threads", "1"])
        .env(CHILD, "1")
        .output()
        .expect("a process");
    let said = String::from_utf8(child.stdout).expect("text");
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    let number = |name: &str| -> u64 {
        let line = said.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.split_whitespace().next().and_then(|word| word.parse().ok()).expect(name)
    };
    let (packets, most) = (number("packets"), number("VmHWM:"));
    println!("{packets} packets, {most} kB at most, {} kB of it no file's", number("RssAnon:"));
    assert!(packets >= u64::from(PICTURES), "only {packets} packets");
    assert!(most > 3 * 8100, "{most} kB do not hold three pictures: is this the process?");
    assert!(most <= 50_000, "{most} kB");
}
