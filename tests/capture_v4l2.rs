//! V4L2 on the kernel's own virtual camera (`vivid`): run where there is one, as in the virtual machine of `cargo xtask
//! vivid`, with `--ignored`.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

use panecast::capture::linux::v4l2::{V4l2Camera, devices};
use panecast::capture::{Camera, Capturer, Pattern, Shot, SourceInfo};
use panecast::codec::av1::{Planes, film_to_picture};
use panecast::frame::{FrameBuf, Rect, Size};
use panecast::session::{Consent, Decision, Purpose};
use panecast::{ErrorKind, Limits};
use std::path::Path;
use std::time::{Duration, Instant};

/// Only a hang takes this long, also in an emulated machine.
const DEADLINE: Duration = Duration::from_secs(120);

fn opened(path: &Path, size: Option<Size>) -> V4l2Camera {
    let grant = Consent::ask(Purpose::Camera, "camera").answer(Decision::Allow).expect("allowed");
    let any = Pattern::new(Size::new(64, 64), 1).expect("a pattern").info();
    let info = SourceInfo { id: "camera".into(), name: "vivid".into(), ..any };
    V4l2Camera::open(path, info, size, None, &grant).expect("a camera")
}

#[test]
#[ignore = "needs the kernel module vivid"]
fn vivid_gives_its_bars_in_every_size() {
    let found = devices();
    let vivid = found.iter().find(|device| device.name == "vivid").expect("modprobe vivid");
    println!("{}: {} shapes", vivid.path.display(), vivid.shapes.len());
    let mut sizes: Vec<Size> = vivid.shapes.iter().map(|shape| shape.size).collect();
    sizes.sort_by_key(|size| (size.width, size.height));
    sizes.dedup();
    for size in sizes.into_iter().filter(|size| size.width <= 1280) {
        let mut camera = opened(&vivid.path, Some(size));
        assert_eq!(camera.info().size, size);
        let (mut planes, begun, mut taken) = (Planes::default(), Instant::now(), 0);
        let mut colours = None;
        while taken < 3 {
            match camera.next(&mut planes, Duration::from_millis(500)) {
                Ok(Shot::Taken { colour, .. }) => (taken, colours) = (taken + 1, Some(colour)),
                Ok(_) => {}
                Err(e) => assert_eq!(e.kind(), ErrorKind::Stalled, "{e}"),
            }
            assert!(begun.elapsed() < DEADLINE, "no picture of {size}");
        }
        let colours = colours.expect("a picture");
        let mut frame = FrameBuf::new(size, &Limits::default()).expect("a picture");
        film_to_picture(&planes, colours, &mut frame).expect("a picture");
        // Its first test pattern: white, yellow, cyan, green, magenta, red, blue, black; 75 % of the full colours.
        let bars: [[u8; 3]; 8] =
            [[1, 1, 1], [0, 1, 1], [1, 1, 0], [0, 1, 0], [1, 0, 1], [0, 0, 1], [1, 0, 0], [0, 0, 0]];
        for (i, bar) in (0..).zip(bars) {
            // The driver writes text over them, white on black: some of each bar is free of it.
            let x = size.width * (2 * i + 1) / 16;
            let near = |y: u32| {
                let pixel = &frame.row_of(&Rect::new(x, y, 1, 1), y)[..3];
                pixel.iter().zip(bar).all(|(value, full)| value.abs_diff(191 * full) <= 8)
            };
            let rows = (0..size.height).filter(|y| near(*y)).count();
            assert!(rows * 8 >= size.height as usize, "{size}, bar {i}: {rows} rows, {colours:?}");
        }
        println!("{size}: {colours:?}");
    }
    println!("bars are right");
}

#[test]
#[ignore = "needs the kernel module vivid, and takes its camera away"]
fn an_unplugged_camera_is_closed() {
    let path = devices().into_iter().find(|device| device.name == "vivid").expect("modprobe vivid").path;
    let mut camera = opened(&path, None);
    let (mut planes, begun) = (Planes::default(), Instant::now());
    while !matches!(camera.next(&mut planes, Duration::from_millis(500)), Ok(Shot::Taken { .. })) {
        assert!(begun.elapsed() < DEADLINE, "no picture");
    }
    std::fs::write("/sys/bus/platform/drivers/vivid/unbind", "vivid.0").expect("it is taken away");
    loop {
        match camera.next(&mut planes, Duration::from_millis(500)) {
            Err(e) if e.kind() == ErrorKind::Closed => break,
            _ => assert!(begun.elapsed() < DEADLINE, "nobody tells"),
        }
    }
    println!("unplugged is closed");
}
