//! PipeWire: streams of a real daemon, with pixels compared to what the source wrote beside it.
//!
//! A daemon is found by the environment, so each test runs a part of itself again, in one of its own.
#![cfg(target_os = "linux")]

use panecast::capture::camera::Layout;
use panecast::capture::linux::pipewire::{
    PipeCamera, PipeFormat, PipeFrame, PipePixels, PipeStream, Wanted, nodes,
};
use panecast::capture::{Camera, Capturer, Pattern, Shot, SourceInfo};
use panecast::codec::av1::{Planes, film_to_picture};
use panecast::frame::{FrameBuf, Size};
use panecast::session::{Consent, Decision, Purpose};
use panecast::{ErrorKind, Limits};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Only a hang takes this long.
const DEADLINE: Duration = Duration::from_secs(30);
const SIZE: Size = Size::new(320, 240);

/// A program that ends with the test.
struct Running(Child);

impl Running {
    fn start(program: &str, words: &[&str], home: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(words).env("XDG_RUNTIME_DIR", home).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|e| panic!("{program} is needed: {e}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A daemon of the test's own.
struct Daemon {
    home: PathBuf,
    process: Option<Running>,
}

impl Daemon {
    fn start(name: &str) -> Self {
        let home = std::env::temp_dir().join(format!("panecast-pw-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&home).expect("a folder");
        let process = Some(Running::start("pipewire", &[], &home));
        let daemon = Self { home, process };
        let begun = Instant::now();
        while UnixStream::connect(daemon.socket()).is_err() {
            assert!(begun.elapsed() < DEADLINE, "the daemon does not start");
            std::thread::yield_now();
        }
        daemon
    }

    fn socket(&self) -> PathBuf {
        self.home.join("pipewire-0")
    }

    /// A test pattern, as `caps`.
    fn camera(&self, pattern: &str, caps: &str) -> Running {
        self.node(&format!("videotestsrc is-live=true pattern={pattern} ! {caps}"))
    }

    fn node(&self, source: &str) -> Running {
        let properties = "stream-properties=props,media.class=Video/Source,media.role=Camera,node.name=testcam,\
                          node.description=Cam";
        let sink = ["!", "pipewiresink", "mode=provide", properties];
        let words: Vec<&str> = std::iter::once("-q").chain(source.split(' ')).chain(sink).collect();
        Running::start("gst-launch-1.0", &words, &self.home)
    }

    /// Runs a part of this file in the daemon's environment.
    fn run(&self, part: &str) {
        let own = std::env::current_exe().expect("a test program");
        let mut command = Command::new(own);
        command.args(["--ignored", "--exact", part, "--nocapture"]).env("XDG_RUNTIME_DIR", &self.home);
        let status = command.status().expect("it runs");
        assert!(status.success(), "{part}: {status}");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.process = None;
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// What the same pattern is in a file.
fn drawn(pattern: &str, caps: &str) -> Vec<u8> {
    let file = std::env::temp_dir().join(format!("panecast-drawn-{}-{pattern}.raw", std::process::id()));
    let (pattern, location) = (format!("pattern={pattern}"), format!("location={}", file.display()));
    let words = ["-q", "videotestsrc", "num-buffers=1", &pattern, "!", caps, "!", "filesink", &location];
    let status = Command::new("gst-launch-1.0").args(words).status().expect("gst-launch-1.0 is needed");
    assert!(status.success());
    let bytes = std::fs::read(&file).expect("a picture");
    std::fs::remove_file(&file).expect("it was there");
    bytes
}

fn caps(format: &str) -> String {
    format!("video/x-raw,format={format},width=320,height=240,framerate=30/1")
}

fn wanted(layouts: &[Layout]) -> Wanted {
    let pixels = layouts.iter().map(|l| PipePixels::Raw(*l)).collect();
    Wanted { pixels, size: None, fps: None, cursor: false }
}

/// A camera as a source.
fn info() -> SourceInfo {
    let any = Pattern::new(Size::new(64, 64), 1).expect("a pattern").info();
    SourceInfo { id: "camera".into(), name: "Cam".into(), ..any }
}

/// The camera's node, once it is there with a size.
fn camera() -> u32 {
    let begun = Instant::now();
    loop {
        let found = nodes().expect("a daemon").into_iter().find(|n| n.name == "testcam");
        if let Some(node) = found.filter(|node| node.largest.is_some()) {
            assert_eq!((&*node.description, &*node.class, &*node.role), ("Cam", "Video/Source", "Camera"));
            assert_eq!(node.largest, Some((SIZE, 30)));
            return node.id;
        }
        assert!(begun.elapsed() < DEADLINE, "no camera comes");
        std::thread::yield_now();
    }
}

fn next(stream: &mut PipeStream, frame: &mut PipeFrame) {
    let begun = Instant::now();
    while !(stream.next(frame, Duration::from_millis(100)).expect("it streams") && frame.fresh) {
        assert!(begun.elapsed() < DEADLINE, "no picture comes");
    }
}

#[test]
fn pixels_are_those_that_were_drawn() {
    let daemon = Daemon::start("pixels");
    for format in ["YUY2", "NV12", "I420", "BGRx", "RGBA"] {
        let _camera = daemon.camera("smpte", &caps(format));
        daemon.run("part_pixels");
    }
}

#[test]
#[ignore = "a part of another test"]
fn part_pixels() {
    let all = [Layout::Yuy2, Layout::Nv12, Layout::I420, Layout::Bgrx, Layout::Rgbx];
    let mut stream = PipeStream::connect(None, camera(), wanted(&all)).expect("a stream");
    let format = stream.wait_format(DEADLINE).expect("a format");
    let PipeFormat { pixels: PipePixels::Raw(layout), size: SIZE, fps: 30, .. } = format else {
        panic!("{format:?}")
    };
    let mut frame = PipeFrame::default();
    next(&mut stream, &mut frame);
    assert_eq!((frame.format, frame.stride), (Some(format), layout.row_bytes(SIZE)));
    let name = match layout {
        Layout::Yuy2 => "YUY2",
        Layout::Nv12 => "NV12",
        Layout::I420 => "I420",
        Layout::Bgrx => "BGRx",
        _ => "RGBA",
    };
    assert!(frame.bytes == drawn("smpte", &caps(name)), "{layout:?}");
}

#[test]
fn what_is_unplugged_or_dies_is_closed() {
    let mut daemon = Daemon::start("gone");
    let camera = daemon.camera("ball", &caps("YUY2"));
    let start = |daemon: &Daemon| {
        let own = std::env::current_exe().expect("a test program");
        let mut command = Command::new(own);
        command
            .args(["--ignored", "--exact", "part_gone", "--nocapture"])
            .env("XDG_RUNTIME_DIR", &daemon.home);
        let child = command.stdout(Stdio::piped()).spawn().expect("it runs");
        Running(child)
    };
    let streams = |part: &mut Running| {
        let lines = BufReader::new(part.0.stdout.take().expect("piped")).lines();
        let mut lines = lines.map_while(Result::ok);
        assert!(lines.any(|line| line.contains("streams")), "it ended early");
        lines
    };
    let mut part = start(&daemon);
    let mut lines = streams(&mut part);
    drop(camera);
    assert!(lines.any(|line| line.contains("closed in time")));
    assert!(part.0.wait().expect("it ends").success());

    let _camera = daemon.camera("ball", &caps("YUY2"));
    let mut part = start(&daemon);
    let mut lines = streams(&mut part);
    daemon.process = None;
    assert!(lines.any(|line| line.contains("closed in time")));
}

#[test]
#[ignore = "a part of another test"]
fn part_gone() {
    let mut stream = PipeStream::connect(None, camera(), wanted(&[Layout::Yuy2])).expect("a stream");
    stream.wait_format(DEADLINE).expect("a format");
    let mut frame = PipeFrame::default();
    next(&mut stream, &mut frame);
    println!("streams");
    let mut last = Instant::now();
    loop {
        match stream.next(&mut frame, Duration::from_millis(50)) {
            Ok(came) => {
                if came {
                    last = Instant::now();
                }
            }
            Err(e) if e.kind() == ErrorKind::Closed => break,
            Err(e) if e.kind() == ErrorKind::Stalled => {}
            Err(e) => panic!("{e}"),
        }
        assert!(last.elapsed() < DEADLINE, "nobody tells");
    }
    println!("closed in time");
}

#[test]
fn a_descriptor_of_the_daemon_serves_as_the_portals() {
    let daemon = Daemon::start("descriptor");
    let fd: OwnedFd = UnixStream::connect(daemon.socket()).expect("a daemon").into();
    let stream = PipeStream::connect(Some(fd), 4711, wanted(&[Layout::Bgrx])).expect("a stream");
    // Nobody links it.
    let e = stream.wait_format(Duration::from_millis(50)).expect_err("no such node");
    assert!([ErrorKind::Stalled, ErrorKind::Closed].contains(&e.kind()), "{e}");
}

#[test]
fn without_a_daemon_or_its_node_it_is_said() {
    let daemon = Daemon::start("none");
    daemon.run("part_none");
}

#[test]
#[ignore = "a part of another test"]
fn part_none() {
    assert_eq!(nodes().map(|all| all.iter().filter(|n| n.class == "Video/Source").count()), Ok(0));
    let kind = |fd: Option<OwnedFd>| {
        PipeStream::connect(fd, 4711, wanted(&[Layout::Bgrx])).map(drop).map_err(|e| e.kind())
    };
    assert_eq!(kind(None), Err(ErrorKind::NotFound));
    // A descriptor of something else.
    let (one, _other) = UnixStream::pair().expect("a pair");
    assert_eq!(kind(Some(one.into())), Err(ErrorKind::Stalled));
}

#[test]
fn a_camera_is_opened_and_filmed() {
    let daemon = Daemon::start("camera");
    let camera = daemon.camera("smpte", &caps("YUY2"));
    daemon.run("part_camera");
    drop(camera);
    let _camera = daemon.camera("smpte", &format!("{} ! jpegenc quality=95", caps("I420")));
    daemon.run("part_camera");
}

#[test]
#[ignore = "a part of another test"]
fn part_camera() {
    let node = camera();
    let granted = |purpose, id: &str| Consent::ask(purpose, id).answer(Decision::Allow).expect("allowed");
    for grant in [granted(Purpose::Camera, "camera:other"), granted(Purpose::Screen, "camera")] {
        let e = PipeCamera::open(node, info(), None, None, &grant).expect_err("it is for something else");
        assert_eq!(e.kind(), ErrorKind::Denied);
    }
    let grant = granted(Purpose::Camera, "camera");
    let revoke = grant.revoke_handle();
    let mut camera = PipeCamera::open(node, info(), Some(SIZE), Some(30), &grant).expect("a camera");
    assert_eq!(camera.info().size, SIZE);
    let (mut planes, begun) = (Planes::default(), Instant::now());
    let colour = loop {
        if let Shot::Taken { colour, .. } =
            camera.next(&mut planes, Duration::from_millis(100)).expect("it films")
        {
            break colour;
        }
        assert!(begun.elapsed() < DEADLINE, "no picture comes");
    };
    // The upper bars are of plain colours; the lower part has noise that is another in every picture.
    const ROWS: usize = 150;
    let near = |seen: &[u8], drawn: &[u8]| {
        let off = seen.iter().zip(drawn).filter(|(a, b)| a.abs_diff(**b) > 12).count();
        assert!(off * 25 < seen.len(), "{off} of {} are another colour", seen.len());
    };
    if colour.full_range {
        // A JPEG: jpegenc takes samples as they are.
        let drawn = drawn("smpte", &caps("I420"));
        let (luma, chroma) = (320 * 240, 160 * 120);
        near(&planes.plane(0)[..320 * ROWS], &drawn);
        near(&planes.plane(1)[..160 * ROWS / 2], &drawn[luma..]);
        near(&planes.plane(2)[..160 * ROWS / 2], &drawn[luma + chroma..]);
    } else {
        let mut frame = FrameBuf::new(SIZE, &Limits::default()).expect("a picture");
        film_to_picture(&planes, colour, &mut frame).expect("a picture");
        near(&frame.pixels()[..320 * 4 * ROWS], &drawn("smpte", &caps("BGRx")));
    }
    revoke.revoke();
    let e = camera.next(&mut planes, Duration::ZERO).expect_err("it was taken back");
    assert_eq!(e.kind(), ErrorKind::Revoked);
}

#[test]
fn what_stops_giving_pictures_is_stalled() {
    let daemon = Daemon::start("stalls");
    let camera = daemon.camera("ball", &caps("YUY2"));
    let own = std::env::current_exe().expect("a test program");
    let mut command = Command::new(own);
    command.args(["--ignored", "--exact", "part_stalls", "--nocapture"]).env("XDG_RUNTIME_DIR", &daemon.home);
    let mut part = Running(command.stdout(Stdio::piped()).spawn().expect("it runs"));
    let mut lines = BufReader::new(part.0.stdout.take().expect("piped")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("films")));
    let process = Pid::from_raw(camera.0.id() as i32).expect("a process");
    kill_process(process, Signal::STOP).expect("it stops");
    assert!(lines.any(|line| line.contains("stalled")));
    assert!(part.0.wait().expect("it ends").success());
}

#[test]
#[ignore = "a part of another test"]
fn part_stalls() {
    let grant = Consent::ask(Purpose::Camera, "camera").answer(Decision::Allow).expect("allowed");
    let mut camera = PipeCamera::open(camera(), info(), None, None, &grant).expect("a camera");
    let (mut planes, begun) = (Planes::default(), Instant::now());
    loop {
        match camera.next(&mut planes, Duration::from_millis(100)) {
            Ok(Shot::Taken { .. }) => println!("films"),
            Ok(_) => {}
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::Stalled);
                break;
            }
        }
        assert!(begun.elapsed() < DEADLINE, "nothing happens");
    }
    println!("stalled");
}
