//! What a tick of X11 capture costs at 1920 × 1080, client and server together; of Wayland capture also at 3840 × 2160.
//!
//! `cargo bench --bench capture` starts a virtual X server and headless compositors, draws, and takes the processor time of the capturing
//! thread and of the server from the kernel's accounts, tick by tick; what the drawing costs is not in it.

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("only X11 and Wayland have a capture bench");
}

#[cfg(target_os = "linux")]
#[path = "../tests/xserver/mod.rs"]
mod xserver;

#[cfg(target_os = "linux")]
#[path = "capture/wayland.rs"]
mod wayland;

#[cfg(target_os = "linux")]
#[path = "../tests/wayland_server/mod.rs"]
mod wayland_server;

#[cfg(target_os = "linux")]
fn main() {
    // `-- wayland` or `-- x11` for one of them.
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|word| word == name);
    if wanted("x11") {
        linux::main();
    }
    if wanted("wayland") {
        wayland::main();
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::xserver::{Artist, XServer};
    use panecast::capture::linux::x11::{Options, Target, Transport, X11Capturer};
    use panecast::capture::{Captured, Capturer};
    use panecast::frame::{FrameBuf, Rect, Region, Size};
    use panecast::limits::Limits;
    use panecast::session::{CaptureGrant, Consent, Decision, Purpose};
    use std::time::{Duration, Instant};
    use x11rb::connection::Connection as _;
    use x11rb::protocol::damage::ConnectionExt as _;
    use x11rb::protocol::xfixes::{self, ConnectionExt as _};
    use x11rb::protocol::xproto::Rectangle;

    const SIZE: Size = Size::new(1920, 1080);
    pub(super) const ROUNDS: u32 = 400;

    fn granted() -> CaptureGrant {
        Consent::ask(Purpose::Screen, "screen").answer(Decision::Allow).expect("allowed")
    }

    /// The ceilings that a full and an idle tick must stay under, in milliseconds of processor time.
    const MOST_FULL: f64 = 1.0;
    const MOST_IDLE: f64 = 0.2;

    /// Processor and wall time, in milliseconds.
    #[derive(Clone, Copy)]
    pub(super) struct Cost {
        client: f64,
        server: f64,
        wall: f64,
    }

    /// The processor time of this thread.
    fn own() -> f64 {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        t.tv_sec as f64 * 1e3 + t.tv_nsec as f64 / 1e6
    }

    /// The processor time of the server, exact while it waits for us.
    fn of(server: u32) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{server}/schedstat")).expect("the kernel keeps it");
        text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).expect("nanoseconds come first") / 1e6
    }

    /// What `tick` costs after `prepare`, `rounds` times, here and in the process `server`.
    pub(super) fn measure(
        (server, rounds): (u32, u32),
        mut prepare: impl FnMut(u32),
        mut tick: impl FnMut(),
    ) -> Vec<Cost> {
        let mut costs = Vec::new();
        for i in 0..rounds + rounds / 10 {
            prepare(i);
            // The server goes back to waiting after its last answer, and its account is up to date then.
            std::thread::sleep(Duration::from_micros(200));
            let (client, busy, start) = (own(), of(server), Instant::now());
            tick();
            let (client, wall) = (own() - client, start.elapsed());
            std::thread::sleep(Duration::from_micros(200));
            costs.push(Cost { client, server: of(server) - busy, wall: wall.as_secs_f64() * 1e3 });
        }
        costs.split_off(rounds as usize / 10)
    }

    pub(super) fn show(what: &str, costs: &[Cost], most: Option<f64>) -> f64 {
        let median = |of: fn(&Cost) -> f64| {
            let mut all: Vec<f64> = costs.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            (all[all.len() / 2], all.iter().sum::<f64>() / all.len() as f64)
        };
        let (client, server) = (median(|c| c.client).0, median(|c| c.server).0);
        let ((sum, mean), wall) = (median(|c| c.client + c.server), median(|c| c.wall).0);
        let verdict = match most {
            Some(most) if sum <= most => format!("  limit {most:.1}: met"),
            Some(most) => format!("  limit {most:.1}: MISSED"),
            None => String::new(),
        };
        println!(
            "  {what:<28}{client:>7.3} + {server:.3} = {sum:.3} ms CPU (mean {mean:.3}), {wall:>7.3} ms wall{verdict}"
        );
        sum
    }

    pub(super) fn main() {
        println!("X11 capture at {SIZE}, client + server, median of {ROUNDS}:");
        // A yardstick for this machine at this moment: the least that two copies of a picture can cost.
        let (from, mut to) = (vec![1u8; SIZE.area() as usize * 4], vec![2u8; SIZE.area() as usize * 4]);
        let mut copies: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = own();
                to.copy_from_slice(std::hint::black_box(&from));
                std::hint::black_box(&mut to);
                own() - start
            })
            .collect();
        copies.sort_by(f64::total_cmp);
        println!("  (two plain copies of a picture: {:.3} ms)", 2.0 * copies[copies.len() / 2]);
        for transport in [Transport::SharedPixmap, Transport::SharedImage, Transport::Socket] {
            println!("{transport:?}");
            bench(transport);
        }
    }

    fn bench(transport: Transport) {
        let server = XServer::start(&format!("{SIZE}x24"), &[]);
        let artist = Artist::connect(&server);
        let options = Options { display: Some(server.display.clone()), transport, ..Options::default() };
        let mut source = X11Capturer::open(Target::Screen, options, &granted()).expect("the server is ours");
        let mut frame = FrameBuf::new(SIZE, &Limits::default()).expect("a sound size");
        let (none, all) = (Region::empty(), Region::full(SIZE));
        source.next(&mut frame, &all, Duration::ZERO).expect("the first picture");
        let limits = transport == Transport::SharedPixmap;
        let clock = (server.pid(), ROUNDS);

        let everything: xfixes::Region = artist.x.generate_id().expect("an id");
        let whole = Rectangle { x: 0, y: 0, width: SIZE.width as u16, height: SIZE.height as u16 };
        artist.x.xfixes_query_version(5, 0).expect("sent").reply().expect("the server has XFixes");
        artist.x.damage_query_version(1, 1).expect("sent").reply().expect("the server has damage");
        artist.x.xfixes_create_region(everything, &[whole]).expect("sent");
        // All is damaged without being drawn: the figure is of the capture alone.
        let damage_all = |_| {
            artist.x.damage_add(artist.root(), everything).expect("sent");
            artist.sync();
        };
        let draw_character = |i: u32| {
            let cell = Rect::new(i * 12 % 1900, i / 150 % 80 * 13, 12, 13);
            artist.fill(artist.root(), cell, i * 0x01_0305 + 1);
            artist.sync();
        };
        let mut capture = || {
            let captured = source.next(&mut frame, &none, Duration::ZERO).expect("the server is there");
            assert!(matches!(captured, Captured::Frame { .. }), "{captured:?}");
            source.cursor().expect("the server is there");
        };
        show("full frame", &measure(clock, damage_all, &mut capture), limits.then_some(MOST_FULL));
        show("typed character", &measure(clock, draw_character, &mut capture), None);
        let idle = || {
            let captured =
                source.next(&mut frame, &none, Duration::from_millis(2)).expect("the server is there");
            assert_eq!(captured, Captured::Unchanged);
            source.cursor().expect("the server is there");
        };
        show("idle tick with pointer", &measure(clock, |_| (), idle), limits.then_some(MOST_IDLE));
    }
}
