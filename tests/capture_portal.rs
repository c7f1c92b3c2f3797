//! Capture through a desktop's portal: a portal of the test's own on a bus of its own, which shares a real PipeWire's node.
//!
//! PipeWire's daemons are found by the environment, so each test runs a part of itself again, in one of its own.
#![cfg(all(target_os = "linux", feature = "portal"))]

use panecast::ErrorKind;
use panecast::capture::linux::pipewire::nodes;
use panecast::capture::linux::portal::{Options, PortalCapturer};
use panecast::capture::{Captured, Capturer as _, RestoreToken};
use panecast::frame::{FrameBuf, Region, Size};
use panecast::limits::Limits;
use panecast::session::{CaptureGrant, Consent, Decision, Purpose};
use std::collections::HashMap;
use std::io::BufRead as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use zbus::blocking::{Connection, connection};
use zbus::zvariant::{ObjectPath, OwnedFd, OwnedObjectPath, OwnedValue, Value};

/// Only a hang takes this long.
const DEADLINE: Duration = Duration::from_secs(30);
const SIZE: Size = Size::new(320, 240);
const SESSION: &str = "/org/freedesktop/portal/desktop/session/test/panecast";

/// A program that ends with the test.
struct Running(Child);

impl Running {
    fn start(program: &str, words: &[&str], home: &Path, bus: &str) -> Self {
        let mut command = Command::new(program);
        command
            .args(words)
            .env("XDG_RUNTIME_DIR", home)
            .env("HOME", home)
            .env("DBUS_SESSION_BUS_ADDRESS", bus);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|e| panic!("{program} does not start ({e}): run `cargo xtask setup`")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A bus, PipeWire with its session manager, and a node of one colour.
struct Desktop {
    home: PathBuf,
    bus: String,
    _running: Vec<Running>,
}

impl Desktop {
    fn start(name: &str) -> Self {
        let home = std::env::temp_dir().join(format!("panecast-portal-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&home).expect("a folder");
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .arg(format!("--address=unix:path={}/bus", home.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon does not start: run `cargo xtask setup`");
        // It says its address once it listens.
        let mut bus = String::new();
        let out = daemon.stdout.take().expect("its output is a pipe");
        std::io::BufReader::new(out).read_line(&mut bus).expect("it says its address");
        let bus = bus.trim().to_owned();
        let mut running = vec![Running(daemon), Running::start("pipewire", &[], &home, &bus)];
        let begun = Instant::now();
        while UnixStream::connect(home.join("pipewire-0")).is_err() {
            assert!(begun.elapsed() < DEADLINE, "the daemon does not start");
            std::thread::yield_now();
        }
        running.push(Running::start("wireplumber", &[], &home, &bus));
        let caps = "video/x-raw,format=BGRx,width=320,height=240,framerate=30/1";
        let properties =
            "stream-properties=props,media.class=Video/Source,media.role=Screen,node.name=testscreen";
        let colour = "foreground-color=0xff204080";
        let words = ["-q", "videotestsrc", "is-live=true", "pattern=solid-color", colour, "!", caps, "!"];
        let sink = ["pipewiresink", "mode=provide", properties];
        running.push(Running::start("gst-launch-1.0", &[&words[..], &sink].concat(), &home, &bus));
        Self { home, bus, _running: running }
    }

    /// Runs a part of this file in its environment.
    fn run(&self, part: &str) {
        let own = std::env::current_exe().expect("a test program");
        let mut command = Command::new(own);
        command.args(["--ignored", "--exact", part, "--nocapture"]);
        command.env("XDG_RUNTIME_DIR", &self.home).env("DBUS_SESSION_BUS_ADDRESS", &self.bus);
        let status = command.status().expect("it runs");
        assert!(status.success(), "{part}: {status}");
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self._running.clear();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// What a portal was asked for, and what it answers.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Asked>>);

#[derive(Default)]
struct Asked {
    options: HashMap<String, OwnedValue>,
    /// The visitor's answer: 0 is yes, 1 no.
    answer: u32,
    closed: bool,
    starts: u32,
}

struct Portal {
    seen: Seen,
    node: u32,
}

struct Session(Seen);

type Wishes = HashMap<String, OwnedValue>;

impl Portal {
    async fn answer(
        &self,
        bus: &zbus::Connection,
        sender: Option<&zbus::names::UniqueName<'_>>,
        options: &Wishes,
        (code, results): (u32, HashMap<&str, Value<'_>>),
    ) -> OwnedObjectPath {
        let own = sender.expect("a bus names its callers").trim_start_matches(':').replace('.', "_");
        let token = String::try_from(options["handle_token"].clone()).expect("a token");
        let path =
            ObjectPath::try_from(format!("/org/freedesktop/portal/desktop/request/{own}/{token}")).unwrap();
        let body = (code, results);
        bus.emit_signal(sender.cloned(), &path, "org.freedesktop.portal.Request", "Response", &body)
            .await
            .unwrap();
        path.into()
    }
}

#[zbus::interface(name = "org.freedesktop.portal.ScreenCast")]
impl Portal {
    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        4
    }

    #[zbus(property)]
    fn available_cursor_modes(&self) -> u32 {
        7
    }

    async fn create_session(
        &self,
        options: Wishes,
        #[zbus(connection)] bus: &zbus::Connection,
        #[zbus(header)] head: zbus::message::Header<'_>,
    ) -> OwnedObjectPath {
        let results = HashMap::from([("session_handle", Value::from(SESSION))]);
        self.answer(bus, head.sender(), &options, (0, results)).await
    }

    async fn select_sources(
        &self,
        session: OwnedObjectPath,
        options: Wishes,
        #[zbus(connection)] bus: &zbus::Connection,
        #[zbus(header)] head: zbus::message::Header<'_>,
    ) -> OwnedObjectPath {
        assert_eq!(session.as_str(), SESSION);
        let answered = self.answer(bus, head.sender(), &options, (0, HashMap::new())).await;
        self.seen.0.lock().unwrap().options = options;
        answered
    }

    async fn start(
        &self,
        session: OwnedObjectPath,
        _parent: String,
        options: Wishes,
        #[zbus(connection)] bus: &zbus::Connection,
        #[zbus(header)] head: zbus::message::Header<'_>,
    ) -> OwnedObjectPath {
        assert_eq!(session.as_str(), SESSION);
        let (answer, starts) = {
            let mut seen = self.seen.0.lock().unwrap();
            seen.starts += 1;
            (seen.answer, seen.starts)
        };
        let streams = vec![(self.node, HashMap::<String, Value<'_>>::new())];
        let token = format!("token {starts}");
        let results =
            HashMap::from([("streams", Value::from(streams)), ("restore_token", Value::from(token))]);
        self.answer(bus, head.sender(), &options, (answer, results)).await
    }

    fn open_pipe_wire_remote(&self, session: OwnedObjectPath, _options: Wishes) -> OwnedFd {
        assert_eq!(session.as_str(), SESSION);
        let home = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR").unwrap());
        std::os::fd::OwnedFd::from(UnixStream::connect(home.join("pipewire-0")).expect("the daemon listens"))
            .into()
    }
}

#[zbus::interface(name = "org.freedesktop.portal.Session")]
impl Session {
    fn close(&self) {
        self.0.0.lock().unwrap().closed = true;
    }
}

/// A portal on the environment's bus that shares the test's node.
fn portal() -> (Connection, Seen) {
    let begun = Instant::now();
    let node = loop {
        if let Some(node) = nodes().expect("a daemon").into_iter().find(|node| node.name == "testscreen") {
            break node.id;
        }
        assert!(begun.elapsed() < DEADLINE, "no node comes");
        std::thread::yield_now();
    };
    let seen = Seen::default();
    let bus = connection::Builder::session()
        .and_then(|bus| bus.name("org.freedesktop.portal.Desktop"))
        .and_then(|bus| bus.serve_at("/org/freedesktop/portal/desktop", Portal { seen: seen.clone(), node }))
        .and_then(|bus| bus.serve_at(SESSION, Session(seen.clone())))
        .and_then(connection::Builder::build)
        .expect("the bus is ours");
    (bus, seen)
}

fn granted() -> CaptureGrant {
    Consent::ask(Purpose::Screen, "screen").answer(Decision::Allow).unwrap()
}

fn number(options: &HashMap<String, OwnedValue>, name: &str) -> u32 {
    u32::try_from(options[name].clone()).unwrap()
}

#[test]
#[ignore = "a part of the next one"]
fn shared() {
    let (bus, seen) = portal();
    let restore = RestoreToken::new(None);
    let options = Options { bus: None, restore: restore.clone() };
    let mut source = PortalCapturer::open(&options, &granted()).unwrap();
    assert_eq!(source.info().size, SIZE);
    assert_eq!(restore.kept().as_deref(), Some("token 1"));
    {
        let seen = seen.0.lock().unwrap();
        // A monitor, the cursor beside the pictures, asked for until revoked, restored by nothing yet.
        let asked = ["types", "cursor_mode", "persist_mode"].map(|name| number(&seen.options, name));
        assert_eq!(asked, [1, 4, 2]);
        assert!(!seen.options.contains_key("restore_token"));
    }
    let mut frame = FrameBuf::new(SIZE, &Limits::default()).unwrap();
    for _ in 0..2 {
        let captured = source.next(&mut frame, &Region::full(SIZE), DEADLINE).unwrap();
        assert!(matches!(captured, Captured::Frame { .. }), "{captured:?}");
        assert!(frame.pixels().as_chunks::<4>().0.iter().all(|px| *px == [0x80, 0x40, 0x20, 255]));
        // What was forgotten is given whole again.
        source.forget();
        frame = FrameBuf::new(SIZE, &Limits::default()).unwrap();
    }
    // The desktop ends it.
    let nothing: HashMap<String, Value<'_>> = HashMap::new();
    let sent = bus.emit_signal(None::<&str>, SESSION, "org.freedesktop.portal.Session", "Closed", &nothing);
    sent.expect("the bus is ours");
    let begun = Instant::now();
    let error = loop {
        match source.next(&mut frame, &Region::full(SIZE), Duration::from_millis(50)) {
            Err(e) => break e,
            Ok(_) => assert!(begun.elapsed() < DEADLINE, "its end is not told"),
        }
    };
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert_eq!(source.cursor().unwrap_err().kind(), ErrorKind::Closed);
    drop(source);

    // The second time the desktop is told what was chosen, and our end of it is told to the desktop.
    let source = PortalCapturer::open(&options, &granted()).unwrap();
    let told = seen.0.lock().unwrap().options["restore_token"].clone();
    assert_eq!(String::try_from(told).unwrap(), "token 1");
    assert_eq!(restore.kept().as_deref(), Some("token 2"));
    seen.0.lock().unwrap().closed = false;
    drop(source);
    let begun = Instant::now();
    while !seen.0.lock().unwrap().closed {
        assert!(begun.elapsed() < DEADLINE, "the session stays open");
        std::thread::yield_now();
    }
}

#[test]
fn a_screen_comes_through_the_portal() {
    Desktop::start("shared").run("shared");
}

#[test]
#[ignore = "a part of the next one"]
fn refused() {
    let options = Options::default();
    // Nobody there.
    let error = PortalCapturer::open(&options, &granted()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let (_bus, seen) = portal();
    for (answer, kind) in [(1, ErrorKind::Denied), (2, ErrorKind::Closed)] {
        seen.0.lock().unwrap().answer = answer;
        let error = PortalCapturer::open(&options, &granted()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    let nowhere = Options { bus: Some("unix:path=/no/such/bus".into()), ..Options::default() };
    assert_eq!(PortalCapturer::open(&nowhere, &granted()).unwrap_err().kind(), ErrorKind::Unsupported);
    let camera = Consent::ask(Purpose::Camera, "screen").answer(Decision::Allow).unwrap();
    assert_eq!(PortalCapturer::open(&options, &camera).unwrap_err().kind(), ErrorKind::Denied);
}

#[test]
fn a_no_is_told() {
    Desktop::start("refused").run("refused");
}
