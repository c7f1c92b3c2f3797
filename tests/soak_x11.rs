//! Two hundred random events in the life of a display under running shares: no hang, no wrong picture, and in the end no
//! file, thread or memory of ours is left. One test, since it counts what the whole process has.
#![cfg(target_os = "linux")]

mod xserver;

use panecast::capture::linux::x11::{Options, Target, X11Capturer};
use panecast::codec::{Decoded, Decoder, EncoderConfig, Mode};
use panecast::consent::{Consent, Decision, Purpose};
use panecast::frame::{FrameBuf, Rect, Size};
use panecast::pipeline::{Audience, Output, Pipeline, PipelineConfig, StreamState, ViewerId};
use panecast::{ErrorKind, Limits};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConfigureWindowAux, ConnectionExt as _, Window};
use xserver::{Artist, Dice, LONG, XServer};

/// How many events there are; `PANECAST_SOAK` asks for more.
const EVENTS: u32 = 200;
const AGENT: ViewerId = ViewerId(1);

#[test]
fn nothing_is_lost_or_left_behind_whatever_happens_to_the_display() {
    let events = std::env::var("PANECAST_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(EVENTS);
    let mut dice = Dice(0x5EED);
    // What is made once in a process's life.
    Stage::new().close();
    let before = Held::now();
    let mut stage = Stage::new();
    let mut happened = [0u32; 8];
    for _ in 0..events {
        let event = dice.below(40);
        let kind = match event {
            0..10 => stage.plug_or_unplug(),
            10..16 => stage.move_monitor(["640x0", "640x200", "0x480", "100x480"][dice.below(4) as usize]),
            16..20 => stage.change_mode(["800x600", "640x480", "1024x768"][dice.below(3) as usize]),
            20..28 => stage.open_or_close_window(),
            28..36 => stage.resize_window(60 + dice.below(140), 50 + dice.below(100)),
            36..38 => stage.pause_and_go_on(),
            38 => stage.stall(),
            _ => stage.die(),
        };
        happened[kind] += 1;
        stage.look(&mut dice);
    }
    stage.close();
    assert!(happened.iter().all(|count| *count > 0), "each kind of event is among them: {happened:?}");
    assert_eq!(Held::now(), before, "what the process holds: {happened:?}");
}

/// What could leak.
#[derive(Debug, PartialEq)]
struct Held {
    files: usize,
    threads: usize,
    shared_memory: usize,
}

impl Held {
    fn now() -> Self {
        let entries = |of: &str| std::fs::read_dir(format!("/proc/self/{of}")).unwrap().count();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let shared = |line: &&str| line.contains("/memfd:") || line.contains("/SYSV");
        Self {
            files: entries("fd"),
            threads: entries("task"),
            shared_memory: maps.lines().filter(shared).count(),
        }
    }
}

/// A running share of a part of the display, and an agent who watches it.
struct Share {
    pipeline: Pipeline,
    outputs: Receiver<Output>,
    decoder: Option<Decoder>,
}

impl Share {
    fn start(server: &XServer, target: Target) -> Self {
        let purpose = if matches!(target, Target::Window(_)) { Purpose::Window } else { Purpose::Screen };
        let grant = Consent::ask(purpose, target.id()).answer(Decision::Allow).unwrap();
        let options = Options { display: Some(server.display.clone()), ..Options::default() };
        let (sink, outputs) = channel();
        let encoder = EncoderConfig { mode: Mode::Lossless, ..EncoderConfig::default() };
        let pipeline = Pipeline::start(
            grant,
            move |grant| Ok(Box::new(X11Capturer::open(target, options, grant)?)),
            PipelineConfig { fps: 120, encoder, ..PipelineConfig::default() },
            move |output| drop(sink.send(output)),
        )
        .unwrap();
        pipeline.viewer_joined(AGENT);
        Self { pipeline, outputs, decoder: None }
    }

    /// Takes the next output; tells what is no packet.
    fn next(&mut self) -> Option<Output> {
        let (to, bytes) = match self.outputs.recv_timeout(LONG).expect("the share hangs") {
            Output::Packet { to, bytes, .. } => (to, bytes),
            other => return Some(other),
        };
        let decoder = self.decoder.get_or_insert_with(|| Decoder::new(Limits::default()));
        if to == Audience::One(AGENT) {
            decoder.restart();
        }
        decoder.feed(&bytes).unwrap();
        while let Some(decoded) = decoder.next().unwrap() {
            if let Decoded::Picture { sequence, .. } | Decoded::Epoch { sequence } = decoded {
                self.pipeline.ack(AGENT, sequence, Duration::ZERO);
            }
        }
        None
    }

    /// Goes on until the agent sees just this.
    fn shows(&mut self, truth: &FrameBuf) {
        while self.decoder.as_ref().and_then(Decoder::frame) != Some(truth) {
            if let Some(Output::Ended(how)) = self.next() {
                panic!("it ended: {how:?}");
            }
        }
    }

    /// Goes on until the agent is told of `state`.
    fn is(&mut self, state: StreamState) {
        loop {
            match self.next() {
                Some(Output::State(told)) if told == state => return,
                Some(Output::Ended(how)) => panic!("it ended: {how:?}"),
                _ => {}
            }
        }
    }

    /// Goes on until its source is gone.
    fn ends(mut self) {
        loop {
            if let Some(Output::Ended(how)) = self.next() {
                assert_eq!(how.unwrap_err().kind(), ErrorKind::Closed);
                return;
            }
        }
    }
}

/// A display and all that is shared of it.
struct Stage {
    server: XServer,
    artist: Artist,
    screen: Share,
    /// The second monitor, while it is plugged in.
    second: Option<Share>,
    window: Option<(Window, Size, Share)>,
}

impl Stage {
    fn new() -> Self {
        let server = XServer::with_outputs();
        server.xrandr(&["--output", "DUMMY0", "--mode", "640x480"]);
        for mode in ["800x600", "640x480", "1024x768"] {
            server.xrandr(&["--addmode", "DUMMY1", mode]);
        }
        let artist = Artist::connect(&server);
        let screen = Share::start(&server, Target::Screen);
        Self { server, artist, screen, second: None, window: None }
    }

    fn close(mut self) {
        self.server.kill();
        self.screen.ends();
        self.second.into_iter().for_each(Share::ends);
        self.window.into_iter().for_each(|(_, _, share)| share.ends());
    }

    fn plug_or_unplug(&mut self) -> usize {
        match self.second.take() {
            Some(share) => {
                self.server.xrandr(&["--output", "DUMMY1", "--off"]);
                share.ends();
            }
            None => {
                let plug = ["--output", "DUMMY1", "--mode", "800x600", "--right-of", "DUMMY0"];
                self.server.xrandr(&plug);
                self.second = Some(Share::start(&self.server, Target::Monitor(1)));
            }
        }
        0
    }

    fn move_monitor(&mut self, to: &str) -> usize {
        if self.second.is_some() {
            self.server.xrandr(&["--output", "DUMMY1", "--pos", to]);
        }
        1
    }

    fn change_mode(&mut self, mode: &str) -> usize {
        if self.second.is_some() {
            self.server.xrandr(&["--output", "DUMMY1", "--mode", mode, "--right-of", "DUMMY0"]);
        }
        2
    }

    fn open_or_close_window(&mut self) -> usize {
        match self.window.take() {
            Some((id, _, share)) => {
                self.artist.x.destroy_window(id).unwrap();
                self.artist.x.flush().unwrap();
                share.ends();
            }
            None => {
                let at = Rect::new(20, 30, 120, 90);
                let id = self.artist.window(at, 0, 0x33_6699);
                self.window = Some((id, at.size(), Share::start(&self.server, Target::Window(id))));
            }
        }
        3
    }

    fn resize_window(&mut self, width: u32, height: u32) -> usize {
        if let Some((id, size, _)) = &mut self.window {
            *size = Size::new(width, height);
            let to = ConfigureWindowAux::new().width(width).height(height);
            self.artist.x.configure_window(*id, &to).unwrap();
            self.artist.sync();
        }
        4
    }

    fn pause_and_go_on(&mut self) -> usize {
        self.screen.pipeline.pause();
        self.screen.is(StreamState::Paused);
        self.screen.pipeline.resume();
        5
    }

    /// The server does not answer for a while; the agent is told.
    fn stall(&mut self) -> usize {
        self.server.stop();
        self.screen.is(StreamState::Stalled);
        self.server.resume();
        6
    }

    /// The server dies, and with it all shares; there is a new one then.
    fn die(&mut self) -> usize {
        std::mem::replace(self, Self::new()).close();
        7
    }

    /// Something new is drawn everywhere, and every agent sees all of it.
    fn look(&mut self, dice: &mut Dice) {
        let whole = self.artist.screen_pixels().size();
        self.artist.scribble(self.artist.root(), whole, dice);
        if let Some((id, size, _)) = &self.window {
            self.artist.scribble(*id, *size, dice);
        }
        self.artist.sync();
        self.screen.shows(&self.artist.screen_pixels());
        if let Some(share) = &mut self.second {
            let at = panecast::capture::linux::x11::sources(Some(&self.server.display)).unwrap();
            let at = at.into_iter().find(|s| s.id == "screen:1").expect("it is plugged in");
            let (x, y) = at.origin.expect("X11 says where monitors are");
            let at = Rect::new(x as u32, y as u32, at.size.width, at.size.height);
            share.shows(&self.artist.pixels(self.artist.root(), at));
        }
        if let Some((id, size, share)) = &mut self.window {
            share.shows(&self.artist.pixels(*id, size.rect()));
        }
    }
}
