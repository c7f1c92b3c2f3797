//! The portable source against our own: both must see the same picture.
#![cfg(all(target_os = "linux", feature = "xcap"))]

mod xserver;

use panecast::ErrorKind;
use panecast::capture::linux::x11::{Options, Target, X11Capturer};
use panecast::capture::xcap::{XcapCapturer, sources};
use panecast::capture::{Capturer, SourceSpec};
use panecast::frame::{FrameBuf, Rect, Region, Size};
use panecast::limits::Limits;
use panecast::session::{CaptureGrant, Consent, Decision};
use xserver::{Artist, Dice, LONG, XServer};

const ROLE: &str = "PANECAST_TEST_XCAP_DISPLAY";

fn granted(spec: &SourceSpec) -> CaptureGrant {
    Consent::ask(spec.purpose(), spec.to_string()).answer(Decision::Allow).unwrap()
}

/// xcap reads `DISPLAY`, which only a process of its own can be given.
#[test]
fn both_sources_see_the_same_picture() {
    let Ok(display) = std::env::var(ROLE) else {
        let server = XServer::start("320x200x24", &[]);
        let artist = Artist::connect(&server);
        let mut dice = Dice(11);
        for _ in 0..20 {
            artist.scribble(artist.root(), Size::new(320, 200), &mut dice);
        }
        artist.window(Rect::new(30, 20, 100, 80), 1, 0x80_4020);
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "both_sources_see_the_same_picture", "--nocapture"])
            .env("DISPLAY", &server.display)
            .env_remove("WAYLAND_DISPLAY")
            .env(ROLE, &server.display)
            .status()
            .unwrap();
        assert!(status.success());
        return;
    };
    let capture = |source: &mut dyn Capturer| {
        let size = source.info().size;
        let mut frame = FrameBuf::new(size, &Limits::default()).unwrap();
        source.next(&mut frame, &Region::full(size), LONG).unwrap();
        frame
    };
    let mut portable =
        XcapCapturer::open(&SourceSpec::Screen(None), &granted(&SourceSpec::Screen(None))).unwrap();
    let options = Options { display: Some(display), ..Options::default() };
    let mut own = X11Capturer::open(Target::Screen, options, &granted(&SourceSpec::Screen(None))).unwrap();
    assert!(capture(&mut portable) == capture(&mut own));
    assert!(sources().unwrap().iter().any(|s| s.size == Size::new(320, 200)));
    let kind = |spec: SourceSpec| XcapCapturer::open(&spec, &granted(&spec)).map(|_| ()).unwrap_err().kind();
    assert_eq!(kind(SourceSpec::Screen(Some(9))), ErrorKind::NotFound);
    // Without a window manager xcap has no list of windows to look in.
    assert_eq!(kind(SourceSpec::Window(0x7FFF_FFF1)), ErrorKind::Io);
}
