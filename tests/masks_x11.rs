//! Windows that are hidden stay so while they move, and change their names and their places in the stack.
#![cfg(target_os = "linux")]

mod xserver;

use panecast::capture::linux::x11::{Options, Target, X11Capturer};
use panecast::capture::mask::{MASK_COLOUR, MaskSet, Masked, WindowMatch};
use panecast::codec::{Decoder, Encoder, EncoderConfig, Mode};
use panecast::frame::{Rect, Size, Timestamp};
use panecast::limits::Limits;
use panecast::session::{Consent, Decision, Purpose};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use x11rb::protocol::xproto::{
    AtomEnum, ConfigureWindowAux, ConnectionExt as _, PropMode, StackMode, Window,
};
use x11rb::wrapper::ConnectionExt as _;
use xserver::eye::{Eye, Stops, at, shows};
use xserver::{Artist, Dice, LONG, XServer};

const SIZE: Size = Size::new(400, 300);
/// What must never be seen, blue, green, red.
const SECRET: u32 = 0x11_C7_5E;
const OTHER: u32 = 0x40_80_20;

struct Desk {
    server: XServer,
    artist: Artist,
}

impl Desk {
    fn new() -> Self {
        let server = XServer::start(&format!("{SIZE}x24"), &[]);
        let artist = Artist::connect(&server);
        Self { server, artist }
    }

    fn window(&self, at: Rect, color: u32, title: &str, class: &str) -> Window {
        // Named before it is shown, as programs do.
        let id = self.artist.hidden_window(at, color);
        self.name(id, title);
        let class = format!("{class}\0{class}\0");
        self.set(id, AtomEnum::WM_CLASS, &class);
        self.artist.x.map_window(id).unwrap();
        self.artist.sync();
        id
    }

    fn name(&self, id: Window, title: &str) {
        self.set(id, AtomEnum::WM_NAME, title);
    }

    fn set(&self, id: Window, name: AtomEnum, text: &str) {
        let (x, kind) = (&self.artist.x, AtomEnum::STRING);
        x.change_property8(PropMode::REPLACE, id, name, kind, text.as_bytes()).unwrap();
        self.artist.sync();
    }

    fn configure(&self, id: Window, how: &ConfigureWindowAux) {
        self.artist.x.configure_window(id, how).unwrap();
        self.artist.sync();
    }

    fn masked(&self, masks: MaskSet) -> Eye<Masked> {
        let grant = Consent::ask(Purpose::Screen, "screen").answer(Decision::Allow).unwrap();
        let options = Options { display: Some(self.server.display.clone()), ..Options::default() };
        let source = X11Capturer::open(Target::Screen, options, &grant).unwrap();
        Eye::new(Masked::new(Box::new(source), masks))
    }
}

fn mask() -> u32 {
    u32::from_le_bytes([MASK_COLOUR[0], MASK_COLOUR[1], MASK_COLOUR[2], 0])
}

/// Dragged as fast as the server takes it, while pictures are captured, coded and decoded.
#[test]
fn a_window_that_is_dragged_never_shows_in_a_decoded_picture() {
    for mode in [Mode::Lossless, Mode::Auto] {
        let desk = Desk::new();
        desk.window(Rect::new(10, 10, 150, 200), OTHER, "Letters", "editor");
        let secret = desk.window(Rect::new(50, 50, 120, 90), SECRET, "My Bank - Browser", "browser");
        let mut eye = desk.masked(MaskSet::new().with_window(WindowMatch::Title("my bank".into())));
        let mut encoder = Encoder::new(EncoderConfig { mode, ..EncoderConfig::default() }).unwrap();
        let mut decoder = Decoder::new(Limits::default());
        let stop = AtomicBool::new(false);
        let server = &desk.server;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let artist = Artist::connect(server);
                let mut dice = Dice(77);
                while !stop.load(Ordering::SeqCst) {
                    let (x, y) = (dice.below(380) as i32 - 60, dice.below(280) as i32 - 40);
                    let to = ConfigureWindowAux::new().x(x).y(y);
                    artist.x.configure_window(secret, &to).unwrap();
                    if dice.below(8) == 0 {
                        let over = if dice.below(2) == 0 { StackMode::ABOVE } else { StackMode::BELOW };
                        artist
                            .x
                            .configure_window(secret, &ConfigureWindowAux::new().stack_mode(over))
                            .unwrap();
                    }
                    if dice.below(8) == 0 {
                        artist.x.unmap_window(secret).unwrap();
                        artist.x.map_window(secret).unwrap();
                    }
                    artist.sync();
                }
            });
            let _stops = Stops(&stop);
            let (mut packets, start) = (0, Instant::now());
            while packets < 150 {
                assert!(start.elapsed() < LONG, "too slow");
                if !eye.look(Duration::from_millis(20)) {
                    continue;
                }
                assert!(!shows(&eye.frame, SECRET), "it shows in picture {packets}");
                let mut bytes = Vec::new();
                let (damage, when) = (panecast::capture::Damage::Unknown, Timestamp(packets * 33_000));
                encoder.encode(&mut eye.frame.clone(), &damage, when, &mut bytes).unwrap();
                decoder.feed(&bytes).unwrap();
                while decoder.next().unwrap().is_some() {}
                assert!(!shows(decoder.frame().unwrap(), SECRET));
                packets += 1;
            }
        });
        // At rest it is hidden where it is, and all else is shown.
        desk.configure(secret, &ConfigureWindowAux::new().x(200).y(100).stack_mode(StackMode::ABOVE));
        // Where it was while the last picture was taken is hidden with it until the next one.
        let start = Instant::now();
        while eye.source.hidden_px() != 120 * 90 {
            assert!(start.elapsed() < LONG, "{} px hidden at rest", eye.source.hidden_px());
            eye.look(Duration::from_millis(50));
            assert!(!shows(&eye.frame, SECRET));
        }
        eye.until("the mask to settle", |f| at(f, 250, 150) == mask() && at(f, 20, 20) == OTHER);
        assert_eq!(eye.source.hidden_px(), 120 * 90);
    }
}

#[test]
fn windows_are_hidden_by_class_by_id_and_with_what_belongs_to_them() {
    let desk = Desk::new();
    let secret = desk.window(Rect::new(20, 20, 100, 80), SECRET, "Vault", "keepass");
    let by = |masks| {
        let mut eye = desk.masked(masks);
        eye.until("a picture", |f| at(f, 60, 60) == mask());
        assert!(!shows(&eye.frame, SECRET));
    };
    by(MaskSet::new().with_window(WindowMatch::Class("KeePass".into())));
    by(MaskSet::new().with_window(WindowMatch::Id(secret.into())));
    // A menu of the same program has no name of its own.
    let menu = desk.artist.window(Rect::new(200, 20, 60, 90), 0, SECRET);
    by(MaskSet::new().with_window(WindowMatch::Id(secret.into())));
    desk.artist.x.destroy_window(menu).unwrap();
    // Nobody knows which window was meant: all is blank.
    let mut eye = desk.masked(MaskSet::new().with_window(WindowMatch::Id(0x7_7777)));
    assert!(eye.look(Duration::ZERO));
    assert_eq!(eye.source.hidden_px(), SIZE.area());
    // The window within a frame is found by its name, and the frame is hidden with it.
    let frame = desk.artist.window(Rect::new(150, 150, 120, 100), 0, SECRET);
    let inner = desk.artist.hidden_window(Rect::new(4, 20, 100, 60), SECRET);
    desk.artist.x.reparent_window(inner, frame, 4, 20).unwrap();
    desk.name(inner, "Framed");
    desk.artist.x.map_window(inner).unwrap();
    desk.artist.x.unmap_window(secret).unwrap();
    desk.artist.sync();
    let mut eye = desk.masked(MaskSet::new().with_window(WindowMatch::Title("framed".into())));
    eye.until("the frame to be hidden", |f| at(f, 152, 152) == mask() && !shows(f, SECRET));
}

#[test]
fn a_window_is_hidden_from_the_moment_that_it_is_called_so() {
    let desk = Desk::new();
    let window = desk.window(Rect::new(20, 20, 100, 80), SECRET, "News", "browser");
    let mut eye = desk.masked(MaskSet::new().with_window(WindowMatch::Title("bank".into())));
    eye.until("the news", |f| at(f, 60, 60) == SECRET);
    assert!(!eye.source.take_anew());
    desk.name(window, "Bank");
    eye.until("the mask", |f| !shows(f, SECRET));
    assert!(eye.source.take_anew(), "it was seen before: that is to be forgotten");
    desk.name(window, "News");
    eye.until("the news again", |f| at(f, 60, 60) == SECRET);
}

#[test]
fn what_lies_over_a_hidden_window_is_shown_once_all_stands_still() {
    let desk = Desk::new();
    desk.window(Rect::new(20, 20, 200, 150), SECRET, "Vault", "vault");
    desk.window(Rect::new(100, 60, 200, 200), OTHER, "Letters", "editor");
    let mut eye = desk.masked(MaskSet::new().with_window(WindowMatch::Class("vault".into())));
    eye.look(Duration::ZERO);
    assert!(!shows(&eye.frame, SECRET));
    eye.until("the window over it", |f| at(f, 110, 70) == OTHER && at(f, 30, 30) == mask());
    assert!(!shows(&eye.frame, SECRET));
}

#[test]
fn only_one_window_is_shown_and_what_is_over_it_is_not() {
    let desk = Desk::new();
    desk.artist.fill(desk.artist.root(), SIZE.rect(), SECRET);
    let shown = desk.window(Rect::new(20, 20, 200, 150), OTHER, "Letters", "editor");
    let mut eye = desk.masked(MaskSet::new().with_only(WindowMatch::Title("letters".into())));
    eye.until("the window", |f| at(f, 30, 30) == OTHER);
    assert_eq!(eye.source.hidden_px(), SIZE.area() - 200 * 150);
    // Another comes over it, from another program.
    let other = Desk { server: XServer::start("8x8x24", &[]), artist: Artist::connect(&desk.server) };
    other.window(Rect::new(100, 60, 200, 200), SECRET, "Chat", "chat");
    for _ in 0..20 {
        eye.look(Duration::from_millis(10));
        assert!(!shows(&eye.frame, SECRET));
    }
    eye.until("what is not covered", |f| at(f, 30, 30) == OTHER && at(f, 110, 70) == mask());
    // It goes, and with it all.
    desk.artist.x.unmap_window(shown).unwrap();
    desk.artist.sync();
    eye.until("nothing", |f| !shows(f, OTHER));
    assert!(!shows(&eye.frame, SECRET));
    assert_eq!(eye.source.hidden_px(), SIZE.area());
}
