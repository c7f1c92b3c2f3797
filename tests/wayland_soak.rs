//! Two hundred things that happen to a Wayland desktop while it is captured: nothing is left over, and nothing hangs.
#![cfg(target_os = "linux")]

mod wayland_server;

use panecast::ErrorKind;
use panecast::capture::linux::wayland::{Protocol, Target};
use panecast::capture::{Captured, Capturer as _};
use std::time::{Duration, Instant};
use wayland_server::viewer::{Viewer, open};
use wayland_server::{Dice, LONG, Suite, Sway};

/// Open files, threads, and mappings of pictures that this process has.
fn held() -> (usize, usize, usize) {
    let entries = |folder: &str| std::fs::read_dir(folder).unwrap().count();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let pictures = maps.lines().filter(|line| line.contains("memfd:panecast")).count();
    (entries("/proc/self/fd"), entries("/proc/self/task"), pictures)
}

/// Captures once; a compositor that was stopped may not have answered yet.
fn look(viewer: &mut Viewer, wait: Duration) -> bool {
    match viewer.next(wait) {
        Ok(captured) => matches!(captured, Captured::Frame { .. }),
        Err(e) => {
            assert_eq!(e.kind(), ErrorKind::Stalled, "{e}");
            false
        }
    }
}

#[test]
fn two_hundred_events_leave_nothing_behind() {
    let before = held();
    for (protocol, seed) in [(Protocol::ImageCopy, 0x5EED_1234_5678_9ABC), (Protocol::Screencopy, 0x77)] {
        let start = || Sway::start(Suite::Newer, "320x200");
        let see = |server: &Sway| Viewer::new(open(server, Target::Screen, protocol).unwrap());
        let mut server = start();
        let mut viewer = see(&server);
        let mut dice = Dice(seed);
        // The first output is HEADLESS-1; each that is plugged in has the next number.
        let (mut plugged, mut newest) = (vec![1], 1);
        for event in 0..100 {
            let any = plugged[dice.below(plugged.len() as u32) as usize];
            match dice.below(12) {
                0..=2 => {
                    let (w, h) = (64 + dice.below(400), 64 + dice.below(300));
                    server.command(&format!("output HEADLESS-{any} mode {w}x{h}"));
                }
                3 => {
                    let turn = ["normal", "90", "180", "flipped-270"][dice.below(4) as usize];
                    server.command(&format!("output HEADLESS-{any} transform {turn}"));
                }
                4 => server.command(&format!("output HEADLESS-{any} scale {}", 1 + dice.below(2))),
                5 | 6 if plugged.len() < 3 => {
                    server.command("create_output");
                    newest += 1;
                    plugged.push(newest);
                }
                5..=7 if plugged.len() > 1 => {
                    server.command(&format!("output HEADLESS-{any} unplug"));
                    plugged.retain(|number| *number != any);
                }
                8 => {
                    server.stop();
                    look(&mut viewer, Duration::from_millis(5));
                    server.resume();
                }
                9 => viewer.source.forget(),
                10 => viewer = see(&server),
                11 if event % 4 == 0 => {
                    server.kill();
                    let size = viewer.frame.size();
                    let began = Instant::now();
                    let error = loop {
                        match viewer.next(Duration::from_millis(50)) {
                            Err(e) => break e,
                            Ok(_) => assert!(began.elapsed() < LONG, "{size}: its end is not told"),
                        }
                    };
                    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
                    server = start();
                    viewer = see(&server);
                    (plugged, newest) = (vec![1], 1);
                }
                _ => {}
            }
            look(&mut viewer, Duration::from_millis(dice.below(4).into()));
            if event % 10 == 9 {
                let began = Instant::now();
                viewer.source.forget();
                while !look(&mut viewer, Duration::from_millis(50)) {
                    assert!(began.elapsed() < LONG, "{protocol:?}: no picture after event {event}");
                }
                let (_, _, pictures) = held();
                assert!(pictures <= plugged.len() + 1, "{pictures} pictures of {} monitors", plugged.len());
            }
        }
    }
    assert_eq!(held(), before);
}
